import { TIMESYNC_FOLDER } from "./settings.ts";

/**
 * Returns whether the machine's clock has been set since its start. A machine without a battery for
 * its clock, such as a Raspberry Pi, starts with a wrong time; systemd creates a file when it has
 * set the clock. Where systemd does not set the clock, it counts as set.
 */
export async function isClockSet(folder = TIMESYNC_FOLDER): Promise<boolean> {
  return !await exists(folder) || await exists(`${folder}/synchronized`);
}

async function exists(path: string): Promise<boolean> {
  const { state } = await Deno.permissions.query({ name: "read", path });
  if (state !== "granted") return false; // Deno would ask on a terminal
  try {
    await Deno.stat(path);
    return true;
  } catch {
    return false; // it does not exist
  }
}
