import { discovers } from "../camera/camera_groups.ts";
import { openDriver } from "../camera/open.ts";
import type { DriverRegistry } from "../camera/registry.ts";
import { smallSourceConfig, smallSourceName, smallSourceOf } from "../camera/small_source.ts";
import type { CameraOptionsFromConfig, ReadCamera } from "../camera/open_cameras.ts";
import { pictureEdit } from "../camera/picture_edit.ts";
import { systemClock as clock } from "../clock.ts";
import {
  type CameraUnderTest,
  type Discoverer,
  type Finding,
  formatFinding,
  listCameras,
  type Lister,
  type ModuleCheck,
  runChecks,
} from "../doctor/mod.ts";
import type { Env } from "../env.ts";
import { ConfigError, ImmediateStop } from "../errors.ts";
import type { Log } from "../log.ts";
import type { HubAddress } from "../nats/settings.ts";
import { killAll } from "../process/mod.ts";
import { checkedEntries, type CheckedGroup } from "./cameras.ts";
import { checkOfNats, openNats } from "./nats.ts";
import { describeAudio } from "./describe_source.ts";
import { reviewSettings } from "./review_settings.ts";
import type { ServerConfig } from "./settings.ts";

export { killAll };

const SILENT: Log = { info() {}, warn() {}, error() {} };

/** Options of {@link runDoctor}. */
export interface DoctorCommandOptions {
  readonly config: ServerConfig;
  /** The addresses of `NATS_URL`; undefined if it is not set. */
  readonly hubs: readonly HubAddress[] | undefined;
  readonly drivers: DriverRegistry;
  /** Reads the settings of a camera that a driver has discovered. */
  readonly readCamera: ReadCamera;
  /** The environment with the user's settings. */
  readonly env: Env;
  /** The text of the file `.env`, if there is one. */
  readonly dotenv: string | undefined;
  /** Stops the command. */
  readonly stopped: Promise<void>;
}

/**
 * Runs the command `doctor` or `list-cameras`: prints the findings or the list of cameras and
 * microphones.
 *
 * @returns The exit code: 1 if there is a problem.
 */
