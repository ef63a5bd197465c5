import { spawn, type SpawnOptions } from "./spawn.ts";
import { runningPrograms, sendSignal } from "./terminate.ts";

/** The output of a program that has ended. */
export interface Output {
  /** Whether it exited with code 0. */
  readonly success: boolean;
  readonly stdout: string;
  readonly stderr: string;
}

/** Options of {@link output}. */
export interface OutputOptions extends SpawnOptions {
  /** Timeout, in milliseconds; then the program is killed. */
  timeout?: number;
}

/**
 * Runs a short-lived program, such as one that prints a list or a version, and collects its output.
 * When `signal` aborts or the timeout expires, it kills the program and returns the output so far.
 *
 * @param program Its name or path. Of several, the first that is installed is run.
 * @throws {CameraError} If no such program is installed, or it cannot be started.
 */
export async function output(
  program: string | readonly string[],
  args: readonly string[],
  signal: AbortSignal,
  { timeout = 5_000, ...options }: OutputOptions = {},
): Promise<Output> {
  const { child } = spawn([program].flat(), args, options);
  runningPrograms.add(child);
  const kill = () => void sendSignal(child, "SIGKILL");
  const timer = setTimeout(kill, timeout);
  signal.addEventListener("abort", kill, { once: true });
  if (signal.aborted) kill();
  try {
    const { success, stdout, stderr } = await child.output();
    return { success, stdout: decode(stdout), stderr: decode(stderr) };
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", kill);
    runningPrograms.delete(child);
  }
}

function decode(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}
