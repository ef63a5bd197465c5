import { type Bytes, hasHeadroom } from "../bytes.ts";
import type { Frame, Jpeg } from "../frame.ts";
import type { RecordedSound } from "../playback/mod.ts";
import type { SoundPacket } from "../sound_packet.ts";

/**
 * Version of the live protocol. Increase it when a page of the previous version cannot read the
 * messages.
 */
export const PROTOCOL_VERSION = 3;

/** The first byte of each binary message. Clients ignore kinds that they do not know. */
export const MESSAGE_KIND = { FRAME: 1, RECORDED_FRAME: 2, SOUND: 3, RECORDED_SOUND: 4 } as const;

/** Size of the header before the JPEG in a frame message, in bytes. */
export const FRAME_HEADER = 16;

/** Size of the header before the samples in a sound message, in bytes. */
export const SOUND_HEADER = 16;

/** Maximum speed of a replay, forwards and backwards. */
const MAX_SPEED = 60;

/** Maximum number of frames of a step. */
const MAX_STEP = 1_000;

/** Maximum length of a client's message, in characters: the names of some hundred cameras. */
export const MAX_MESSAGE = 32_768;

/** Maximum height of a picture, in pixels: that of a JPEG. */
const MAX_HEIGHT = 65_535;

/** Heights of pictures in pixels, by the names of cameras. */
export type Heights = ReadonlyMap<string, number>;

/** The messages that a client may send. */
export type ClientMessage =
  /**
   * Selects the cameras to watch, by name, also those that appear later, and the heights of their
   * pictures: without one, a camera's own pictures. With `retry`, failed cameras are retried without
   * the usual delay, because the user has requested it.
   */
  | {
    readonly type: "watch";
    readonly cameras: readonly string[];
    readonly heights: Heights;
    readonly retry: boolean;
  }
  /**
   * Selects the cameras to listen to, by name, also those that appear later. With `retry`, failed
   * microphones are retried without the usual delay, because the user has requested it.
   */
  | { readonly type: "listen"; readonly cameras: readonly string[]; readonly retry: boolean }
  /** Acknowledges a frame: it was painted or discarded, and the server may send the next frame. */
  | {
    readonly type: "painted";
    readonly camera: number;
    readonly sequence: number;
    readonly recorded: boolean;
  }
  /**
   * Replays cameras, by name, from a time in milliseconds since the Unix epoch; null: from where
   * they are. A speed of 0 shows one frame.
   */
  | {
    readonly type: "replay";
    readonly cameras: readonly string[];
    readonly at: number | null;
    readonly speed: number;
    readonly id: number;
  }
  /** Shows the frame that is this number of frames later, or earlier if it is negative. */
  | {
    readonly type: "step";
    readonly cameras: readonly string[];
    readonly by: number;
    readonly id: number;
  }
  /** Ends the replay of cameras: their live frames follow. */
  | { readonly type: "live"; readonly cameras: readonly string[]; readonly id?: number }
  /** Requests the cameras' status and the server's time. */
  | { readonly type: "ping"; readonly id: number };

const messages = new WeakMap<Frame, Bytes>();

/**
 * Encodes a frame as a binary message, big-endian:
 *
 *     0  uint8    kind: 1
 *     1  uint8    reserved: 0
 *     2  uint16   index of the camera, as in its status
 *     4  uint32   sequence number of the frame
 *     8  float64  capture time, in milliseconds since the Unix epoch
 *    16           the JPEG
 *
 * Viewers share one message per frame: do not write to it. (The headroom around a JPEG belongs
 * to the multipart encoder. One copy per frame, for any number of viewers, costs less than two
 * messages per viewer.)
 *
 * @param camera Index of the camera.
 */
export function frameMessage(frame: Frame, camera: number): Bytes {
  let message = messages.get(frame);
  if (!message || indexOf(message) !== camera) {
    messages.set(frame, message = encode(frame, camera));
  }
  return message;
}

/** Returns the index in the header of a message. */
function indexOf(message: Bytes): number {
  return message[2]! << 8 | message[3]!;
}

function encode({ jpeg, sequence, capturedAt }: Frame, camera: number): Bytes {
  const message = new Uint8Array(FRAME_HEADER + jpeg.length);
  message.set(jpeg, FRAME_HEADER);
  return writeHeader(message, { kind: MESSAGE_KIND.FRAME, camera, sequence, time: capturedAt });
}

/**
 * Encodes a recorded frame for one client: like {@link frameMessage}, with kind 2, the number of the
 * delivery, and the time of the recording. Without a copy if the JPEG has headroom.
 */
export function recordedFrameMessage(
  { at, sequence, jpeg }: { at: number; sequence: number; jpeg: Jpeg },
  camera: number,
): Bytes {
  let message: Bytes;
  if (hasHeadroom(jpeg)) {
    const { buffer, byteOffset, length } = jpeg;
    message = new Uint8Array(buffer, byteOffset - FRAME_HEADER, FRAME_HEADER + length);
  } else {
    message = new Uint8Array(FRAME_HEADER + jpeg.length);
    message.set(jpeg, FRAME_HEADER);
  }
  const kind = MESSAGE_KIND.RECORDED_FRAME;
  return writeHeader(message, { kind, camera, sequence, time: at });
}

