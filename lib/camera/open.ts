import type { Clock } from "../clock.ts";
import type { CameraConfig } from "../config.ts";
import type { Events } from "../events.ts";
import { Camera } from "./camera.ts";
import type { Images } from "./driver.ts";
import type { CameraEvent } from "./events.ts";
import type { DriverRegistry } from "./registry.ts";

/** A driver with the settings of one camera. */
export interface ConfiguredDriver {
  /** Requested frames per second, if known. */
  readonly fps: number | undefined;
  open(signal: AbortSignal): Images;
}

/**
 * Loads the driver of a camera and reads the camera's settings.
 *
 * @throws {ConfigError} If a value is invalid.
 */
export async function openDriver(
  { driver, env }: Pick<CameraConfig, "driver" | "env">,
  drivers: DriverRegistry,
): Promise<ConfiguredDriver> {
  const { configure, open } = await drivers.load(driver);
  const settings = configure(env);
  return { fps: settings?.fps, open: (signal) => open(settings, signal) };
}

/** Creates the configured cameras. @throws {ConfigError} If a driver or a value is invalid. */
export async function openCameras(
  configs: readonly CameraConfig[],
  drivers: DriverRegistry,
  { clock, events }: { clock: Clock; events: Events<CameraEvent> },
): Promise<Camera[]> {
  const configured = await Promise.all(configs.map((config) => openDriver(config, drivers)));
  return configs.map(({ name, driver, idleTimeout }, i) =>
    new Camera({ name, driver, ...configured[i]!, idleTimeout, clock, events })
  );
}
