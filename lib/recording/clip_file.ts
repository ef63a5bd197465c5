import type { Bytes } from "../bytes.ts";
import {
  CLUSTER_HEADER,
  cuesSize,
  encodeCues,
  encodeHead,
  headSize,
  MAX_HEAD_SIZE,
  readClusterHeader,
  readHead,
  TRACK,
  type Track,
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
/** Maximum size of what is read and left out between two frames, such as sound, in bytes. */
const MAX_LEFT_OUT = 16_384;
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

  /**
   * Reads clusters that are close together in the segment, and gives them their times in the clip.
   */
  async #readRun(
    file: DiskFile,
    piece: ClipPiece,
    { frame, next }: { frame: number; next: number },
  ): Promise<Bytes> {
    const { segment, offsets, sizes, times } = piece;
    const from = offsets[frame]!;
    const bytes = new Uint8Array(offsets[next - 1]! + CLUSTER_HEADER + sizes[next - 1]! - from);
    const clusters = offsets.subarray(frame, next).map((offset) => offset - from);
    const isComplete = await readClusters(file, from, bytes, clusters) === bytes.length;
    let written = 0;
    for (let i = frame; i < next; i++) {
      const [at, size] = [offsets[i]! - from, sizes[i]!];
      const track = trackOf(piece, i);
      const isWhole = isExpected(bytes, at, { size, track });
      if (!isComplete || !isWhole && !await isUnchanged(file, segment)) {
        const { camera, day, name } = segment;
        throw new Error(`Cannot read a frame of ${camera}/${day}/${name}: replaced, or cut off`);
      }
      const isUsable = isWhole || i === firstTrimmed(piece);
      const start = at + CLUSTER_HEADER - this.#headerSize;
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

/** Returns the cluster after those that are close together with one in the segment's file. */
function endOfRun({ offsets, sizes }: ClipPiece, cluster: number): number {
  const from = offsets[cluster]!;
  let end = from + CLUSTER_HEADER + sizes[cluster]!;
  let next = cluster + 1;
  for (; next < offsets.length; next++) {
    const leftOut = offsets[next]! - end;
    const after = offsets[next]! + CLUSTER_HEADER + sizes[next]!;
    // A frame that belongs to several marks is there several times.
    if (leftOut < 0 || leftOut > MAX_LEFT_OUT || after - from > CHUNK_SIZE) break;
    end = after;
  }
  return next;
}

function trackOf({ tracks }: ClipPiece, cluster: number): Track {
  return (tracks?.[cluster] ?? TRACK.VIDEO) as Track;
}

/** Returns the cluster whose samples are in the file without its header; -1 if there is none. */
function firstTrimmed({ tracks, skipped = 0 }: ClipPiece): number {
  return skipped > 0 ? tracks!.indexOf(TRACK.SOUND) : -1;
}

/** Whether there is a cluster with a JPEG of a size, or with samples of at least this size. */
function isExpected(
  bytes: Bytes,
  at: number,
  { size, track }: { size: number; track: Track },
): boolean {
  const header = readClusterHeader(bytes, at);
  if (header?.track !== track) return false;
  if (track === TRACK.SOUND) return header.size >= size;
  const jpegAt = at + CLUSTER_HEADER;
  return header.size === size && bytes[jpegAt] === 0xff && bytes[jpegAt + 1] === 0xd8;
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
