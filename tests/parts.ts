/** The interpreter of the stand-in for the Raspberry Pi's camera program. */
export const PYTHON = "/usr/bin/python3";

/** The variable with the path of the file in which `tests/run.ts` collects {@link LeftOut}s. */
export const LEFT_OUT_FILE = "DINOCAM_TESTS_LEFT_OUT";

/** Why a test is left out. */
export interface LeftOut {
  /** A program that is not installed. */
  readonly program?: string;
  /** Another reason, to follow "needs". */
  readonly reason?: string;
}

/**
 * Returns options for a test that runs programs, as in `Deno.test(name, needing("ffmpeg"), fn)`.
 * Every test that runs a program other than Deno needs it. Where one is missing, the test is left
 * out, and `deno task test` says at its end what to install; with `CI=true` the test runs, and
 * fails.
 */
export function needing(...programs: string[]): { ignore: boolean } {
  const missing = programs.filter((program) => !isInstalled(program));
  if (missing.length === 0 || Deno.env.get("CI") === "true") return { ignore: false };
  for (const path of missing) report({ program: path.slice(path.lastIndexOf("/") + 1) });
  return { ignore: true };
}

/** Returns options of a test that is left out for another reason, to follow "needs". */
export function leftOut(reason: string): { ignore: true } {
  report({ reason });
  return { ignore: true };
}

/**
 * Tells whether a program is on the `PATH`. A program that is given by its path must be in a folder
 * of the `PATH`, so that a test run with a bare `PATH` is that of a bare machine.
 */
export function isInstalled(program: string): boolean {
  const slash = program.lastIndexOf("/");
  const folders = (Deno.env.get("PATH") ?? "").split(WINDOWS ? ";" : ":");
  if (slash >= 0) return folders.includes(program.slice(0, slash)) && isFile(program);
  const file = WINDOWS ? `${program}.exe` : program;
  return folders.some((folder) => isFile(`${folder}/${file}`));
}

const WINDOWS = Deno.build.os === "windows";
const reported = new Set<string>();

/** Reports why tests are left out: to `tests/run.ts`, or on the terminal. Each reason once. */
function report(entry: LeftOut): void {
  const line = JSON.stringify(entry);
  if (reported.has(line)) return;
  reported.add(line);
  const file = Deno.env.get(LEFT_OUT_FILE);
  if (file) Deno.writeTextFileSync(file, `${line}\n`, { append: true });
  else console.log(`Left out: tests that need ${entry.program ?? entry.reason}`);
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}
