import type { CameraConfig } from "../config.ts";
import { type Env, variableName } from "../env.ts";
import { ConfigError } from "../errors.ts";
import { configureDriver } from "./open.ts";
import type { AnyDriver, DriverRegistry } from "./registry.ts";

/** An entry of `CAMERA` that stands for all cameras that its driver discovers. */
export interface CameraGroup {
  /** Name of the driver. */
  readonly driver: string;
  /** The environment for `discover`. */
  readonly env: Env;
  /** Number of configured cameras before it in `CAMERA`. */
  readonly position: number;
}

/** The entries of `CAMERA`. */
export interface CameraEntries<Config> {
  /** One camera each. */
  readonly cameras: Config[];
  readonly groups: CameraGroup[];
}

/** What is known of an entry of `CAMERA` before its driver is loaded. */
type Entry = Pick<CameraConfig, "driver" | "named" | "env">;

/**
 * Separates the cameras in `CAMERA` from the groups: the entries without a name whose driver
 * discovers cameras.
 *
 * @throws {ConfigError} If a driver cannot be loaded, or `SOURCE` is set and is that of no camera.
 */
export async function findGroups<Config extends Entry>(
  entries: readonly Config[],
  drivers: DriverRegistry,
): Promise<CameraEntries<Config>> {
  const isGroup = await Promise.all(
    entries.map(async ({ named, driver }) => !named && discovers(await drivers.load(driver))),
  );
  const cameras: Config[] = [];
  const groups: CameraGroup[] = [];
  entries.forEach((entry, i) => {
    const { driver, env } = entry;
    if (isGroup[i]) groups.push({ driver, env, position: cameras.length });
    else cameras.push(entry);
  });
  for (const group of groups) refuseSource(group, cameras.length > 0);
  return { cameras, groups };
}

/** Whether a driver discovers cameras. */
export function discovers(
  driver: AnyDriver,
): driver is AnyDriver & Required<Pick<AnyDriver, "discover">> {
  return typeof driver.discover === "function";
}

/** Refuses a `SOURCE`, which selects one camera, unless it can be that of another camera. */
function refuseSource({ driver, env }: CameraGroup, hasOthers: boolean): void {
  if (!env.SOURCE?.trim()) return;
  const variable = variableName(env, "SOURCE");
  if (variable === "SOURCE" && hasOthers) return;
  throw new ConfigError(
    `Cannot use ${variable} with CAMERA=${driver}, which is all cameras of driver "${driver}": ` +
      `for one camera set CAMERA=front=${driver}`,
  );
}

/**
 * Calls a driver's `configure` as for a discovered camera, so that `env` can record which variables
 * it reads.
 *
 * @returns Whether the driver has accepted the settings.
 * @throws {ConfigError} If one of the server's own drivers refuses a value. A user's driver may
 * refuse the missing `SOURCE`: it reports other values for the cameras that appear.
 */
export async function tryConfigure(
  { driver: name, env }: Pick<CameraGroup, "driver" | "env">,
  drivers: DriverRegistry,
): Promise<boolean> {
  const driver = await drivers.load(name);
  const isBuiltIn = drivers.isBuiltIn(name);
  try {
    configureDriver(driver, { name, env, isBuiltIn });
    return true;
  } catch (error) {
    if (isBuiltIn) throw error;
    return false;
  }
}
