/**
 * The messages of origins and edges through the hub, version 1 of the protocol. An origin is a
 * server that publishes cameras, an edge is a server that receives them.
 *
 * A frame is published on one of several lanes: once, but on a fast uplink again for edges without
 * room on that lane. An edge subscribes to a lane for one message, and sends the origin a want for
 * it; when the frame has come, it does both again. So never more frames are on their way to an edge
 * than it has lanes open: the hub counts them.
 *
 *     dinocam.frame.<camera>.<lane>  origin → edges  a header of 32 bytes and the JPEG
 *     dinocam.want.<camera>          edge → origin   JSON, see {@link Want}
 *     dinocam.beat.<camera>          origin → edges  JSON, see {@link Beat}
 *
 * @module
 */
import type { Bytes } from "../bytes.ts";

/** Maximum number of lanes of a camera. */
export const LANES = 8;
/** Maximum interval between two wants of an edge with a viewer, in milliseconds. */
export const ASK_INTERVAL = 1_000;
/** Time after its last want when an origin removes an edge, in milliseconds. */
export const LEASE = 4_000;
/** Interval between two beats of an origin, in milliseconds. */
export const BEAT_INTERVAL = 2_000;
/** Time after its last beat when an edge removes a camera, in milliseconds. */
export const ORIGIN_TIMEOUT = 7_000;
/** Maximum size of the JSON of a want or a beat, in bytes. */
export const MAX_JSON = 4_096;
/** Maximum length of the reason in a beat, in characters, without an ellipsis. */
export const MAX_REASON = 300;
/** Size of the header before the JPEG, in bytes. */
export const FRAME_HEADER = 32;

/** Returns the subject of a camera's frames on a lane. */
export function frameSubject(camera: string, lane: number): string {
  return `dinocam.frame.${camera}.${lane}`;
}

/** Returns the subject of the wants for a camera. */
export function wantSubject(camera: string): string {
  return `dinocam.want.${camera}`;
}

/** Returns the subject of a camera's beats; without a camera, that of all beats. */
export function beatSubject(camera = "*"): string {
  return `dinocam.beat.${camera}`;
}

/** A message of an edge to the origins of a camera. Without `lane` and `bye` it renews the lease. */
export interface Want {
  /** Identifies the edge's subscription; at most 64 characters. */
  readonly edge: string;
  /** The `epoch` of the origin that it has chosen: another origin of the same name ignores it. */
  readonly epoch?: number;
  /** The lane on which it has room for a frame. */
  readonly lane?: number;
  /** Whether it also wants a frame that other edges have received: the first want of a new edge. */
  readonly new?: boolean;
  /** Whether it leaves. */
  readonly bye?: boolean;
}

/** A message of an origin to all edges, every {@link BEAT_INTERVAL} and after a reconnect. */
export interface Beat {
  readonly camera: string;
  /**
   * Identifies the origin: its start, in milliseconds since the Unix epoch, with a random fraction.
   */
  readonly epoch: number;
  /** The origin's time, in milliseconds since the Unix epoch. */
  readonly now: number;
  /** The origin's monotonic clock, in milliseconds. Compared with {@link FrameHeader.monotonic}. */
  readonly monotonic: number;
  /** Name of its driver. */
  readonly driver: string;
  /** State of the camera. */
  readonly state: "off" | "starting" | "streaming" | "failed";
  /** Why the camera delivers no frames. */
  readonly error?: string;
  /** Frames per second, measured. */
  readonly fps: number;
  /** Size of the latest frame, as `1280x720`. */
  readonly size?: string;
  /** Whether an edge watches. */
  readonly watched: boolean;
  /** Whether it is the last beat: the camera is no longer published. */
  readonly gone?: boolean;
}

/** The header of a frame. */
export interface FrameHeader {
  /** Capture time in milliseconds since the Unix epoch, by the origin's clock. */
  readonly capturedAt: number;
  /**
   * Arrival of the image at the origin, by its monotonic clock, in milliseconds. By it an edge finds
   * frames that are late, whatever happens to the wall clocks of the origin and of the camera.
   */
  readonly monotonic: number;
  /** See {@link Beat.epoch}. */
  readonly epoch: number;
  /** Grows with each frame of an epoch; modulo 2³². */
  readonly sequence: number;
  /** The origin's round-trip time to the hub, in milliseconds. */
  readonly roundTrip: number;
}

/**
 * Returns a frame's message: big-endian capturedAt float64, monotonic float64, epoch float64,
 * sequence uint32, roundTrip uint32, and the JPEG.
 */
export function encodeFrame(jpeg: Uint8Array, header: FrameHeader): Bytes {
  const bytes = new Uint8Array(FRAME_HEADER + jpeg.length);
  const view = new DataView(bytes.buffer);
  view.setFloat64(0, header.capturedAt);
  view.setFloat64(8, header.monotonic);
  view.setFloat64(16, header.epoch);
  view.setUint32(24, header.sequence);
  view.setUint32(28, Math.round(header.roundTrip));
  bytes.set(jpeg, FRAME_HEADER);
  return bytes;
}
