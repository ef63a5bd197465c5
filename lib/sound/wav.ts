import { type Bytes, concat } from "../bytes.ts";
import { CameraError } from "../errors.ts";

/** Maximum size of what precedes the samples, in bytes. */
const MAX_HEAD = 65_536;
const PCM = 1, EXTENSIBLE = 0xfffe;
/** Sizes of a stream that has no end. */
const ENDLESS: readonly number[] = [0, 0xffffffff];

/** Options of a {@link WavDecoder}. */
export interface WavOptions {
  /** Wanted samples per second. */
  readonly rate: number;
  /** The sender, to begin a message: "192.168.1.20:8000". */
  readonly name: string;
}

/** Decodes a WAV stream with 16-bit samples to mono. */
export class WavDecoder {
  readonly #options: WavOptions;
  /** Bytes that precede the samples; undefined after them. */
  #head: Bytes | undefined = new Uint8Array(0);
  #channels = 1;
  /** Number of bytes of samples that follow. */
  #left = Infinity;
  /** An incomplete sample of all channels. */
  #rest: Bytes = new Uint8Array(0);

  constructor(options: WavOptions) {
    this.#options = options;
  }

  /**
   * Decodes further bytes.
   *
   * @throws {CameraError} If it is not a WAV stream, or has another rate or format.
   */
  push(bytes: Bytes): Bytes {
    if (this.#head) {
      const head = concat(this.#head, bytes);
      const start = this.#readHead(head);
      this.#head = start === undefined ? head : undefined;
      if (start === undefined && head.length > MAX_HEAD) throw this.#failure("no samples");
      bytes = head.subarray(start ?? head.length);
    }
    const samples = bytes.subarray(0, Math.min(bytes.length, this.#left));
    this.#left -= samples.length;
    return this.#channels === 1 ? samples : this.#mix(samples);
  }

  /** Reads the head. @returns The offset of the samples; undefined if there are too few bytes. */
  #readHead(head: Bytes): number | undefined {
    if (head.length < 12) return undefined;
    const view = new DataView(head.buffer, head.byteOffset, head.length);
    if (view.getUint32(0) !== 0x52494646 || view.getUint32(8) !== 0x57415645) {
      throw this.#failure("data that is no WAV");
    }
    let hasFormat = false;
    for (let at = 12; at + 8 <= head.length;) {
      const [id, size] = [view.getUint32(at), view.getUint32(at + 4, true)];
      if (id === 0x64617461) { // "data"
        if (!hasFormat) throw this.#failure("a WAV without a format");
        this.#left = ENDLESS.includes(size) ? Infinity : size;
        return at + 8;
      }
      if (id === 0x666d7420) { // "fmt "
        if (at + 24 > head.length) return undefined;
        this.#readFormat(view, at + 8);
        hasFormat = true;
      }
      at += 8 + size + size % 2;
    }
    return undefined;
  }

  #readFormat(view: DataView, at: number): void {
    const format = view.getUint16(at, true), channels = view.getUint16(at + 2, true);
    const rate = view.getUint32(at + 4, true), bits = view.getUint16(at + 14, true);
    if (format !== PCM && format !== EXTENSIBLE || bits !== 16) {
      throw this.#failure(`WAV with ${bits} bits of format ${format}`);
    }
    if (channels !== 1 && channels !== 2) throw this.#failure(`${channels} channels`);
    if (rate !== this.#options.rate) {
      const { name, rate: wanted } = this.#options;
      throw wrongRate(name, rate, wanted);
    }
    this.#channels = channels;
  }

  /** Mixes two channels into one. */
  #mix(stereo: Bytes): Bytes {
    const bytes = concat(this.#rest, stereo);
    const samples = bytes.length >> 2;
    this.#rest = bytes.slice(4 * samples);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const mono = new DataView(new ArrayBuffer(2 * samples));
    for (let i = 0; i < samples; i++) {
      const sum = view.getInt16(4 * i, true) + view.getInt16(4 * i + 2, true);
      mono.setInt16(2 * i, sum >> 1, true);
    }
    return new Uint8Array(mono.buffer);
  }

  #failure(what: string): CameraError {
    return new CameraError(`${this.#options.name} sends ${what}`, {
      hint: "AUDIO needs 16-bit PCM, mono or stereo",
      permanent: true,
    });
  }
}

/** Creates the failure for sound of another rate. @param name The sender, to begin the message. */
export function wrongRate(name: string, rate: number, wanted: number): CameraError {
  const isPossible = Number.isInteger(rate) && rate >= 8_000 && rate <= 48_000;
  return new CameraError(`${name} sends ${rate} samples per second instead of ${wanted}`, {
    hint: isPossible ? `set AUDIO_RATE=${rate}` : "AUDIO_RATE can be 8000 to 48000",
    permanent: true,
  });
}
