import type { DriverRequirements } from "../camera/requirements.ts";
import { type CameraUnderTest, checkCameras, checkFirstFrame, type Lister } from "./cameras.ts";
import type { Finding } from "./finding.ts";
import { checkPort } from "./port.ts";
import { checkPrograms } from "./programs.ts";
import { checkSystem } from "./system.ts";

export { type CameraUnderTest, listCameras, type Lister } from "./cameras.ts";
export { type Finding, formatFinding } from "./finding.ts";

/** What the doctor checks, besides the machine. */
export interface DoctorOptions {
  readonly host: string;
  readonly port: number;
  /** The cameras of the settings. */
  readonly cameras: readonly CameraUnderTest[];
  readonly listers: readonly Lister[];
  /** The requirements of all drivers that state them, by the driver's name. */
  readonly requirements: ReadonlyMap<string, DriverRequirements>;
}

/**
 * Checks the machine and the cameras of the settings, and yields each finding as soon as it is
 * known.
 */
export async function* runChecks(
  options: DoctorOptions,
  signal: AbortSignal,
): AsyncGenerator<Finding> {
  const usedDrivers = new Set(options.cameras.map(({ driver }) => driver));
  yield* checkSystem(usedDrivers, signal);
  yield* checkPrograms(options.requirements, usedDrivers, signal);
  for (const lister of options.listers) yield* await checkCameras(lister, signal);
  yield await checkPort(options);
  for (const camera of options.cameras) yield await checkFirstFrame(camera, signal);
}
