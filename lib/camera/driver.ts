import { type Env, readInteger, readNumber, variableName } from "../env.ts";
import { ConfigError } from "../errors.ts";
import type { Jpeg } from "../frame.ts";
import type { SeenHeader, SplitCounts } from "../jpeg/split.ts";
import { type Orientation, orientationOf } from "../pixels/orientation.ts";
import { PICTURE_SETTINGS } from "../pixels/settings.ts";
import type { Received } from "../received.ts";
import type { DriverRequirements } from "./requirements.ts";

/** Settings that the server understands for every driver. */
export interface CommonSettings {
  /** Requested frames per second. The server derives the stall timeout from it. */
  readonly fps?: number;
  /**
   * The part of `ROTATE` and `FLIP` that the driver applies itself; the server applies the rest. A
   * driver that reads `ROTATE` and does not set this is taken to apply `ROTATE`, but not `FLIP`.
   * @default {nothing}
   */
  readonly orientation?: Orientation;
}

/** A JPEG with its capture time. For a JPEG without it, the server uses the time of arrival. */
export interface TimedJpeg {
  readonly jpeg: Jpeg;
  /** Milliseconds since the Unix epoch, by the camera's clock, not the server's. */
  readonly capturedAt: number;
}

/** The JPEGs of a capture. */
export interface Images extends AsyncIterable<Jpeg | TimedJpeg> {
  /** Counts of corrupt data, which the server reports. */
  readonly counts?: SplitCounts;
  /** What has arrived: explains a failure without a picture. */
  readonly received?: Received;
  /** What the user can do if data arrives, but no picture. */
  readonly hint?: string;
  /**
   * Instead of the iteration: calls `push` for each image, with what was seen in its header, until
   * the capture ends. Its receiver may release an image's buffer: see `FrameBuffers`.
   */
  pushTo?(push: (jpeg: Jpeg, header: SeenHeader) => void): Promise<void>;
}

/** Opens a capture. It ends soon after `signal` aborts. */
export type OpenImages = (signal: AbortSignal) => Images;

/** A camera found on this machine. */
export interface FoundCamera {
  /** The value of `SOURCE` that selects this camera. */
  readonly source: string;
  /** The name that the camera reports. */
  readonly name: string;
}

/** A camera that a driver discovers while the server runs. */
export interface DiscoveredCamera {
  /** Its name: 1 to 64 letters, digits and `-`. Cameras with another name are ignored. */
  readonly name: string;
  /** The value of `SOURCE` that selects this camera. */
  readonly source: string;
}

/**
 * A kind of camera: its settings, and how to open it. The server does the rest: restarts,
 * timestamps, counting, sharing. `cameras/<name>.ts` exports a driver as its default export.
 */
export interface CameraDriver<Settings extends CommonSettings> {
  /** What the driver needs from Deno and the machine; by default all permissions. */
  readonly requirements?: DriverRequirements;
  /**
   * Estimate of the time from the light to the arrival of the JPEG (exposure, encoding, transfer),
   * in milliseconds: by it the sound of a microphone arrives earlier. It is the default of
   * `AUDIO_DELAY`. @default {0}
   */
  readonly captureDelay?: number;
  /** Reads the settings when the server starts. @throws {ConfigError} If a value is invalid. */
  configure(env: Env): Settings;
  /**
   * Opens the camera when a client wants frames. The iteration ends with the camera's stream, or
   * soon after `signal` aborts; no process is left.
   *
   * @throws {CameraError} While iterating, if the camera delivers no images, or no more.
   */
  open(settings: Settings, signal: AbortSignal): Images;
  /**
   * Lists the cameras of this kind on this machine, where that is possible. The first is the
   * default when `SOURCE` is not set.
   *
   * @throws {CameraError} If no camera can be used; the hint says what to do.
   */
  list?(signal: AbortSignal): Promise<readonly FoundCamera[]>;
  /**
   * Discovers cameras while the server runs. For a driver with this function, `CAMERA=driver`
   * without a name stands for all cameras that it discovers, and `CAMERA=name=driver` for one
   * camera, which `SOURCE` selects.
   *
   * Yields the complete list at the start and whenever it changes. The iteration ends only, and
   * soon, after `signal` aborts. A camera that has disappeared may appear again.
   *
   * @throws {ConfigError} At the call: the server then does not start.
   * @throws {CameraError} While iterating; the server calls the function again later, and keeps the
   * cameras until then.
   */
  discover?(env: Env, signal: AbortSignal): AsyncIterable<readonly DiscoveredCamera[]>;
  /**
   * Why `discover` finds no camera at present, for clients: completes "No camera yet: ".
   *
   * @default {`CAMERA=driver finds none`}
   */
  readonly noCameraReason?: string;
}

/** Requested capture settings. A driver honours those that it supports. */
export interface CaptureSettings {
  /** In pixels. */
  readonly width: number | undefined;
  /** In pixels. */
  readonly height: number | undefined;
  /** Frames per second. */
  readonly fps: number | undefined;
  /** From 1 to 100, on libjpeg's scale. */
  readonly quality: number | undefined;
}

/**
 * Refuses a `SOURCE` that is an address, for drivers that would not understand it. The message does
 * not contain it, as it may contain a password.
 *
 * @throws {ConfigError}
 */
export function refuseAddress(env: Env, driver: string): void {
  if (!env.SOURCE?.includes("://")) return;
  throw new ConfigError(
    `Cannot use ${
      variableName(env, "SOURCE")
    } with camera driver "${driver}", as it is an address: ` +
      "for MJPEG over http use CAMERA=mjpeg, for others CAMERA=exec or opencv",
  );
}

/**
 * Reads `WIDTH`, `HEIGHT`, `FPS` and `QUALITY`.
 *
 * @throws {ConfigError} If a value is out of its range.
 */
export function readCaptureSettings(env: Env): CaptureSettings {
  return {
    width: readInteger(env, "WIDTH", { min: 16, max: 16_384 }),
    height: readInteger(env, "HEIGHT", { min: 16, max: 16_384 }),
    fps: readFps(env),
    quality: readInteger(env, "QUALITY", { min: 1, max: 100 }),
  };
}

/**
 * Reads `ROTATE` and `FLIP`, for drivers that turn pictures better than the server: return what the
 * driver turns as `orientation`, see {@link CommonSettings}.
 *
 * @throws {ConfigError} If a value is invalid.
 */
export function readOrientation(env: Env): Orientation {
  const { rotate, flip } = PICTURE_SETTINGS;
  return orientationOf(rotate.read(env, "ROTATE") ?? 0, flip.read(env, "FLIP"));
}

/**
 * Reads `FPS`. A driver that reads a setting without using it keeps the server from warning that
 * the setting has no effect.
 *
 * @throws {ConfigError} If the value is out of its range.
 */
export function readFps(env: Env): number | undefined {
  return readNumber(env, "FPS", { min: 0.01, max: 240 });
}
