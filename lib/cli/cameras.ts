import { type CameraGroup, findGroups, tryConfigure } from "../camera/camera_groups.ts";
import type { CameraEvent } from "../camera/events.ts";
import type { DriverRegistry } from "../camera/registry.ts";
import { openCameras, type ReadCamera } from "../camera/open_cameras.ts";
import type { ServerCameras } from "../camera/server_cameras.ts";
import type { Clock } from "../clock.ts";
import type { Events } from "../events.ts";
import type { Log } from "../log.ts";
import { type CheckedCamera, recordReads } from "../settings_check/mod.ts";
import { recordCameras, type RecordedCamera } from "./review_settings.ts";
import type { ServerConfig } from "./settings.ts";

/** An entry of `CAMERA` that stands for several cameras, for the check of the settings. */
export type CheckedGroup = CameraGroup & CheckedCamera;

/** The entries of `CAMERA`, with a record of the variables that their drivers read. */
export interface CheckedEntries {
  /** One camera each. */
  readonly cameras: (ServerConfig["cameras"][number] & RecordedCamera)[];
  readonly groups: CheckedGroup[];
}

/**
 * Separates the cameras in `CAMERA` from the drivers that discover cameras.
 *
 * @throws {ConfigError} See {@link findGroups}.
 */
export async function checkedEntries(
  { cameras: entries }: Pick<ServerConfig, "cameras">,
  drivers: DriverRegistry,
): Promise<CheckedEntries> {
  const { cameras, groups } = await findGroups(entries, drivers);
  return {
    cameras: recordCameras(cameras),
    groups: await Promise.all(groups.map((group) => checkedGroup(group, drivers))),
  };
}

async function checkedGroup(group: CameraGroup, drivers: DriverRegistry): Promise<CheckedGroup> {
  const { env, reads } = recordReads(group.env);
  const isKnown = await tryConfigure({ driver: group.driver, env }, drivers);
  return {
    ...group,
    name: group.driver,
    isGroup: true,
    env,
    get reads() {
      return isKnown ? reads() : undefined;
    },
  };
}

/** Options of {@link openServerCameras}. */
export interface OpenServerCamerasOptions {
  readonly drivers: DriverRegistry;
  readonly readCamera: ReadCamera;
  readonly clock: Clock;
  readonly events: Events<CameraEvent>;
  readonly log: Log;
}

/** The open cameras, and the entries of `CAMERA`. */
export interface OpenServerCameras extends CheckedEntries {
  readonly list: ServerCameras;
}

/** Opens all cameras of the server. @throws {ConfigError} If a driver or a value is invalid. */
export async function openServerCameras(
  config: Pick<ServerConfig, "cameras">,
  options: OpenServerCamerasOptions,
): Promise<OpenServerCameras> {
  const entries = await checkedEntries(config, options.drivers);
  return { ...entries, list: await openCameras({ ...options, ...entries }) };
}
