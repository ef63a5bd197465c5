import { ConfigError, ListenError } from "../errors.ts";
import { readEnvironment } from "./environment.ts";
import { findMisspelled } from "./review_settings.ts";

/** Number of misspelled settings that an error names. */
const MAX_MISSPELLED = 3;

/**
 * Prints an error that the user can correct, in one line on standard error. Rethrows other errors.
 *
 * @returns The exit code: 2 for invalid settings and arguments, 1 if the server cannot listen.
 */
export function reportError(error: unknown): number {
  if (!(error instanceof ConfigError || error instanceof ListenError)) throw error;
  const isConfigError = error instanceof ConfigError;
  console.error([error.message, ...isConfigError ? misspelled() : []].join("; "));
  return isConfigError ? 2 : 1;
}

function misspelled(): string[] {
  if (Deno.permissions.querySync({ name: "env" }).state !== "granted") return [];
  return findMisspelled(readEnvironment()).slice(0, MAX_MISSPELLED)
    .map(({ text, advice }) => `${text}, ${advice}`);
}
