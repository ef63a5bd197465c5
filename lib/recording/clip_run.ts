import type { Bytes } from "../bytes.ts";
import {
  CLUSTER_HEADER,
  MAX_HEAD_SIZE,
  readClusterHeader,
  readHead,
  TRACK,
  type Track,
} from "../matroska/mod.ts";
import type { ClipPiece } from "./clip_plan.ts";
import type { DiskFile } from "./disk.ts";
import { codeOf } from "./file_system.ts";
import type { Segment } from "./segment.ts";
import { readWriter } from "./segment_reader.ts";

/** Maximum size of a read, in bytes, if it is more than one frame. */
const CHUNK_SIZE = 2 ** 20;
/** Maximum size of what is read and left out between two frames, such as sound, in bytes. */
const MAX_LEFT_OUT = 16_384;

/** Clusters of a piece that are read together. */
export interface Run {
  readonly first: number;
  /** The cluster after the last one. */
  readonly end: number;
}

/** Clusters as they are in a segment's file, with what is between them. */
export interface ReadRun {
  /** From the offset of the first cluster on. */
  readonly bytes: Bytes;
  /** Whether each cluster can be used: it is the recorded one, and not damaged. */
  readonly usable: readonly boolean[];
}

/**
 * Reads clusters of a piece; see {@link endOfRun}.
 *
 * @throws {Error} If the segment has been replaced or cut off meanwhile, or cannot be read.
 */
export async function readRun(file: DiskFile, piece: ClipPiece, run: Run): Promise<ReadRun> {
  const { segment, offsets, sizes } = piece;
  const [from, last] = [offsets[run.first]!, run.end - 1];
  const bytes = new Uint8Array(offsets[last]! + CLUSTER_HEADER + sizes[last]! - from);
  const clusters = offsets.subarray(run.first, run.end).map((offset) => offset - from);
  const isComplete = await readClusters(file, from, bytes, clusters) === bytes.length;
  const usable: boolean[] = [];
  for (let i = run.first; i < run.end; i++) {
    const expected = { size: sizes[i]!, track: trackOf(piece, i) };
    const isWhole = isExpected(bytes, offsets[i]! - from, expected);
    if (!isComplete || !isWhole && !await isUnchanged(file, segment)) {
      const { camera, day, name } = segment;
      throw new Error(`Cannot read a frame of ${camera}/${day}/${name}: replaced, or cut off`);
    }
    usable.push(isWhole || i === firstTrimmed(piece));
  }
  return { bytes, usable };
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
export function endOfRun({ offsets, sizes }: ClipPiece, cluster: number): number {
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

/** Returns the track of a cluster. */
export function trackOf({ tracks }: ClipPiece, cluster: number): Track {
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
