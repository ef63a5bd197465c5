/** Resources used by a process and its descendants, without the camera. */
export interface Usage {
  /** CPU time, in milliseconds. */
  readonly cpu: number;
  /** Resident memory, in bytes. */
  readonly memory: number;
  /**
   * Resident memory that is not backed by files, in bytes: the kernel cannot take it back as it can
   * with the pages of a program.
   */
  readonly anonymous: number;
}

/** Name of the stand-in cameras, as processes and as threads. */
const CAMERA = "fakecam";

/** Returns the resources used so far by a process and its descendants. Reads /proc (Linux). */
export function usageOf(pid: number): Usage {
  let cpu = 0;
  let memory = 0;
  let anonymous = 0;
  for (const process of [pid, ...descendantsOf(pid)]) {
    if (read(`/proc/${process}/comm`).trim() === CAMERA) continue;
    const status = read(`/proc/${process}/status`);
    const bytes = (name: string) =>
      Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(status)?.[1] ?? 0) * 1024;
    memory += bytes("VmRSS");
    anonymous += bytes("RssAnon") + bytes("RssShmem");
    for (const { name } of entries(`/proc/${process}/task`)) {
      const task = `/proc/${process}/task/${name}`;
      if (read(`${task}/comm`).trim() === CAMERA) continue;
      cpu += Number(read(`${task}/schedstat`).split(" ")[0] ?? 0) / 1e6;
    }
  }
  return { cpu, memory, anonymous };
}

/** Returns the ids of all descendants of a process. */
export function descendantsOf(pid: number): number[] {
  const parents = new Map(
    entries("/proc").filter(({ name }) => /^\d+$/.test(name)).map(({ name }) => {
      const stat = read(`/proc/${name}/stat`);
      return [Number(name), Number(stat.slice(stat.lastIndexOf(")")).split(" ")[2])];
    }),
  );
  const below = (parent: number): number[] =>
    [...parents].filter(([, its]) => its === parent).flatMap(([pid]) => [pid, ...below(pid)]);
  return below(pid);
}

/** Returns the bytes sent from `port` and not yet acknowledged, in the kernel's send queues. */
export function sendQueueOf(port: number): number {
  const local = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  let bytes = 0;
  for (const line of read("/proc/net/tcp").split("\n")) {
    const [, from, , , queues] = line.trim().split(/\s+/);
    if (from?.endsWith(local)) bytes += parseInt(queues!, 16) || 0;
  }
  return bytes;
}

function entries(folder: string): Deno.DirEntry[] {
  try {
    return [...Deno.readDirSync(folder)];
  } catch {
    return []; // it exited in the meantime
  }
}

function read(file: string): string {
  try {
    return Deno.readTextFileSync(file);
  } catch {
    return ""; // it exited in the meantime
  }
}
