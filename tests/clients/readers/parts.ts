import type { Bytes } from "../../../lib/bytes.ts";
import type { Jpeg } from "../../../lib/frame.ts";

/** Reads a stream from an address, by the rules of one client, until it has `count` pictures. */
export type Reader = (url: string, count: number) => Promise<Jpeg[]>;

/** What a client cannot read. */
export class Unreadable extends Error {}

/** The body of an answer, as the clients' HTTP libraries give it, in pieces as they come. */
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

/** Bytes behind a buffer, as most clients read them: lines, and so many bytes. */
export class BufferedReader implements AsyncDisposable {
  readonly #source: AsyncIterator<Bytes>;
  #rest: Bytes = new Uint8Array(0);

  constructor(source: AsyncIterable<Bytes>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** A line with its end, as Latin-1. */
  async line(): Promise<string> {
    let end: number;
    while ((end = this.#rest.indexOf(0x0a)) < 0) await this.#more();
    return latin1(this.#take(end + 1));
  }

  /** So many bytes. */
  async bytes(count: number): Promise<Bytes> {
    while (this.#rest.length < count) await this.#more();
    return this.#take(count);
  }

  /** So many bytes, which are read again later; as Latin-1. */
  async peek(count: number): Promise<string> {
    while (this.#rest.length < count) await this.#more();
    return latin1(this.#rest.subarray(0, count));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#source.return?.();
  }

  #take(count: number): Bytes {
    const taken = this.#rest.slice(0, count);
    this.#rest = this.#rest.subarray(count);
    return taken;
  }

  async #more(): Promise<void> {
    const { done, value } = await this.#source.next();
    if (done) throw new Unreadable("The stream has ended");
    this.#rest = concat(this.#rest, value);
  }
}

/** One after the other, in memory of its own. */
export function concat(one: Bytes, other: Bytes): Bytes {
  const both = new Uint8Array(one.length + other.length);
  both.set(one);
  both.set(other, one.length);
  return both;
}

/** Where `pattern` begins in `bytes` from `from` on; -1 if nowhere. */
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

/** A character for each byte. */
export function latin1(bytes: Bytes): string {
  return Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
}

/** A byte for each character. */
export function asBytes(text: string): Bytes {
  return Uint8Array.from(text, (letter) => letter.charCodeAt(0));
}

/** What a server sent on a raw socket for a request, in pieces as they come. */
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
