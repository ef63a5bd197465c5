/** Whether a program is on the `PATH`. */
export function isInstalled(program: string): boolean {
  if (program.startsWith("/")) return isFile(program);
  return (Deno.env.get("PATH") ?? "").split(":").some((folder) => isFile(`${folder}/${program}`));
}

/**
 * For `Deno.test(name, needing("ffmpeg"), fn)`: the test is ignored where the program is missing, and that
 * is said. Under `CI=true` it runs all the same, and fails.
 */
export function needing(...programs: string[]): { ignore: boolean } {
  const missing = programs.filter((program) => !isInstalled(program));
  if (missing.length === 0 || Deno.env.get("CI") === "true") return { ignore: false };
  console.log(`A test is ignored as this machine has no ${missing.join(", ")}`);
  return { ignore: true };
}

/** What the stand-in for the Pi's camera program runs on. */
export const PYTHON = "/usr/bin/python3";

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}
