/**
 * Runs a test's `body` and asserts that it leaves no descendant process and no zombie. On systems
 * other than Linux it only runs `body`.
 *
 * Descendants inherit an environment variable, by which they are found.
 */
export async function leavingNoProcess<T>(body: () => Promise<T>): Promise<T> {
  if (Deno.build.os !== "linux") return await body();
  const mark = crypto.randomUUID();
  const before = Deno.env.get(MARK);
  Deno.env.set(MARK, mark);
  try {
    const result = await body();
    const left = processesWith(mark);
    if (left.length > 0) throw new Error(`Processes are left: ${left.join(", ")}`);
    return result;
  } finally {
    if (before === undefined) Deno.env.delete(MARK);
    else Deno.env.set(MARK, before);
  }
}

const MARK = "DINOCAM_TEST";

/**
 * The command lines of processes with the mark in their environment, and this process's zombies.
 */
function processesWith(mark: string): string[] {
  const found: string[] = [];
  for (const { name: pid } of Deno.readDirSync("/proc")) {
    if (!/^\d+$/.test(pid)) continue;
    try {
      if (Deno.readTextFileSync(`/proc/${pid}/environ`).includes(mark)) found.push(commandOf(pid));
      const [state, parent] = Deno.readTextFileSync(`/proc/${pid}/stat`).split(") ")[1]!.split(" ");
      if (state === "Z" && parent === `${Deno.pid}`) found.push(`zombie ${pid}`);
    } catch {
      continue; // it has exited, or belongs to another user
    }
  }
  return found;
}

function commandOf(pid: string): string {
  return `${pid} ${Deno.readTextFileSync(`/proc/${pid}/cmdline`).replaceAll("\0", " ").trim()}`;
}

/** The number of open file descriptors of this process. Linux only. */
export function openDescriptors(): number {
  return [...Deno.readDirSync("/proc/self/fd")].length;
}
