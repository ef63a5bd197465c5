import type { DriverRequirements } from "../camera/requirements.ts";
import { type CameraUnderTest, checkCameras, checkFirstFrame, type Lister } from "./cameras.ts";
import { checkDiscovery, type Discoverer } from "./discovery.ts";
import type { Finding } from "./finding.ts";
import { checkPort } from "./port.ts";
import { checkPrograms } from "./programs.ts";
import { checkSystem } from "./system.ts";

export { type CameraUnderTest, listCameras, type Lister } from "./cameras.ts";
export type { Discoverer } from "./discovery.ts";
export { type Finding, formatFinding } from "./finding.ts";

/** The configuration that the doctor checks. */
export interface DoctorOptions {
  readonly host: string;
  readonly port: number;
  /** Whether other servers of this user may listen there, too. @default {false} */
  readonly reusePort?: boolean;
  /** The configured cameras. */
  readonly cameras: readonly CameraUnderTest[];
  readonly listers: readonly Lister[];
  /** The drivers in use that discover cameras. @default {[]} */
  readonly discoverers?: readonly Discoverer[];
  /** The requirements that drivers declare, by the driver's name. */
  readonly requirements: ReadonlyMap<string, DriverRequirements>;
  /** Checks of the modules. @default {[]} */
  readonly moduleChecks?: readonly ModuleCheck[];
}

/** Checks what a module needs. */
export type ModuleCheck = (signal: AbortSignal) => AsyncIterable<Finding>;

/**
 * Checks the machine and the configured cameras, and yields each finding as soon as it is known.
 */
export async function* runChecks(
  options: DoctorOptions,
  signal: AbortSignal,
): AsyncGenerator<Finding> {
  const { cameras, discoverers = [] } = options;
  const usedDrivers = new Set([...cameras, ...discoverers].map(({ driver }) => driver));
  yield* checkSystem(usedDrivers, signal);
  yield* checkPrograms(options.requirements, usedDrivers, signal);
  for (const lister of options.listers) yield* await checkCameras(lister, signal);
  yield await checkPort(options);
  for (const check of options.moduleChecks ?? []) yield* check(signal);
  for (const camera of cameras) yield* await checkFirstFrame(camera, signal);
  for (const discoverer of discoverers) yield* checkDiscovery(discoverer, signal);
}
