/** Tells whether a program is on the `PATH`, or whether a path is a file. */
export function isInstalled(program: string): boolean {
  if (program.startsWith("/")) return isFile(program);
  return (Deno.env.get("PATH") ?? "").split(":").some((folder) => isFile(`${folder}/${program}`));
}

/**
 * Returns options for a test that needs programs, as in `Deno.test(name, needing("ffmpeg"), fn)`.
 * Where one is missing, prints which one and has the test ignored; with `CI=true` the test runs,
 * and fails.
 */
export function needing(...programs: string[]): { ignore: boolean } {
  const missing = programs.filter((program) => !isInstalled(program));
  if (missing.length === 0 || Deno.env.get("CI") === "true") return { ignore: false };
  printIgnored(`needs ${missing.join(", ")} (not installed)`);
  return { ignore: true };
}

const printed = new Set<string>();

/** Prints why tests of this file are ignored, each reason once. */
export function printIgnored(reason: string): void {
  if (printed.has(reason)) return;
  printed.add(reason);
  const line = `Ignored: ${reason}`;
  try {
    // `deno test -q` discards the console output of a file that is being loaded.
    Deno.writeTextFileSync("/dev/stderr", `${line}\n`, { append: true, create: false });
  } catch {
    console.log(line); // no such file on this system
  }
}

/** The interpreter of the stand-in for the Raspberry Pi's camera program. */
export const PYTHON = "/usr/bin/python3";

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}
