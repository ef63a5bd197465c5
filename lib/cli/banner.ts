import type { Access } from "../auth/mod.ts";
import type { Config } from "../config.ts";
import { hostInUrl } from "../host.ts";
import type { SettingsReview } from "./review_settings.ts";

/** Contents of the banner besides the settings. */
export interface BannerOptions {
  readonly version: string;
  readonly access: Access;
  /** The port that the server listens on. */
  readonly port: number;
  /** The settings in use, and what is wrong with them. */
  readonly review: SettingsReview;
}

/**
 * Returns the lines that the server prints when it is ready: its cameras, address, access and
 * settings.
 */
export function banner(config: Config, { version, access, port, review }: BannerOptions): string {
  const { host, cameras, tls } = config;
  const names = cameras.map(({ name, driver }) => name === driver ? name : `${name} (${driver})`);
  return [
    `dinocam ${version} serves ${names.join(", ")}`,
    `Watch at http${tls ? "s" : ""}://${reachableHost(host)}:${port}/`,
    describeAccess(access),
    review.settings,
    ...review.warnings.map(({ text, advice }) => `Warning: ${text}; ${advice}`),
  ].join("\n");
}

function reachableHost(host: string): string {
  if (["0.0.0.0", "::"].includes(host)) return "<this machine's address>";
  return hostInUrl(host);
}

function describeAccess(access: Access): string {
  switch (access) {
    case "this machine":
      return "Reachable from this machine only. To allow your network: " +
        "HOST=0.0.0.0 AUTH=user:password";
    case "anyone":
      return "No password required (AUTH=none): anyone who can connect can watch";
    default:
      return "Password required: the user name and password of AUTH";
  }
}
