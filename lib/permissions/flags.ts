import type { Config } from "../config.ts";
import type { Env } from "../env.ts";
import { hostInUrl } from "../host.ts";
import { LINUX_LIBRARIES, MACOS_LIBRARIES } from "../libc.ts";
import { TURBOJPEG_LIBRARIES } from "../pixels/turbojpeg_library.ts";
import type { Setting, SettingPermissions } from "../setting.ts";
import type { DriverPermission } from "./driver_permissions.ts";

/** Folders with the modules that the server loads by name, and with the pages. */
export const OWN_FOLDERS = ["cameras", "lib", "static"];

/** Options of {@link permissionFlags}. */
export interface FlagsOptions {
  /**
   * Undefined if a setting is invalid: the flags are then the minimum, and the server reports the
   * setting.
   */
  readonly config: Pick<Config, "host" | "port"> | undefined;
  /** Permissions that the drivers need. */
  readonly drivers: ReadonlySet<DriverPermission>;
  readonly settings: readonly Setting[];
  readonly env: Env;
  /** Whether to permit reading the file `.env`, which the server checks and does not use. */
  readonly dotenv?: boolean;
}

/** Deno permissions by kind: lists of values, or `true` for all. */
export interface Permissions {
  readonly read: readonly string[];
  readonly write: readonly string[];
  /** Address to listen on; undefined if a setting is invalid. */
  readonly listen: string | undefined;
  /** Servers to connect to. */
  readonly connect: readonly string[] | true;
  readonly run: readonly string[] | true;
  readonly sys: readonly string[];
  readonly ffi: readonly string[];
}

/** Returns the Deno permissions that the server needs with these settings, besides `env`. */
export function neededPermissions(options: FlagsOptions): Permissions {
  const { config, drivers, settings, env, dotenv = false } = options;
  const used = config ? settings : [];
  const others = used.flatMap((setting) => permissionsFor(setting, env));
  return {
    read: [
      ...OWN_FOLDERS,
      ...pathsOf(used.filter(({ path }) => path), env),
      ...others.flatMap(({ read = [] }) => read),
      ...dotenv ? [".env"] : [],
    ],
    write: pathsOf(used.filter(({ path }) => path === "write"), env),
    listen: config && listenAddress(config),
    connect: drivers.has("net") || valuesIn(others.map(({ net = [] }) => net)),
    run: drivers.has("run") || valuesIn(others.map(({ run = [] }) => run)),
    sys: [
      // To print the addresses of this machine.
      ...config && ["0.0.0.0", "::"].includes(config.host) ? ["networkInterfaces"] : [],
      ...others.flatMap(({ sys = [] }) => sys),
    ],
    ffi: librariesOf(Deno.build.os),
  };
}

/**
 * Returns the Deno permissions that the server needs with these settings, as flags for `deno run`
 * in a shell.
 */
export function permissionFlags(options: FlagsOptions): string[] {
  return formatPermissions(neededPermissions(options), /^[^\s,]+$/);
}

/**
 * Formats permissions as flags for `deno run`.
 *
 * @param fits Matches the values that a flag can contain: another value makes the permission
 * unrestricted. In a list for Deno, a value cannot contain a comma.
 */
export function formatPermissions(
  { read, write, listen, connect, run, sys, ffi }: Permissions,
  fits = /^[^,]+$/,
): string[] {
  const flagFor = (name: string, values: readonly string[] | true): string[] => {
    if (values === true || values.some((value) => !fits.test(value))) return [`--allow-${name}`];
    return values.length > 0 ? [flag(name, [...new Set(values)])] : [];
  };
  return [
    "--no-prompt",
    "--allow-env",
    ...flagFor("read", read),
    ...flagFor("write", write),
    ...flagFor("net", connect === true || [...listen ? [listen] : [], ...connect]),
    // Deno ignores a program that is not installed, and says so only without -q.
    ...flagFor("run", run),
    ...flagFor("sys", sys),
    ...flagFor("ffi", ffi),
  ];
}

/** Joins lists of permitted values; returns `true` if any value is permitted. */
function valuesIn(lists: readonly (readonly string[] | "any")[]): readonly string[] | true {
  return lists.includes("any") || [...new Set(lists.flatMap((list) => list))];
}

/**
 * Returns the permissions of a compiled binary. They are fixed when it is compiled, so they cover
 * all settings.
 */
export function compileFlags(settings: readonly Setting[]): string[] {
  const sys = settings.flatMap(({ permissions }) =>
    typeof permissions === "object" ? permissions.sys ?? [] : []
  );
  return [
    ...["--no-prompt", "--allow-env", "--allow-net", "--allow-run", "--allow-read"],
    flag("sys", ["networkInterfaces", ...sys]),
    ...settings.some(({ path }) => path === "write") ? ["--allow-write"] : [],
    flag("ffi", [...librariesOf("linux"), ...librariesOf("darwin")]),
  ];
}

/** A fingerprint, or the text of a certificate, instead of a path. */
const NO_PATH =
  /^sha256:|^(?:sha-?256)?(?: fingerprint)?\s*[:=]?\s*(?:[\da-f]{2}[:\s-]?){32}$|-----BEGIN CERTIFICATE-----/i;

/** Returns the paths in settings, also in those of one camera (`FRONT_SOURCE_CERT`). */
function pathsOf(settings: readonly Setting[], env: Env): string[] {
  return settings.flatMap((setting) => valuesOf(setting, env)).filter((path) =>
    !NO_PATH.test(path)
  );
}

/** Returns the permissions for the values of a setting. */
function permissionsFor(setting: Setting, env: Env): SettingPermissions[] {
  const { permissions } = setting;
  if (!permissions) return [];
  const values = valuesOf(setting, env);
  if (typeof permissions === "function") return values.map((value) => permissions(value));
  return values.length > 0 ? [permissions] : [];
}

/** Returns the values of a setting, for the server and for single cameras (`FRONT_AUDIO`). */
function valuesOf({ name, perCamera }: Setting, env: Env): string[] {
  const names = perCamera
    ? Object.keys(env).filter((other) => other === name || other.endsWith(`_${name}`))
    : [name];
  return names.map((name) => env[name]?.trim() ?? "").filter((value) => value !== "");
}

/** Returns the address to listen on. With port 0, the system chooses the port: any is permitted. */
function listenAddress({ host, port }: Pick<Config, "host" | "port">): string {
  const address = hostInUrl(host);
  return port === 0 ? address : `${address}:${port}`;
}

/**
 * Returns the paths of the C library, for system calls that Deno does not offer: see
 * `lib/sockets/`, and those of libturbojpeg.
 */
function librariesOf(os: typeof Deno.build.os): readonly string[] {
  const system = { linux: LINUX_LIBRARIES, darwin: MACOS_LIBRARIES }[os as string] ?? [];
  return [...system, ...TURBOJPEG_LIBRARIES[os] ?? []];
}

function flag(name: string, values: readonly string[]): string {
  return `--allow-${name}=${values.join(",")}`;
}
