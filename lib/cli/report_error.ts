import { ConfigError, ListenError } from "../errors.ts";
import { printable } from "../quote.ts";
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
  const warnings = isConfigError ? misspelled(error.message) : [];
  console.error(printable([error.message, ...warnings].join("; ")));
  return isConfigError ? 2 : 1;
}

/** Returns the warnings about misspelled settings, without those that the error contains already. */
function misspelled(message: string): string[] {
  if (Deno.permissions.querySync({ name: "env" }).state !== "granted") return [];
  return findMisspelled(readEnvironment())
    .filter(({ text }) => !(/quotation marks/.test(text) && /quotation marks/.test(message)))
    .filter(({ text }) => !message.includes(text))
    .slice(0, MAX_MISSPELLED)
    .map(({ text, advice }) => `${text}, ${advice}`);
}
