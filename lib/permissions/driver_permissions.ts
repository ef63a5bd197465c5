/**
 * A Deno permission that a driver can need. `run` is for any program: settings name the programs,
 * and signals to a process group need it.
 */
export type DriverPermission = "run" | "net";

/** The permissions of a driver that does not state any, such as a user's own. */
export const ALL_DRIVER_PERMISSIONS: readonly DriverPermission[] = ["run", "net"];

/** Loads the permissions that `cameras/<driver>/requirements.ts` states. */
export async function loadDriverPermissions(driver: string): Promise<readonly DriverPermission[]> {
  const file = new URL(`../../cameras/${driver}/requirements.ts`, import.meta.url);
  if (!await isFile(file)) return ALL_DRIVER_PERMISSIONS;
  const { default: { permissions } } = await import(file.href);
  return permissions;
}

async function isFile(url: URL): Promise<boolean> {
  try {
    return (await Deno.stat(url)).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
