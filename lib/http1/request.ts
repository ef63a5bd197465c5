import { type Clock, systemClock } from "../clock.ts";
import { serverOf } from "./address.ts";
import { Authentication } from "./authentication.ts";
import { parseTrust } from "./connect.ts";
import type { Credentials } from "./digest.ts";
import { HttpClientError } from "./errors.ts";
import { type Exchange, exchange, type ExchangeOptions, pathOf } from "./exchange.ts";

/** Options of {@link request}. */
export interface RequestOptions {
  /** http or https. Credentials in it are ignored. */
  url: URL;
  credentials?: Credentials;
  /** Further fields of the request. */
  headers?: Readonly<Record<string, string>>;
  /** Aborts the request, and the body afterwards, with its reason. */
  signal: AbortSignal;
  /**
   * Trust in addition to well-known authorities: PEM certificates of authorities or of the server
   * itself, or `sha256:` and the fingerprint of the server's certificate, with or without colons.
   */
  trust?: string;
  /**
   * Whether the first request sends the password by Basic, before the server can ask for Digest.
   */
  preemptive?: boolean;
  /** Time limit for each connection attempt, including the TLS handshake, in milliseconds. */
  connectTimeout?: number;
  /** Time limit for each response head, in milliseconds. */
  headTimeout?: number;
  /** Maximum size of a response head, in bytes. */
  maxHead?: number;
  maxRedirects?: number;
  clock?: Clock;
}

/**
 * A response to {@link request}. Read or dispose of its body: until then, the connection stays
 * open.
 */
export interface HttpResponse extends PageResponse {
  /** Whether a redirect led to another origin, to which the credentials were not sent. */
  readonly credentialsWithheld: boolean;
}

interface PageResponse extends Exchange {
  /** Scheme by which the credentials were sent; undefined if they were not sent. */
  readonly authentication: "Basic" | "Digest" | undefined;
}

/** Options with their defaults, and the state that all requests of one call share. */
interface Settings extends ExchangeOptions {
  readonly credentials: Credentials | undefined;
  readonly preemptive: boolean;
  readonly maxRedirects: number;
  readonly nonceUses: Map<string, number>;
}

const REDIRECTS: readonly number[] = [301, 302, 303, 307, 308];

/**
 * Requests a URL by GET, follows redirects, and authenticates.
 *
 * The first request has no credentials unless `preemptive` is set: only the response shows whether
 * the camera supports Digest, and then the password must not be sent in the clear. This costs one
 * round trip. If a camera closes the connection or responds with 403 instead of asking for a
 * password, the next request uses Basic.
 *
 * @throws {HttpClientError} If no response arrives. A status such as 404 or 401 is a response.
 * @throws The reason of `signal`, if that aborted.
 */
export async function request(options: RequestOptions): Promise<HttpResponse> {
  const settings = await readOptions(options);
  const { maxRedirects } = settings;
  let url = withoutCredentials(options.url);
  for (let redirects = 0;; redirects++) {
    const sameOrigin = url.origin === options.url.origin;
    const credentials = sameOrigin ? options.credentials : undefined;
    const response = await requestPage(url, { ...settings, credentials });
    const location = response.headers.get("Location");
    if (!REDIRECTS.includes(response.status) || !location) {
      return { ...response, credentialsWithheld: !sameOrigin && options.credentials !== undefined };
    }
    await response.body[Symbol.asyncDispose]();
    if (redirects === maxRedirects) {
      const message = `${serverOf(options.url)} redirects more than ${maxRedirects} times`;
      throw new HttpClientError("too-many-redirects", message);
    }
    url = redirectTarget(location, url);
  }
}

async function readOptions(options: RequestOptions): Promise<Settings> {
  const { signal, credentials, trust, preemptive = false, clock = systemClock } = options;
  const { headers = {} } = options;
  const { connectTimeout = 10_000, headTimeout = 10_000 } = options;
  const { maxHead = 65_536, maxRedirects = 5 } = options;
  const limits = { connectTimeout, headTimeout, maxHead, maxRedirects };
  const trusted = await parseTrust(trust);
  const shared = { signal, credentials, trusted, preemptive, clock, headers };
  return { ...shared, nonceUses: new Map(), ...limits };
}

function redirectTarget(location: string, from: URL): URL {
  // The bytes of a path that is not percent-encoded stay as they are.
  const encoded = location.replaceAll(
    /[\x80-\xff]/g,
    (byte) => `%${byte.charCodeAt(0).toString(16)}`,
  );
  const url = URL.parse(encoded, from);
  if (url && /^https?:$/.test(url.protocol)) return withoutCredentials(url);
  const where = url ? `an address that begins with ${url.protocol}` : "an invalid address";
  throw new HttpClientError("bad-redirect", `${serverOf(from)} redirects to ${where}`);
}

function withoutCredentials(url: URL): URL {
  const copy = new URL(url);
  copy.username = copy.password = "";
  return copy;
}

/** Requests one URL, and authenticates if the server asks for it. */
async function requestPage(url: URL, settings: Settings): Promise<PageResponse> {
  const { credentials, preemptive, nonceUses } = settings;
  if (!credentials) {
    return { ...await exchange(url, undefined, settings), authentication: undefined };
  }
  const authentication = new Authentication({ uri: pathOf(url), credentials, nonceUses });
  let response = preemptive
    ? await exchange(url, authentication.basic(), settings)
    : await exchangeAnonymously(url, authentication, settings);
  while (response.status === 401) {
    const authorization = authentication.answer(response.headers);
    if (!authorization) break;
    await response.body[Symbol.asyncDispose]();
    response = await exchange(url, authorization, settings);
  }
  return { ...response, authentication: authentication.scheme };
}

/**
 * Requests without credentials, and then by Basic if the server refuses without asking for a
 * password.
 */
async function exchangeAnonymously(
  url: URL,
  authentication: Authentication,
  settings: Settings,
): Promise<Exchange> {
  try {
    const response = await exchange(url, undefined, settings);
    if (response.status !== 403) return response;
    await response.body[Symbol.asyncDispose]();
  } catch (error) {
    if (!(error instanceof HttpClientError && error.code === "closed")) throw error;
  }
  return await exchange(url, authentication.basic(), settings);
}
