import { type Env, trimValues } from "../env.ts";

/**
 * Reads all environment variables. On Windows, where `Path` and `PATH` are the same variable, their
 * names are converted to capitals: `set camera=pi` sets `CAMERA`.
 */
export function readEnvironment(
  variables: Env = Deno.env.toObject(),
  os: typeof Deno.build.os = Deno.build.os,
): Env {
  if (os !== "windows") return trimValues(variables);
  const entries = Object.entries(variables).map(([name, value]) => [name.toUpperCase(), value]);
  return trimValues(Object.fromEntries(entries));
}
