import { settlesWithin } from "../clock.ts";
import { ImmediateStop } from "../errors.ts";
import { USE_PROCESS_GROUPS } from "./spawn.ts";

/** Grace period after each signal, in milliseconds; then the next signal is sent. */
export interface GracePeriods {
  readonly SIGINT: number;
  readonly SIGTERM: number;
}

/** Grace periods for a program that responds. */
export const GRACE_PERIODS: GracePeriods = { SIGINT: 2_000, SIGTERM: 1_000 };
/** Grace periods for a hung program, and at shutdown: see {@link ImmediateStop}. */
const SHORT_GRACE_PERIODS: GracePeriods = { SIGINT: 300, SIGTERM: 200 };
/** Grace period for orphaned descendants after the program has exited, in milliseconds. */
const ORPHAN_GRACE_PERIOD = 500;

/** The programs that {@link killAll} kills. */
export const runningPrograms = new Set<Deno.ChildProcess>();

/** Kills all running programs and their descendants immediately, before the server exits. */
export function killAll(): void {
  for (const child of runningPrograms) sendSignal(child, "SIGKILL");
}

/** Returns the grace periods for this abort reason. */
export function gracePeriodsFor(reason: unknown): GracePeriods {
  return reason instanceof ImmediateStop ? SHORT_GRACE_PERIODS : GRACE_PERIODS;
}

/** Sends SIGINT, then SIGTERM, then SIGKILL, until the program exits. */
export async function terminate(
  child: Deno.ChildProcess,
  gracePeriods: GracePeriods,
): Promise<void> {
  const exited =
    sendSignal(child, "SIGINT") && await settlesWithin(child.status, gracePeriods.SIGINT) ||
    sendSignal(child, "SIGTERM") && await settlesWithin(child.status, gracePeriods.SIGTERM);
  if (!exited) sendSignal(child, "SIGKILL");
  await child.status;
}

/**
 * Waits for the descendants of a program that has exited, then kills those left in its process
 * group.
 *
 * @param outputClosed Settles when no process holds the program's pipes any more. Most descendants
 * inherit them. If it does not settle in time, a process outside the group still holds them.
 */
export async function terminateOrphans(
  child: Deno.ChildProcess,
  outputClosed: Promise<unknown>,
): Promise<void> {
  await settlesWithin(outputClosed, ORPHAN_GRACE_PERIOD);
  sendSignal(child, "SIGKILL");
  await settlesWithin(outputClosed, ORPHAN_GRACE_PERIOD);
}

/**
 * Sends a signal to a program and its process group.
 *
 * @returns Whether this system has that signal.
 */
export function sendSignal(child: Deno.ChildProcess, signal: Deno.Signal): boolean {
  if (Deno.build.os === "windows" && signal === "SIGINT") return false;
  try {
    if (USE_PROCESS_GROUPS) Deno.kill(-child.pid, signal);
    else child.kill(signal);
  } catch (error) {
    // Already exited: Deno throws NotFound for a group and TypeError for a child.
    if (!(error instanceof Deno.errors.NotFound || error instanceof TypeError)) throw error;
  }
  return true;
}
