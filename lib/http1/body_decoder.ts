import type { Bytes } from "../bytes.ts";
import { ChunkedDecoder } from "./chunked.ts";
import { HttpClientError } from "./errors.ts";
import type { HeaderFields } from "./fields.ts";

/** Encodings that change the body. Values such as `binary` and `utf-8` do not. */
const COMPRESSED = /\b(x-)?(gzip|deflate|compress|br|zstd)\b/i;

/** Finds the body in the bytes of a connection. */
export interface BodyDecoder {
  /** Returns the bytes of the body among `bytes`: parts of the same memory. */
  push(bytes: Bytes): Bytes[];
  /** Whether the body has ended: further bytes are not part of it. */
  readonly done: boolean;
  /** Whether the body is truncated if the connection ends now. */
  readonly incomplete: boolean;
}

/**
 * Chooses the decoder for a response. Drops the compressed body of an error or a redirect: the
 * status is enough.
 *
 * @throws {HttpClientError} If the body of a successful response is compressed.
 */
export function decoderFor(status: number, headers: HeaderFields, server: string): BodyDecoder {
  if (status === 204 || status === 304) return new LengthDecoder(0);
  const transfer = headers.all("Transfer-Encoding").join();
  const encoding = COMPRESSED.exec(`${transfer},${headers.all("Content-Encoding").join()}`)?.[0];
  if (encoding && (status < 200 || status > 299)) return new LengthDecoder(0);
  if (encoding) {
    const message =
      `${server} compresses its response (${encoding}) although the request excludes that`;
    throw new HttpClientError("unsupported-encoding", message);
  }
  if (/\bchunked\b/i.test(transfer)) return new ChunkedDecoder(server);
  const length = readLength(headers);
  // Some cameras announce an empty body and send an endless stream.
  const isStream = length === 0 && /^\s*multipart\//i.test(headers.get("Content-Type") ?? "");
  return new LengthDecoder(isStream && status === 200 ? Infinity : length);
}

/**
 * Returns the announced length of the body; Infinity if no value is valid, or if the values differ.
 */
function readLength(headers: HeaderFields): number {
  const lengths = headers.all("Content-Length").flatMap((value) => value.split(","))
    .map((value) => value.trim()).filter((value) => /^\d+$/.test(value)).map(Number);
  const [length = Infinity] = lengths;
  return lengths.every((other) => other === length) ? length : Infinity;
}

/** Decodes a body of a known length, or until the end of the connection. */
class LengthDecoder implements BodyDecoder {
  #missing: number;

  constructor(length: number) {
    this.#missing = length;
  }

  get done(): boolean {
    return this.#missing === 0;
  }

  get incomplete(): boolean {
    return this.#missing > 0 && this.#missing < Infinity;
  }

  push(bytes: Bytes): Bytes[] {
    const part = bytes.length > this.#missing ? bytes.subarray(0, this.#missing) : bytes;
    this.#missing -= part.length;
    return part.length ? [part] : [];
  }
}
