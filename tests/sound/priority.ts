import { descendantsOf } from "../load/proc.ts";

/** The `nice` value of preferred processes. */
const NICE = -10;

/**
 * Gives the processes that this one has started priority over other work on this machine, with
 * their threads; what they start from now on inherits it. PulseAudio and Chromium reset what they
 * inherit, so that this is done when they run. Has no effect without the permission (root), or
 * outside of Linux.
 */
export async function prioritize(): Promise<void> {
  const threads = descendantsOf(Deno.pid).flatMap((pid) => {
    try {
      return [...Deno.readDirSync(`/proc/${pid}/task`)].map(({ name }) => name);
    } catch {
      return []; // it has exited
    }
  });
  if (threads.length === 0) return;
  try {
    // It fails for threads that have ended meanwhile, and goes on with the others.
    await new Deno.Command("renice", { args: ["-n", `${NICE}`, "-p", ...threads] }).output();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
