import type { Env } from "./env.ts";

/** A setting: an environment variable, what it means, and how its value is read. */
export interface Setting<T = unknown> {
  /** Name of the environment variable. */
  readonly name: string;
  /** Its meaning, for `--help` and the README. Code is in backticks. */
  readonly meaning: string;
  /** Value that applies where the variable is not set, as a user would write it. */
  readonly default?: string;
  /** What applies where the variable is not set, if no value stands for that: "unlimited". */
  readonly unset?: string;
  /** Whether it can be set for one camera: `FRONT_FPS` is the `FPS` of the camera "front". */
  readonly perCamera?: boolean;
  /** Whether the value can contain a password. Such a value is never printed. */
  readonly secret?: boolean;
  /**
   * Whether the value is a path, and what the server does there: it needs Deno's permission for
   * that.
   */
  readonly path?: "read" | "write";
  /**
   * Reads the value; undefined where the variable is not set. A setting without a reader is read by
   * the part of the server that it belongs to, such as a camera's driver.
   *
   * @throws {ConfigError} If the value is invalid.
   */
  read?(env: Env, name: string): T | undefined;
}

/** The settings of one module, by the names of their values in the code. */
export type SettingTable = Readonly<Record<string, Setting>>;

/** The values of a table's settings: those with a `default` are never undefined. */
export type SettingValues<Table> = {
  readonly [Key in keyof Table as Table[Key] extends { read: unknown } ? Key : never]:
    Table[Key] extends { read(env: Env, name: string): infer T }
      ? Table[Key] extends { default: string } ? NonNullable<T> : T
      : never;
};

/**
 * Reads the settings of a table. A default is read like a value that the user has set.
 *
 * @param cameraEnv The environment of one camera (see `forCamera`), for settings that can be made
 * per camera.
 * @throws {ConfigError} If a value is invalid.
 */
export function readSettings<Table extends SettingTable>(
  table: Table,
  env: Env,
  cameraEnv = env,
): SettingValues<Table> {
  const values = Object.entries(table).filter(([, { read }]) => read).map(([key, setting]) => [
    key,
    readSetting(setting, setting.perCamera ? cameraEnv : env),
  ]);
  return Object.fromEntries(values);
}

function readSetting(setting: Setting, env: Env): unknown {
  const { name, default: fallback } = setting;
  return setting.read?.(env, name) ??
    (fallback === undefined ? undefined : setting.read?.({ [name]: fallback }, name));
}
