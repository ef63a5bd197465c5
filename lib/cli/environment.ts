import { type Env, trimValues } from "../env.ts";

/**
 * Reads all environment variables, without white space around their values. On Windows, where
 * `Path` and `PATH` are the same variable, their names are converted to capitals: `set camera=pi`
 * sets `CAMERA`.
 */
export function readEnvironment(
  variables: Env = Deno.env.toObject(),
  os: typeof Deno.build.os = Deno.build.os,
): Env {
  const entries = Object.entries(variables).map(([name, value]) =>
    [os === "windows" ? name.toUpperCase() : name, value] as const
  );
  return trimValues(Object.fromEntries(entries));
}
