import { type Access, readAccess } from "../auth/mod.ts";
import { findGroups } from "../camera/camera_groups.ts";
import { driverFolders, DriverRegistry } from "../camera/registry.ts";
import type { ReadCamera } from "../camera/open_cameras.ts";
import type { Env } from "../env.ts";
import { readEnvironment } from "./environment.ts";
import type { Command } from "./flags.ts";
import { type HubAddress, readHubAddresses } from "../nats/settings.ts";
import { requireKnownCameras, unknownToRecord } from "../recording/settings.ts";
import {
  requireHubPermission,
  requireListenPermission,
  requireRecordPermissions,
  requireSoundPermissions,
  requireStartPermissions,
} from "./permission_check.ts";
import { criticalVariables, findCriticalMistake } from "../settings_check/mod.ts";
import { ConfigError } from "../errors.ts";
import { readDotenv } from "./review_settings.ts";
import { restrictPermissions } from "./start_permissions.ts";
import { readServerCamera, readServerConfig, type ServerConfig, SETTINGS } from "./settings.ts";

/** Variables that drivers, and the programs that they run, do not get. */
const SECRETS = ["AUTH", "NATS_URL"];

/** The settings and drivers that every command needs. */
export interface Loaded {
  readonly config: ServerConfig;
  readonly access: Access;
  /** The addresses of `NATS_URL`; undefined if it is not set. */
  readonly hubs: readonly HubAddress[] | undefined;
  readonly drivers: DriverRegistry;
  /** Reads the settings of a camera that a driver has discovered. */
  readonly readCamera: ReadCamera;
  /** All environment variables. */
  readonly env: Env;
  /** The text of the file `.env`, if there is one. */
  readonly dotenv: string | undefined;
  /** Gives up the permissions that are needed only until the server listens. */
  readonly onListening: () => void;
}

/**
 * Checks Deno's permissions, reads the settings, and finds the drivers. Removes `AUTH` and
 * `NATS_URL` from the environment: neither drivers nor the programs that they run need them.
 * Gives up Deno permissions that the settings do not need; replaces this process where only flags
 * can grant exactly those that they need (see {@link restrictPermissions}). Without `RECORD_DIR`,
 * gives back the permission to write, which a compiled binary always has.
 *
 * @throws {ConfigError} If a setting is invalid, or a permission is missing.
 */
export async function load(command: Command): Promise<Loaded> {
  requireStartPermissions(command);
  const dotenv = await readDotenv();
  const { AUTH, NATS_URL, ...env } = readEnvironment();
  for (const secret of SECRETS) Deno.env.delete(secret);
  const config = readServerConfig(env);
  const access = readAccess(AUTH, config.host);
  const hubs = readHubAddresses({ ...env, NATS_URL });
  const onListening = await restrictPermissions(command, {
    config,
    env: { ...env, NATS_URL },
    secrets: { AUTH, NATS_URL },
    dotenv: dotenv !== undefined,
  });
  const { dir } = config.recording;
  if (dir === undefined) Deno.permissions.revokeSync({ name: "write" });
  const drivers = DriverRegistry.open(driverFolders(config.camerasDir, Deno.build.standalone));
  for (const { driver } of config.cameras) drivers.requireKnown(driver);
  if (dir !== undefined) await checkRecord(config, drivers);
  if (command !== "list-cameras") await requireMasks(env, config, drivers);
  if (command === "serve") requireListenPermission(config);
  if (command === "serve" && hubs) requireHubPermission(hubs, config.nats.ca);
  if (command === "serve" && dir !== undefined) requireRecordPermissions(dir);
  if (command === "serve") {
    for (const { sound: { audio } } of config.cameras) if (audio) requireSoundPermissions(audio);
  }
  const readCamera: ReadCamera = (camera) => readServerCamera(env, camera);
  const all = { ...env, AUTH, NATS_URL };
  return { config, access, hubs, drivers, readCamera, env: all, dotenv, onListening };
}

/**
 * Checks the names in `RECORD`. Cameras that a driver discovers may appear later.
 *
 * @throws {ConfigError} If there can be no camera with such a name.
 */
async function checkRecord(
  { cameras, recording }: ServerConfig,
  drivers: DriverRegistry,
): Promise<void> {
  const names = cameras.map(({ name }) => name);
  if (unknownToRecord(recording, names).length === 0) return;
  const { groups } = await findGroups(cameras, drivers);
  if (groups.length === 0) requireKnownCameras(recording, names);
}

/**
 * Checks the variables that are meant as `PRIVACY_MASK`: a camera would be shown without its mask.
 *
 * @throws {ConfigError} If such a variable has no effect.
 */
async function requireMasks(
  env: Env,
  { cameras: entries }: ServerConfig,
  drivers: DriverRegistry,
): Promise<void> {
  if (criticalVariables({ env, settings: SETTINGS }).next().done) return;
  const { cameras, groups } = await findGroups(entries, drivers);
  const asCameras = groups.map(({ driver }) => ({ name: driver, driver, isGroup: true }));
  const all = [...cameras, ...asCameras];
  const mistake = findCriticalMistake({ env, settings: SETTINGS, cameras: all });
  if (mistake) throw new ConfigError(`Cannot start: ${mistake.text}; ${mistake.advice}`);
}
