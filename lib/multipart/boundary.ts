import type { Bytes } from "../bytes.ts";

/** A longer line is no delimiter: RFC 2046 allows a boundary 70 characters. */
const MAX_LINE = 256;
const TAB = 0x09, LF = 0x0a, SPACE = 0x20, DASH = 0x2d;
const PARAMETER = /;\s*([^\s=;]*)\s*(?:=\s*("(?:[^"\\]|\\.)*"|[^;]*))?/gs;
const latin1 = new TextDecoder("latin1");

/** There are too few bytes yet to tell. */
export const MORE = "more";

/** The boundary that a `Content-Type` names. Some servers write the `--` of the delimiter into it. */
export function boundaryOf(contentType: string): string | undefined {
  for (const [, name = "", value = ""] of contentType.matchAll(PARAMETER)) {
    if (name.toLowerCase() !== "boundary") continue;
    const quoted = /^"(.*?)"?$/s.exec(value.trim())?.[1]?.replaceAll(/\\(.)/gs, "$1");
    return (quoted ?? value).trim() || undefined;
  }
}

/** Recognises the lines between the parts of a stream. */
export class Delimiter {
  readonly #lines = new Set<string>();

  /** @param boundary As {@link boundaryOf} gave it. Without it, the first line with `--` tells. */
  constructor(boundary: string | undefined) {
    if (boundary === undefined) return;
    this.#add(`--${boundary}`);
    if (boundary.startsWith("--")) this.#add(boundary);
  }

  /** A line that is a delimiter, or undefined while it is not known how one looks. */
  get line(): string | undefined {
    return this.#lines.values().next().value;
  }

  /**
   * Tells if the line that begins `at` is a delimiter. Blanks around it do not matter.
   *
   * @returns Where the next line begins if it is one, {@link MORE} if the line's end has not come yet.
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
