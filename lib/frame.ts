/** Bytes that nobody else can move or resize. */
export type Bytes = Uint8Array<ArrayBuffer>;

/** Bytes that come as they are asked for, into memory of the reader's choice. */
export interface ByteSource extends AsyncIterable<Bytes>, AsyncDisposable {
  /**
   * Waits for bytes and puts them at the start of `into`, whose buffer it takes away from the caller.
   *
   * @returns The bytes that came, in the same memory under a new buffer; undefined at the end.
   */
  read(into: Bytes): Promise<Bytes | undefined>;
}

/** The bytes of one complete JPEG image, from its SOI marker (FF D8) to its EOI (FF D9). */
export type Jpeg = Bytes;

/** One image from a camera. Every viewer holds the same object, so nobody writes to `jpeg`. */
export interface Frame {
  readonly jpeg: Jpeg;
  /** When the server had the whole image, or what a relayed camera says; ms since the Unix epoch. */
  readonly capturedAt: number;
  /** From 1; a gap between two frames is what was dropped. */
  readonly sequence: number;
}

/** An image that grows beyond this is none: 16 MiB. */
export const MAX_FRAME = 16 * 1024 * 1024;

/**
 * How many free bytes a reader of ours leaves in front of a JPEG and behind it, in the same buffer.
 * What is sent around an image on the wire is written there, so that the image is never copied.
 */
export const HEADROOM = 160;

const withHeadroom = new WeakSet<ArrayBuffer>();

/** Declares that `jpeg` has its buffer to itself, with `MARGIN` free bytes at either end. */
export function markHeadroom(jpeg: Jpeg): Jpeg {
  withHeadroom.add(jpeg.buffer);
  return jpeg;
}

/** Whether the bytes around `jpeg` are free, as {@link markHeadroom} said. */
export function hasHeadroom(jpeg: Jpeg): boolean {
  return withHeadroom.has(jpeg.buffer);
}
