import { ConfigError, ListenError } from "../errors.ts";

/**
 * Prints an error that the user can correct, in one line on stderr, and rethrows any other.
 *
 * @returns The exit code: 2 for invalid settings and arguments, 1 if the server cannot listen.
 */
export function reportError(error: unknown): number {
  if (!(error instanceof ConfigError || error instanceof ListenError)) throw error;
  console.error(error.message);
  return error instanceof ConfigError ? 2 : 1;
}
