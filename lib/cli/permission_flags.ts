import type { Env } from "../env.ts";
import { ConfigError } from "../errors.ts";
import { permissionFlags } from "../permissions/flags.ts";
import { isSupported } from "./deno_version.ts";
import { readEnvironment } from "./environment.ts";
import { readServerConfig, type ServerConfig, SETTINGS } from "./settings.ts";
import { driverPermissions } from "./start_permissions.ts";

// Prints the permission flags of the server, for `deno task dev`. The argument is `all` for commands
// that use every driver. On an unsupported Deno it prints nothing: the server then reports the
// version.
if (isSupported(Deno.version.deno)) {
  const flags = await flagsFor(Deno.args[0] === "all");
  console.log(flags.join(" "));
}

async function flagsFor(allDrivers: boolean): Promise<string[]> {
  const env = readEnvironment();
  const config = readValidConfig(env);
  const drivers = config ? await driverPermissions(config, allDrivers) : new Set<never>();
  const dotenv = await isFile(".env");
  return permissionFlags({
    config,
    drivers,
    settings: SETTINGS,
    env,
    dotenv,
  });
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isFile;
  } catch {
    return false; // it does not exist, or cannot be read
  }
}

/** Reads the settings; undefined if a setting is invalid: the server reports the error. */
function readValidConfig(env: Env): ServerConfig | undefined {
  try {
    return readServerConfig(env);
  } catch (error) {
    if (error instanceof ConfigError) return undefined;
    throw error;
  }
}
