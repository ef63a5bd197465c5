import type { CameraList } from "../camera/camera_list.ts";
import type { DiscoveredCamera, Images } from "../camera/driver.ts";

/** State of the connection to the hub. */
export interface HubStatus {
  readonly connected: boolean;
  /** Time of the last change of `connected`, in milliseconds since the Unix epoch. */
  readonly since: number;
  /** Why there is no connection; without secrets. */
  readonly reason: string | undefined;
}

/** Counters of a published camera, since the start of the server. */
export interface PublicationStats {
  /** Edges that watch now. */
  readonly edges: number;
  readonly frames: number;
  /** Bytes of the messages with frames. */
  readonly bytes: number;
  /** Frames that are larger than the hub's `max_payload`. */
  readonly tooLarge: number;
}

/** Counters of a camera from the hub, since the start of the server. */
export interface LinkStats {
  /** Lanes that are open: the maximum number of frames on their way. 0 without viewers. */
  readonly lanes: number;
  readonly frames: number;
  readonly bytes: number;
  /** Frames that were dropped because they came too late. */
  readonly late: number;
  /** Whether another origin publishes a camera of the same name. */
  readonly duplicate: boolean;
}

/** A published camera, for the list of a user. */
export interface KnownCamera {
  readonly name: string;
  /** Name of its driver at the origin. */
  readonly driver: string;
  /** Size of its latest frame, as `1280x720`. */
  readonly size: string | undefined;
}

/** The connection of this server to a NATS hub, as an origin, an edge, or both. */
export interface NatsHub extends AsyncDisposable {
  /** Publishes those of the server's cameras that `PUBLISH` names. */
  publish(cameras: CameraList): void;
  /**
   * Announces a camera that will be received, so that its beats are received from now on: without
   * them, late frames are not recognized.
   *
   * @param options See {@link watch}.
   */
  expect(options: { source: string; camera: string }): void;
  /**
   * Receives a camera, for the driver `nats`.
   *
   * @param options.source Its name at the origin.
   * @param options.camera Its name here.
   * @param options.fps Its frame rate, if the user has set it.
   */
  watch(
    options: { source: string; camera: string; fps?: number },
    signal: AbortSignal,
  ): Images;
  /** Yields all cameras that origins publish, at the start and whenever they change. */
  discover(signal: AbortSignal): AsyncIterable<readonly DiscoveredCamera[]>;
  /** The published cameras, as far as their beats have arrived. */
  readonly known: readonly KnownCamera[];
  readonly status: HubStatus;
  /** Returns the counters of a published camera; undefined if it is not published. */
  publication(camera: string): PublicationStats | undefined;
  /** Returns the counters of a camera by the driver `nats`; undefined if it is none. */
  link(camera: string): LinkStats | undefined;
}
