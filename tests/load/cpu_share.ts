import { systemClock } from "../../lib/clock.ts";

/** Period of the limit, in microseconds: short, so that a pause hardly delays a frame. */
const PERIOD = 10_000;

/** A control group of Linux that limits the CPU time of its processes. */
export class CpuShare implements AsyncDisposable {
  readonly #path: string;

  private constructor(path: string) {
    this.#path = path;
  }

  /**
   * Creates a group.
   *
   * @param part Part of a core that its processes may use together.
   * @returns undefined where this is not possible: it needs root and the controller `cpu`.
   */
  static open(name: string, part: number): CpuShare | undefined {
    const quota = `${Math.round(part * PERIOD)}`;
    const folder = `dinocam-bench-${Deno.pid}-${name}`;
    const version1 = { "cpu.cfs_period_us": `${PERIOD}`, "cpu.cfs_quota_us": quota };
    const version2 = { "cpu.max": `${quota} ${PERIOD}` };
    const path = create(`/sys/fs/cgroup/cpu/${folder}`, version1) ??
      create(`/sys/fs/cgroup/${folder}`, version2);
    return path === undefined ? undefined : new CpuShare(path);
  }

  /** Returns a command that runs another one in this group. */
  wrap(command: readonly string[]): string[] {
    return ["sh", "-c", 'echo $$ >"$0/cgroup.procs" && exec "$@"', this.#path, ...command];
  }

  /** Removes the group, when its processes have ended: within 2 s. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (let tries = 0; tries < 100; tries++) {
      try {
        return Deno.removeSync(this.#path);
      } catch {
        await systemClock.sleep(20); // a process has not ended yet
      }
    }
    Deno.removeSync(this.#path);
  }
}

/** Creates a group with settings. @returns Its path; undefined if the system refuses it. */
function create(path: string, settings: Readonly<Record<string, string>>): string | undefined {
  try {
    Deno.mkdirSync(path);
  } catch {
    return undefined;
  }
  try {
    for (const [name, value] of Object.entries(settings)) {
      Deno.writeTextFileSync(`${path}/${name}`, value, { create: false });
    }
    return path;
  } catch {
    Deno.removeSync(path);
    return undefined;
  }
}
