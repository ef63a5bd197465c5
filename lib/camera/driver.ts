import { type Env, readInteger, readNumber } from "../env.ts";
import type { Jpeg } from "../frame.ts";
import type { SplitCounts } from "../jpeg/split.ts";

/** What the settings of any driver may say to the server. */
export interface CommonSettings {
  /** How many frames a second the camera was asked for: how long a silence means that it hangs. */
  readonly fps?: number;
}

/** An image from a camera that knows when it was captured; for all others that is when it arrives. */
export interface TimedJpeg {
  readonly jpeg: Jpeg;
  /** In milliseconds since the Unix epoch, by the camera's clock: it may be off from ours. */
  readonly capturedAt: number;
}

/** The images of an open camera; with `counts`, as those of `splitJpegs`, what was dropped is counted. */
export interface Images extends AsyncIterable<Jpeg | TimedJpeg> {
  readonly counts?: SplitCounts;
}

/** A camera that was found on this machine. */
export interface FoundCamera {
  /** What to set `SOURCE` to, to get this one. */
  readonly source: string;
  /** What it calls itself. */
  readonly name: string;
}

/**
 * A kind of camera: settings, and a way to open it. Restarts, time stamps, counting and sharing are done
 * around it. `cameras/<name>.ts` has one as its default export.
 */
export interface CameraDriver<Settings extends CommonSettings> {
  /** Reads the settings, when the server starts. @throws {ConfigError} If one cannot be what it is. */
  configure(env: Env): Settings;
  /**
   * Opens the camera, when somebody watches. The images end when the camera does, or soon after `signal`
   * aborts; no process is left then.
   *
   * @throws {CameraError} While iterating: why there are no (more) images.
   */
  open(settings: Settings, signal: AbortSignal): Images;
  /**
   * Looks which cameras of this kind are here, where that can be known. The first is the one that is taken
   * without a `SOURCE`.
   *
   * @throws {CameraError} Why none can be used, and what to do about it.
   */
  list?(signal: AbortSignal): Promise<readonly FoundCamera[]>;
}

/** What a user may wish of any camera; a driver takes what it can do. */
export interface CaptureSettings {
  readonly width: number | undefined;
  readonly height: number | undefined;
  readonly fps: number | undefined;
  /** From 1 to 100, as libjpeg counts it. */
  readonly quality: number | undefined;
}

/** Reads `WIDTH`, `HEIGHT`, `FPS` and `QUALITY`. @throws {ConfigError} If one is not in its range. */
export function readCaptureSettings(env: Env): CaptureSettings {
  return {
    width: readInteger(env, "WIDTH", { min: 16, max: 16_384 }),
    height: readInteger(env, "HEIGHT", { min: 16, max: 16_384 }),
    fps: readNumber(env, "FPS", { min: 0.01, max: 240 }),
    quality: readInteger(env, "QUALITY", { min: 1, max: 100 }),
  };
}
