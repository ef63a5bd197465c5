import { type Bytes, HEADROOM, markHeadroom } from "../bytes.ts";
import type { Jpeg } from "../frame.ts";
import { type Delimiter, MORE } from "./boundary.ts";
import { PartHeader } from "./part_header.ts";

/** Maximum size of part headers in bytes; longer ones are treated as corrupt. */
const MAX_HEADER = 65_536;
/** Initial size of the buffer in bytes. */
const INITIAL_SIZE = 65_536;
const NUL = 0x00, LF = 0x0a, CR = 0x0d, SPACE = 0x20;
const latin1 = new TextDecoder("latin1");

/** One image of a stream. */
export interface Part {
  jpeg: Jpeg;
  /** Capture time by the sender's clock, in milliseconds since the Unix epoch. */
  timestamp: number | undefined;
}

/** Counts of the data that a decoder has dropped. */
export interface DecodeCounts {
  /** Number of parts that were too large, had too large headers, or contained no complete JPEG. */
  broken: number;
  /** Number of bytes in dropped parts, including parts of other types. */
  skippedBytes: number;
}

/**
 * Before a delimiter, in headers, at the start of a body, in an image of known or of unknown
 * length.
 */
type State = "seek" | "header" | "body" | "length" | "scan";

/** Position of a delimiter line, including the line break before it. */
interface Found {
  from: number;
  to: number;
}

/** Incremental parser of parts, for chunks of any size, in linear time. */
export class PartParser {
  readonly #delimiter: Delimiter;
  readonly #maxFrame: number;
  readonly #counts: DecodeCounts;
  #memory: Bytes = new Uint8Array(INITIAL_SIZE);
  #bytes: Bytes = this.#memory.subarray(0, 0);
  #state: State;
  #header = new PartHeader();
  // All positions are indexes into #bytes, and are adjusted when its content is moved.
  /** The next byte to parse; in headers, the start of a line. */
  #at = 0;
  /** Whether a line begins at `#at`. */
  #atLine = true;
  /** End of the bytes that were searched for the end of a header line. */
  #searched = 0;
  /** Start of the headers or of the image. */
  #start = 0;
  /** Start of the bytes being skipped, if they count as dropped. */
  #dropped: number | undefined;
  /** Whether a delimiter or an image was found; bytes before it do not count as dropped. */
  #begun = false;
  #ended = false;
  /** Whether the last `Content-Length` of a part was correct. */
  #trusting = true;

  constructor(delimiter: Delimiter, maxFrame: number, counts: DecodeCounts) {
    this.#delimiter = delimiter;
    this.#maxFrame = maxFrame;
    this.#counts = counts;
    // A server may omit the first delimiter.
    this.#state = delimiter.line === undefined ? "seek" : "header";
  }

  /** Appends a chunk. */
  push(chunk: Bytes): void {
    if (this.#bytes.length + chunk.length > this.#memory.length) this.#makeRoom(chunk.length);
    const end = this.#bytes.length;
    this.#memory.set(chunk, end);
    this.#bytes = this.#memory.subarray(0, end + chunk.length);
  }

  /** Ends the stream: completes the last part as a delimiter would. */
  end(): void {
    this.#ended = true;
    const { line } = this.#delimiter;
    if (line !== undefined) this.push(new TextEncoder().encode(`\n${line}\n`));
  }

  /** Yields the images that are complete. */
  *parts(): Generator<Part> {
    for (;;) {
      const step = this.#step();
      if (step === MORE) return;
      if (step) yield step;
    }
  }

  #step(): Part | typeof MORE | undefined {
    switch (this.#state) {
      case "seek":
        return this.#seek();
      case "header":
        return this.#readHeader();
      case "body":
        return this.#openBody();
      case "length":
        return this.#takeLength();
      case "scan":
        return this.#scan();
    }
  }

  #seek(): typeof MORE | undefined {
    const found = this.#findDelimiter();
    if (!found) return MORE;
    if (this.#dropped !== undefined) this.#counts.skippedBytes += found.from - this.#dropped;
    this.#beginPart(found.to);
  }

