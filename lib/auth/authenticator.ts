import type { Clock } from "../clock.ts";
import type { Log } from "../log.ts";
import { type Access, type Credentials, isLoopback } from "./access.ts";
import { RateLimiter } from "./rate_limiter.ts";

/** What of a request counts. */
export interface AuthRequest {
  /** The network address that it came from. */
  readonly address: string;
  /** The `Authorization` header. */
  readonly authorization: string | undefined;
  /** The host names, with port, that it says it is for: of its `Host` header and of its URL. */
  readonly hosts: readonly string[];
  /** Whether it asks for what needs no password. */
  readonly isPublic?: boolean;
}

/** Why somebody may not watch, as HTTP says it. */
export interface Denial {
  readonly status: 401 | 403 | 429;
  readonly message: string;
  readonly headers: Record<string, string>;
}

/** Options of a {@link Authenticator}. */
export interface AuthenticatorOptions {
  clock: Clock;
  log: Log;
}

/** Decides who may watch. */
export class Authenticator {
  readonly #access: Access;
  readonly #log: Log;
  readonly #rateLimiter: RateLimiter;
  /** The credentials as clients may write them. */
  readonly #expected: readonly Uint8Array[];

  constructor(access: Access, { clock, log }: AuthenticatorOptions) {
    this.#access = access;
    this.#log = log;
    this.#rateLimiter = new RateLimiter(clock);
    this.#expected = typeof access === "string" ? [] : encodings(access);
  }

  /** Why a request is not answered; undefined if it is. */
  check(visitor: AuthRequest): Denial | undefined {
    if (this.#access === "anyone") return undefined;
    if (this.#access === "this machine") return denyForeignHost(visitor);
    return visitor.isPublic ? undefined : this.#checkPassword(visitor);
  }

  #checkPassword({ address, authorization }: AuthRequest): Denial | undefined {
    if (authorization === undefined) return UNAUTHORIZED;
    const wait = this.#rateLimiter.consume(address);
    if (wait > 0) {
      return {
        status: 429,
        message: "Too many log-ins from this address have failed; try again later",
        headers: { "Retry-After": `${Math.ceil(wait / 1000)}` },
      };
    }
    if (!this.#isAuthorized(authorization)) {
      this.#log.warn("log-in failed", { address });
      return UNAUTHORIZED;
    }
    this.#rateLimiter.refund(address);
  }

  /** Takes as long for any credentials of a length, and so gives no hint how much of them is right. */
  #isAuthorized(authorization: string): boolean {
    const given = basicCredentials(authorization) ?? new Uint8Array(0);
    let known = false;
    for (const expected of this.#expected) known = areEqual(given, expected) || known;
    return known;
  }
}

const UNAUTHORIZED: Denial = {
  status: 401,
  message: "This needs a user name and a password",
  headers: { "WWW-Authenticate": 'Basic realm="dinocam", charset="UTF-8"' },
};

/** A page from elsewhere can have its name point to this machine (DNS rebinding), but not change the name. */
function denyForeignHost({ hosts }: AuthRequest): Denial | undefined {
  const other = hosts.find((host) => !isLoopback(host.replace(/:\d{1,5}$/, "")));
  if (other === undefined) return undefined;
  return {
    status: 403,
    message:
      `Cannot answer for the host ${JSON.stringify(other.slice(0, 80))}: only this machine ` +
      "can watch until AUTH is set",
    headers: {},
  };
}

/** `Basic dXNlcjpwYXNzd29yZA==` → the bytes of `user:password`. */
function basicCredentials(authorization: string): Uint8Array<ArrayBuffer> | undefined {
  const encoded = /^basic +([a-z0-9+/]+=*) *$/i.exec(authorization)?.[1];
  try {
    return encoded === undefined ? undefined : bytesOf(atob(encoded));
  } catch {
    return undefined; // it is no Base64: as good as wrong
  }
}

/** The bytes that clients send: UTF-8, as we ask for, or Latin-1, as Python's do all the same. */
function encodings({ user, password }: Credentials): Uint8Array<ArrayBuffer>[] {
  const text = `${user}:${password}`;
  const utf8 = new TextEncoder().encode(text);
  return /^[\0-\xff]*$/.test(text) ? [utf8, bytesOf(text)] : [utf8];
}

/** Text of which each character stands for a byte. */
function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** Compares in a time that depends on `given` alone. @param expected Not empty. */
function areEqual(given: Uint8Array, expected: Uint8Array): boolean {
  let difference = given.length ^ expected.length;
  for (let i = 0; i < given.length; i++) difference |= given[i]! ^ expected[i % expected.length]!;
  return difference === 0;
}
