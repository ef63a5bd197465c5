import { descendantsOf } from "../load/proc.ts";

/** Resources that a server uses. */
export interface Resources {
  /** Resident memory of its process, in megabytes. */
  readonly memory: number;
  /** The part of it that is not backed by files, in megabytes. */
  readonly anonymous: number;
  readonly descriptors: number;
  readonly threads: number;
  /** Number of its child processes and their descendants. */
  readonly children: number;
}

/** The largest growth that counts as none. */
const LIMITS = {
  /** Share of resident memory. */
  memory: 0.1,
  descriptors: 5,
  threads: 5,
} as const;

/** Returns the resources that a process uses now. Reads /proc (Linux). */
export function resourcesOf(pid: number): Resources {
  const status = Deno.readTextFileSync(`/proc/${pid}/status`);
  const value = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(status)![1]);
  return {
    memory: value("VmRSS") / 1024,
    anonymous: (value("RssAnon") + value("RssShmem")) / 1024,
    descriptors: [...Deno.readDirSync(`/proc/${pid}/fd`)].length,
    threads: value("Threads"),
    children: descendantsOf(pid).length,
  };
}

/** Returns the median of each figure. */
export function medians(samples: readonly Resources[]): Resources {
  const of = (name: keyof Resources) =>
    samples.map((sample) => sample[name]).toSorted((a, b) => a - b)[samples.length >> 1] ?? NaN;
  return {
    memory: of("memory"),
    anonymous: of("anonymous"),
    descriptors: of("descriptors"),
    threads: of("threads"),
    children: of("children"),
  };
}

/**
 * Returns where the two windows begin that {@link growth} compares: after the first third of the
 * samples, and at the end. Each is a sixth of them.
 */
export function windowsOf(count: number): { first: number; last: number; length: number } {
  const length = Math.ceil(count / 6);
  return { first: Math.floor(count / 3), last: count - length, length };
}

/** Compares the medians of the two windows. @returns What has grown too much, in words. */
export function growth(samples: readonly Resources[]): string[] {
  const { first, last, length } = windowsOf(samples.length);
  const [before, after] = [first, last].map((at) => medians(samples.slice(at, at + length)));
  return grown(before!, after!);
}

/** Returns in words what has grown too much between two samples. */
export function grown(before: Resources, after: Resources): string[] {
  const grown: string[] = [];
  if (after.memory > before.memory * (1 + LIMITS.memory)) {
    grown.push(`memory from ${before.memory.toFixed(1)} to ${after.memory.toFixed(1)} MB`);
  }
  for (const name of ["descriptors", "threads"] as const) {
    if (after[name] > before[name] + LIMITS[name]) {
      grown.push(`${name} from ${before[name]} to ${after[name]}`);
    }
  }
  return grown;
}
