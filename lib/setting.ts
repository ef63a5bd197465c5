import type { Env } from "./env.ts";

/** A setting: an environment variable, its meaning, and the function that reads its value. */
export interface Setting<T = unknown> {
  /** Name of the environment variable. */
  readonly name: string;
  /** Its meaning, for `--help` and the README. Code is in backticks. */
  readonly meaning: string;
  /** Default value, as a user would write it. */
  readonly default?: string;
  /** Description of the default, if no value means the same: "unlimited". */
  readonly unset?: string;
  /** Other names that users try, which are not misspellings: `ROTATION` for `ROTATE`. */
  readonly alternatives?: readonly string[];
  /** Whether it can be set for one camera: `FRONT_FPS` sets the `FPS` of the camera "front". */
  readonly perCamera?: boolean;
  /** Whether it has no effect on cameras that a driver discovers. */
  readonly notDiscovered?: boolean;
  /** Whether the server refuses to start if the name is misspelled, instead of only warning. */
  readonly critical?: boolean;
  /** Whether the value can contain a password. Such a value is never printed. */
  readonly secret?: boolean;
  /**
   * If the value is a path: whether the server reads or writes there. It needs Deno's permission to
   * do so.
   */
  readonly path?: "read" | "write";
  /** Deno permissions that the server needs besides, when it is set; they may depend on the value. */
  readonly permissions?: SettingPermissions | ((value: string) => SettingPermissions);
  /** Name of the variable without which it has no effect. */
  readonly requires?: string;
  /**
   * Reads the value; returns undefined if the variable is not set. A setting without this function
   * is read elsewhere, such as by a camera's driver.
   *
   * @throws {ConfigError} If the value is invalid.
   */
  read?(env: Env, name: string): T | undefined;
}

/**
 * Deno permissions for a setting: paths to read, kinds of `sys`, programs to run, or any program,
 * and servers to connect to (`hub.example:4222`), or any server.
 */
export interface SettingPermissions {
  readonly read?: readonly string[];
  readonly sys?: readonly ("statfs" | "setPriority")[];
  readonly run?: readonly string[] | "any";
  readonly net?: readonly string[] | "any";
}

/** The settings of one module, by their property names. */
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
 * @param cameraEnv The environment of one camera (see `forCamera`), for settings that can be set
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
