import { type Env, isCameraName, parse } from "../env.ts";
import { ConfigError, explain } from "../errors.ts";
import { hostInUrl } from "../host.ts";
import { decodePercent } from "../percent.ts";
import { isQuoted, quote } from "../quote.ts";
import type { SettingPermissions, SettingTable } from "../setting.ts";

/** Name of the driver for cameras that come from the hub: they are not published again. */
export const NATS_DRIVER = "nats";

/** The default port of each scheme of `NATS_URL`. */
const PORTS = { nats: 4222, tls: 4222, ws: 80, wss: 443 } as const;

/** Schemes of `NATS_URL`; `nats` and `ws` are without TLS, though a hub can require it of `nats`. */
type Scheme = keyof typeof PORTS;

/** How a client logs in to the hub. */
export type HubCredentials =
  | { readonly user: string; readonly password: string }
  | { readonly token: string };

/** One address of `NATS_URL`. */
export interface HubAddress {
  readonly scheme: Scheme;
  /** A host name or an address; an IPv6 address without brackets. */
  readonly host: string;
  readonly port: number;
  /** Path of a WebSocket, with its query; otherwise empty. */
  readonly path: string;
  readonly credentials: HubCredentials | undefined;
}

/** The value of `PUBLISH`: all cameras of this server, or their names. */
export type PublishValue = "all" | readonly string[];

/**
 * The settings of the connection to a hub. The server reads them before it loads this module, so
 * this file imports nothing of it.
 */
export const NATS_SETTINGS = {
  url: {
    name: "NATS_URL",
    alternatives: [
      ...["NATS", "NATS_URI", "NATS_URLS", "NATS_SERVER", "NATS_SERVERS", "NATS_ADDRESS"],
      ...["NATS_HOST", "NATS_HUB", "HUB", "HUB_URL", "HUB_ADDRESS", "NATS_USER", "NATS_PASSWORD"],
      ...["NATS_TOKEN"],
    ],
    meaning: "address of the hub, a NATS server: `tls://user:password@host:4222`, `nats://…`, " +
      "`wss://…`; several with commas",
    secret: true, // read by readHubAddresses(), and kept away from drivers
    permissions: hubPermissions,
  },
  publish: {
    name: "PUBLISH",
    alternatives: ["PUBLISH_CAMERAS", "PUBLISHED", "NATS_PUBLISH"],
    meaning: "cameras to publish at the hub: `all`, or names: `front,yard`",
    requires: "NATS_URL",
    read: readPublish,
  },
  ca: {
    name: "NATS_CA",
    alternatives: [
      ...["NATS_CA_FILE", "NATS_CERT", "NATS_CERTIFICATE", "NATS_CA_CERT", "NATS_TLS_CA", "HUB_CA"],
    ],
    meaning: "PEM file with a certificate to trust for the hub",
    path: "read",
    requires: "NATS_URL",
    read: (env: Env, name: string): string | undefined =>
      parse(env, name, "a path", (text) => isQuoted(text) ? undefined : text),
  },
} as const satisfies SettingTable;

/** Variables of other NATS clients that name a file with credentials. */
const CREDENTIAL_FILES = ["NATS_CREDS", "NATS_CREDENTIALS", "NATS_NKEY", "NATS_NKEY_SEED"];

