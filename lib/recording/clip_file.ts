import type { Bytes } from "../bytes.ts";
import {
  CLUSTER_HEADER,
  cuesSize,
  encodeCues,
  encodeHead,
  HEAD_SIZE,
  MAX_HEAD_SIZE,
  readClusterHeader,
  readHead,
  writeClusterHeader,
  writeVoid,
} from "../matroska/mod.ts";
import type { ClipPiece, ClipPlan, FrameSource } from "./clip_plan.ts";
import type { DiskFile } from "./disk.ts";
import { codeOf } from "./file_system.ts";
import type { Segment } from "./segment.ts";
import { readWriter } from "./segment_reader.ts";

/** Maximum size of a read, in bytes, if it is more than one frame. */
const CHUNK_SIZE = 2 ** 20;
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
  /** Size of the header before each JPEG. */
  readonly #headerSize: number;
  /** Offsets of the first frame, and of the end of the last one. */
  readonly #framesAt: number;
  readonly #framesEnd: number;
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
    this.#framesAt = isMatroska ? HEAD_SIZE : 0;
    this.#framesEnd = this.#framesAt + plan.bytes + plan.frames * this.#headerSize;
    this.#cues = isMatroska ? countCues(plan) : 0;
    this.length = this.#framesEnd + cuesSize(this.#cues);
  }

  /**
   * Reads a part of the file in chunks of about 1 MiB. Keeps at most one segment open. Frames that
   * are damaged are left out: in their place is a Void element, or zeros.
   *
   * @param end Offset of the end of the part.
   * @throws {Error} If a segment has been deleted or replaced meanwhile, or cannot be read at all.
   */
  async *read(start = 0, end = this.length): AsyncGenerator<Bytes> {
    if (start < this.#framesAt) yield this.#encodeHead().subarray(start, end);
    for (const piece of this.#plan.pieces) {
      const at = this.#offsetOf(piece);
      if (at >= end) return;
      if (at + piece.bytes + piece.sizes.length * this.#headerSize > start) {
        yield* this.#readPiece(piece, start, end);
      }
    }
    if (end > this.#framesEnd) {
      const cues = this.#encodeCues();
      yield cues.subarray(Math.max(0, start - this.#framesEnd), end - this.#framesEnd);
    }
  }

  #offsetOf({ bytesBefore, first }: ClipPiece): number {
    return this.#framesAt + bytesBefore + first * this.#headerSize;
  }

  async *#readPiece(piece: ClipPiece, start: number, end: number): AsyncGenerator<Bytes> {
    const { segment, sizes } = piece;
    let at = this.#offsetOf(piece);
    let frame = 0;
    while (at + this.#headerSize + sizes[frame]! <= start) at += this.#headerSize + sizes[frame++]!;
    const file = await this.#source.openFile(segment);
    try {
      while (frame < sizes.length && at < end) {
        const next = endOfRun(piece, frame);
        const bytes = await this.#readRun(file, piece, { frame, next });
        yield bytes.subarray(Math.max(0, start - at), end - at);
        at += bytes.length;
        frame = next;
      }
    } finally {
      await file.close();
    }
  }

  /** Reads frames that follow each other in the segment, and gives them their times in the clip. */
  async #readRun(
    file: DiskFile,
    { segment, offsets, sizes, times }: ClipPiece,
    { frame, next }: { frame: number; next: number },
  ): Promise<Bytes> {
    const from = offsets[frame]!;
    const bytes = new Uint8Array(offsets[next - 1]! + CLUSTER_HEADER + sizes[next - 1]! - from);
    const clusters = offsets.subarray(frame, next).map((offset) => offset - from);
    const isComplete = await readClusters(file, from, bytes, clusters) === bytes.length;
    let written = 0;
    for (let i = frame; i < next; i++) {
      const [at, size] = [offsets[i]! - from, sizes[i]!];
      const jpegAt = at + CLUSTER_HEADER;
      const isWhole = readClusterHeader(bytes, at)?.size === size && bytes[jpegAt] === 0xff &&
        bytes[jpegAt + 1] === 0xd8;
      if (!isComplete || !isWhole && !await isUnchanged(file, segment)) {
        const { camera, day, name } = segment;
        throw new Error(`Cannot read a frame of ${camera}/${day}/${name}: replaced, or cut off`);
      }
      if (!isWhole) {
        writeVoid(bytes, size, at);
        this.#onDamage(segment);
      } else if (this.#format === "mkv") writeClusterHeader(bytes, { time: times[i]!, size }, at);
      if (this.#format === "mjpeg") {
        if (isWhole) bytes.copyWithin(written, jpegAt, jpegAt + size);
        else bytes.fill(0, written, written + size);
      }
      written += this.#headerSize + size;
    }
    return bytes.subarray(0, written);
  }

  #encodeHead(): Bytes {
    const { start, size, duration } = this.#plan;
    const options = { date: start, size, duration, fileSize: this.length };
    return encodeHead({ ...options, cuesAt: this.#framesEnd });
  }

  #encodeCues(): Bytes {
    const cues = { times: new Uint32Array(this.#cues), offsets: new Float64Array(this.#cues) };
    let count = 0;
    const hasCue = cueChooser(this.#plan);
    for (const piece of this.#plan.pieces) {
      let at = this.#offsetOf(piece);
      for (const [i, time] of piece.times.entries()) {
        if (hasCue(time)) {
          cues.times[count] = time;
          cues.offsets[count++] = at;
        }
        at += this.#headerSize + piece.sizes[i]!;
      }
    }
    return encodeCues(cues);
  }
}

/**
 * Reads clusters. Where the disk cannot read one, it is zeros.
 *
 * @param clusters Their offsets in the buffer.
 * @returns Number of bytes read.
 */
async function readClusters(
  file: DiskFile,
  from: number,
  bytes: Bytes,
  clusters: Uint32Array,
): Promise<number> {
  try {
    return await file.readAt(from, bytes);
  } catch (error) {
    if (codeOf(error) !== "EIO") throw error;
  }
  for (const [i, at] of clusters.entries()) {
    const cluster = bytes.subarray(at, clusters[i + 1]);
    try {
      await file.readAt(from + at, cluster);
    } catch (error) {
      if (codeOf(error) !== "EIO") throw error;
      cluster.fill(0);
    }
  }
  return bytes.length;
}

/** Whether a file is that of a segment, and has not been replaced by a thinned one. */
async function isUnchanged(file: DiskFile, { start, thinnedTo }: Segment): Promise<boolean> {
  const bytes = new Uint8Array(MAX_HEAD_SIZE);
  const head = readHead(bytes.subarray(0, await file.readAt(0, bytes)));
  return head?.date === start && readWriter(head)?.thinnedTo === thinnedTo;
}

/** Returns the frame after those that follow `frame` without a gap in the segment's file. */
function endOfRun({ offsets, sizes }: ClipPiece, frame: number): number {
  const from = offsets[frame]!;
  let end = from + CLUSTER_HEADER + sizes[frame]!;
  let next = frame + 1;
  for (; next < offsets.length && offsets[next] === end; next++) {
    const after = end + CLUSTER_HEADER + sizes[next]!;
    if (after - from > CHUNK_SIZE) break;
    end = after;
  }
  return next;
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
  for (const { times } of plan.pieces) for (const time of times) if (hasCue(time)) count++;
  return count;
}
