import { allocateWithHeadroom, type Bytes } from "../bytes.ts";
import type { Jpeg } from "../frame.ts";
import { type Delimiter, MORE } from "./boundary.ts";
import type { Received } from "../received.ts";
import { PartHeader } from "./part_header.ts";
import { type PartImage, PartImages } from "./part_images.ts";

/** Maximum size of part headers in bytes; longer ones are treated as corrupt. */
const MAX_HEADER = 65_536;
/** Initial size of the buffer in bytes. */
const INITIAL_SIZE = 65_536;
/** Number of bytes that are needed to recognize the format of a part that is not a JPEG. */
const MIN_SAMPLE = 32;
/**
 * Maximum number of bytes in the line breaks between EOI and a delimiter that is not the declared
 * one.
 */
const MAX_BREAKS = 8;
const LF = 0x0a, CR = 0x0d;
const EOI = [0xff, 0xd9];
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

/** Options of a {@link PartParser}. */
export interface PartParserOptions {
  /** Maximum size of an image in bytes. */
  readonly maxFrame: number;
  readonly counts: DecodeCounts;
  /** Record to which the received data, parts that are not JPEGs and broken images are added. */
  readonly received?: Received;
}

/** Incremental parser of parts, for chunks of any size, in linear time. */
export class PartParser {
  readonly #delimiter: Delimiter;
  readonly #maxFrame: number;
  readonly #counts: DecodeCounts;
  readonly #received: Received | undefined;
  readonly #images = new PartImages();
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
  /** Whether `#at` is at the start of the stream or directly after an image. */
  #expectsDelimiter = true;

  constructor(delimiter: Delimiter, { maxFrame, counts, received }: PartParserOptions) {
    this.#delimiter = delimiter;
    this.#maxFrame = maxFrame;
    this.#counts = counts;
    this.#received = received;
    // A server may omit the first delimiter.
    this.#state = delimiter.line === undefined ? "seek" : "header";
  }

