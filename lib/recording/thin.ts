import type { Bytes } from "../bytes.ts";
import type { Clock } from "../clock.ts";
import {
  CLUSTER_HEADER,
  cuesSize,
  encodeCues,
  encodeHead,
  HEAD_SIZE,
  readClusterHeader,
} from "../matroska/mod.ts";
import type { Disk, DiskFile } from "./disk.ts";
import { codeOf } from "./file_system.ts";
import type { Library } from "./library.ts";
import type { Segment, SegmentIndex } from "./segment.ts";
import { segmentPath } from "./segment_name.ts";
import { readSegment, type SegmentContent } from "./segment_reader.ts";
import type { StorageLimits } from "./storage_limits.ts";

/** Bytes that are copied at a time. */
const CHUNK = 1_000_000;
/** Bytes that are copied per millisecond at most, on average, so that recorders come first. */
const MAX_RATE = 20_000;

/** Options of {@link thin}. */
export interface ThinOptions {
  /** Frames per second that are kept. */
  readonly fps: number;
  /** Folder of the recordings. */
  readonly root: string;
  readonly disk: Disk;
  readonly library: Pick<Library, "replace">;
  readonly storage: Pick<StorageLimits, "replace">;
  readonly clock: Clock;
  /** Stops it; then the segment stays as it is. */
  readonly signal: AbortSignal;
}

/**
 * Reduces the frame rate of a closed segment: keeps the first frame of each interval of `1 / fps`
 * seconds, with its time. The reduced copy takes the place of the file when it is complete, so that
 * a crash leaves one of both. Only the frames that are kept are read.
 *
 * @returns The thinned segment.
 * @throws {StorageError} If there is no room for the copy.
 */
export async function thin(segment: Segment, options: ThinOptions): Promise<Segment> {
  const { fps, root, disk, library } = options;
  const path = segmentPath(root, segment);
  const copyPath = `${path}.tmp`;
  const file = await disk.open(path, "read");
  let [isOpen, isCopied] = [true, false];
  const close = async () => {
    if (isOpen) await file.close().catch(() => {}); // it was only read
    isOpen = false;
  };
  try {
    const content = await readSegment(file);
    if (!content.isComplete) throw new Error("the segment is not complete");
    const plan = planCopy(segment.start, content.index, fps);
    using replacement = await options.storage.replace(segment, plan.bytes);
    isCopied = true;
    await writeCopy(segment, { ...options, file, content, plan, copyPath });
    await close(); // Windows does not replace open files
    const { size } = await disk.stat(path);
    if (size !== segment.bytes) throw new Error("the segment has changed");
    await disk.rename(copyPath, path);
    isCopied = false;
    replacement.commit();
    const thinned = describe(segment, plan, fps);
    await library.replace(segment, thinned);
    await disk.syncFolder(path.slice(0, path.lastIndexOf("/")));
    return thinned;
  } finally {
    await close();
    if (isCopied) await disk.remove(copyPath).catch(() => {}); // removed at the next start
  }
}

function describe(segment: Segment, { times, bytes }: CopyPlan, fps: number): Segment {
  const last = times.at(-1)!;
  return {
    ...segment,
    end: segment.start + last,
    frames: times.length,
    bytes,
    activity: segment.activity.slice(0, Math.floor(last / 1000) + 1),
    thinnedTo: fps,
  };
}

/** The frames that are copied. */
interface CopyPlan {
  /** Positions among the frames of the segment. */
  readonly frames: readonly number[];
  /** Times since the segment's start, and offsets in the copy. */
  readonly times: Uint32Array;
  readonly offsets: Float64Array;
  /** Size of the copy, in bytes. */
  readonly bytes: number;
}

function planCopy(start: number, index: SegmentIndex, fps: number): CopyPlan {
  const frames = framesToKeep(start, index, fps);
  const offsets = new Float64Array(frames.length);
  let end = HEAD_SIZE;
  for (const [i, frame] of frames.entries()) {
    offsets[i] = end;
    end += index.endOffset(frame) - index.offset(frame);
  }
  return {
    frames,
    times: Uint32Array.from(frames, (frame) => index.time(frame)),
    offsets,
    bytes: end + cuesSize(frames.length),
  };
}

/**
 * Returns the first frame of each interval. The intervals are counted from the epoch on, so that
 * they continue in the next segment.
 */
function framesToKeep(start: number, index: SegmentIndex, fps: number): number[] {
  const frames: number[] = [];
  let last = -1;
  for (let frame = 0; frame < index.length; frame++) {
    const interval = Math.floor((start + index.time(frame)) * fps / 1000);
    if (interval !== last) frames.push(frame);
    last = interval;
  }
  return frames;
}

interface CopyOptions extends ThinOptions {
  readonly file: DiskFile;
  readonly content: SegmentContent;
  readonly plan: CopyPlan;
  readonly copyPath: string;
}

async function writeCopy(segment: Segment, options: CopyOptions): Promise<void> {
  const { content: { head, number }, fps, plan, copyPath, disk } = options;
  const copy = await createAnew(disk, copyPath);
  try {
    const cuesAt = plan.bytes - cuesSize(plan.frames.length);
    await copy.append([encodeHead({
      date: segment.start,
      size: head.size,
      writtenBy: `dinocam ${number} @${fps}`,
      duration: head.duration,
      fileSize: plan.bytes,
      cuesAt,
    })]);
    for (const frames of chunks(plan.frames, options.content.index)) {
      await copyChunk(copy, frames, options);
    }
    await copy.append([encodeCues(plan)]);
    await copy.sync();
  } finally {
    await copy.close();
  }
}

/** Creates a file; one that a crash has left is replaced. */
async function createAnew(disk: Disk, path: string): Promise<DiskFile> {
  try {
    return await disk.create(path);
  } catch (error) {
    if (codeOf(error) !== "EEXIST") throw error;
    await disk.remove(path);
    return await disk.create(path);
  }
}

/** Divides frames in groups of about {@link CHUNK} bytes. */
function* chunks(frames: readonly number[], index: SegmentIndex): Generator<number[]> {
  let chunk: number[] = [];
  let bytes = 0;
  for (const frame of frames) {
    const size = index.endOffset(frame) - index.offset(frame);
    if (chunk.length > 0 && bytes + size > CHUNK) {
      yield chunk;
      [chunk, bytes] = [[], 0];
    }
    chunk.push(frame);
    bytes += size;
  }
  if (chunk.length > 0) yield chunk;
}

async function copyChunk(
  copy: DiskFile,
  frames: readonly number[],
  { file, content: { index }, clock, signal }: CopyOptions,
): Promise<void> {
  const clusters: Bytes[] = [];
  let bytes = 0;
  for (const frame of frames) {
    signal.throwIfAborted();
    const cluster = new Uint8Array(index.endOffset(frame) - index.offset(frame));
    const count = await file.readAt(index.offset(frame), cluster);
    const header = readClusterHeader(cluster);
    const isWhole = count === cluster.length && header?.time === index.time(frame) &&
      header.size === cluster.length - CLUSTER_HEADER;
    if (!isWhole) throw new Error(`frame ${frame} is damaged`);
    clusters.push(cluster);
    bytes += cluster.length;
  }
  await copy.append(clusters);
  await clock.sleep(bytes / MAX_RATE, signal);
}
