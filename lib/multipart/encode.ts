import { type Bytes, hasHeadroom } from "../bytes.ts";
import type { Frame } from "../frame.ts";

/** The boundary for which a frame's own buffer has room: no copy is made for it. */
const BOUNDARY = "frame";
const PART_TYPE = "Content-Type: image/jpeg\r\n";
const text = new TextEncoder();

/**
 * One way to write frames as `multipart/x-mixed-replace`. A frame is one chunk, made once however many
 * viewers there are, and ends with the delimiter of the next part: clients show it when they see that.
 */
export class MultipartFormat {
  /** For the response's header. */
  readonly contentType: string;
  /** What comes before the first frame. */
  readonly opening: Bytes;
  readonly #boundary: string;
  readonly #advance: boolean;
  readonly #ending: Bytes;
  readonly #parts = new WeakMap<Frame, Bytes>();

  /**
   * @param advance Whether the next part's header is sent with this one. Blink paints a part only when
   * it has that; the length of a part cannot be told then.
   */
  constructor(boundary: string, advance: boolean) {
    this.#boundary = boundary;
    this.#advance = advance;
    this.contentType = `multipart/x-mixed-replace; boundary=${boundary}`;
    const next = `--${boundary}\r\n${advance ? `${PART_TYPE}\r\n` : ""}`;
    this.opening = text.encode(next);
    this.#ending = text.encode(`\r\n${next}`);
  }

  /** The bytes of a frame: the same object for every viewer, so do not write to it. */
  part(frame: Frame): Bytes {
    let part = this.#parts.get(frame);
    if (!part) this.#parts.set(frame, part = this.#build(frame));
    return part;
  }

  #build(frame: Frame): Bytes {
    const { jpeg } = frame;
    const header = this.#advance ? new Uint8Array(0) : text.encode(partHeader(frame));
    // Either way of writing puts the same bytes at the same place around the image, only more or fewer.
    const inPlace = this.#boundary === BOUNDARY && hasHeadroom(jpeg);
    const part = inPlace
      ? new Uint8Array(
        jpeg.buffer,
        jpeg.byteOffset - header.length,
        header.length + jpeg.length + this.#ending.length,
      )
      : new Uint8Array(header.length + jpeg.length + this.#ending.length);
    part.set(header);
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

/** The format for a boundary, in the form with or without the next part's header in advance. */
export function multipartFormat(boundary: string, advance: boolean): MultipartFormat {
  const key = `${advance} ${boundary}`;
  let format = formats.get(key);
  if (!format) formats.set(key, format = new MultipartFormat(boundary, advance));
  return format;
}
