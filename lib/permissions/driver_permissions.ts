/**
 * A Deno permission that a driver can need. `run` covers any program: settings name the programs,
 * and signals to a process group need the unrestricted permission.
 */
export type DriverPermission = "run" | "net";

/** The permissions of a driver without `requirements.ts`, such as a user's driver. */
export const ALL_DRIVER_PERMISSIONS: readonly DriverPermission[] = ["run", "net"];

/** Loads the permissions in `cameras/<driver>/requirements.ts`. */
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
