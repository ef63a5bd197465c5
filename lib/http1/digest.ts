import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import type { Challenge } from "./challenge.ts";

/** A user name and a password. */
export interface Credentials {
  readonly user: string;
  readonly password: string;
}

/** How non-ASCII characters of credentials are encoded. */
export type Charset = "utf8" | "latin1";

/** Hash functions by the names of RFC 7616, in upper case without `-SESS`. */
const HASHES: Readonly<Record<string, string>> = {
  "MD5": "md5",
  "SHA-256": "sha256",
  "SHA-512-256": "sha512-256",
};

/** A request to authenticate, and the values that a test fixes. */
export interface DigestRequest {
  readonly method: string;
  /** Path and query, exactly as in the request line. */
  readonly uri: string;
  readonly credentials: Credentials;
  readonly charset: Charset;
  /** How many requests, including this one, have used the nonce. */
  readonly count: number;
  readonly cnonce: string;
}

/** Whether {@link authorizeDigest} can answer a challenge. */
export function supportsDigest({ scheme, parameters }: Challenge): boolean {
  const qop = parameters.get("qop");
  return scheme === "digest" && parameters.has("nonce") && hashOf(parameters) !== undefined &&
    (!qop || chooseQop(qop) !== undefined);
}

/**
 * Computes the value of the `Authorization` field for a challenge of RFC 7616, or of RFC 2617 and 2069, which
 * cameras still use. Each character of the result stands for one byte.
 */
export function authorizeDigest({ parameters }: Challenge, request: DigestRequest): string {
  const { method, uri, charset, cnonce } = request;
  const [user, password] = [request.credentials.user, request.credentials.password]
    .map((text) => asBytes(text, charset));
  const [realm, nonce] = [parameters.get("realm") ?? "", parameters.get("nonce") ?? ""];
  const hash = (text: string) => digest(hashOf(parameters)!, text);
  const session = /-sess$/i.test(parameters.get("algorithm") ?? "");
  const qop = chooseQop(parameters.get("qop") ?? "");
  const nc = request.count.toString(16).padStart(8, "0");

  let secret = hash(`${user}:${realm}:${password}`);
  if (session) secret = hash(`${secret}:${nonce}:${cnonce}`);
  // A request without a body has the hash of nothing.
  const action = hash(`${method}:${uri}${qop === "auth-int" ? `:${hash("")}` : ""}`);
  const middle = qop ? `${nonce}:${nc}:${cnonce}:${qop}` : nonce;
  const response = hash(`${secret}:${middle}:${action}`);

  const hideUser = parameters.get("userhash")?.toLowerCase() === "true";
  return "Digest " + [
    `username=${quote(hideUser ? hash(`${user}:${realm}`) : user!)}`,
    `realm=${quote(realm)}`,
    `nonce=${quote(nonce)}`,
    `uri=${quote(uri)}`,
    ...optional("algorithm", parameters.get("algorithm")),
    `response="${response}"`,
    ...optional("opaque", parameters.get("opaque"), quote),
    // The quotation marks differ between the parameters, and some cameras insist on that.
    ...(qop ? [`qop=${qop}`, `nc=${nc}`] : []),
    ...(qop || session ? [`cnonce="${cnonce}"`] : []),
    ...(hideUser ? ["userhash=true"] : []),
  ].join(", ");
}

/** Computes the value of the `Authorization` field of RFC 7617. */
export function authorizeBasic({ user, password }: Credentials, charset: Charset): string {
  return `Basic ${Buffer.from(`${user}:${password}`, charset).toString("base64")}`;
}

/** The name of the hash function for `node:crypto`; undefined if it is not supported. */
function hashOf(parameters: Challenge["parameters"]): string | undefined {
  return HASHES[(parameters.get("algorithm") || "MD5").toUpperCase().replace(/-SESS$/, "")];
}

function chooseQop(offered: string): "auth" | "auth-int" | undefined {
  const values = offered.toLowerCase().split(/[\s,]+/);
  return (["auth", "auth-int"] as const).find((qop) => values.includes(qop));
}

/** Encodes a text as one character per byte, as header values are decoded. */
function asBytes(text: string, charset: Charset): string {
  return Buffer.from(text, charset).toString("latin1");
}

function digest(hash: string, text: string): string {
  return createHash(hash).update(Buffer.from(text, "latin1")).digest("hex");
}

function quote(text: string): string {
  return `"${text.replaceAll(/["\\]/g, "\\$&").replaceAll(/[\r\n]/g, " ")}"`;
}

function optional(
  name: string,
  value: string | undefined,
  format = (text: string) => text,
): string[] {
  return value === undefined ? [] : [`${name}=${format(value)}`];
}
