import { ConfigError } from "./errors.ts";
import { isQuoted, quote } from "./quote.ts";

/** Settings by name, like environment variables. An empty value counts as not set. */
export type Env = Readonly<Record<string, string | undefined>>;

/**
 * Under this key, {@link forCamera} stores the name of the variable of each value (`FRONT_FPS` for
 * `FPS`), for error messages.
 */
const VARIABLE_NAMES = Symbol("variable names");
/** Under this key, {@link forCamera} stores the name of the camera. */
const CAMERA_NAME = Symbol("camera name");

/**
 * Removes white space around all values: a `.env` file with the line ends of Windows leaves a
 * carriage return after each value. A password may begin or end with spaces, so `AUTH` only loses
 * line ends.
 */
export function trimValues(env: Env): Env {
  const trim = (name: string, value = "") =>
    name === "AUTH" ? value.replace(/[\r\n]+$/, "") : value.trim();
  return Object.fromEntries(
    Object.entries(env).map(([name, value]) => [name, trim(name, value)]),
  );
}

/** The range of a number, inclusive. */
export interface NumberRange {
  min: number;
  max: number;
}

/**
 * Reads a number, or undefined if the variable is not set.
 *
 * @throws {ConfigError} If the value is not a number in the range.
 */
export function readNumber(env: Env, name: string, range: NumberRange): number | undefined {
  return parse(env, name, `a number from ${range.min} to ${range.max}`, (text) => {
    const number = Number(text);
    return /^[\d.]+$/.test(text) && isIn(number, range) ? number : undefined;
  });
}

/**
 * Reads a whole number, or undefined if the variable is not set.
 *
 * @throws {ConfigError} If the value is not a whole number in the range.
 */
export function readInteger(env: Env, name: string, range: NumberRange): number | undefined {
  return parse(env, name, `a whole number from ${range.min} to ${range.max}`, (text) => {
    const number = Number(text);
    return /^\d+$/.test(text) && isIn(number, range) ? number : undefined;
  });
}

/**
 * Reads one of several words, or undefined if the variable is not set.
 *
 * @throws {ConfigError} If the value is another word.
 */
export function readChoice<const Choice extends string>(
  env: Env,
  name: string,
  choices: readonly Choice[],
): Choice | undefined {
  const allowed = choices.map((choice) => `"${choice}"`).join(" or ");
  return parse(env, name, allowed, (text) => choices.find((choice) => choice === text));
}

/**
 * Reads a variable with a custom parser.
 *
 * @param expected Description of valid values. It completes the message "Cannot read FPS as …".
 * @throws {ConfigError} If `read` returns undefined for a value that is set.
 */
export function parse<T>(
  env: Env,
  name: string,
  expected: string,
  read: (text: string) => T | undefined,
): T | undefined {
  const text = env[name]?.trim();
  if (!text) return undefined;
  const value = read(text);
  if (value === undefined) {
    const advice = isQuoted(text) ? "; remove its quotation marks" : "";
    throw new ConfigError(
      `Cannot read ${variableName(env, name)} as ${expected}: current value is ${quote(text)}` +
        advice,
    );
  }
  return value;
}

/**
 * Returns the settings of one camera: `FRONT_FPS` overrides `FPS` for the camera called "front". A
 * `-` in the camera's name corresponds to a `_` in the variable's name.
 *
 * @param values Settings that take precedence over the user's.
 */
export function forCamera(env: Env, camera: string, values: Env = {}): Env {
  const prefix = `${camera.toUpperCase().replaceAll("-", "_")}_`;
  const overrides = Object.entries(env).filter(([name, value]) =>
    name.startsWith(prefix) && value?.trim() && !Object.hasOwn(values, name.slice(prefix.length))
  );
  const named = (pick: (name: string, value?: string) => string | undefined) =>
    Object.fromEntries(
      overrides.map(([name, value]) => [name.slice(prefix.length), pick(name, value)]),
    );
  return Object.defineProperties({ ...env, ...named((_, value) => value), ...values }, {
    [VARIABLE_NAMES]: { value: named((name) => name) },
    [CAMERA_NAME]: { value: camera },
  });
}

/** Whether a text can be the name of a camera in `CAMERA`: 1 to 64 letters, digits and `-`. */
export function isCameraName(text: string): boolean {
  return /^[a-z0-9-]{1,64}$/i.test(text);
}

/** Returns the name of the camera whose settings these are; empty if they are not one camera's. */
export function cameraName(env: Env): string {
  return (env as { [CAMERA_NAME]?: string })[CAMERA_NAME] ?? "";
}

/**
 * Returns the name under which the user set a variable: `FRONT_FPS` for the `FPS` of camera
 * "front".
 */
export function variableName(env: Env, name: string): string {
  return (env as { [VARIABLE_NAMES]?: Record<string, string> })[VARIABLE_NAMES]?.[name] ?? name;
}

function isIn(number: number, { min, max }: NumberRange): boolean {
  return number >= min && number <= max;
}
