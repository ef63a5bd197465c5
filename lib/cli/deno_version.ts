/** Minimum version of Deno. */
export const MIN_DENO_VERSION = "2.5.0";

/** Whether a version of Deno is supported. */
export function isSupported(version: string): boolean {
  const [major = 0, minor = 0, patch = 0] = numbersOf(version);
  const [minMajor = 0, minMinor = 0, minPatch = 0] = numbersOf(MIN_DENO_VERSION);
  return (major - minMajor || minor - minMinor || patch - minPatch) >= 0;
}

function numbersOf(version: string): number[] {
  return version.split(/[.+-]/, 3).map(Number);
}
