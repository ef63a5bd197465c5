import type { Bytes } from "../bytes.ts";
import {
  CLUSTER_HEADER,
  cuesSize,
  encodeCues,
  encodeHead,
  headSize,
  TRACK,
  writeClusterHeader,
  writeVoid,
} from "../matroska/mod.ts";
import type { ClipPiece, ClipPlan, FrameSource } from "./clip_plan.ts";
import { endOfRun, readRun, type Run, trackOf } from "./clip_run.ts";
import type { DiskFile } from "./disk.ts";
import type { Segment } from "./segment.ts";

/** Maximum number of frames with a cue each. Longer clips have a cue per second. */
const MAX_CUES = 100_000;
/** Maximum time between two cues of a longer clip, in milliseconds, if there are frames. */
const CUE_INTERVAL = 1000;

/** A clip that needs no encoding: a Matroska file, or JPEGs one after another. */
export type ClipFileFormat = "mkv" | "mjpeg";

/**
 * A clip as a file that exists nowhere: its length is known, and any part of it is made when it is
 * read.
 */
export class ClipFile {
  /** Size of the file, in bytes. */
  readonly length: number;
  readonly #source: Pick<FrameSource, "openFile">;
  readonly #plan: ClipPlan;
  readonly #format: ClipFileFormat;
  /** Size of the header before each JPEG or sound. */
  readonly #headerSize: number;
  /** Offsets of the first cluster, and of the end of the last one. */
  readonly #clustersAt: number;
  readonly #clustersEnd: number;
  readonly #cues: number;
  readonly #onDamage: (segment: Segment) => void;

  /** @param onDamage Is called for each frame that is damaged. */
  constructor(
    source: Pick<FrameSource, "openFile">,
    plan: ClipPlan,
    format: ClipFileFormat,
    onDamage: (segment: Segment) => void = () => {},
  ) {
    this.#onDamage = onDamage;
    const isMatroska = format === "mkv";
    this.#source = source;
    this.#plan = plan;
    this.#format = format;
    this.#headerSize = isMatroska ? CLUSTER_HEADER : 0;
    this.#clustersAt = isMatroska ? headSize(plan.sound) : 0;
    this.#clustersEnd = this.#clustersAt + plan.bytes + plan.clusters * this.#headerSize;
    this.#cues = isMatroska ? countCues(plan) : 0;
    this.length = this.#clustersEnd + cuesSize(this.#cues);
  }

  /**
   * Reads a part of the file in chunks of about 1 MiB, of whole clusters. Keeps at most one segment
   * open. Frames that are damaged are left out: in their place is a Void element, or zeros.
   *
   * @param end Offset of the end of the part.
   * @throws {Error} If a segment has been deleted or replaced meanwhile, or cannot be read at all.
   */
  async *read(start = 0, end = this.length): AsyncGenerator<Bytes> {
    if (start < this.#clustersAt) yield this.#encodeHead().subarray(start, end);
    for (const piece of this.#plan.pieces) {
      const at = this.#offsetOf(piece);
      if (at >= end) return;
      if (at + piece.bytes + piece.sizes.length * this.#headerSize > start) {
        yield* this.#readPiece(piece, start, end);
      }
    }
    if (end > this.#clustersEnd) {
      const cues = this.#encodeCues();
      yield cues.subarray(Math.max(0, start - this.#clustersEnd), end - this.#clustersEnd);
    }
  }

  #offsetOf({ bytesBefore, first }: ClipPiece): number {
    return this.#clustersAt + bytesBefore + first * this.#headerSize;
  }

  async *#readPiece(piece: ClipPiece, start: number, end: number): AsyncGenerator<Bytes> {
    const { segment, sizes } = piece;
    let at = this.#offsetOf(piece);
    let frame = 0;
    while (at + this.#headerSize + sizes[frame]! <= start) at += this.#headerSize + sizes[frame++]!;
    const file = await this.#source.openFile(segment);
    try {
      while (frame < sizes.length && at < end) {
        const run = { first: frame, end: endOfRun(piece, frame) };
        const bytes = await this.#readRun(file, piece, run);
        yield bytes.subarray(Math.max(0, start - at), end - at);
        at += bytes.length;
        frame = run.end;
      }
    } finally {
      await file.close();
    }
  }

  /**
   * Reads clusters that are close together in the segment, and gives them their times in the clip.
   */
  async #readRun(file: DiskFile, piece: ClipPiece, run: Run): Promise<Bytes> {
    const { segment, offsets, sizes, times } = piece;
    const { bytes, usable } = await readRun(file, piece, run);
    let written = 0;
    for (let i = run.first; i < run.end; i++) {
      const size = sizes[i]!;
      const track = trackOf(piece, i);
      const isUsable = usable[i - run.first]!;
      const start = offsets[i]! - offsets[run.first]! + CLUSTER_HEADER - this.#headerSize;
      const length = this.#headerSize + size;
      if (written !== start) bytes.copyWithin(written, start, start + length);
      if (!isUsable) this.#onDamage(segment);
      if (this.#format === "mkv") {
        if (isUsable) writeClusterHeader(bytes, { time: times[i]!, size, track }, written);
        else writeVoid(bytes, size, written);
      } else if (!isUsable) bytes.fill(0, written, written + length);
      written += length;
    }
    return bytes.subarray(0, written);
  }

  #encodeHead(): Bytes {
    const { start, size, sound, duration } = this.#plan;
    const options = { date: start, size, sound, duration, fileSize: this.length };
    return encodeHead({ ...options, cuesAt: this.#clustersEnd });
  }

  #encodeCues(): Bytes {
    const cues = { times: new Uint32Array(this.#cues), offsets: new Float64Array(this.#cues) };
    let count = 0;
    const hasCue = cueChooser(this.#plan);
    for (const piece of this.#plan.pieces) {
      let at = this.#offsetOf(piece);
      for (const [i, time] of piece.times.entries()) {
        if (trackOf(piece, i) === TRACK.VIDEO && hasCue(time)) {
          cues.times[count] = time;
          cues.offsets[count++] = at;
        }
        at += this.#headerSize + piece.sizes[i]!;
      }
    }
    return encodeCues(cues);
  }
}

/** Returns a function that decides for each frame of a clip whether it has a cue. */
function cueChooser({ frames }: ClipPlan): (time: number) => boolean {
  if (frames <= MAX_CUES) return () => true;
  let due = 0;
  return (time) => {
    if (time < due) return false;
    due = time + CUE_INTERVAL;
    return true;
  };
}

function countCues(plan: ClipPlan): number {
  if (plan.frames <= MAX_CUES) return plan.frames;
  const hasCue = cueChooser(plan);
  let count = 0;
  for (const piece of plan.pieces) {
    for (const [i, time] of piece.times.entries()) {
      if (trackOf(piece, i) === TRACK.VIDEO && hasCue(time)) count++;
    }
  }
  return count;
}
