import { type Bytes, copyWithHeadroom } from "../bytes.ts";
import type { Jpeg } from "../frame.ts";
import type { Size } from "../jpeg/segments.ts";
import { MAX_PIXELS } from "./baseline.ts";
import { scaledSize } from "./scaled_size.ts";
import type { TurboJpegFunctions } from "./turbojpeg_library.ts";

/** Alignment of the lines of a plane, in bytes. */
const PAD = 4;
/** Write into the given buffer; the fast transform; no more than 500 scans. */
const NO_REALLOC = 1024, FAST_DCT = 2048, LIMIT_SCANS = 32768;
/** The error is a warning: the picture was decoded as far as it goes. */
const WARNING = 0;
/** Colour spaces that are encoded as they are decoded. */
const YCBCR = 1, GREY = 2;

/** What a picture is. */
export interface JpegInfo extends Size {
  /** libturbojpeg's number of the subsampling. */
  readonly subsampling: number;
}

/**
 * Scales pictures with libturbojpeg, in another thread. Colours are neither converted nor
 * interpolated: each plane is made smaller by itself. One picture at a time.
 */
export class TurboJpeg implements Disposable {
  readonly #library: TurboJpegFunctions;
  readonly #decompressor: bigint;
  readonly #compressor: bigint;
  readonly #info = new Int32Array(4);
  readonly #address = new BigUint64Array(new ArrayBuffer(8)); // not in V8's heap: it would move
  readonly #size = new BigUint64Array(new ArrayBuffer(8));
  #planes: Bytes = new Uint8Array(0);
  #encoded: Bytes = new Uint8Array(0);
  #isBusy = false;
  #isClosed = false;

  constructor(library: TurboJpegFunctions) {
    this.#library = library;
    this.#decompressor = library.tjInitDecompress();
    this.#compressor = library.tjInitCompress();
  }

  /** Reads the header of a picture; undefined if it cannot be scaled. */
  read(jpeg: Jpeg): JpegInfo | undefined {
    const [width, height, subsampling, colours] = [0, 1, 2, 3].map((i) =>
      this.#info.subarray(i, i + 1)
    ) as [Int32Array<ArrayBuffer>, ...Int32Array<ArrayBuffer>[]];
    this.#info.fill(0); // for a JPEG that ends in its header, nothing is written, and it succeeds
    const failed = this.#library.tjDecompressHeader3(
      this.#decompressor,
      jpeg,
      BigInt(jpeg.length),
      width,
      height!,
      subsampling!,
      colours!,
    );
    if (failed !== 0) return undefined;
    const [w, h, sampling, space] = this.#info as unknown as [number, number, number, number];
    const isKnown = sampling >= 0 && (space === YCBCR || space === GREY);
    if (!isKnown || w < 1 || h < 1 || w * h > MAX_PIXELS) return undefined;
    return { width: w, height: h, subsampling: sampling };
  }

  /**
   * Scales a picture to `eighths`/8 of its size.
   *
   * @param info What {@link read} has returned for it.
   * @param quality JPEG quality from 1 to 100.
   * @returns undefined if it is damaged.
   */
  async scale(
    jpeg: Jpeg,
    info: JpegInfo,
    { eighths, quality }: { eighths: number; quality: number },
  ): Promise<Jpeg | undefined> {
    if (this.#isBusy) throw new Error("Cannot scale two pictures at the same time");
    if (this.#isClosed) return undefined;
    this.#isBusy = true;
    try {
      return await this.#scale(jpeg, info, eighths, quality);
    } finally {
      this.#isBusy = false;
      if (this.#isClosed) this.#destroy();
    }
  }

  /** Frees the memory, after the picture in progress. */
  [Symbol.dispose](): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (!this.#isBusy) this.#destroy();
  }

  async #scale(jpeg: Jpeg, info: JpegInfo, eighths: number, quality: number) {
    const library = this.#library;
    const { subsampling } = info;
    const { width, height } = scaledSize(info, eighths);
    const planes = this.#planesOf(
      Number(library.tjBufSizeYUV2(width, PAD, height, subsampling)),
    );
    const decoded = await library.tjDecompressToYUV2(
      this.#decompressor,
      jpeg,
      BigInt(jpeg.length),
      planes,
      width,
      PAD,
      height,
      LIMIT_SCANS,
    );
    if (decoded !== 0 && library.tjGetErrorCode(this.#decompressor) !== WARNING) return undefined;
    const encoded = this.#encodedOf(Number(library.tjBufSize(width, height, subsampling)));
    this.#address[0] = library.memcpy(encoded, encoded, 0n); // the address, nothing is copied
    this.#size[0] = BigInt(encoded.length);
    const failed = await library.tjCompressFromYUV(
      this.#compressor,
      planes,
      width,
      PAD,
      height,
      subsampling,
      this.#address,
      this.#size,
      quality,
      NO_REALLOC | FAST_DCT,
    );
    return failed === 0 ? copyWithHeadroom(encoded.subarray(0, Number(this.#size[0]))) : undefined;
  }

  /** The buffers are used again for the next picture. */
  #planesOf(length: number): Bytes {
    if (this.#planes.length < length) this.#planes = new Uint8Array(length);
    return this.#planes;
  }

  #encodedOf(length: number): Bytes {
    if (this.#encoded.length < length) this.#encoded = new Uint8Array(length);
    return this.#encoded;
  }

  #destroy(): void {
    this.#library.tjDestroy(this.#decompressor);
    this.#library.tjDestroy(this.#compressor);
  }
}
