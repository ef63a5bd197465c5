import { openDriver } from "../camera/open.ts";
import type { DriverRegistry } from "../camera/registry.ts";
import type { Config } from "../config.ts";
import { formatFinding, listCameras, type Lister, runChecks } from "../doctor/mod.ts";
import type { Env } from "../env.ts";
import { ConfigError, ImmediateStop } from "../errors.ts";
import { killAll } from "../process/mod.ts";
import { settingsInUse } from "./settings.ts";

/** Options of {@link runDoctor}. */
export interface DoctorCommandOptions {
  readonly config: Config;
  readonly drivers: DriverRegistry;
  /** The environment with the user's settings. */
  readonly env: Env;
  /** Stops the command. */
  readonly stopped: Promise<void>;
}

/**
 * Runs the command `doctor` or `list-cameras`: prints the findings or the list of cameras.
 *
 * @returns The exit code: 1 if there is a problem.
 */
export async function runDoctor(
  command: "doctor" | "list-cameras",
  { config, drivers, env, stopped }: DoctorCommandOptions,
): Promise<number> {
  if (Deno.permissions.querySync({ name: "run" }).state !== "granted") {
    throw new ConfigError(
      `Cannot run programs to look for cameras: use \`deno task ${command}\``,
    );
  }
  const abort = new AbortController();
  stopped.then(() => abort.abort(new ImmediateStop("Interrupted")));
  const listers = await listersOf(drivers);
  try {
    if (command === "doctor") {
      return await printFindings({ config, drivers, listers, env, signal: abort.signal });
    }
    for await (const line of listCameras(listers, abort.signal)) console.log(line);
    return 0;
  } finally {
    killAll();
  }
}

interface FindingsOptions extends Omit<DoctorCommandOptions, "stopped"> {
  readonly listers: readonly Lister[];
  readonly signal: AbortSignal;
}

async function printFindings(options: FindingsOptions): Promise<number> {
  const { config, drivers, listers, env, signal } = options;
  const cameras = await Promise.all(
    config.cameras.map(async (camera) => ({ ...camera, ...await openDriver(camera, drivers) })),
  );
  const requirements = await drivers.requirements();
  const settings = settingsInUse(env, config.cameras.map(({ name }) => name));
  const text = `Settings: ${settings.join(" ") || "all defaults"}`;
  console.log(formatFinding({ verdict: "ok", text }));
  let problems = 0;
  for await (const finding of runChecks({ ...config, cameras, listers, requirements }, signal)) {
    console.log(formatFinding(finding));
    if (finding.verdict === "problem") problems++;
  }
  console.log(problems === 0 ? "No problems found" : `Problems: ${problems}`);
  return problems === 0 ? 0 : 1;
}

/** Loads the drivers that can list their cameras. */
async function listersOf(drivers: DriverRegistry): Promise<Lister[]> {
  const listers: Lister[] = [];
  for (const name of drivers.names) {
    // A driver that fails to load is reported when it is requested.
    const driver = await drivers.load(name).catch(() => undefined);
    if (driver?.list) listers.push({ driver: name, list: (signal) => driver.list!(signal) });
  }
  return listers;
}
