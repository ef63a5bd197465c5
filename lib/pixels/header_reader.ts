import type { Bytes } from "../bytes.ts";
import type { Jpeg } from "../frame.ts";
import { isFrameHeader, type Segment, segments } from "../jpeg/segments.ts";
import { type Baseline, readBaseline } from "./baseline.ts";
import { encodeHeader } from "./header.ts";
import { applicationSegments } from "./metadata.ts";
import type { Refused } from "./task.ts";

/** A header that was read. */
export interface PictureHeader {
  readonly baseline: Baseline;
  /** The APPn segments that decoders need. */
  readonly application: Bytes;
  /** The same header for every decoder, without any metadata: from SOI to the end of SOS. */
  readonly encoded: Bytes;
}

/** A picture's header, and where its data begin. */
export interface ReadHeader {
  /** The same object as for the last picture if nothing has changed that matters. */
  readonly header: PictureHeader;
  /** Start of the entropy-coded data: it differs with the size of the metadata. */
  readonly data: number;
}

/** Reads the headers of a camera's pictures. They are alike, so only those that differ are parsed. */
export class HeaderReader {
  #key: Bytes = new Uint8Array(0);
  #header: PictureHeader | Refused | undefined;

  /** Reads a header, and refuses what {@link readBaseline} refuses. */
  read(jpeg: Jpeg, parts: readonly Segment[] = [...segments(jpeg)]): ReadHeader | Refused {
    const scan = parts.at(-1);
    if (scan?.marker !== 0xda) return { refused: "damaged JPEG" };
    const needed = parts.filter(({ marker }) => isNeeded(marker));
    if (!this.#header || !this.#isSame(jpeg, needed)) {
      this.#key = concatenated(jpeg, needed);
      this.#header = parse(jpeg, parts);
    }
    if ("refused" in this.#header) return this.#header;
    return { header: this.#header, data: scan.end };
  }

  #isSame(jpeg: Jpeg, needed: readonly Segment[]): boolean {
    const key = this.#key;
    let at = 0;
    for (const { start, end } of needed) {
      if (at + end - start > key.length) return false;
      for (let i = start; i < end; i++) if (jpeg[i] !== key[at++]) return false;
    }
    return at === key.length;
  }
}

function parse(jpeg: Jpeg, parts: readonly Segment[]): PictureHeader | Refused {
  const baseline = readBaseline(jpeg, parts);
  if ("refused" in baseline) return baseline;
  const application = applicationSegments(jpeg, parts);
  return { baseline, application, encoded: encodeHeader(baseline, application) };
}

/** Whether a segment matters to a decoder: APP0, APP14, tables, frame and scan headers. */
function isNeeded(marker: number): boolean {
  return isFrameHeader(marker) || [0xc4, 0xda, 0xdb, 0xdd, 0xe0, 0xee].includes(marker);
}

function concatenated(jpeg: Jpeg, parts: readonly Segment[]): Bytes {
  const bytes = new Uint8Array(parts.reduce((sum, { start, end }) => sum + end - start, 0));
  let at = 0;
  for (const { start, end } of parts) {
    bytes.set(jpeg.subarray(start, end), at);
    at += end - start;
  }
  return bytes;
}
