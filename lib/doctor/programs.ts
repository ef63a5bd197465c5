import type { DriverRequirements, RequiredProgram } from "../camera/requirements.ts";
import { output } from "../process/mod.ts";
import type { Finding } from "./finding.ts";

/**
 * Checks whether the programs that the drivers need are installed. A missing program is a problem
 * if a driver in use needs it, otherwise a note.
 */
export async function* checkPrograms(
  requirements: ReadonlyMap<string, DriverRequirements>,
  usedDrivers: ReadonlySet<string>,
  signal: AbortSignal,
): AsyncGenerator<Finding> {
  for (const { program, drivers } of groupByProgram(requirements)) {
    const version = await versionOf(program, signal);
    const purpose = drivers.map((driver) => `CAMERA=${driver}`).join(" and ");
    if (version) {
      yield { verdict: "ok", text: `${program.name} ${version} (for ${purpose})` };
      continue;
    }
    yield {
      verdict: drivers.some((driver) => usedDrivers.has(driver)) ? "problem" : "note",
      text: `${program.name} not found (needed for ${purpose})`,
      advice: program.installHint,
    };
  }
}

interface ProgramUse {
  readonly program: RequiredProgram;
  /** The drivers that need the program. */
  readonly drivers: string[];
}

/** Lists each program once, with all drivers that need it. */
function groupByProgram(requirements: ReadonlyMap<string, DriverRequirements>): ProgramUse[] {
  const uses = new Map<string, ProgramUse>();
  for (const [driver, { programs }] of requirements) {
    for (const program of programs) {
      const use = uses.get(program.name);
      if (use) use.drivers.push(driver);
      else uses.set(program.name, { program, drivers: [driver] });
    }
  }
  return [...uses.values()];
}

async function versionOf(
  { commands, versionArgs, versionPattern }: RequiredProgram,
  signal: AbortSignal,
): Promise<string | undefined> {
  try {
    const { stdout } = await output(commands, versionArgs, signal);
    return versionPattern.exec(stdout)?.[1];
  } catch {
    return undefined; // not installed
  }
}
