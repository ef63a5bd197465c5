import { ConfigError } from "../errors.ts";
import type { Credentials } from "../http1/mod.ts";
import { decodePercent } from "../percent.ts";

/** The address of another server's stream. */
export interface Address {
  /** Without credentials. */
  readonly url: URL;
  readonly credentials: Credentials | undefined;
}

const ADDRESS = /^(https?):\/\/([^/?#]*)(.*)$/is;

/**
 * Reads an address leniently: the password may contain any character except `/`, `?` and `#`, which
 * would end the host. Messages do not contain the text, as it may be a password.
 *
 * @param name The variable with the address, for messages.
 * @throws {ConfigError} If it is not the URL of a stream, or if the end of the password is
 * ambiguous.
 */
export function parseAddress(text: string, name: string): Address {
  const [, scheme, authority = "", location = ""] = ADDRESS.exec(text) ?? [];
  if (!scheme) {
    throw new ConfigError(
      `Cannot read ${name} as the URL of a stream: it must begin with http:// or https://`,
    );
  }
  requireClearPassword(name, authority, location);
  const at = authority.lastIndexOf("@");
  const host = authority.slice(at + 1);
  const url = URL.parse(`${scheme}://${host}${location}`);
  if (!url || !host) {
    throw new ConfigError(`Cannot read ${name} as a URL: its host or port is invalid`);
  }
  url.hash = "";
  return { url, credentials: at === -1 ? undefined : readCredentials(authority.slice(0, at)) };
}

/**
 * Rejects an ambiguous address, in which an `@` follows a `/`, `?` or `#`, and a password may
 * precede the `@`: a part of the password could be mistaken for the host.
 */
function requireClearPassword(name: string, authority: string, location: string): void {
  const hasPort = /^(\[[^\]]*\])?[^:]*:/.test(authority);
  const isClear = !location.includes("@") ||
    !hasPort && !authority.includes("@") && !/^[/?#][^/?#]*:[^/?#]*@/.test(location);
  if (isClear) return;
  throw new ConfigError(
    `Cannot read ${name} as a URL: in a user name or a password write / as %2F, ? as %3F and ` +
      "# as %23; after the host write @ as %40",
  );
}

function readCredentials(userInfo: string): Credentials | undefined {
  const [, user = "", password = ""] = /^([^:]*):?(.*)$/s.exec(userInfo)!;
  if (!user && !password) return undefined;
  return { user: decodePercent(user), password: decodePercent(password) };
}
