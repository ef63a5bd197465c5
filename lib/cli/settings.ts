import { type ModuleSettings, readConfig, SERVER_SETTINGS } from "../config.ts";
import { type Env, forCamera, variableName } from "../env.ts";
import type { Setting, SettingTable } from "../setting.ts";

/**
 * The setting tables of the modules. With `recording: RECORDING_SETTINGS`, the server reads
 * `config.recording`, and `--help`, the doctor and the permission flags know these settings.
 */
export const MODULE_SETTINGS = {} satisfies ModuleSettings;

/** The values of all settings. */
export type ServerConfig = ReturnType<typeof readServerConfig>;

/** Reads all settings. @throws {ConfigError} If a value is invalid. */
export function readServerConfig(env: Env) {
  return readConfig(env, MODULE_SETTINGS);
}

const TABLES = [SERVER_SETTINGS, ...Object.values<SettingTable>(MODULE_SETTINGS)];

/** All settings, in the order of the documentation. */
export const SETTINGS: readonly Setting[] = TABLES.flatMap<Setting>((table) =>
  Object.values(table)
);

/**
 * Returns the settings that the user has set, as `NAME=value`. Hides values that can contain a
 * password.
 *
 * @param cameras Names of the cameras: their settings, such as `FRONT_FPS`, are included.
 */
export function settingsInUse(env: Env, cameras: readonly string[]): string[] {
  const settings = new Map<string, Setting>();
  for (const cameraEnv of [env, ...cameras.map((camera) => forCamera(env, camera))]) {
    for (const setting of SETTINGS) {
      if (cameraEnv !== env && !setting.perCamera) continue;
      settings.set(variableName(cameraEnv, setting.name), setting);
    }
  }
  return [...settings].filter(([name]) => env[name]?.trim()).map(([name, { secret }]) =>
    `${name}=${secret ? "(set)" : env[name]!.trim()}`
  );
}
