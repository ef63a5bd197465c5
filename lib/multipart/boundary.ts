import type { Bytes } from "../bytes.ts";

/** Maximum length of a delimiter line in bytes. RFC 2046 allows a boundary of 70 characters. */
const MAX_LINE = 256;
const TAB = 0x09, LF = 0x0a, SPACE = 0x20, DASH = 0x2d;
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

/** Recognises the delimiter lines between the parts of a stream. */
export class Delimiter {
  readonly #lines = new Set<string>();

  /** @param boundary If undefined, the first line that begins with `--` defines it. */
  constructor(boundary: string | undefined) {
    if (boundary === undefined) return;
    this.#add(`--${boundary}`);
    if (boundary.startsWith("--")) this.#add(boundary);
  }

  /** The delimiter line; undefined until it is known. */
  get line(): string | undefined {
    return this.#lines.values().next().value;
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
    if (first !== DASH && first !== SPACE && first !== TAB) return;
    const line = bytes.subarray(at, at + MAX_LINE);
    const length = line.indexOf(LF);
    if (length === -1) return line.length < MAX_LINE ? MORE : undefined;
    const text = latin1.decode(line.subarray(0, length)).trim();
    if (this.#lines.size === 0 && /^--[!-~]+$/.test(text)) this.#add(text);
    return this.#lines.has(text) ? at + length + 1 : undefined;
  }

  #add(line: string): void {
    this.#lines.add(line).add(`${line}--`);
  }
}
