import { type Config, readConfig } from "../config.ts";
import type { Env } from "../env.ts";
import { ConfigError } from "../errors.ts";
import { LINUX_LIBRARIES, MACOS_LIBRARIES } from "../libc.ts";

/** What a driver of ours needs of Deno, besides reading its own files. */
interface DriverPermissions {
  /** To run programs: any, as their names are settings, and only so can what they start be stopped. */
  readonly run?: boolean;
  /** To connect to other machines. */
  readonly connect?: boolean;
}

/** A driver that is not named here may do both: it is the user's own. */
const DRIVER_PERMISSIONS: Record<string, DriverPermissions> = {
  emulated: {},
  exec: { run: true },
  mjpeg: { connect: true },
  opencv: { run: true },
  pi: { run: true },
  usb: { run: true },
};

/** For what Deno has no call: see `lib/sockets/`. */
const LIBRARIES = { linux: LINUX_LIBRARIES, darwin: MACOS_LIBRARIES }[Deno.build.os as string] ??
  [];

/** Our own code that is loaded by name, and the pages; the rest needs no permission. */
const OWN_FOLDERS = ["cameras", "lib", "static"];

/**
 * The permissions of Deno that the server needs with these settings, and no others, as flags for
 * `deno run`. Settings that cannot be are given the fewest: the server itself tells what is wrong.
 *
 * @param all Whether it is for any camera, as for looking which ones there are.
 */
export function permissionFlags(env: Env, all = false): string[] {
  const config = readOrNothing(env);
  const needsOf = (driver: string) =>
    all || config?.camerasDir ? undefined : DRIVER_PERMISSIONS[driver];
  const needs = config?.cameras.map(({ driver }) => needsOf(driver)) ?? [{}];
  const paths = [...OWN_FOLDERS, config?.camerasDir, config?.tls?.cert, config?.tls?.key];
  return [
    "--no-prompt",
    "--allow-env",
    flag("read", paths.filter((path) => path !== undefined)),
    ...needs.some((one) => !one || one.connect)
      ? ["--allow-net"]
      : config
      ? [listening(config)]
      : [],
    ...needs.some((one) => !one || one.run) ? ["--allow-run"] : [],
    ...LIBRARIES.length > 0 ? [flag("ffi", LIBRARIES)] : [],
  ];
}

function readOrNothing(env: Env): Config | undefined {
  try {
    return readConfig(env);
  } catch (error) {
    if (error instanceof ConfigError) return undefined;
    throw error;
  }
}

/** The permission to listen; any port of that address where the system is to choose one. */
function listening({ host, port }: Config): string {
  const address = host.includes(":") ? `[${host}]` : host;
  return flag("net", [port === 0 ? address : `${address}:${port}`]);
}

/** A list cannot hold a comma, nor the command line in `deno.json` a space: then it is all of the kind. */
function flag(name: string, values: readonly string[]): string {
  const fits = values.every((value) => /^[^\s,]+$/.test(value));
  return fits ? `--allow-${name}=${values.join(",")}` : `--allow-${name}`;
}

if (import.meta.main) {
  console.log(permissionFlags(Deno.env.toObject(), Deno.args[0] === "all").join(" "));
}
