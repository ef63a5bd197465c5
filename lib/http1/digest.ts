import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import type { Challenge } from "./challenge.ts";

/** A user name and a password. */
export interface Credentials {
  readonly user: string;
  readonly password: string;
}

/** Encoding of non-ASCII characters in credentials. */
export type Charset = "utf8" | "latin1";

/**
 * Names of hash functions in `node:crypto`, by their names in RFC 7616 in upper case and without
 * `-SESS`.
 */
const HASHES: Readonly<Record<string, string>> = {
  "MD5": "md5",
  "SHA-256": "sha256",
  "SHA-512-256": "sha512-256",
};

/** The request that {@link authorizeDigest} authenticates. */
export interface DigestRequest {
  readonly method: string;
  /** Path and query, exactly as in the request line. */
  readonly uri: string;
  readonly credentials: Credentials;
  readonly charset: Charset;
  /** Number of requests that have used the nonce, including this one. */
  readonly count: number;
  /** Random value of the client. */
  readonly cnonce: string;
}

/** Whether {@link authorizeDigest} can answer a challenge. */
export function supportsDigest({ scheme, parameters }: Challenge): boolean {
  const qop = parameters.get("qop");
  return scheme === "digest" && parameters.has("nonce") && hashOf(parameters) !== undefined &&
    (!qop || chooseQop(qop) !== undefined);
}

/**
 * Computes the value of the `Authorization` field for a challenge of RFC 7616, or of its
 * predecessors RFC 2617 and RFC 2069, which cameras still use. Each character of the result stands
 * for one byte.
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
  // The request has no body: auth-int covers the hash of zero bytes.
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
    // RFC 7616, section 3.4: no quotation marks around these two. Some cameras require that.
    ...(qop ? [`qop=${qop}`, `nc=${nc}`] : []),
    ...(qop || session ? [`cnonce="${cnonce}"`] : []),
    ...(hideUser ? ["userhash=true"] : []),
  ].join(", ");
}

/** Computes the value of the `Authorization` field of RFC 7617 (Basic). */
export function authorizeBasic({ user, password }: Credentials, charset: Charset): string {
  return `Basic ${Buffer.from(`${user}:${password}`, charset).toString("base64")}`;
}

/** Returns the name of the hash function for `node:crypto`; undefined if it is not supported. */
function hashOf(parameters: Challenge["parameters"]): string | undefined {
  return HASHES[(parameters.get("algorithm") || "MD5").toUpperCase().replace(/-SESS$/, "")];
}

function chooseQop(offered: string): "auth" | "auth-int" | undefined {
  const values = offered.toLowerCase().split(/[\s,]+/);
  return (["auth", "auth-int"] as const).find((qop) => values.includes(qop));
}

/** Encodes a text, with one character for each byte, like the values of header fields. */
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
