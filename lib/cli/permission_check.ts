import type { Config } from "../config.ts";
import { ConfigError } from "../errors.ts";
import { hostInUrl } from "../host.ts";
import { type HubAddress, serverOf } from "../nats/settings.ts";
import { fromFileUrl } from "../path.ts";
import { type AudioSource, FFMPEG } from "../sound/settings.ts";
import type { Command } from "./flags.ts";
import { commandLine, currentLauncher } from "./launcher.ts";

/** Folders that the server reads. */
const FOLDERS = ["cameras", "static"].map((folder) =>
  fromFileUrl(new URL(`../../${folder}`, import.meta.url))
);

/**
 * Checks whether Deno permits the program to read its settings and its files. In a terminal, Deno
 * would ask for each permission in turn.
 *
 * @throws {ConfigError} If a permission is missing.
 */
export function requireStartPermissions(command: Command): void {
  requirePermissions(command, [
    { name: "env" },
    { name: "env", variable: "AUTH" }, // read, and then removed
    { name: "env", variable: "NATS_URL" },
    ...FOLDERS.map((path) => ({ name: "read", path }) as const),
  ]);
}

/** Checks whether Deno permits the server to listen. @throws {ConfigError} If it does not. */
export function requireListenPermission({ host, port }: Pick<Config, "host" | "port">): void {
  const address = hostInUrl(host);
  requirePermissions("serve", [{ name: "net", host: port === 0 ? address : `${address}:${port}` }]);
}

/**
 * Checks whether Deno permits the server to connect to the hub.
 *
 * @param ca The path in `NATS_CA`.
 * @throws {ConfigError} If it does not.
 */
export function requireHubPermission(hubs: readonly HubAddress[], ca: string | undefined): void {
  requirePermissions("serve", [
    ...hubs.map((hub) => ({ name: "net", host: serverOf(hub) }) as const),
    ...ca === undefined ? [] : [{ name: "read", path: ca } as const],
  ]);
}

/** Checks whether Deno permits the server to record. @throws {ConfigError} If it does not. */
export function requireRecordPermissions(dir: string): void {
  requirePermissions("serve", [
    { name: "read", path: dir },
    { name: "write", path: dir },
    { name: "sys", kind: "statfs" }, // the free space
  ]);
}

/**
 * Checks whether Deno permits the server to capture sound.
 *
 * @throws {ConfigError} If it does not.
 */
export function requireSoundPermissions(audio: AudioSource): void {
  if (audio.type === "address") {
    requirePermissions("serve", [{ name: "net", host: audio.address.url.host }]);
  } else if (audio.type === "device" || audio.type === "program") {
    const command = audio.type === "device" ? FFMPEG : audio.program;
    if (!isMissing(command)) requirePermissions("serve", [{ name: "run", command }]);
  }
}

/**
 * Whether a program is not installed, although Deno permits it: `querySync` reports this as a
 * missing permission. The microphone fails later, with a hint how to install the program.
 */
function isMissing(command: string): boolean {
  const { state } = Deno.permissions.querySync({ name: "run", command });
  if (state === "granted") return false;
  try {
    // It is started only if the answer was wrong.
    new Deno.Command(command, { stdin: "null", stdout: "null", stderr: "null" }).spawn().unref();
    return true;
  } catch (error) {
    return !(error instanceof Deno.errors.NotCapable);
  }
}

function requirePermissions(
  command: Command,
  permissions: readonly Deno.PermissionDescriptor[],
): void {
  // querySync never prompts.
  const missing = permissions.filter((one) => Deno.permissions.querySync(one).state !== "granted");
  if (missing.length === 0) return;
  const flags = [...new Set(missing.map(({ name }) => `--allow-${name}`))];
  const noun = flags.length === 1 ? "permission" : "permissions";
  const task = command === "serve" ? "start" : command;
  throw new ConfigError(
    `Cannot run without Deno's ${noun} ${flags.join(" and ")}: type ` +
      `${commandLine(task, currentLauncher())}, or use deno run --allow-all`,
  );
}