/** A NATS URL up to its path. The authority ends at a `/`, `?` or `#`. */
const ADDRESS = /^(?:([a-z][a-z\d+.-]*):\/\/)?([^/?#]*)([^]*)$/i;

const EXAMPLES = "it must begin with nats://, tls://, wss:// or ws://";

/**
 * Reads `NATS_URL`: one or several addresses with commas between. Messages contain nothing of the
 * value, as it may be a password. User name, password and scheme of an address are also those of
 * the addresses after it that are a host only.
 *
 * @returns Undefined if it is not set.
 * @throws {ConfigError} If it is invalid, or if a password would be sent over the internet without
 * TLS.
 */
export function readHubAddresses(env: Env): readonly HubAddress[] | undefined {
  const text = env.NATS_URL?.trim();
  if (!text) return undefined;
  const file = CREDENTIAL_FILES.find((name) => env[name]?.trim());
  if (file) {
    throw new ConfigError(
      `Cannot use ${file}, as files with credentials are not supported: write a user name and a ` +
        "password, or a token, into NATS_URL",
    );
  }
  if (isQuoted(text)) throw unreadable("remove its quotation marks");
  // deno-lint-ignore no-control-regex
  if (/[\x00-\x20\x7f]/.test(text.replaceAll(/\s*,\s*/g, ","))) {
    throw unreadable("it contains a space or a control character; in a password write it as %20");
  }
  // A comma in a password does not end an address, as no scheme follows.
  const addresses = text.split(/\s*,\s*(?=[a-z][a-z\d+.-]*:\/\/)/i).flatMap(readAddresses);
  for (const address of addresses) requireSafePassword(address);
  return addresses;
}

/** Reads an address and the hosts after it: `nats://user:password@a:4222,b:4222`. */
function readAddresses(text: string): HubAddress[] {
  const [, scheme = "nats", authority = "", location = ""] = ADDRESS.exec(text) ?? [];
  const known = scheme.toLowerCase();
  if (!isScheme(known)) throw unreadable(EXAMPLES);
  if (location.includes("@")) {
    throw unreadable("in a user name or a password write / as %2F, ? as %3F and # as %23");
  }
  const at = authority.lastIndexOf("@");
  const credentials = at < 0 ? undefined : readCredentials(authority.slice(0, at));
  const hosts = authority.slice(at + 1).split(/\s*,\s*/).filter((host, i) => host || i === 0);
  return hosts.map((host) => ({
    scheme: known,
    ...readHostAndPort(host, known),
    path: readLocation(location, known),
    credentials,
  }));
}

function isScheme(text: string): text is Scheme {
  return Object.hasOwn(PORTS, text);
}

function readHostAndPort(text: string, scheme: Scheme): { host: string; port: number } {
  const [, host = "", port] = /^(\[[^\]]*\]|[^:]*)(?::(\d{1,5}))?$/.exec(text) ?? [];
  if (!host) throw unreadable(text === "" ? "the host is missing" : "its host or port is invalid");
  const url = URL.parse(`http://${host}`);
  const number = port === undefined ? PORTS[scheme] : Number(port);
  if (!url || url.host !== url.hostname || number < 1 || number > 65_535) {
    throw unreadable("its host or port is invalid");
  }
  return { host: url.hostname.replace(/^\[|\]$/g, ""), port: number };
}

function readLocation(text: string, scheme: Scheme): string {
  if (scheme === "ws" || scheme === "wss") return text.replace(/#.*$/s, "") || "/";
  if (text.replace(/^\//, "") === "") return "";
  throw unreadable(`an address with ${scheme}:// ends after the port`);
}

function readCredentials(userInfo: string): HubCredentials | undefined {
  const [, user = "", colon, password = ""] = /^([^:]*)(:?)(.*)$/s.exec(userInfo)!;
  if (!user && !password) return undefined;
  if (!user) throw unreadable("the user's name is missing before the colon");
  return colon
    ? { user: decodePercent(user), password: decodePercent(password) }
    : { token: decodePercent(user) };
}

/** Refuses to send a password, or a token, without TLS to a host on the internet. */
function requireSafePassword({ scheme, host, credentials }: HubAddress): void {
  if (!credentials || scheme === "tls" || scheme === "wss" || isLocalHost(host)) return;
  const secure = scheme === "ws" ? "wss" : "tls";
  throw new ConfigError(
    `Cannot use ${scheme}:// in NATS_URL with a password for host ${quote(host)}, as anyone on ` +
      `the way could read it: use ${secure}://`,
  );
}

/** Networks that no router of the internet forwards to: private, shared (CGNAT) and link-local. */
const LOCAL_NETWORKS = [
  /^(?:127|10)(?:\.\d{1,3}){3}$/,
  /^172\.(?:1[6-9]|2\d|3[01])(?:\.\d{1,3}){2}$/,
  /^(?:192\.168|169\.254)(?:\.\d{1,3}){2}$/,
  /^100\.(?:6[4-9]|[7-9]\d|1[01]\d|12[0-7])(?:\.\d{1,3}){2}$/,
  /^::1$/,
  /^f[cd][\da-f]{2}:/,
  /^fe[89ab][\da-f]:/,
];
/** Names that are resolved in the local network only. */
const LOCAL_NAME =
  /^(?:[^.:]+|(?:.+\.)?(?:localhost|local|lan|home|internal)|(?:.+\.)?home\.arpa)\.?$/;

/**
 * Whether a host is this machine, or one of a local network.
 *
 * @param host As `URL` normalizes it, without brackets.
 */
export function isLocalHost(host: string): boolean {
  const name = host.toLowerCase();
  if (/^[\d.]+$/.test(name) || name.includes(":")) {
    return LOCAL_NETWORKS.some((network) => network.test(unmapped(name)));
  }
  return LOCAL_NAME.test(name);
}

/** Returns the IPv4 address in an IPv6 address such as `::ffff:a00:1`; otherwise `address`. */
function unmapped(address: string): string {
  const [, high, low] = /^::ffff:([\da-f]{1,4}):([\da-f]{1,4})$/.exec(address) ?? [];
  if (high === undefined || low === undefined) return address;
  const [a, b] = [parseInt(high, 16), parseInt(low, 16)];
  return [a >> 8, a & 255, b >> 8, b & 255].join(".");
}

/** Returns `host:port` of an address. It contains no secret. */
export function serverOf({ host, port }: Pick<HubAddress, "host" | "port">): string {
  return `${hostInUrl(host)}:${port}`;
}

/** Describes `NATS_URL` without secrets; undefined if it is invalid. */
export function describeHub(text: string): string | undefined {
  const addresses = addressesIn(text);
  return addresses?.map((address) => `${address.scheme}://${serverOf(address)}`).join(",");
}

function addressesIn(text: string): readonly HubAddress[] | undefined {
  try {
    return readHubAddresses({ NATS_URL: text });
  } catch {
    return undefined; // the server reports it
  }
}

/** Returns Deno's permission to connect to the hub, and nothing for an invalid value. */
function hubPermissions(text: string): SettingPermissions {
  return { net: [...new Set(addressesIn(text)?.map(serverOf))] };
}

/** The cameras in the settings. */
export interface CamerasToPublish {
  readonly cameras: readonly { readonly name: string; readonly driver: string }[];
  /** The drivers that discover further cameras. */
  readonly groups: readonly { readonly driver: string }[];
}

/**
 * Checks that `PUBLISH` names cameras of this server, and none that comes from a hub itself.
 *
 * @throws {ConfigError} If it does not.
 */
export function requirePublishable(
  publish: PublishValue | undefined,
  { cameras, groups }: CamerasToPublish,
): void {
  if (publish === undefined || publish === "all") return;
  const discovers = groups.some(({ driver }) => driver !== NATS_DRIVER);
  const own = cameras.filter(({ driver }) => driver !== NATS_DRIVER).map(({ name }) => name);
  for (const name of publish) {
    const isForeign = cameras.some((one) => one.name === name && one.driver === NATS_DRIVER);
    if (own.includes(name) || discovers && !isForeign) continue;
    const reason = isForeign
      ? "it comes from the hub itself"
      : `CAMERA names ${own.join(", ") || "no camera of this server"}`;
    throw new ConfigError(`Cannot publish camera ${quote(name)} of PUBLISH: ${reason}`);
  }
}

/**
 * Reads the file of `NATS_CA`.
 *
 * @throws {ConfigError} If it cannot be read, or contains no certificate.
 */
export function readCertificates(path: string | undefined): string | undefined {
  if (path === undefined) return undefined;
  const pem = readFile(path);
  if (/-----BEGIN CERTIFICATE-----[^]+-----END CERTIFICATE-----/.test(pem)) return pem;
  throw new ConfigError("Cannot read the file of NATS_CA: it contains no certificate in PEM form");
}

function readFile(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch (cause) {
    const reason = cause instanceof Deno.errors.NotFound ? "no such file" : explain(cause);
    throw new ConfigError(`Cannot read the file of NATS_CA: ${reason}`, { cause });
  }
}

function readPublish(env: Env, name: string): PublishValue | undefined {
  return parse(env, name, 'cameras, as "front,yard", or "all"', (text) => {
    if (text === "all") return "all";
    const names = text.split(",").map((one) => one.trim());
    return names.every(isCameraName) ? names : undefined;
  });
}

function unreadable(reason: string): ConfigError {
  return new ConfigError(`Cannot read NATS_URL as the address of a NATS server: ${reason}`);
}
