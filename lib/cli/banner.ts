import { type Access, isLoopback } from "../auth/mod.ts";
import type { CameraGroup } from "../camera/camera_groups.ts";
import type { Config } from "../config.ts";
import type { SettingsReview } from "./review_settings.ts";

/** Contents of the banner besides the settings. */
export interface BannerOptions {
  readonly version: string;
  readonly access: Access;
  /** Base URLs of the server. */
  readonly addresses: readonly string[];
  /** The drivers that discover cameras. @default {[]} */
  readonly groups?: readonly Pick<CameraGroup, "driver" | "position">[];
  /** The settings in use, and the warnings about them. */
  readonly review: SettingsReview;
  /** What is recorded, and where; undefined if nothing is. */
  readonly recording?: string;
  /** What is published, and where; undefined if nothing is. */
  readonly publishing?: string;
}

/**
 * Returns the lines that the server prints when it is ready: its cameras, address, access and
 * settings.
 */
export function banner(
  { cameras, host }: Pick<Config, "cameras" | "host">,
  { version, access, addresses, groups = [], review, recording, publishing }: BannerOptions,
): string {
  const names = cameras.map(({ name, driver }) => name === driver ? name : `${name} (${driver})`);
  for (const { driver, position } of groups.toReversed()) {
    names.splice(position, 0, `all cameras of ${driver}`);
  }
  return [
    `dinocam ${version} serves ${names.join(", ")}`,
    ...addressLines(addresses),
    describeAccess(access, host),
    ...recording ? [recording] : [],
    ...publishing ? [publishing] : [],
    review.settings,
    ...review.warnings.map(({ text, advice }) => `Warning: ${text}; ${advice}`),
  ].join("\n");
}

function addressLines(addresses: readonly string[]): string[] {
  if (addresses.length === 0) return ["Watch at the addresses of this machine"];
  return addresses.map((address, i) => `${i === 0 ? "Watch at" : "      or"} ${address}/`);
}

function describeAccess(access: Access, host: string): string {
  switch (access) {
    case "this machine":
      return "Reachable from this machine only. To allow your network: " +
        "HOST=0.0.0.0 AUTH=user:password";
    case "anyone":
      return "No password required (AUTH=none): anyone who can connect can watch";
    default:
      return "Password required: the user name and password of AUTH" +
        // The password suggests that the server was meant for other machines, too.
        (isLoopback(host)
          ? ". Reachable from this machine only. To allow your network: HOST=0.0.0.0"
          : "");
  }
}
