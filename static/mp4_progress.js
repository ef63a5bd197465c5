// @ts-check

/** Size of the header of a box: its size and its type. */
const HEADER = 8;

/**
 * Reads from a fragmented MP4, while it is received, how far it has got: the start of its newest
 * fragment.
 */
export class Mp4Progress {
  /** Start of the newest fragment, in seconds. */
  seconds = 0;
  #timescale = 1;
  /** The beginning of a box that is not complete. */
  #rest = new Uint8Array();
  /** Number of bytes to skip. */
  #skipped = 0;

  /** Reads the next bytes. @param {Uint8Array<ArrayBuffer>} bytes */
  add(bytes) {
    let data = bytes;
    if (this.#rest.length > 0) {
      data = new Uint8Array(this.#rest.length + bytes.length);
      data.set(this.#rest);
      data.set(bytes, this.#rest.length);
    }
    let at = 0;
    for (;;) {
      const skipped = Math.min(this.#skipped, data.length - at);
      this.#skipped -= skipped;
      at += skipped;
      if (data.length - at < HEADER) break;
      const view = new DataView(data.buffer, data.byteOffset + at, data.length - at);
      const size = view.getUint32(0) || Infinity;
      const type = textAt(view, 4);
      if (type === "moov" || type === "moof") {
        if (view.byteLength < size) break;
        this.#read(type, new DataView(data.buffer, data.byteOffset + at, size));
        at += size;
      } else if (size === 1) { // a 64-bit size follows
        if (view.byteLength < 2 * HEADER) break;
        this.#skipped = Number(view.getBigUint64(HEADER));
      } else this.#skipped = Math.max(HEADER, size);
    }
    this.#rest = data.slice(at);
  }

  /** @param {string} type @param {DataView} box */
  #read(type, box) {
    const name = type === "moov" ? "mdhd" : "tfdt";
    for (let at = HEADER; at + 28 <= box.byteLength; at++) {
      if (textAt(box, at) !== name) continue;
      const isLong = box.getUint8(at + 4) === 1;
      if (type === "moov") this.#timescale = box.getUint32(at + (isLong ? 24 : 16));
      else {
        const time = isLong ? Number(box.getBigUint64(at + 8)) : box.getUint32(at + 8);
        this.seconds = Math.max(this.seconds, time / this.#timescale);
      }
      return;
    }
  }
}

/** @param {DataView} view @param {number} at */
function textAt(view, at) {
  return String.fromCharCode(...[0, 1, 2, 3].map((i) => view.getUint8(at + i)));
}
