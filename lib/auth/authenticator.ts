import type { Clock } from "../clock.ts";
import type { Log } from "../log.ts";
import { quote } from "../quote.ts";
import { type Access, type Credentials, isLoopback } from "./access.ts";
import { LogInLimiter } from "./log_in_limiter.ts";

/** The parts of a request that authentication needs. */
export interface AuthRequest {
  /** The client's IP address. */
  readonly address: string;
  /** The `Authorization` header. */
  readonly authorization: string | undefined;
  /** The hosts that the request names, with their ports: in its `Host` header and in its URL. */
  readonly hosts: readonly string[];
}

/** The response to a request that is not allowed. */
export interface Denial {
  readonly status: 401 | 403 | 429;
  readonly message: string;
  readonly headers: Record<string, string>;
}

/** Options of an {@link Authenticator}. */
export interface AuthenticatorOptions {
  clock: Clock;
  log: Log;
}

/** Authenticates requests. */
export class Authenticator {
  readonly #access: Access;
  readonly #log: Log;
  readonly #limiter: LogInLimiter;
  /** Digests of the credentials in every encoding that clients may use. */
  readonly #expected: readonly Uint8Array[];

  constructor(access: Access, { clock, log }: AuthenticatorOptions) {
    this.#access = access;
    this.#log = log;
    this.#limiter = new LogInLimiter(clock);
    this.#expected = typeof access === "string" ? [] : encodings(access).map(sha256);
  }

  /** Checks a request. @returns Undefined if it is allowed. */
  check(request: AuthRequest): Denial | undefined {
    if (this.#access === "anyone") return undefined;
    if (this.#access === "this machine") return denyForeignHost(request);
    return this.#checkPassword(request);
  }

  #checkPassword({ address, authorization }: AuthRequest): Denial | undefined {
    if (authorization === undefined) return UNAUTHORIZED;
    // Computed even above the rate limit, so that the time of a response reveals nothing.
    const given = sha256(basicCredentials(authorization) ?? new Uint8Array(0));
    const isCorrect = this.#isExpected(given);
    const wait = this.#limiter.attempt(address, given.toBase64(), isCorrect);
    if (wait > 0) {
      return {
        status: 429,
        message: "Too many failed log-ins from this address; try again later",
        headers: { "Retry-After": `${Math.ceil(wait / 1000)}` },
      };
    }
    if (isCorrect) return undefined;
    this.#log.warn("log-in failed", { address });
    return UNAUTHORIZED;
  }

  /** Constant-time: compares digests, and always with each of the expected ones. */
  #isExpected(digest: Uint8Array): boolean {
    let isExpected = false;
    const { timingSafeEqual } = nodeCrypto();
    for (const expected of this.#expected) {
      isExpected = timingSafeEqual(digest, expected) || isExpected;
    }
    return isExpected;
  }
}

const UNAUTHORIZED: Denial = {
  status: 401,
  message: "Authentication required",
  headers: { "WWW-Authenticate": 'Basic realm="dinocam", charset="UTF-8"' },
};

/**
 * Protects against DNS rebinding: a foreign page can resolve its name to this machine, but cannot
 * forge the `Host` header.
 */
function denyForeignHost({ hosts }: AuthRequest): Denial | undefined {
  const foreign = hosts.find((host) => !isLoopback(host.replace(/:\d{1,5}$/, "")));
  if (foreign === undefined) return undefined;
  return {
    status: 403,
    message: `Cannot answer for the host ${quote(foreign)}: only this machine ` +
      "can watch until AUTH is set",
    headers: {},
  };
}

/** `Basic dXNlcjpwYXNzd29yZA==` → the bytes of `user:password`. */
function basicCredentials(authorization: string): Uint8Array<ArrayBuffer> | undefined {
  const encoded = /^basic +([a-z0-9+/]+=*) *$/i.exec(authorization)?.[1];
  try {
    return encoded === undefined ? undefined : latin1Bytes(atob(encoded));
  } catch {
    return undefined; // invalid Base64 is treated as a wrong password
  }
}

/**
 * Encodes credentials as clients do: in UTF-8, as the server requests, or in Latin-1, as Python's
 * clients do.
 */
function encodings({ user, password }: Credentials): Uint8Array<ArrayBuffer>[] {
  const text = `${user}:${password}`;
  const utf8 = new TextEncoder().encode(text);
  return /^[\0-\xff]*$/.test(text) ? [utf8, latin1Bytes(text)] : [utf8];
}

/** Encodes text of which each character is one byte. */
function latin1Bytes(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

function sha256(bytes: Uint8Array): Uint8Array {
  return nodeCrypto().createHash("sha256").update(bytes).digest();
}

/** Returns Node's cryptography. An import would load it without a password, too: 10 ms at the start. */
function nodeCrypto(): typeof import("node:crypto") {
  return process.getBuiltinModule("node:crypto");
}