const soundMessages = new WeakMap<SoundPacket, Bytes>();

/**
 * Encodes a packet of sound as a binary message, big-endian:
 *
 *     0  uint8    kind: 3
 *     1  uint8    reserved: 0
 *     2  uint16   index of the camera, as in its status
 *     4  uint32   sequence number of the packet
 *     8  float64  when the first sample was heard, in milliseconds since the Unix epoch
 *    16           16-bit samples, little-endian, mono; the rate is `sound.rate` of the camera's status
 *
 * Listeners share one message per packet: do not write to it.
 *
 * @param camera Index of the camera.
 */
export function soundMessage(packet: SoundPacket, camera: number): Bytes {
  let message = soundMessages.get(packet);
  if (!message || indexOf(message) !== camera) {
    soundMessages.set(packet, message = encodeSound(packet, camera));
  }
  return message;
}

function encodeSound({ samples, sequence, heardAt }: SoundPacket, camera: number): Bytes {
  const message = new Uint8Array(SOUND_HEADER + samples.length);
  message.set(samples, SOUND_HEADER);
  return writeHeader(message, { kind: MESSAGE_KIND.SOUND, camera, sequence, time: heardAt });
}

/**
 * Encodes recorded sound for one client as a binary message, big-endian:
 *
 *     0  uint8    kind: 4
 *     1  uint8    reserved: 0
 *     2  uint16   index of the camera, as in its status
 *     4  uint32   samples per second
 *     8  float64  recording time of the first sample, in milliseconds since the Unix epoch
 *    16           16-bit samples, little-endian, mono: up to 100 ms
 */
export function recordedSoundMessage(
  { at, rate, samples }: RecordedSound,
  camera: number,
): Bytes {
  const message = new Uint8Array(SOUND_HEADER + samples.length);
  message.set(samples, SOUND_HEADER);
  const kind = MESSAGE_KIND.RECORDED_SOUND;
  return writeHeader(message, { kind, camera, sequence: rate, time: at });
}

interface Header {
  readonly kind: number;
  readonly camera: number;
  /** Sequence number; of recorded sound, its rate. */
  readonly sequence: number;
  /** Time of the frame or the first sample, in milliseconds since the Unix epoch. */
  readonly time: number;
}

function writeHeader(message: Bytes, { kind, camera, sequence, time }: Header): Bytes {
  const header = new DataView(message.buffer, message.byteOffset, FRAME_HEADER);
  header.setUint8(0, kind);
  header.setUint8(1, 0);
  header.setUint16(2, camera);
  header.setUint32(4, sequence);
  header.setFloat64(8, time);
  return message;
}

/** Parses a client's message; returns undefined if it is malformed or of an unknown type. */
export function readClientMessage(text: string): ClientMessage | undefined {
  const message = parseObject(text);
  switch (message?.type) {
    case "watch": {
      const { cameras, heights: read = {} } = message;
      const heights = readHeights(read);
      if (!isNames(cameras) || !heights || heights.size > cameras.length) return;
      return { type: "watch", cameras, heights, retry: message.retry === true };
    }
    case "listen": {
      const { cameras } = message;
      if (!isNames(cameras)) return;
      return { type: "listen", cameras, retry: message.retry === true };
    }
    case "painted": {
      const { camera, sequence } = message;
      if (!isCount(camera) || !isCount(sequence)) return;
      return { type: "painted", camera, sequence, recorded: message.recorded === true };
    }
    case "replay": {
      const { cameras, at = null, speed, id } = message;
      if (!isNames(cameras) || !isNumber(speed, MAX_SPEED) || !isCount(id)) return;
      if (at !== null && !isNumber(at, Number.MAX_SAFE_INTEGER)) return;
      return { type: "replay", cameras, at, speed, id };
    }
    case "step": {
      const { cameras, by, id } = message;
      if (!isNames(cameras) || !isNumber(by, MAX_STEP) || !isCount(id)) return;
      return Number.isInteger(by) ? { type: "step", cameras, by, id } : undefined;
    }
    case "live": {
      const { cameras, id } = message;
      if (!isNames(cameras) || (id !== undefined && !isCount(id))) return;
      return { type: "live", cameras, id };
    }
    case "ping":
      return isCount(message.id) ? { type: "ping", id: message.id } : undefined;
  }
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value = JSON.parse(text);
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    return undefined; // invalid JSON
  }
}

function isNames(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((name) => typeof name === "string");
}

function readHeights(value: unknown): Heights | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return;
  const heights = new Map(Object.entries(value));
  return heights.values().every(isHeight) ? heights : undefined;
}

/** Whether a value is a height that pictures can have. */
export function isHeight(value: unknown): value is number {
  return isCount(value) && value > 0 && value <= MAX_HEIGHT;
}

/** Whether a value is a number from -max to max. */
function isNumber(value: unknown, max: number): value is number {
  return Number.isFinite(value) && Math.abs(value as number) <= max;
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && value as number >= 0;
}
