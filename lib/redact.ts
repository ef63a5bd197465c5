import { decodePercent } from "./percent.ts";

/** Replacement for a secret. */
const HIDDEN = "…";
/**
 * Minimum length of a secret that is replaced within a word, in characters. A shorter secret is
 * replaced only as a whole word.
 */
const MIN_LENGTH = 4;
/** Minimum length of a part of a password that is replaced, in characters. */
const MIN_PART = 3;
/**
 * Minimum length of the beginning of a secret that is replaced, in characters: programs may print a
 * truncated URL.
 */
const MIN_PREFIX = 6;
/** Maximum length of such a beginning, in characters. */
const MAX_PREFIX = 100;

const URLS = /[a-z][a-z\d+.-]*:\/\/[^\s'"<>|]+/gi;
const WHOLE_URL = /^\s*[a-z][a-z\d+.-]*:\/\/\S.*$/is;
const AUTHORIZATION = /\bauthorization\s*:\s*(?:\w+\s+)?([^\s'"]+)/gi;
/** Options and variables of programs whose value is a secret: `--password VALUE`, `TOKEN=VALUE`. */
const SECRET_OPTION =
  /(?:^|[\s;"'])(?:-{1,2}[\w-]*?(?:password|passwd|passphrase|passwort|pass|pwd|secret|token|api-?key)(?:[=:]|\s+)|\w*(?:password|passwd|pass|pwd|secret|token|api_?key)=)("[^"\n]+"|'[^'\n]+'|[^\s"'-][^\s"']{2,})/gi;
/** Options whose value is a user name and a password, as those of curl: `-u USER:PASSWORD`. */
const USER_OPTION =
  /(?:^|\s)(?:-u|--user|--proxy-user|--login|--auth)(?:=|\s*)["']?([^\s:"'=-][^\s:"']*:[^\s"']+)/gi;
// deno-lint-ignore no-control-regex
const NON_ASCII = /[^\x00-\x7f]/gu;
/** Names of query parameters whose value is replaced even if it is short. */
const SECRET_NAME = /pass|pwd|psw|key|token|auth|user|usr|login|pin|code|secret|sig/i;

/**
 * Replaces the secrets of some addresses in texts of others, such as the error messages of programs
 * and servers: user, password, path, query and the values of the query, as they are,
 * percent-decoded and encoded, and passwords in the options of programs.
 */
export class Redactor {
  readonly #pattern: RegExp | undefined;

  /**
   * @param texts Addresses, or texts that contain addresses, such as the arguments of a program.
   */
  constructor(texts: Iterable<string>) {
    const secrets = new Secrets();
    const all = [...texts];
    for (const text of all) secrets.addAll(text);
    secrets.addOptions(all.join("\n"));
    const forms = [...secrets.forms].sort((a, b) => b.length - a.length);
    // At each position the first pattern that matches counts.
    const patterns = [...forms.map(patternOf), ...forms.flatMap(prefixPatternOf)];
    if (patterns.length) this.#pattern = new RegExp(`(?:${patterns.join("|")})+`, "giu");
  }

  /** Returns the text with `…` for each secret. */
  redact(text: string): string {
    return this.#pattern ? text.replaceAll(this.#pattern, HIDDEN) : text;
  }
}

/**
 * Returns a redactor for the addresses of all cameras and microphones: `SOURCE` and `AUDIO`, and
 * `FRONT_SOURCE` for each camera.
 */
export function sourceRedactor(env: Readonly<Record<string, string | undefined>>): Redactor {
  const names = Object.keys(env).filter((name) => /(^|_)(SOURCE|AUDIO)$/.test(name));
  return new Redactor(names.map((name) => env[name] ?? ""));
}

/** Collects the secrets of addresses. */
class Secrets {
  /** Each secret in all forms in which a text may contain it. */
  readonly forms = new Set<string>();

  /** Adds the secrets of all addresses in a text. */
  addAll(text: string): void {
    for (const [, credentials] of text.matchAll(AUTHORIZATION)) this.#add(credentials!);
    for (const [url] of text.matchAll(URLS)) this.#addUrl(url);
    if (WHOLE_URL.test(text)) this.#addUrl(text.trim()); // a password may contain any character
  }

  /** Adds the values of the options in a command line. */
  addOptions(command: string): void {
    for (const [, value] of command.matchAll(SECRET_OPTION)) {
      const unquoted = value!.replace(/^(["'])(.*)\1$/, "$2");
      if (unquoted.length >= MIN_PART) this.#add(unquoted);
    }
    for (const [, userInfo] of command.matchAll(USER_OPTION)) this.#addUserInfo(userInfo!);
  }

  #addUrl(url: string): void {
    const rest = url.replace(/^[^:]*:\/\//, "");
    const authority = /^[^/?#]*/.exec(rest)![0];
    // A password may contain `/`, `?` and `#`: then the last `@` ends it.
    for (const at of new Set([authority.lastIndexOf("@"), rest.lastIndexOf("@")])) {
      if (at >= 0) this.#addUserInfo(rest.slice(0, at));
      this.#addLocation(rest.slice(at + 1).replace(/^[^/?#]*/, ""));
    }
  }

  #addUserInfo(userInfo: string): void {
    const [, user = "", password = ""] = /^([^:]*):?(.*)$/s.exec(userInfo)!;
    this.#add(user);
    this.#add(password);
    // Programs that mistake such a password for a host or a path report a part of it.
    const parts = [password, decodePercent(password)].flatMap((text) => text.split(/[/?#@:&=\\]/));
    for (const part of parts) if (part.length >= MIN_PART) this.#add(part);
    for (const text of [userInfo, `${decodePercent(user)}:${decodePercent(password)}`]) {
      this.forms.add(new TextEncoder().encode(text).toBase64());
    }
  }

  #addLocation(location: string): void {
    const [, path = "", query = "", fragment = ""] = /^([^?#]*)\??([^#]*)#?(.*)$/s.exec(location)!;
    if (path !== "/") this.#add(path);
    for (const segment of path.split("/")) if (isUnusual(segment)) this.#add(segment);
    this.#add(query);
    if (fragment.length >= MIN_LENGTH) this.#add(fragment);
    for (const pair of query.split(/[&;]/)) {
      const [, name = "", value = ""] = /^([^=]*)=?(.*)$/s.exec(pair)!;
      if (pair.length >= MIN_LENGTH) this.#add(pair);
      if (value.length >= MIN_LENGTH || SECRET_NAME.test(name)) this.#add(value);
      this.addAll(decodePercent(value));
    }
  }

  #add(secret: string): void {
    const decoded = decodePercent(secret);
    for (const text of [secret, decoded, decoded.replaceAll("+", " ")]) {
      for (const form of formsOf(text.toWellFormed())) {
        // Punctuation alone occurs in many texts.
        if (form.length >= MIN_LENGTH || /[\p{L}\p{N}]/u.test(form)) this.forms.add(form);
      }
    }
  }
}

/** Whether a path segment may be a secret, unlike a common word such as `live` or `video`. */
function isUnusual(segment: string): boolean {
  return segment.length >= 8 || segment.length >= MIN_LENGTH && /[\dA-Z]/.test(segment);
}

function formsOf(text: string): string[] {
  const encoded = encodeURIComponent(text);
  const json = JSON.stringify(text).slice(1, -1);
  // deno-lint-ignore no-control-regex
  const escaped = json.replaceAll(/[^\x00-\x7f]/g, unicodeEscape);
  const strict = (part: string) => `%${part.charCodeAt(0).toString(16)}`;
  return [
    text,
    encoded,
    encoded.replaceAll("%20", "+"),
    encoded.replaceAll(/[!'()*]/g, strict),
    encodeURI(text),
    text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;"),
    text.replaceAll("&", "&amp;").replaceAll('"', "&quot;").replaceAll("'", "&#39;"),
    json,
    json.replaceAll("/", "\\/"),
    escaped,
    escaped.replaceAll("/", "\\/"),
    text.replaceAll(NON_ASCII, (character) => `&#${character.codePointAt(0)};`),
    // In a text that is read in another encoding than that in which it was written.
    text.replaceAll(NON_ASCII, "\ufffd"),
    String.fromCharCode(...new TextEncoder().encode(text.slice(0, MAX_PREFIX))),
  ];
}

/** Escapes a code unit as in JSON: `\\u00e4`. */
function unicodeEscape(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

/** Returns a pattern for a secret. */
function patternOf(secret: string): string {
  const pattern = escape(secret);
  if (secret.length >= MIN_LENGTH) return pattern;
  return `(?<![\\p{L}\\p{N}_])${pattern}(?![\\p{L}\\p{N}_])`;
}

/** Returns a pattern for the beginning of a long secret. */
function prefixPatternOf(secret: string): string[] {
  const characters = [...secret];
  if (characters.length <= MIN_PREFIX) return [];
  let rest = "";
  for (const character of characters.slice(MIN_PREFIX, MAX_PREFIX).toReversed()) {
    rest = `(?:${escape(character)}${rest})?`;
  }
  return [`${escape(characters.slice(0, MIN_PREFIX).join(""))}${rest}`];
}

function escape(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
}
