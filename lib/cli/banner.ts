import { type Access, isLoopback } from "../auth/mod.ts";
import type { Config } from "../config.ts";
import type { SettingsReview } from "./review_settings.ts";

/** Contents of the banner besides the settings. */
export interface BannerOptions {
  readonly version: string;
  readonly access: Access;
  /** Base URLs of the server. */
  readonly addresses: readonly string[];
  /** The settings in use, and the warnings about them. */
  readonly review: SettingsReview;
  /** What is recorded, and where; undefined if nothing is. */
  readonly recording?: string;
}

/**
 * Returns the lines that the server prints when it is ready: its cameras, address, access and
 * settings.
 */
export function banner(
  config: Config,
  { version, access, addresses, review, recording }: BannerOptions,
): string {
  const { cameras, host } = config;
  const names = cameras.map(({ name, driver }) => name === driver ? name : `${name} (${driver})`);
  return [
    `dinocam ${version} serves ${names.join(", ")}`,
    ...addressLines(addresses),
    describeAccess(access, host),
    ...recording ? [recording] : [],
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
