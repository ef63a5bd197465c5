import { ConfigError } from "../errors.ts";
import { isQuoted, quote } from "../quote.ts";

/** A user's name and password. */
export interface Credentials {
  /** Without a colon. */
  readonly user: string;
  readonly password: string;
}

/** The clients that may connect: with these credentials, from this machine, or any. */
export type Access = Credentials | "this machine" | "anyone";

/**
 * Reads `AUTH`: `user:password`, or `none`. Messages never contain its value.
 *
 * @param host The address to listen on. `AUTH` may be missing only if no other machine can connect
 * to it.
 * @throws {ConfigError} If `auth` is invalid, or missing while other machines can connect.
 */
export function readAccess(auth: string | undefined, host: string): Access {
  const text = auth ?? "";
  if (text.trim() === "") {
    if (isLoopback(host)) return "this machine";
    throw new ConfigError(
      `Cannot listen on HOST ${quote(host)} without AUTH: set AUTH=user:password, or ` +
        "AUTH=none if anyone may watch",
    );
  }
  if (text.trim() === "none") return "anyone";
  const colon = text.indexOf(":");
  if (colon === -1 && isQuoted(text.trim())) throw unreadable("remove its quotation marks");
  if (colon === -1) throw unreadable("the colon is missing");
  if (colon === 0) throw unreadable("the user's name is missing");
  if (colon === text.length - 1) throw unreadable("the password is missing");
  // deno-lint-ignore no-control-regex
  if (/[\x00-\x1f\x7f]/.test(text)) throw unreadable("it contains a control character");
  return { user: text.slice(0, colon), password: text.slice(colon + 1) };
}

/** Whether a host, as in a setting or a `Host` header, can only be this machine. */
export function isLoopback(host: string): boolean {
  return /^(localhost\.?|127(\.\d{1,3}){3}|::1|\[::1\])$/i.test(host);
}

function unreadable(reason: string): ConfigError {
  return new ConfigError(`Cannot read AUTH as user:password, or as none: ${reason}`);
}
