import type { Env } from "../env.ts";
import {
  type CheckedCamera,
  checkSettings,
  misspelledSettings,
  recordReads,
  type SettingWarning,
} from "../settings_check/mod.ts";
import { currentLauncher, withDotenv } from "./launcher.ts";
import { readServerConfig, SETTINGS, settingsInUse } from "./settings.ts";

/** The file in the working directory that users expect to be read. */
const DOTENV = ".env";

/** The settings as the server and the doctor report them. */
export interface SettingsReview {
  /** The settings in use, in one line. */
  readonly settings: string;
  readonly warnings: readonly SettingWarning[];
}

/** A camera whose driver has read its settings. */
export type RecordedCamera = CheckedCamera & { readonly env: Env };

/** Adds to cameras a record of the variables that their drivers read from `env`. */
export function recordCameras<Camera extends Omit<RecordedCamera, "reads">>(
  cameras: readonly Camera[],
): (Camera & RecordedCamera)[] {
  return cameras.map((camera) => {
    const { env, reads } = recordReads(camera.env);
    return {
      ...camera,
      env,
      get reads() {
        return reads();
      },
    };
  });
}

/** Options of {@link reviewSettings}. */
export interface ReviewOptions {
  readonly env: Env;
  /** The cameras, after their drivers have read their settings. */
  readonly cameras: readonly CheckedCamera[];
  /** The drivers that discover cameras. @default {[]} */
  readonly groups?: readonly CheckedCamera[];
  /** The text of the file `.env`, if there is one. */
  readonly dotenv: string | undefined;
  /** The task that the user has started. @default {"start"} */
  readonly task?: "start" | "doctor";
}

/** Lists the settings in use, and checks them. */
export function reviewSettings(
  { env, cameras: configured, groups = [], dotenv, task = "start" }: ReviewOptions,
): SettingsReview {
  const cameras = [...configured, ...groups];
  const inUse = settingsInUse(env, configured);
  const dotenvCommand = withDotenv(task, currentLauncher());
  return {
    settings: `Settings: ${inUse.join(" ") || "all defaults"}`,
    warnings: checkSettings({ env, settings: SETTINGS, cameras, dotenv, dotenvCommand }),
  };
}

/**
 * Finds misspelled settings when the server cannot start, as they may be the reason: AUTH is
 * missing because of AUHT.
 */
export function findMisspelled(env: Env): readonly SettingWarning[] {
  const settings = SETTINGS;
  try {
    const cameras = readServerConfig(env).cameras.map(({ name, driver }) => ({
      name,
      driver,
      reads: undefined,
    }));
    return checkSettings({ env, settings, cameras });
  } catch {
    return misspelledSettings({ env, settings }); // the error of main.ts says why
  }
}

/**
 * Reads the file `.env` in the working directory, if there is one and Deno permits it. Then gives
 * the permission back: the file can contain a password, which drivers do not need.
 */
export async function readDotenv(): Promise<string | undefined> {
  const permission = { name: "read", path: DOTENV } as const;
  if (Deno.permissions.querySync(permission).state !== "granted") return undefined;
  try {
    return await Deno.readTextFile(DOTENV);
  } catch {
    return undefined; // there is no such file, or it cannot be read
  } finally {
    Deno.permissions.revokeSync(permission);
  }
}
