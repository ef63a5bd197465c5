import { fromFileUrl, resolve } from "../path.ts";
import type { Config } from "../config.ts";
import type { Env } from "../env.ts";
import {
  ALL_DRIVER_PERMISSIONS,
  type DriverPermission,
  loadDriverPermissions,
} from "../permissions/driver_permissions.ts";
import {
  formatPermissions,
  neededPermissions,
  OWN_FOLDERS,
  type Permissions,
} from "../permissions/flags.ts";
import { planPermissions } from "../permissions/plan.ts";
import type { Command } from "./flags.ts";
import { hasPermissionSet, PERMISSION_SET, ROOT } from "./permission_set.ts";
import { replaceProcess } from "./replace_process.ts";
import { type ServerConfig, SETTINGS } from "./settings.ts";

/**
 * Variable with the id of the process that has replaced itself. The new process, which has the same
 * id, or is a child process, already has the right permissions.
 */
const MARKER = "DINOCAM_REPLACED";

/** Options of {@link restrictPermissions}. */
export interface RestrictOptions {
  readonly config: ServerConfig;
  readonly env: Env;
  /** Secrets that have been removed from the environment. */
  readonly secrets: Env;
  /** Whether there is a file `.env`. */
  readonly dotenv: boolean;
}

/**
 * Restricts the permissions in `deno.json`, which `deno run -P` has granted, to those that the
 * settings need: gives up the others, or replaces this process by one with the right flags. Does
 * nothing if the user has granted other permissions.
 *
 * @returns A function that gives up the permissions that are needed only until the server listens.
 */
export async function restrictPermissions(
  command: Command,
  { config, env, secrets, dotenv }: RestrictOptions,
): Promise<() => void> {
  const isReplaced = [Deno.pid, Deno.ppid].includes(Number(Deno.env.get(MARKER)));
  Deno.env.delete(MARKER);
  if (isReplaced || !hasPermissionSet()) return () => {};
  const drivers = await driverPermissions(config, command !== "serve");
  const needed = neededPermissions({ config, drivers, settings: SETTINGS, env, dotenv });
  const plan = planPermissions(needed, PERMISSION_SET);
  if (plan === "replace") return await startAnew(needed, secrets);
  revoke(plan.now);
  return () => revoke(plan.listening);
}

/**
 * Returns the permissions that the drivers need.
 *
 * @param allDrivers Whether every driver is used, not only those of the cameras.
 */
export async function driverPermissions(
  { cameras, camerasDir }: Pick<Config, "camerasDir"> & Pick<ServerConfig, "cameras">,
  allDrivers: boolean,
): Promise<ReadonlySet<DriverPermission>> {
  // A driver in CAMERAS_DIR may have the same name as a built-in driver.
  if (allDrivers || camerasDir) return new Set(ALL_DRIVER_PERMISSIONS);
  const permissions = await Promise.all(cameras.map(({ driver }) => loadDriverPermissions(driver)));
  return new Set(permissions.flat());
}

async function startAnew(needed: Permissions, secrets: Env): Promise<never> {
  // The paths of flags are relative to the working directory.
  const inRoot = Deno.cwd() === resolve(ROOT);
  const read = inRoot
    ? needed.read
    : needed.read.map((path) => OWN_FOLDERS.includes(path) ? resolve(ROOT, path) : path);
  const main = fromFileUrl(new URL("../../main.ts", import.meta.url));
  const flags = formatPermissions({ ...needed, read });
  for (const [name, value] of Object.entries({ ...secrets, [MARKER]: `${Deno.pid}` })) {
    if (value !== undefined) Deno.env.set(name, value);
  }
  return await replaceProcess(Deno.execPath(), ["run", "-q", ...flags, main, ...Deno.args]);
}

function revoke(permissions: readonly Deno.PermissionDescriptor[]): void {
  for (const permission of permissions) Deno.permissions.revokeSync(permission);
}
