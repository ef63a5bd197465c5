import type { Bytes } from "../bytes.ts";

/** Data without stuffed zeros and restart markers. */
export interface EntropyData {
  readonly bytes: Bytes;
  readonly view: DataView;
  length: number;
  /** Where the data behind each restart marker begins in `bytes`. */
  readonly restarts: number[];
}

export function newEntropyData(size: number): EntropyData {
  const bytes = new Uint8Array(size);
  return { bytes, view: new DataView(bytes.buffer), length: 0, restarts: [] };
}

/** Takes the data out of a JPEG into `scan`, which is made anew if it is too small. */
export function unstuff(jpeg: Bytes, from: number, scan: EntropyData | undefined): EntropyData {
  const into = scan && scan.bytes.length >= jpeg.length + 16
    ? scan
    : newEntropyData(jpeg.length * 2 + 16);
  const { bytes, restarts } = into;
  restarts.length = 0;
  let length = 0;
  let at = from;
  for (;;) {
    let end = jpeg.indexOf(0xff, at);
    if (end < 0) end = jpeg.length;
    const next = jpeg[end + 1];
    // a stuffed zero: the FF belongs to the data
    const take = next === 0 ? end + 1 : end;
    const count = take - at;
    if (count < 48) { for (let i = 0; i < count; i++) bytes[length + i] = jpeg[at + i]!; }
    else bytes.set(jpeg.subarray(at, take), length);
    length += count;
    if (next === 0) at = end + 2;
    else if (next !== undefined && next >= 0xd0 && next <= 0xd7) {
      restarts.push(length);
      at = end + 2;
    } else if (next === 0xff) at = end + 1;
    else break;
  }
  bytes.fill(0, length, length + 16);
  into.length = length;
  return into;
}
