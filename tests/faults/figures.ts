/** Prints what was measured, and what it should be. */
export function figure(what: string, value: string | number, goal = ""): void {
  console.log(`${what}: ${value}${goal && ` (goal: ${goal})`}`);
}

/** What a process has of the machine; of Linux' /proc. */
export interface Footprint {
  /** Memory in megabytes. */
  readonly memory: number;
  readonly descriptors: number;
}

/** Measures a process. */
export async function footprintOf(pid: number): Promise<Footprint> {
  const status = await Deno.readTextFile(`/proc/${pid}/status`);
  const kilobytes = Number(/^VmRSS:\s*(\d+) kB$/m.exec(status)![1]);
  const descriptors = (await Array.fromAsync(Deno.readDir(`/proc/${pid}/fd`))).length;
  return { memory: kilobytes / 1024, descriptors };
}

/** What the kernel holds for all TCP connections of the machine, in megabytes. */
export async function kernelMemory(): Promise<number> {
  const text = await Deno.readTextFile("/proc/net/sockstat");
  return Number(/^TCP: .* mem (\d+)$/m.exec(text)![1]) * 4096 / 1e6;
}

/** One decimal. */
export function rounded(value: number): number {
  return Math.round(value * 10) / 10;
}

/** The value below which `share` of the values are. */
export function percentile(values: readonly number[], share: number): number {
  return values.toSorted((a, b) => a - b)[Math.floor(share * (values.length - 1))] ?? NaN;
}
