/** A program that a driver runs. */
export interface RequiredProgram {
  /** Its name in messages: `ffmpeg`. */
  readonly name: string;
  /** Names or paths of its command. The first one that is installed is run. */
  readonly commands: readonly string[];
  /** The arguments with which it prints its version and exits. */
  readonly versionArgs: readonly string[];
  /** Matches the version in that output. The first group is the version. */
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
  /** Programs that it runs. Empty if `SOURCE` names the program. */
  readonly programs: readonly RequiredProgram[];
}
