import { type Bytes, hasHeadroom } from "../bytes.ts";
import type { Frame } from "../frame.ts";

/**
 * The boundary of streams whose parts are written around the JPEG in its buffer, without a copy.
 */
const BOUNDARY = "frame";
const PART_TYPE = "Content-Type: image/jpeg\r\n";
const text = new TextEncoder();

/**
 * Encodes frames as `multipart/x-mixed-replace`. Each frame is one chunk, which is built once for
 * all viewers. It ends with the delimiter of the next part, because clients show a frame only when
 * they have received that.
 */
export class MultipartFormat {
  /** The `Content-Type` of the response. */
  readonly contentType: string;
  /** The bytes before the first frame. */
  readonly opening: Bytes;
  readonly #boundary: string;
  readonly #advance: boolean;
  readonly #ending: Bytes;
  readonly #parts = new WeakMap<Frame, Bytes>();

  /**
   * @param advance Whether each part is followed by the headers of the next part. Chromium and
   * WebKit paint a part only when they have received these headers, which cannot contain the length
   * of a frame that does not exist yet.
   */
  constructor(boundary: string, advance: boolean) {
    this.#boundary = boundary;
    this.#advance = advance;
    this.contentType = `multipart/x-mixed-replace; boundary=${boundary}`;
    const next = `--${boundary}\r\n${advance ? `${PART_TYPE}\r\n` : ""}`;
    this.opening = text.encode(next);
    this.#ending = text.encode(`\r\n${next}`);
  }

  /** Returns the bytes of a frame. All viewers share them: do not write to them. */
  part(frame: Frame): Bytes {
    let part = this.#parts.get(frame);
    if (!part) this.#parts.set(frame, part = this.#build(frame));
    return part;
  }

  #build(frame: Frame): Bytes {
    const { jpeg } = frame;
    const header = this.#advance ? "" : partHeader(frame);
    // Several formats may share a buffer: their bytes are equal wherever they overlap.
    const inPlace = this.#boundary === BOUNDARY && hasHeadroom(jpeg);
    const part = inPlace
      ? new Uint8Array(
        jpeg.buffer,
        jpeg.byteOffset - header.length,
        header.length + jpeg.length + this.#ending.length,
      )
      : new Uint8Array(header.length + jpeg.length + this.#ending.length);
    // `TextEncoder` takes more time for a few bytes.
    for (let i = 0; i < header.length; i++) part[i] = header.charCodeAt(i);
    if (!inPlace) part.set(jpeg, header.length);
    part.set(this.#ending, header.length + jpeg.length);
    return part;
  }
}

function partHeader({ jpeg, capturedAt }: Frame): string {
  const seconds = (capturedAt / 1000).toFixed(6);
  return `${PART_TYPE}Content-Length: ${jpeg.length}\r\nX-Timestamp: ${seconds}\r\n\r\n`;
}

const formats = new Map<string, MultipartFormat>();

/** Returns the format for a boundary: always the same object, so that viewers share its parts. */
export function multipartFormat(boundary: string, advance: boolean): MultipartFormat {
  const key = `${advance} ${boundary}`;
  let format = formats.get(key);
  if (!format) formats.set(key, format = new MultipartFormat(boundary, advance));
  return format;
}
