import { type Bytes, HEADROOM, markHeadroom } from "../bytes.ts";
import type { Jpeg } from "../frame.ts";
import { type Delimiter, MORE } from "./boundary.ts";
import { PartHeader } from "./part_header.ts";

/** A header that grows beyond this is none. */
const MAX_HEADER = 65_536;
/** There is room for so many bytes at the beginning. */
const READ = 65_536;
const NUL = 0x00, LF = 0x0a, CR = 0x0d, SPACE = 0x20;
const latin1 = new TextDecoder("latin1");

/** One image of a stream. */
export interface Part {
  jpeg: Jpeg;
  /** When the sender says that it was captured, in milliseconds since the Unix epoch. */
  timestamp: number | undefined;
}

/** What a decoder has dropped. */
export interface DecodeCounts {
  /** Parts that were no whole JPEG, too large, or had too large a header. */
  broken: number;
  /** Bytes of the parts that were dropped, also of those that are of another type. */
  skippedBytes: number;
}

/** Looking for a delimiter, in a part's header, at its body, and in an image of known or unknown length. */
type State = "seek" | "header" | "body" | "length" | "scan";

/** Where a delimiter's line was found, from the break in front of it. */
interface Found {
  from: number;
  to: number;
}

/** Finds the parts in the bytes of a stream, however those are cut. Work grows with the bytes alone. */
export class PartParser {
  readonly #delimiter: Delimiter;
  readonly #maxFrame: number;
  readonly #counts: DecodeCounts;
  #memory: Bytes = new Uint8Array(READ);
  #bytes: Bytes = this.#memory.subarray(0, 0);
  #state: State;
  #header = new PartHeader();
  // All positions are in #bytes, and move with what is in there.
  /** The next byte to look at; in a header, the beginning of a line. */
  #at = 0;
  /** Whether a line begins there. */
  #atLine = true;
  /** Up to where a header has been searched for the end of a line. */
  #searched = 0;
  /** Where the header or the image begins. */
  #start = 0;
  /** Where the dropped bytes begin that are being skipped. */
  #dropped: number | undefined;
  /** Whether a delimiter or an image has come: what is in front of the first is not missed. */
  #begun = false;
  #ended = false;
  /** Whether the last length that a part had was right. */
  #trusting = true;

  constructor(delimiter: Delimiter, maxFrame: number, counts: DecodeCounts) {
    this.#delimiter = delimiter;
    this.#maxFrame = maxFrame;
    this.#counts = counts;
    // A server may leave out the first delimiter.
    this.#state = delimiter.line === undefined ? "seek" : "header";
  }

  /** Takes in what has come. */
  push(chunk: Bytes): void {
    if (this.#bytes.length + chunk.length > this.#memory.length) this.#makeRoom(chunk.length);
    const end = this.#bytes.length;
    this.#memory.set(chunk, end);
    this.#bytes = this.#memory.subarray(0, end + chunk.length);
  }

  /** Nothing more will come: closes the last part as a delimiter does. */
  end(): void {
    this.#ended = true;
    const { line } = this.#delimiter;
    if (line !== undefined) this.push(new TextEncoder().encode(`\n${line}\n`));
  }

  /** The images that are complete. */
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
    this.#atLine = true; // some servers leave out the break behind an image
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

  /** Looks for the next delimiter; `#at` moves to the line break in front of it. */
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

  /** Gives up the part, of which the bytes begin at `from`. */
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

  /** Moves what is still to be read to the front, or into larger memory. */
  #makeRoom(length: number): void {
    const kept = this.#state === "length" || this.#state === "scan" ? this.#start : this.#at;
    const rest = this.#bytes.subarray(kept);
    const needed = rest.length + length;
    // As much room as there are bytes to move, so that each byte moves a few times at most.
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

/** The JPEG that bytes are if they begin and end as one; what servers put behind it is left out. */
function jpegIn(bytes: Bytes): Jpeg | undefined {
  let end = bytes.length;
  while (end > 0 && isPadding(bytes[end - 1]!)) end--;
  const isWhole = end >= 4 && bytes[end - 2] === 0xff && bytes[end - 1] === 0xd9;
  return isWhole ? bytes.subarray(0, end) : undefined;
}

/** Whether an image begins here: SOI. */
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