  #beginPart(at: number): undefined {
    this.#state = "header";
    this.#header = new PartHeader();
    this.#at = this.#searched = this.#start = at;
    this.#atLine = true;
    this.#dropped = undefined;
    this.#begun = true;
  }

  #readHeader(): typeof MORE | undefined {
    const isJpeg = startsJpeg(this.#bytes, this.#at);
    if (isJpeg) return isJpeg === MORE ? MORE : this.#endHeader();
    const lineEnd = this.#bytes.indexOf(LF, this.#searched);
    this.#searched = lineEnd === -1 ? this.#bytes.length : lineEnd + 1;
    if (this.#searched - this.#start > MAX_HEADER) return this.#drop(this.#at);
    if (lineEnd === -1) return MORE;
    const next = this.#delimiter.match(this.#bytes, this.#at);
    if (typeof next === "number") return this.#beginPart(next);
    const line = latin1.decode(this.#bytes.subarray(this.#at, lineEnd)).trim();
    this.#at = lineEnd + 1;
    if (line !== "") this.#header.add(line);
    else if (!this.#header.empty) this.#endHeader();
  }

  #endHeader(): undefined {
    if (this.#header.isJpeg) this.#state = "body";
    else this.#skip(this.#at);
  }

  #openBody(): typeof MORE | undefined {
    while (isLineBreak(this.#bytes[this.#at])) this.#at++;
    const next = this.#delimiter.match(this.#bytes, this.#at);
    if (next !== undefined) return next === MORE ? MORE : this.#beginPart(next); // an empty part
    const isJpeg = startsJpeg(this.#bytes, this.#at);
    if (!isJpeg) return this.#drop(this.#at);
    if (isJpeg === MORE) return MORE;
    this.#begun = true;
    this.#start = this.#at;
    this.#atLine = false;
    const { contentLength = 0 } = this.#header;
    const possible = contentLength >= 4 && contentLength <= this.#maxFrame;
    this.#state = possible && this.#trusting ? "length" : "scan";
  }

  #takeLength(): Part | typeof MORE | undefined {
    const end = this.#start + this.#header.contentLength!;
    if (end > this.#bytes.length && !this.#ended) return MORE;
    const jpeg = jpegIn(this.#bytes.subarray(this.#start, end));
    if (!jpeg || end > this.#bytes.length) {
      this.#state = "scan";
      return;
    }
    this.#state = "seek";
    this.#at = end;
    this.#atLine = true; // some servers omit the line break after an image
    return this.#part(jpeg);
  }

  #scan(): Part | typeof MORE | undefined {
    const found = this.#findDelimiter();
    if (this.#at - this.#start > this.#maxFrame) return this.#drop(this.#start);
    if (!found) return MORE;
    const jpeg = jpegIn(this.#bytes.subarray(this.#start, found.from));
    const { contentLength } = this.#header;
    if (contentLength !== undefined) {
      const claimed = jpegIn(this.#bytes.subarray(this.#start, this.#start + contentLength));
      this.#trusting = jpeg !== undefined && claimed?.length === jpeg.length;
    }
    const part = jpeg && this.#part(jpeg);
    if (!jpeg) this.#drop(this.#start);
    else this.#beginPart(found.to);
    return part;
  }

  /** Searches for the next delimiter, and moves `#at` to the line break before it. */
  #findDelimiter(): Found | undefined {
    for (;;) {
      const from = this.#atLine ? this.#at : this.#bytes.indexOf(LF, this.#at);
      this.#at = from === -1 ? this.#bytes.length : from;
      if (from === -1) return;
      const to = this.#delimiter.match(this.#bytes, this.#atLine ? from : from + 1);
      if (to === MORE) return;
      if (to !== undefined) return { from, to };
      if (!this.#atLine) this.#at++;
      this.#atLine = false;
    }
  }

  /** Drops the part whose bytes begin at `from`. */
  #drop(from: number): undefined {
    if (this.#begun) this.#counts.broken++;
    this.#skip(from);
  }

  #skip(from: number): undefined {
    this.#state = "seek";
    this.#dropped = this.#begun ? from : undefined;
  }

  #part(bytes: Bytes): Part {
    const { length } = bytes;
    const jpeg = new Uint8Array(new ArrayBuffer(HEADROOM + length + HEADROOM), HEADROOM, length);
    jpeg.set(bytes);
    return { jpeg: markHeadroom(jpeg), timestamp: this.#header.timestamp };
  }

  /** Moves the unparsed bytes to the start of the buffer, or of a larger buffer. */
  #makeRoom(length: number): void {
    const kept = this.#state === "length" || this.#state === "scan" ? this.#start : this.#at;
    const rest = this.#bytes.subarray(kept);
    const needed = rest.length + length;
    // Leaves at least as much free space as bytes are moved, so that each byte is moved only a few
    // times.
    const memory = needed + rest.length > this.#memory.length
      ? new Uint8Array(needed + rest.length)
      : this.#memory;
    memory.set(rest);
    this.#memory = memory;
    this.#bytes = memory.subarray(0, rest.length);
    this.#at -= kept;
    this.#searched -= kept;
    this.#start -= kept;
    if (this.#dropped !== undefined) this.#dropped -= kept;
  }
}

/** Returns the JPEG in `bytes` without the padding after it, if it is complete. */
function jpegIn(bytes: Bytes): Jpeg | undefined {
  let end = bytes.length;
  while (end > 0 && isPadding(bytes[end - 1]!)) end--;
  const isWhole = end >= 4 && bytes[end - 2] === 0xff && bytes[end - 1] === 0xd9;
  return isWhole ? bytes.subarray(0, end) : undefined;
}

/** Whether a JPEG begins `at`, with an SOI marker. */
function startsJpeg(bytes: Bytes, at: number): boolean | typeof MORE {
  if (bytes[at] !== 0xff) return false;
  return at + 1 < bytes.length ? bytes[at + 1] === 0xd8 : MORE;
}

function isLineBreak(byte: number | undefined): boolean {
  return byte === CR || byte === LF;
}

function isPadding(byte: number): boolean {
  return byte === NUL || byte === SPACE || isLineBreak(byte);
}
