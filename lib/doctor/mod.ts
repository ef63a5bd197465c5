import type { DriverRequirements } from "../camera/requirements.ts";
import { type CameraUnderTest, checkCameras, checkFirstFrame, type Lister } from "./cameras.ts";
import { type Finding, problemOf } from "./finding.ts";
import { checkPrograms } from "./programs.ts";
import { checkSystem } from "./system.ts";

export { type CameraUnderTest, listCameras, type Lister } from "./cameras.ts";
export { type Finding, formatFinding } from "./finding.ts";

/** The configuration that the doctor checks. */
export interface DoctorOptions {
  readonly host: string;
  readonly port: number;
  /** The configured cameras. */
  readonly cameras: readonly CameraUnderTest[];
  readonly listers: readonly Lister[];
  /** The requirements that drivers declare, by the driver's name. */
  readonly requirements: ReadonlyMap<string, DriverRequirements>;
}

/**
 * Checks the machine and the configured cameras, and yields each finding as soon as it is known.
 */
export async function* runChecks(
  options: DoctorOptions,
  signal: AbortSignal,
): AsyncGenerator<Finding> {
  const usedDrivers = new Set(options.cameras.map(({ driver }) => driver));
  yield* checkSystem(usedDrivers, signal);
  yield* checkPrograms(options.requirements, usedDrivers, signal);
  for (const lister of options.listers) yield* await checkCameras(lister, signal);
  yield checkPort(options);
  for (const camera of options.cameras) yield await checkFirstFrame(camera, signal);
}

function checkPort({ host, port }: DoctorOptions): Finding {
  try {
    Deno.listen({ hostname: host, port }).close();
    return { verdict: "ok", text: `Port ${port} is free on ${host}` };
  } catch (error) {
    if (error instanceof Deno.errors.AddrInUse) {
      const advice = "dinocam may be running already; otherwise choose another PORT";
      return { verdict: "problem", text: `Port ${port} is in use by another program`, advice };
    }
    if (error instanceof Deno.errors.PermissionDenied) {
      const advice = "choose a PORT above 1023";
      return { verdict: "problem", text: `Port ${port} requires more privileges`, advice };
    }
    return problemOf(`Cannot listen on ${host}, port ${port}`, error);
  }
}
