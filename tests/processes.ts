/**
 * Runs a test's `body` and asserts that no program is left that it started, however remotely, and no
 * zombie. Linux only: elsewhere only `body` runs.
 *
 * What is started inherits a variable of the environment, by which it is found.
 */
export async function leavingNoProcess<T>(body: () => Promise<T>): Promise<T> {
  if (Deno.build.os !== "linux") return await body();
  const mark = crypto.randomUUID();
  const before = Deno.env.get(MARK);
  Deno.env.set(MARK, mark);
  try {
    const result = await body();
    const left = marked(mark);
    if (left.length > 0) throw new Error(`Programs are left: ${left.join(", ")}`);
    return result;
  } finally {
    if (before === undefined) Deno.env.delete(MARK);
    else Deno.env.set(MARK, before);
  }
}

const MARK = "DINOCAM_TEST";

/** The command lines of living processes with the mark, and of zombies of ours. */
function marked(mark: string): string[] {
  const found: string[] = [];
  for (const { name: pid } of Deno.readDirSync("/proc")) {
    if (!/^\d+$/.test(pid)) continue;
    try {
      if (Deno.readTextFileSync(`/proc/${pid}/environ`).includes(mark)) found.push(commandOf(pid));
      const [state, parent] = Deno.readTextFileSync(`/proc/${pid}/stat`).split(") ")[1]!.split(" ");
      if (state === "Z" && parent === `${Deno.pid}`) found.push(`zombie ${pid}`);
    } catch {
      continue; // it ended while we looked, or is not ours to look at
    }
  }
  return found;
}

function commandOf(pid: string): string {
  return `${pid} ${Deno.readTextFileSync(`/proc/${pid}/cmdline`).replaceAll("\0", " ").trim()}`;
}

/** How many file descriptors this process has open; Linux only. */
export function openDescriptors(): number {
  return [...Deno.readDirSync("/proc/self/fd")].length;
}
