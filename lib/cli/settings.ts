import {
  type CameraToConfigure,
  type ModuleSettings,
  readCameraConfig,
  readConfig,
  SERVER_SETTINGS,
} from "../config.ts";
import { type Env, forCamera, variableName } from "../env.ts";
import { describeHub, NATS_SETTINGS } from "../nats/settings.ts";
import { PICTURE_SETTINGS } from "../pixels/settings.ts";
import { quote } from "../quote.ts";
import { RECORDING_SETTINGS } from "../recording/settings.ts";
import type { Setting, SettingTable } from "../setting.ts";
import { SOUND_SETTINGS } from "../sound/settings.ts";
import { describeAudio, describeSource } from "./describe_source.ts";

/**
 * The setting tables of the modules. With `recording: RECORDING_SETTINGS`, the server reads
 * `config.recording`, and `--help`, the doctor and the permission flags know these settings.
 */
export const MODULE_SETTINGS = {
  picture: PICTURE_SETTINGS,
  sound: SOUND_SETTINGS,
  recording: RECORDING_SETTINGS,
  nats: NATS_SETTINGS,
} satisfies ModuleSettings;

/** The values of all settings. */
export type ServerConfig = ReturnType<typeof readServerConfig>;

/** Reads all settings. @throws {ConfigError} If a value is invalid. */
export function readServerConfig(env: Env) {
  return readConfig(env, MODULE_SETTINGS);
}

/** Reads all settings of one camera. @throws {ConfigError} If a value is invalid. */
export function readServerCamera(env: Env, camera: CameraToConfigure) {
  return readCameraConfig(env, MODULE_SETTINGS, camera);
}

const TABLES = [SERVER_SETTINGS, ...Object.values<SettingTable>(MODULE_SETTINGS)];

/** All settings, in the order of the documentation. */
export const SETTINGS: readonly Setting[] = TABLES.flatMap<Setting>((table) =>
  Object.values(table)
);

/** A camera, for {@link settingsInUse}. */
export interface CameraWithReads {
  readonly name: string;
  /** The variables that its driver reads, if they are known. */
  readonly reads?: ReadonlySet<string>;
}

/**
 * Returns the settings that the user has set, as `NAME=value`, with the names of their variables.
 * Hides values that can contain a password, or the parts of them that can.
 *
 * @param cameras The cameras: their settings, such as `FRONT_FPS`, are included, and the variables
 * that only their drivers know, without values.
 */
export function settingsInUse(env: Env, cameras: readonly CameraWithReads[]): string[] {
  const settings = new Map<string, Setting | undefined>();
  for (const setting of SETTINGS) settings.set(setting.name, setting);
  for (const { name, reads = [] } of cameras) {
    const cameraEnv = forCamera(env, name);
    for (const setting of SETTINGS) {
      if (setting.perCamera) settings.set(variableName(cameraEnv, setting.name), setting);
    }
    for (const read of reads) {
      const variable = variableName(cameraEnv, read);
      if (!settings.has(variable)) settings.set(variable, undefined);
    }
  }
  return [...settings].filter(([name]) => env[name]?.trim()).map(([name, setting]) =>
    `${name}=${describeValue(setting, env[name]!.trim())}`
  );
}

/** Describes the value of a setting without secrets. A driver's own setting may be a secret. */
export function describeValue(setting: Setting | undefined, value: string): string {
  if (setting?.name === "SOURCE") return describeSource(value) ?? "(set)";
  if (setting?.name === "AUDIO") return describeAudio(value) ?? "(set)";
  if (setting?.name === "NATS_URL") return describeHub(value) ?? "(set)";
  if (!setting || setting.secret) return "(set)";
  return /^[\w.:/@+,=*%~-]{1,80}$/.test(value) ? value : quote(value);
}
