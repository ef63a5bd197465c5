import { CameraError } from "../errors.ts";
import { shorten } from "../quote.ts";

/**
 * Whether each program gets its own process group, so that a signal also reaches the processes that
 * it starts. Ctrl+C in the terminal then reaches only the server. Windows has no process groups,
 * and signalling a group needs the permission to run any program.
 */
export const USE_PROCESS_GROUPS = Deno.build.os !== "windows" &&
  Deno.permissions.querySync({ name: "run" }).state === "granted";

/** Options of {@link spawn}. */
export interface SpawnOptions {
  /** Environment variables for the program, in addition to the server's. */
  env?: Record<string, string>;
  /** How to install the program, if it is missing. */
  installHint?: string;
}

/** A program that has been started. */
export interface SpawnedProgram {
  /** The name under which it was found. */
  readonly name: string;
  readonly child: Deno.ChildProcess;
}

/**
 * Starts the first of several programs that is installed, with its standard output and error in
 * pipes, and a standard input that is empty, or in a pipe.
 *
 * @throws {CameraError} If none of them is installed, or the program cannot be started.
 */
export function spawn(
  names: readonly string[],
  args: readonly string[],
  { env, installHint }: SpawnOptions,
  stdin: "null" | "piped" = "null",
): SpawnedProgram {
  for (const name of names) {
    try {
      const command = new Deno.Command(name, {
        args: [...args],
        env,
        stdin,
        stdout: "piped",
        stderr: "piped",
        detached: USE_PROCESS_GROUPS,
      });
      return { name, child: command.spawn() };
    } catch (cause) {
      if (cause instanceof Deno.errors.NotFound) continue;
      throw new CameraError(`Cannot start ${shorten(name)}: ${reasonOf(cause)}`, {
        cause,
        permanent: true,
      });
    }
  }
  throw new CameraError(
    `Cannot find ${names.map((name) => shorten(name)).join(" or ")} on this machine`,
    {
      hint: installHint,
      permanent: true,
    },
  );
}

/** Says why a program cannot be started. */
function reasonOf(error: unknown): string {
  if (error instanceof Deno.errors.NotCapable) {
    return "Deno does not permit it; use `deno task start`, or --allow-run";
  }
  if (error instanceof Deno.errors.PermissionDenied) {
    return "permission denied; it must be a program that this user may execute";
  }
  // "Failed to spawn '…': Exec format error (os error 8)"
  const { message } = error as Error;
  return shorten(message.replace(/^Failed to spawn .*?: (?=[^:]*$)/, ""));
}