  /** Appends a chunk. */
  push(chunk: Bytes): void {
    if (!this.#ended) this.#received?.add(chunk);
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
    if (this.#expectsDelimiter) { while (isLineBreak(this.#bytes[this.#at])) this.#at++; }
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
    this.#expectsDelimiter = false;
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
    const next = this.#matchLine(this.#at, this.#at);
    if (next === MORE && !this.#ended) return this.#waitAtLine();
    if (typeof next === "number" && next > this.#at) return this.#beginPart(next);
    this.#expectsDelimiter = false;
    const line = latin1.decode(this.#bytes.subarray(this.#at, lineEnd)).trim();
    this.#at = lineEnd + 1;
    if (line !== "") this.#header.add(line);
    else if (!this.#header.empty) this.#endHeader();
  }

  /** Waits for more bytes to decide about a line of headers. */
  #waitAtLine(): typeof MORE {
    this.#searched = this.#at;
    return MORE;
  }

  #endHeader(): undefined {
    this.#state = "body";
  }

  #openBody(): typeof MORE | undefined {
    while (isLineBreak(this.#bytes[this.#at])) this.#at++;
    const next = this.#delimiter.match(this.#bytes, this.#at);
    if (next !== undefined) return next === MORE ? MORE : this.#beginPart(next); // an empty part
    const isJpeg = startsJpeg(this.#bytes, this.#at);
    if (isJpeg === MORE) return MORE;
    if (!isJpeg) return this.#skipBody();
    this.#begun = true;
    this.#start = this.#at;
    this.#atLine = this.#expectsDelimiter = false;
    const { contentLength = 0 } = this.#header;
    const possible = contentLength >= 4 && contentLength <= this.#maxFrame;
    this.#state = possible && this.#trusting ? "length" : "scan";
  }

  /** Skips a body that is not a JPEG. It counts as broken if it is declared as a JPEG. */
  #skipBody(): typeof MORE | undefined {
    const head = this.#bytes.subarray(this.#at);
    if (head.length < MIN_SAMPLE && !this.#ended) return MORE;
    if (this.#begun) this.#received?.addPart(this.#header.type, head);
    if (this.#header.mayBeJpeg) this.#drop(this.#at);
    else this.#skip(this.#at);
  }

  #takeLength(): Part | typeof MORE | undefined {
    const end = this.#start + this.#header.contentLength!;
    if (end > this.#bytes.length && !this.#ended) return MORE;
    const isThere = end <= this.#bytes.length;
    const image = isThere && this.#images.inLength(this.#bytes.subarray(this.#start, end));
    if (!image) {
      this.#state = "scan";
      return;
    }
    this.#state = "seek";
    this.#at = end;
    this.#atLine = true; // some servers omit the line break after an image
    this.#expectsDelimiter = true;
    return this.#part(image);
  }

  #scan(): Part | typeof MORE | undefined {
    const found = this.#findDelimiter();
    if (this.#at - this.#start > this.#maxFrame) {
      return this.#drop(this.#start, `larger than ${this.#maxFrame} bytes`);
    }
    if (!found) return MORE;
    const image = this.#images.inPart(this.#bytes.subarray(this.#start, found.from));
    const { contentLength } = this.#header;
    if (contentLength !== undefined) {
      const claimed = this.#bytes.subarray(this.#start, this.#start + contentLength);
      this.#trusting = image !== undefined &&
        this.#images.inLength(claimed)?.bytes.length === image.bytes.length;
    }
    const part = image && this.#part(image);
    if (!image) this.#drop(this.#start, "cut off before the end (EOI)");
    else this.#beginPart(found.to);
    return part;
  }

  /** Searches for the next delimiter, and moves `#at` to the line break before it. */
  #findDelimiter(): Found | undefined {
    for (;;) {
      const from = this.#atLine ? this.#at : this.#bytes.indexOf(LF, this.#at);
      this.#at = from === -1 ? this.#bytes.length : from;
      if (from === -1) return;
      const to = this.#matchLine(this.#atLine ? from : from + 1, from);
      if (to === MORE) return;
      if (to !== undefined) return { from, to };
      const afterImage = this.#state === "scan"
        ? this.#delimiter.startAfterImage(this.#bytes, from)
        : undefined;
      if (afterImage !== undefined && afterImage > this.#start) {
        return { from: afterImage, to: from + 1 };
      }
      if (!this.#atLine) this.#at++;
      this.#atLine = this.#expectsDelimiter = false;
    }
  }

  /**
   * Checks whether a delimiter line begins `at`. Until the declared boundary was found, other lines
   * are accepted where a delimiter must be.
   *
   * @param from End of the bytes before the line and before its line break.
   */
  #matchLine(at: number, from: number): number | typeof MORE | undefined {
    const next = this.#delimiter.match(this.#bytes, at);
    if (next !== undefined || this.#delimiter.confirmed) return next;
    const isExpected = this.#expectsDelimiter ||
      this.#state === "scan" && from - this.#start <= this.#maxFrame && this.#endsWithEoi(from);
    return this.#delimiter.adopt(this.#bytes, at, isExpected);
  }

  /** Whether the bytes before line breaks are EOI. */
  #endsWithEoi(from: number): boolean {
    let end = from;
    while (end > from - MAX_BREAKS && isLineBreak(this.#bytes[end - 1])) end--;
    return this.#bytes[end - 2] === EOI[0] && this.#bytes[end - 1] === EOI[1];
  }

  /**
   * Drops the part whose bytes begin at `from`.
   *
   * @param reason Why its image is broken, if it has one.
   */
  #drop(from: number, reason?: string): undefined {
    if (this.#begun) this.#counts.broken++;
    if (reason && !this.#ended) this.#received?.addBroken(reason);
    this.#skip(from);
  }

  #skip(from: number): undefined {
    this.#state = "seek";
    this.#dropped = this.#begun ? from : undefined;
  }

  #part({ bytes, lacksEoi }: PartImage): Part {
    const length = bytes.length + (lacksEoi ? EOI.length : 0);
    const jpeg = allocateWithHeadroom(length);
    jpeg.set(bytes);
    if (lacksEoi) jpeg.set(EOI, bytes.length);
    return { jpeg, timestamp: this.#header.timestamp };
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

/** Whether a JPEG begins `at`, with an SOI marker. */
function startsJpeg(bytes: Bytes, at: number): boolean | typeof MORE {
  if (bytes[at] !== 0xff) return false;
  return at + 1 < bytes.length ? bytes[at + 1] === 0xd8 : MORE;
}

function isLineBreak(byte: number | undefined): boolean {
  return byte === CR || byte === LF;
}