export async function runDoctor(
  command: "doctor" | "list-cameras",
  { stopped, ...options }: DoctorCommandOptions,
): Promise<number> {
  if (Deno.permissions.querySync({ name: "run" }).state !== "granted") {
    throw new ConfigError(
      `Cannot run programs to find cameras: type deno task ${command}`,
    );
  }
  const abort = new AbortController();
  stopped.then(() => abort.abort(new ImmediateStop("Interrupted")));
  const { config, hubs, drivers } = options;
  // The driver `nats` needs it. Its failures are findings.
  await using _hub = await openNats(config, { hubs, clock, log: SILENT });
  const listers = await listersOf(drivers);
  try {
    if (command === "doctor") {
      return await printFindings({ ...options, listers, signal: abort.signal });
    }
    for await (const line of listCameras(listers, abort.signal)) console.log(line);
    const { describeMicrophones } = await import("../sound/mod.ts");
    for (const line of await describeMicrophones(abort.signal)) console.log(line);
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
  const { config, drivers, listers, env, dotenv, signal } = options;
  const { cameras: recorded, groups } = await checkedEntries(config, drivers);
  const small = smallSources(recorded, options);
  const cameras = await Promise.all([
    ...recorded.map((camera) => cameraUnderTest(camera, drivers)),
    ...small.map(async ({ label, config }) => ({
      ...await cameraUnderTest(config, drivers),
      name: label,
    })),
  ]);
  const requirements = await drivers.requirements();
  const discoverers = await Promise.all(groups.map((group) => discovererOf(group, options)));
  const reviewed = { env, cameras: recorded, groups, dotenv, task: "doctor" } as const;
  const { settings, warnings } = reviewSettings(reviewed);
  const counts = { problem: 0, warning: 0 };
  const print = (finding: Finding) => {
    console.log(formatFinding(finding));
    if (finding.verdict in counts) counts[finding.verdict as keyof typeof counts]++;
  };
  print({ verdict: "ok", text: settings });
  for (const { text, advice } of warnings) print({ verdict: "warning", text, advice });
  const moduleChecks = await moduleChecksFor(options, recorded, groups);
  const checked = { ...config, cameras, listers, discoverers, requirements, moduleChecks };
  const checks = runChecks(checked, signal);
  for await (const finding of checks) print(finding);
  console.log(summary(counts.problem, counts.warning));
  return counts.problem === 0 ? 0 : 1;
}

/** Opens a camera for its check. @throws {ConfigError} If its driver or a setting is invalid. */
async function cameraUnderTest(
  { name, driver, env, picture }: CameraOptionsFromConfig,
  drivers: DriverRegistry,
): Promise<CameraUnderTest> {
  const { orientation, fps, open } = await openDriver({ driver, env }, drivers);
  return { name, driver, fps, edit: pictureEdit(name, picture, orientation), open };
}

/** Returns the cameras that capture `SMALL_SOURCE`. */
function smallSources(
  cameras: ServerConfig["cameras"],
  { readCamera }: Pick<FindingsOptions, "readCamera">,
): { label: string; config: CameraOptionsFromConfig }[] {
  return cameras.flatMap((camera) => {
    const source = smallSourceOf(camera, cameras);
    if (source === undefined) return [];
    const config = smallSourceConfig(readCamera({ ...camera, source }));
    return { label: smallSourceName(camera.name), config };
  });
}

/** Prepares the check of a driver that discovers cameras. */
async function discovererOf(
  { driver: name, env }: CheckedGroup,
  { drivers, readCamera }: Pick<FindingsOptions, "drivers" | "readCamera">,
): Promise<Discoverer> {
  const driver = await drivers.load(name);
  return {
    driver: name,
    get noCameraReason() {
      return driver.noCameraReason;
    },
    discover: (signal) => driver.discover!(env, signal),
    open: async (found) => {
      return await cameraUnderTest(readCamera({ ...found, driver: name }), drivers);
    },
  };
}

/** Returns the checks of the modules. */
async function moduleChecksFor(
  { config, hubs, env }: FindingsOptions,
  cameras: ServerConfig["cameras"],
  groups: readonly CheckedGroup[],
): Promise<ModuleCheck[]> {
  const { dir, maxBytes } = config.recording;
  const { checkSound } = await import("../sound/mod.ts");
  const sounds = cameras.map(({ name, sound, env }) => ({
    name,
    sound,
    certificate: sound.audio?.type === "address" ? env.SOURCE_CERT : undefined,
  }));
  const describe = (audio: string) => describeAudio(audio) ?? "(set)";
  const checks: ModuleCheck[] = [(signal) => checkSound(sounds, { env, describe }, signal)];
  if (dir !== undefined) {
    const { checkRecording } = await import("../recording/mod.ts");
    checks.push((signal) => checkRecording({ dir, maxBytes }, signal));
  }
  const natsCheck = await checkOfNats(config, { hubs, configs: cameras, groups, clock });
  if (natsCheck) checks.push(natsCheck);
  return checks;
}

function summary(problems: number, warnings: number): string {
  if (warnings === 0) return problems === 0 ? "No problems found" : `Problems: ${problems}`;
  return problems === 0 ? `Warnings: ${warnings}` : `Problems: ${problems}, warnings: ${warnings}`;
}

/** Loads the drivers that can list their cameras. */
async function listersOf(drivers: DriverRegistry): Promise<Lister[]> {
  const listers: Lister[] = [];
  for (const name of drivers.names) {
    // A driver that fails to load is reported when it is requested.
    const driver = await drivers.load(name).catch(() => undefined);
    if (!driver?.list) continue;
    const list = (signal: AbortSignal) => driver.list!(signal);
    listers.push({ driver: name, discovers: discovers(driver), list });
  }
  return listers;
}
