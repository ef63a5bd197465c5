import { type Bytes, concat } from "../bytes.ts";
import { HttpClientError } from "./errors.ts";

/** Maximum length of the line before a chunk, including its extensions, in bytes. */
const MAX_CHUNK_LINE = 4096;

/**
 * Decodes a chunked body (RFC 9112, section 7.1). A body that does not begin with the length of a
 * chunk is passed through: some servers announce chunks, but send a plain body. Tolerates a missing
 * line break after a chunk, and several of them. Does not wait for trailer fields.
 */
export class ChunkedDecoder {
  readonly #server: string;
  #state: "length" | "data" | "plain" | "done" = "length";
  /** Number of bytes of the current chunk that have not arrived yet. */
  #missing = 0;
  /** The received beginning of an incomplete line. */
  #line: Bytes = new Uint8Array();
  /** Whether a valid chunk length has arrived. */
  #chunked = false;

  constructor(server: string) {
    this.#server = server;
  }

  get done(): boolean {
    return this.#state === "done";
  }

  get incomplete(): boolean {
    return this.#state !== "done" && this.#state !== "plain";
  }

  push(bytes: Bytes): Bytes[] {
    const parts: Bytes[] = [];
    for (let rest = bytes; rest.length && !this.done;) rest = this.#step(rest, parts);
    return parts;
  }

  /** Decodes the start of `bytes`. @returns The rest of `bytes`. */
  #step(bytes: Bytes, parts: Bytes[]): Bytes {
    if (this.#state === "plain") {
      parts.push(bytes);
      return bytes.subarray(bytes.length);
    }
    if (this.#state === "data") return this.#takeData(bytes, parts);
    return this.#takeLine(bytes, parts);
  }

  #takeData(bytes: Bytes, parts: Bytes[]): Bytes {
    const part = bytes.subarray(0, this.#missing);
    this.#missing -= part.length;
    if (this.#missing === 0) this.#state = "length";
    parts.push(part);
    return bytes.subarray(part.length);
  }

  /** Decodes the line with the length of a chunk, or a line break after the data of a chunk. */
  #takeLine(bytes: Bytes, parts: Bytes[]): Bytes {
    const lf = bytes.indexOf(0x0a);
    const end = lf === -1 ? bytes.length : lf + 1;
    const line = concat(this.#line, bytes.subarray(0, end));
    const text = String.fromCharCode(...line.subarray(0, MAX_CHUNK_LINE));
    const valid = /^[ \t]{0,8}[\da-f]{0,13}[ \t]{0,8}(?:\r?\n?|;[^\n]*\n?)$/i.test(text);
    if (!valid || line.length > MAX_CHUNK_LINE) return this.#refuse(line, bytes, end, parts);
    this.#line = lf === -1 ? line : new Uint8Array();
    if (lf !== -1 && !this.#endLine(text)) return this.#refuse(line, bytes, end, parts);
    return bytes.subarray(end);
  }

  /** Evaluates a complete line. @returns Whether it is valid. */
  #endLine(text: string): boolean {
    const digits = /^[ \t]*([\da-f]+)/i.exec(text)?.[1];
    if (!digits) return this.#chunked && /^\r?\n$/.test(text);
    this.#chunked = true;
    this.#missing = parseInt(digits, 16);
    this.#state = this.#missing ? "data" : "done";
    return true;
  }

  /**
   * Passes the line and all further bytes through.
   *
   * @throws {HttpClientError} If a chunk preceded the line.
   */
  #refuse(line: Bytes, bytes: Bytes, end: number, parts: Bytes[]): Bytes {
    if (this.#chunked) {
      throw new HttpClientError("bad-chunk", `${this.#server} sent a chunk without a valid length`);
    }
    this.#state = "plain";
    this.#line = new Uint8Array();
    parts.push(line);
    return bytes.subarray(end);
  }
}
