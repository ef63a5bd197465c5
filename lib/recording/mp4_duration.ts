import { type Bytes } from "../bytes.ts";

/** Maximum size of what precedes the end of the `moov` box, in bytes; ffmpeg writes about 1 KB. */
const MAX_MOOV = 65_536;

/**
 * Passes a fragmented MP4 through, and writes its duration into the boxes `mvhd`, `tkhd` and `mdhd`.
 * ffmpeg writes 0 there, as it does not know how long its input is; browsers then show a wrong
 * duration and cannot seek.
 *
 * @param duration In milliseconds.
 */
export async function* withDuration(
  mp4: AsyncIterable<Bytes>,
  duration: number,
): AsyncGenerator<Bytes> {
  let pending: Bytes | undefined = new Uint8Array(0);
  for await (const bytes of mp4) {
    if (!pending) {
      yield bytes;
      continue;
    }
    pending = concat(pending, bytes);
    if (!writeDuration(pending, duration) && pending.length < MAX_MOOV) continue;
    yield pending;
    pending = undefined;
  }
  if (pending?.length) yield pending;
}

/**
 * Writes the duration into the boxes of an MP4.
 *
 * @param duration In milliseconds.
 * @returns Whether `moov` is complete; otherwise nothing was written.
 */
export function writeDuration(mp4: Bytes, duration: number): boolean {
  const moov = boxes(mp4, 0, mp4.length).find(({ type }) => type === "moov");
  if (!moov || moov.end > mp4.length) return false;
  const view = new DataView(mp4.buffer, mp4.byteOffset, mp4.length);
  const children = boxes(mp4, moov.start, moov.end);
  const movieHeader = children.find(({ type }) => type === "mvhd");
  if (!movieHeader) return true;
  const timescale = writeHeader(view, movieHeader, duration);
  for (const track of children.filter(({ type }) => type === "trak")) {
    for (const { type, start, end } of boxes(mp4, track.start, track.end)) {
      if (type === "tkhd") {
        // Times, the track's ID and 4 reserved bytes precede the duration, in the movie's units.
        const isLong = view.getUint8(start) === 1;
        writeUnits(view, { at: start + (isLong ? 28 : 20), isLong }, duration * timescale / 1000);
      } else if (type === "mdia") {
        const header = boxes(mp4, start, end).find(({ type }) => type === "mdhd");
        if (header) writeHeader(view, header, duration);
      }
    }
  }
  return true;
}

/** Writes the duration into `mvhd` or `mdhd`, and returns the units per second. */
function writeHeader(view: DataView, { start }: Box, duration: number): number {
  const isLong = view.getUint8(start) === 1;
  const at = start + (isLong ? 20 : 12); // after the times of creation and modification
  const timescale = view.getUint32(at);
  writeUnits(view, { at: at + 4, isLong }, duration * timescale / 1000);
  return timescale;
}

/** Writes a duration, in 8 or 4 bytes. One that does not fit stays as it is. */
function writeUnits(
  view: DataView,
  { at, isLong }: { at: number; isLong: boolean },
  units: number,
): void {
  const rounded = Math.round(units);
  if (isLong) view.setBigUint64(at, BigInt(rounded));
  else if (rounded < 2 ** 32 - 1) view.setUint32(at, rounded);
}

/** A box of an MP4 (ISO/IEC 14496-12, section 4.2). */
interface Box {
  readonly type: string;
  /** Offsets of its content. The end may be beyond the bytes. */
  readonly start: number;
  readonly end: number;
}

/** Returns the boxes from `at` to `end` whose headers are complete. */
function boxes(mp4: Bytes, at: number, end: number): Box[] {
  const view = new DataView(mp4.buffer, mp4.byteOffset, mp4.length);
  const found: Box[] = [];
  while (at + 8 <= Math.min(end, mp4.length)) {
    const size = view.getUint32(at);
    if (size < 8) break; // longer than 4 GiB, to the end of the file, or no MP4
    const type = String.fromCharCode(...mp4.subarray(at + 4, at + 8));
    found.push({ type, start: at + 8, end: at + size });
    at += size;
  }
  return found;
}

function concat(a: Bytes, b: Bytes): Bytes {
  const joined = new Uint8Array(a.length + b.length);
  joined.set(a);
  joined.set(b, a.length);
  return joined;
}
