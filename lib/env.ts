import { ConfigError } from "./errors.ts";

/** Settings by name, as in the process's environment. An empty value counts as not set. */
export type Env = Readonly<Record<string, string | undefined>>;

/** Where an {@link Env} that {@link forCamera} made keeps the names under which the user set the values. */
const VARIABLE_NAMES = Symbol("origins");

/** What a number has to be. */
export interface NumberRange {
  min: number;
  max: number;
}

/** `FPS` → `30`, or undefined when it is not set. @throws {ConfigError} If it is no number in the range. */
export function readNumber(env: Env, name: string, range: NumberRange): number | undefined {
  return parse(env, name, `a number from ${range.min} to ${range.max}`, (text) => {
    const number = Number(text);
    return /^[\d.]+$/.test(text) && isIn(number, range) ? number : undefined;
  });
}

/** Like {@link readNumber}, for whole numbers. @throws {ConfigError} If it is none in the range. */
export function readInteger(env: Env, name: string, range: NumberRange): number | undefined {
  return parse(env, name, `a whole number from ${range.min} to ${range.max}`, (text) => {
    const number = Number(text);
    return /^\d+$/.test(text) && isIn(number, range) ? number : undefined;
  });
}

/** One of a few words, or undefined when it is not set. @throws {ConfigError} If it is another word. */
export function readChoice<Choice extends string>(
  env: Env,
  name: string,
  choices: readonly Choice[],
): Choice | undefined {
  const allowed = choices.map((choice) => `"${choice}"`).join(" or ");
  return parse(env, name, allowed, (text) => choices.find((choice) => choice === text));
}

/**
 * Reads a variable by a function of one's own.
 *
 * @param wanted What the value should be, to end the sentence "Cannot read FPS as …".
 * @throws {ConfigError} If `read` gives undefined for a value that is set.
 */
export function parse<T>(
  env: Env,
  name: string,
  wanted: string,
  read: (text: string) => T | undefined,
): T | undefined {
  const text = env[name]?.trim();
  if (!text) return undefined;
  const value = read(text);
  if (value === undefined) {
    throw new ConfigError(
      `Cannot read ${variableName(env, name)} as ${wanted}: current value is ${
        JSON.stringify(text)
      }`,
    );
  }
  return value;
}

/**
 * The settings of one camera: `FRONT_FPS` stands in for `FPS` where the camera is called "front".
 * A `-` in the camera's name is a `_` in the variable's.
 */
export function forCamera(env: Env, camera: string): Env {
  const prefix = `${camera.toUpperCase().replaceAll("-", "_")}_`;
  const own = Object.entries(env).filter(([name, value]) =>
    name.startsWith(prefix) && value?.trim()
  );
  const named = (pick: (name: string, value?: string) => string | undefined) =>
    Object.fromEntries(own.map(([name, value]) => [name.slice(prefix.length), pick(name, value)]));
  return Object.defineProperty({ ...env, ...named((_, value) => value) }, VARIABLE_NAMES, {
    value: named((name) => name),
  });
}

/** The name under which the user set a variable: `FRONT_FPS` for the `FPS` of camera "front". */
export function variableName(env: Env, name: string): string {
  return (env as { [VARIABLE_NAMES]?: Record<string, string> })[VARIABLE_NAMES]?.[name] ?? name;
}

function isIn(number: number, { min, max }: NumberRange): boolean {
  return number >= min && number <= max;
}
