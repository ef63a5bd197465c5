/** A program that a driver runs. */
export interface RequiredProgram {
  /** What people call it: `ffmpeg`. */
  readonly name: string;
  /** The commands that start it, as names or paths. The first that is installed is run. */
  readonly commands: readonly string[];
  /** The arguments with which it prints its version and exits. */
  readonly versionArgs: readonly string[];
  /** Finds the version in that output, as its first group. */
  readonly versionPattern: RegExp;
  /** How to install it. */
  readonly installHint: string;
}

/**
 * What a driver needs from Deno and from the machine. It is the default export of
 * `cameras/<name>/requirements.ts`, which imports nothing but this type: the permission flags are
 * computed from it before the server starts.
 */
export interface DriverRequirements {
  /** Deno permissions that the driver needs besides reading its own files. */
  readonly permissions: readonly ("run" | "net")[];
  /** Programs that it runs. Empty where `SOURCE` names the program. */
  readonly programs: readonly RequiredProgram[];
}
