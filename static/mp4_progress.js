// @ts-check

/** The figures that are read of a box end within this many bytes from its name. */
const BOX_SIZE = 32;

/** Reads from a fragmented MP4, while it is received, the start of its newest fragment. */
export class Mp4Progress {
  /** Start of the newest fragment, in seconds. */
  seconds = 0;
  #timescale = 0;
  /** The last bytes: a box may continue in the next ones. */
  #rest = new Uint8Array();

  /** Reads the next bytes. @param {Uint8Array} bytes */
  add(bytes) {
    const data = new Uint8Array(this.#rest.length + bytes.length);
    data.set(this.#rest);
    data.set(bytes, this.#rest.length);
    const view = new DataView(data.buffer);
    const end = data.length - BOX_SIZE;
    // A character for each byte.
    const text = end < 0 ? "" : new TextDecoder("latin1").decode(data);
    const media = this.#timescale ? -1 : text.lastIndexOf("mdhd", end);
    const fragment = text.lastIndexOf("tfdt", end);
    // The fields of version 1 of a box have 64 bits.
    if (media >= 0) this.#timescale = view.getUint32(media + (data[media + 4] ? 24 : 16));
    if (fragment >= 0 && this.#timescale) {
      const isLong = data[fragment + 4] === 1;
      const time = isLong ? Number(view.getBigUint64(fragment + 8)) : view.getUint32(fragment + 8);
      this.seconds = time / this.#timescale;
    }
    this.#rest = data.slice(Math.max(0, end));
  }
}
