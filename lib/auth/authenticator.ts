import { createHash, timingSafeEqual } from "node:crypto";
import type { Clock } from "../clock.ts";
import type { Log } from "../log.ts";
import { type Access, type Credentials, isLoopback } from "./access.ts";
import { RateLimiter } from "./rate_limiter.ts";

/** The parts of a request that authentication needs. */
export interface AuthRequest {
  /** The client's IP address. */
  readonly address: string;
  /** The `Authorization` header. */
  readonly authorization: string | undefined;
  /** The hosts that the request names, with their ports: in its `Host` header and in its URL. */
  readonly hosts: readonly string[];
  /** Whether it is for a resource that needs no password. @default {false} */
  readonly isPublic?: boolean;
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
  readonly #rateLimiter: RateLimiter;
  /** Digests of the credentials in every encoding that clients may use. */
  readonly #expected: readonly Uint8Array[];

  constructor(access: Access, { clock, log }: AuthenticatorOptions) {
    this.#access = access;
    this.#log = log;
    this.#rateLimiter = new RateLimiter(clock);
    this.#expected = typeof access === "string" ? [] : encodings(access).map(sha256);
  }

  /** Checks a request. @returns Undefined if it is allowed. */
  check(request: AuthRequest): Denial | undefined {
    if (this.#access === "anyone") return undefined;
    if (this.#access === "this machine") return denyForeignHost(request);
    return request.isPublic ? undefined : this.#checkPassword(request);
  }

  /**
   * Synchronous, so that a client's attempt is refunded before its next one is counted: with
   * asynchronous hashes, eleven correct log-ins at once would reach the rate limit.
   */
  #checkPassword({ address, authorization }: AuthRequest): Denial | undefined {
    if (authorization === undefined) return UNAUTHORIZED;
    const wait = this.#rateLimiter.consume(address);
    if (wait > 0) {
      return {
        status: 429,
        message: "Too many failed log-ins from this address; try again later",
        headers: { "Retry-After": `${Math.ceil(wait / 1000)}` },
      };
    }
    if (!this.#isAuthorized(authorization)) {
      this.#log.warn("log-in failed", { address });
      return UNAUTHORIZED;
    }
    this.#rateLimiter.refund(address);
  }

  /** Constant-time: compares digests, and always with each of the expected ones. */
  #isAuthorized(authorization: string): boolean {
    const given = sha256(basicCredentials(authorization) ?? new Uint8Array(0));
    let authorized = false;
    for (const expected of this.#expected) {
      authorized = timingSafeEqual(given, expected) || authorized;
    }
    return authorized;
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
    message:
      `Cannot answer for the host ${JSON.stringify(foreign.slice(0, 80))}: only this machine ` +
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
  return createHash("sha256").update(bytes).digest();
}
