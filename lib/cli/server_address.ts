import type { Access } from "../auth/mod.ts";
import type { Config } from "../config.ts";
import { hostInUrl } from "../host.ts";
import type { ServerInfo } from "../live/mod.ts";

/** Hosts that stand for all addresses of this machine. */
const ALL_ADDRESSES = ["0.0.0.0", "::"];

/** A network address of this machine. */
export type NetworkInterface = Pick<Deno.NetworkInterfaceInfo, "family" | "address">;

/**
 * Returns the base URLs of the server, without a slash at the end. If it listens on all addresses,
 * these are the machine's addresses in its networks.
 *
 * @param interfaces The machine's addresses; empty if Deno does not permit reading them.
 */
export function serverAddresses(
  { host, tls }: Pick<Config, "host" | "tls">,
  port: number,
  interfaces: readonly NetworkInterface[] = networkInterfaces(),
): string[] {
  const hosts = ALL_ADDRESSES.includes(host) ? networkHosts(host, interfaces) : [host];
  return hosts.map((name) => `http${tls ? "s" : ""}://${hostInUrl(name)}:${port}`);
}

/** Describes how clients reach the server, for the page. */
export function describeServer(config: Config, access: Access, port: number): ServerInfo {
  return {
    addresses: serverAddresses(config, port),
    auth: typeof access === "object",
    reachable: access === "this machine" ? "this machine" : "network",
  };
}

function networkHosts(host: string, interfaces: readonly NetworkInterface[]): string[] {
  const families = host === "::" ? ["IPv4", "IPv6"] : ["IPv4"]; // IPv4 first: shorter to type
  return families.flatMap((wanted) =>
    interfaces.filter(({ family, address }) => family === wanted && isUsable(address))
      .map(({ address }) => address)
  );
}

/**
 * Whether other machines can use an address: not loopback, and not link-local, which needs a zone.
 */
function isUsable(address: string): boolean {
  return !/^(127\.|::1$|169\.254\.|fe[89ab])/i.test(address);
}

function networkInterfaces(): Deno.NetworkInterfaceInfo[] {
  const { state } = Deno.permissions.querySync({ name: "sys", kind: "networkInterfaces" });
  return state === "granted" ? Deno.networkInterfaces() : [];
}
