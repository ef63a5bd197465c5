import type { Bytes } from "../../../lib/bytes.ts";
import type { Jpeg } from "../../../lib/frame.ts";

/** Reads `count` pictures from the stream at an address, following the rules of one client. */
export type Reader = (url: string, count: number) => Promise<Jpeg[]>;

/** A stream that a client cannot read. */
export class Unreadable extends Error {}

/** Yields the body of a response in chunks as they arrive, as the HTTP library of a client does. */
export async function* bodyOf(
  url: string,
  check: (response: Response) => void = () => {},
): AsyncGenerator<Bytes> {
  const response = await fetch(url, { headers: { Accept: "*/*" } });
  if (!response.ok) {
    await response.body?.cancel();
    throw new Unreadable(`Status ${response.status}`);
  }
  try {
    check(response);
  } catch (error) {
    await response.body?.cancel();
    throw error;
  }
  yield* response.body!;
  throw new Unreadable("The stream has ended");
}

/** A buffered reader of lines and of byte counts, as most clients use. */
export class BufferedReader implements AsyncDisposable {
  readonly #source: AsyncIterator<Bytes>;
  #buffered: Bytes = new Uint8Array(0);

  constructor(source: AsyncIterable<Bytes>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** Reads a line including its end, as Latin-1. */
  async line(): Promise<string> {
    let end: number;
    while ((end = this.#buffered.indexOf(0x0a)) < 0) await this.#more();
    return latin1(this.#take(end + 1));
  }

  /** Reads `count` bytes. */
  async bytes(count: number): Promise<Bytes> {
    while (this.#buffered.length < count) await this.#more();
    return this.#take(count);
  }

  /** Returns the next `count` bytes as Latin-1 without consuming them. */
  async peek(count: number): Promise<string> {
    while (this.#buffered.length < count) await this.#more();
    return latin1(this.#buffered.subarray(0, count));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#source.return?.();
  }

  #take(count: number): Bytes {
    const taken = this.#buffered.slice(0, count);
    this.#buffered = this.#buffered.subarray(count);
    return taken;
  }

  async #more(): Promise<void> {
    const { done, value } = await this.#source.next();
    if (done) throw new Unreadable("The stream has ended");
    this.#buffered = concat(this.#buffered, value);
  }
}

/** Concatenates two arrays into a new one. */
export function concat(one: Bytes, other: Bytes): Bytes {
  const both = new Uint8Array(one.length + other.length);
  both.set(one);
  both.set(other, one.length);
  return both;
}

/** Returns the first index of `pattern` in `bytes` at or after `from`; -1 if there is none. */
export function indexOf(bytes: Bytes, pattern: Bytes, from = 0): number {
  for (
    let at = bytes.indexOf(pattern[0]!, from);
    at >= 0;
    at = bytes.indexOf(pattern[0]!, at + 1)
  ) {
    if (at + pattern.length > bytes.length) return -1;
    if (pattern.every((byte, i) => bytes[at + i] === byte)) return at;
  }
  return -1;
}

/** Decodes Latin-1: one character per byte. */
export function latin1(bytes: Bytes): string {
  return Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
}

/** Encodes Latin-1: one byte per character. */
export function asBytes(text: string): Bytes {
  return Uint8Array.from(text, (letter) => letter.charCodeAt(0));
}

/** Sends a request over a TCP connection and yields the response in chunks as they arrive. */
export async function* exchange(url: string, request: string): AsyncGenerator<Bytes> {
  const { hostname, port } = new URL(url);
  using connection = await Deno.connect({ hostname, port: Number(port) });
  await connection.write(asBytes(request));
  for (const buffer = new Uint8Array(4096);;) {
    const length = await connection.read(buffer);
    if (length === null) return;
    yield buffer.slice(0, length);
  }
}
