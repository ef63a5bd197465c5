import { type Env, parse, variableName } from "./env.ts";
import { ConfigError } from "./errors.ts";
import { quote } from "./quote.ts";

const EXPECTED = "a host name or an address";

/**
 * Reads the name or the address to listen on, without the brackets of an IPv6 address; undefined if
 * the variable is not set. Every accepted value is valid in Deno's `--allow-net`.
 *
 * @throws {ConfigError} If the value is invalid. If it contains a port, the message says how to set
 * the port.
 */
export function readHost(env: Env, name: string): string | undefined {
  return parse(env, name, EXPECTED, (text) => {
    const host = text.replace(/^\[(.*)\]$/, "$1");
    if (isHost(host)) return host;
    const shown = withoutCredentials(text);
    const advice = adviceFor(text);
    if (advice === undefined && shown === text) return undefined;
    throw new ConfigError(
      `Cannot read ${variableName(env, name)} as ${EXPECTED}: current value is ` +
        [quote(shown), advice].filter(Boolean).join("; "),
    );
  });
}

/** Formats a host for a URL: an IPv6 address gets brackets. */
export function hostInUrl(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}

function isHost(text: string): boolean {
  if (text.includes(":")) {
    const [address, zone] = text.split(/%(.*)/, 2);
    return URL.canParse(`http://[${address}]/`) && (zone === undefined || /^[\w.-]+$/.test(zone));
  }
  return text.length <= 253 && /^([\w-]{1,63}\.)*[\w-]{1,63}\.?$/.test(text) &&
    !/^\d{2,5}$/.test(text) && // a port
    !/(^|\.)\d+\.$/.test(text); // Deno's --allow-net refuses an IPv4 address with a dot at its end
}

/** Returns the settings to use instead of a URL, an address with a port, or a port. */
function adviceFor(text: string): string | undefined {
  if (/^\d{2,5}$/.test(text)) return `for a port set PORT=${text}`;
  if (/^[*+]$/.test(text)) return "for all addresses set HOST=0.0.0.0";
  const authority = withoutCredentials(text).replace(/^\w+:\/\/(…@)?/, "").replace(/[/?#].*$/, "");
  const [, host, port] = /^(.*?)(?::(\d{1,5}))?$/.exec(authority) ?? [];
  if (authority === text && port === undefined) return undefined;
  const hostPart = host && isHost(host.replace(/^\[(.*)\]$/, "$1")) ? `HOST=${host}` : undefined;
  const settings = [hostPart, port && `PORT=${port}`].filter(Boolean).join(" ");
  return settings ? `set ${settings}` : undefined;
}

/** Hides credentials: `http://me:secret@camera/` → `http://…@camera/` */
function withoutCredentials(text: string): string {
  return text.replace(/^(\w+:\/\/)?.*@/, "$1…@");
}
