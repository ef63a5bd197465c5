import type { CameraConfig } from "../config.ts";
import type { Env } from "../env.ts";
import { ConfigError } from "../errors.ts";
import type { Orientation } from "../pixels/orientation.ts";
import { sourceRedactor } from "../redact.ts";
import type { CommonSettings, Images } from "./driver.ts";
import { guardDriver, type GuardOptions } from "./guard.ts";
import { type AnyDriver, describeThrown, type DriverRegistry } from "./registry.ts";

/** The lowest frame rate from which a stall timeout is derived. */
const MIN_FPS = 0.01;

const ROTATIONS = [0, 90, 180, 270] as const;

/** A driver with the settings of one camera. */
export interface ConfiguredDriver {
  /** Requested frames per second, if known. */
  readonly fps: number | undefined;
  /** See `CameraDriver.captureDelay`. */
  readonly captureDelay: number;
  /** How the driver turns its pictures itself; undefined if it does not. */
  readonly orientation: Orientation | undefined;
  open(signal: AbortSignal): Images;
}

/** A camera's driver, and the settings of the camera. */
export type CameraSettings = Pick<CameraConfig, "driver" | "env">;

/**
 * Loads the driver of a camera and reads the camera's settings.
 *
 * @throws {ConfigError} If a value is invalid.
 */
export async function openDriver(
  { driver: name, env }: CameraSettings,
  drivers: DriverRegistry,
  onExcess?: (maxFps: number) => void,
): Promise<ConfiguredDriver> {
  const driver = await drivers.load(name);
  return configureDriver(driver, { name, env, isBuiltIn: drivers.isBuiltIn(name), onExcess });
}

/** Options of {@link configureDriver}. */
export interface ConfigureOptions {
  /** The driver's name. */
  readonly name: string;
  /** The settings of one camera. */
  readonly env: Env;
  /** Whether it is one of the server's own drivers. */
  readonly isBuiltIn: boolean;
  /** See `GuardOptions`. */
  readonly onExcess?: (maxFps: number) => void;
}

/** Reads the settings of a camera. @throws {ConfigError} If a value is invalid. */
export function configureDriver(
  driver: AnyDriver,
  { name, env, isBuiltIn, onExcess }: ConfigureOptions,
): ConfiguredDriver {
  // Created only for a failure: `env` may record the variables that are read.
  const redact = (text: string) => sourceRedactor(env).redact(text);
  const { settings, fps, orientation } = configure(driver, env, { name, redact });
  const open = (signal: AbortSignal) => driver.open(settings, signal);
  // The server's own drivers keep the contract; a guard costs them CPU time for each frame.
  const guarded = isBuiltIn ? open : guardDriver(open, { name, redact, onExcess });
  const { captureDelay } = driver;
  // A user's driver can have any value.
  const delay = Number.isFinite(captureDelay) ? captureDelay! : 0;
  return { fps, open: guarded, captureDelay: delay, orientation };
}

interface Configured extends Pick<ConfiguredDriver, "fps" | "orientation"> {
  readonly settings: CommonSettings;
}

function configure(
  driver: AnyDriver,
  env: Env,
  { name, redact }: Pick<GuardOptions, "name" | "redact">,
): Configured {
  let reason: string;
  try {
    const { env: watched, hasRead } = watchReads(env, "ROTATE");
    const settings: unknown = driver.configure(watched);
    if (!(settings instanceof Promise)) {
      const { fps, orientation } = (settings ?? {}) as Record<string, unknown>;
      const isRate = typeof fps === "number" && fps >= MIN_FPS;
      return {
        settings: settings as CommonSettings,
        fps: isRate ? fps : undefined,
        orientation: orientation === undefined
          ? hasRead() ? rotationOf(env) : undefined
          : requireOrientation(orientation),
      };
    }
    settings.catch(() => {}); // its rejection would end the server
    reason = "configure() returned a Promise instead of settings";
  } catch (cause) {
    if (cause instanceof ConfigError) throw cause;
    reason = redact(describeThrown(cause));
  }
  throw new ConfigError(`Cannot configure camera driver "${name}": ${reason}`);
}

/** Tells whether a variable was read from an environment. */
function watchReads(env: Env, variable: string): { env: Env; hasRead: () => boolean } {
  let hasRead = false;
  const get = (target: Env, key: string | symbol) => {
    hasRead ||= key === variable;
    return Reflect.get(target, key);
  };
  return { env: new Proxy(env, { get }), hasRead: () => hasRead };
}

/** Returns the orientation of a driver that applies `ROTATE`. */
function rotationOf({ ROTATE }: Env): Orientation | undefined {
  const rotation = ROTATIONS.find((one) => `${one}` === ROTATE?.trim());
  return rotation ? { rotation, mirrored: false } : undefined;
}

/** Checks the `orientation` of a driver, which can be a user's. */
function requireOrientation(value: unknown): Orientation {
  const { rotation, mirrored } = (value ?? {}) as Record<string, unknown>;
  const found = ROTATIONS.find((one) => one === rotation);
  if (found === undefined || typeof mirrored !== "boolean") {
    throw new TypeError("orientation must have a rotation of 0, 90, 180 or 270, and mirrored");
  }
  return { rotation: found, mirrored };
}
