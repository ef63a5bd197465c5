import type { Bytes } from "../bytes.ts";

/** Maximum length of a delimiter line in bytes. RFC 2046 allows a boundary of 70 characters. */
const MAX_LINE = 256;
const TAB = 0x09, LF = 0x0a, CR = 0x0d, SPACE = 0x20, DASH = 0x2d;
/**
 * Minimum length of a boundary that is accepted without dashes: a short one may occur in an image
 * by chance.
 */
const MIN_BARE_LENGTH = 5;
/** A field with which the header of a part may begin. */
const FIELD = "content-";
const PARAMETER = /;\s*([^\s=;]*)\s*(?:=\s*("(?:[^"\\]|\\.)*"|[^;]*))?/gs;
const latin1 = new TextDecoder("latin1");

/** Result of a match that needs more bytes. */
export const MORE = "more";

/**
 * Returns the boundary in a `Content-Type`. Some servers include the `--` of the delimiter in it.
 */
export function boundaryOf(contentType: string): string | undefined {
  for (const [, name = "", value = ""] of contentType.matchAll(PARAMETER)) {
    if (name.toLowerCase() !== "boundary") continue;
    const quoted = /^"(.*?)"?$/s.exec(value.trim())?.[1]?.replaceAll(/\\(.)/gs, "$1");
    return (quoted ?? value).trim() || undefined;
  }
}

/** Recognizes the delimiter lines between the parts of a stream. */
export class Delimiter {
  readonly #lines = new Set<string>();
  /** First bytes of delimiter lines and of blanks before them. */
  readonly #firstBytes = new Set([DASH, SPACE, TAB]);
  /** The declared boundary, which some servers send without dashes before it. */
  readonly #bare: string | undefined;
  #confirmed = false;

  /** @param boundary If undefined, the first line that begins with `--` defines it. */
  constructor(boundary: string | undefined) {
    if (boundary === undefined) return;
    this.#add(`--${boundary}`);
    if (boundary.startsWith("--")) this.#add(boundary);
    else if (boundary.length >= MIN_BARE_LENGTH) this.#bare = boundary;
  }

  /** The delimiter line; undefined until it is known. */
  get line(): string | undefined {
    return this.#lines.values().next().value;
  }

  /** Whether a delimiter line was found: until then, the declared boundary may be wrong. */
  get confirmed(): boolean {
    return this.#confirmed;
  }

  /**
   * Checks whether a delimiter line begins `at`. Surrounding blanks are ignored.
   *
   * @returns The start of the next line if so, {@link MORE} if the line is incomplete, else
   * undefined.
   */
  match(bytes: Bytes, at: number): number | typeof MORE | undefined {
    const first = bytes[at];
    if (first === undefined) return MORE;
    if (!this.#firstBytes.has(first)) return;
    const line = readLine(bytes, at);
    if (typeof line !== "object") return line;
    if (this.#lines.size === 0 && /^--[!-~]+$/.test(line.text)) this.#add(line.text);
    if (!this.#lines.has(line.text)) return;
    this.#confirmed = true;
    return line.next;
  }

  /**
   * Checks whether the line that begins `at` is a delimiter although its boundary is not the
   * declared one, or whether the header of a part begins there without a delimiter.
   *
   * @param isExpected Whether a delimiter must be here: at the start of the stream, or after an
   * image.
   * @returns As {@link match}. The start of the next line may be `at`.
   */
  adopt(bytes: Bytes, at: number, isExpected: boolean): number | typeof MORE | undefined {
    if (isExpected && startsField(bytes, at) === true) return at;
    const first = bytes[at];
    if (first !== DASH && !(isExpected && first === this.#bare?.charCodeAt(0))) return;
    const line = readLine(bytes, at);
    if (typeof line !== "object") return line;
    if (!/^--[!-~]+$/.test(line.text) && line.text !== this.#bare) return;
    const isDelimiter = isExpected || startsField(bytes, line.next);
    if (isDelimiter !== true) return isDelimiter || undefined;
    this.#add(line.text);
    this.#confirmed = true;
    return line.next;
  }

  /**
   * Returns the start of a delimiter that ends a line, directly after an image: some servers omit
   * the line break.
   *
   * @param lineEnd Position of the line feed.
   */
  startAfterImage(bytes: Bytes, lineEnd: number): number | undefined {
    const end = bytes[lineEnd - 1] === CR ? lineEnd - 1 : lineEnd;
    for (const line of this.#lines) {
      const start = end - line.length;
      if (bytes[end - 1] !== line.charCodeAt(line.length - 1) || bytes[start - 1] !== 0xd9) {
        continue;
      }
      if (bytes[start - 2] !== 0xff) continue;
      if (latin1.decode(bytes.subarray(start, end)) === line) return start;
    }
  }

  #add(line: string): void {
    this.#lines.add(line).add(`${line}--`);
    this.#firstBytes.add(line.charCodeAt(0));
  }
}

function readLine(
  bytes: Bytes,
  at: number,
): { text: string; next: number } | typeof MORE | undefined {
  const line = bytes.subarray(at, at + MAX_LINE);
  const length = line.indexOf(LF);
  if (length === -1) return line.length < MAX_LINE ? MORE : undefined;
  return { text: latin1.decode(line.subarray(0, length)).trim(), next: at + length + 1 };
}

/** Whether a field such as `Content-Type` begins `at`. */
function startsField(bytes: Bytes, at: number): boolean | typeof MORE {
  for (let index = 0; index < FIELD.length; index++) {
    const byte = bytes[at + index];
    if (byte === undefined) return MORE;
    if (String.fromCharCode(byte).toLowerCase() !== FIELD[index]) return false;
  }
  return true;
}
