/** Prints a measured figure, and its goal. */
export function figure(name: string, value: string | number, goal = ""): void {
  console.log(`${name}: ${value}${goal && ` (goal: ${goal})`}`);
}

/** Resources that a process uses. */
export interface Footprint {
  /** Resident memory, in megabytes. */
  readonly memory: number;
  /** Number of open file descriptors. */
  readonly descriptors: number;
}

/** Measures a process. Reads /proc (Linux). */
export async function footprintOf(pid: number): Promise<Footprint> {
  const status = await Deno.readTextFile(`/proc/${pid}/status`);
  const kilobytes = Number(/^VmRSS:\s*(\d+) kB$/m.exec(status)![1]);
  const descriptors = (await Array.fromAsync(Deno.readDir(`/proc/${pid}/fd`))).length;
  return { memory: kilobytes / 1024, descriptors };
}

/** Returns the kernel memory of all TCP connections of this machine, in megabytes. */
export async function kernelMemory(): Promise<number> {
  const text = await Deno.readTextFile("/proc/net/sockstat");
  return Number(/^TCP: .* mem (\d+)$/m.exec(text)![1]) * 4096 / 1e6;
}

/** Rounds to one decimal. */
export function rounded(value: number): number {
  return Math.round(value * 10) / 10;
}

/** Returns the value below which a share (0 to 1) of the values lie. */
export function percentile(values: readonly number[], share: number): number {
  return values.toSorted((a, b) => a - b)[Math.floor(share * (values.length - 1))] ?? NaN;
}
