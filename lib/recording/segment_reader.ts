import type { Bytes } from "../bytes.ts";
import {
  CLUSTER_HEADER,
  cuesSize,
  type Head,
  HEAD_SIZE,
  readClusterHeader,
  readCues,
  readHead,
} from "../matroska/mod.ts";
import type { DiskFile } from "./disk.ts";
import type { SegmentIndex } from "./segment.ts";

/** What a segment's file contains. */
export interface SegmentContent {
  readonly head: Head;
  /** See `Segment.number`; 0 if the head does not tell. */
  readonly number: number;
  readonly thinnedTo: number | undefined;
  /** The whole frames. */
  readonly index: FrameIndex;
  /** Whether the file is complete: with a duration, its size, and cues. */
  readonly isComplete: boolean;
}

/** The head of a file is none that the recorder writes. */
export class HeadError extends Error {
  override name = "HeadError";
}

/** An index in typed arrays. */
export class FrameIndex implements SegmentIndex {
  readonly #times: Uint32Array;
  readonly #offsets: Float64Array;
  /** Offset of the end of the last frame's cluster. */
  readonly end: number;

  constructor(times: Uint32Array, offsets: Float64Array, end: number) {
    this.#times = times;
    this.#offsets = offsets;
    this.end = end;
  }

  get length(): number {
    return this.#times.length;
  }

  time(frame: number): number {
    return this.#times[frame]!;
  }

  offset(frame: number): number {
    return this.#offsets[frame]!;
  }

  endOffset(frame: number): number {
    return this.#offsets[frame + 1] ?? this.end;
  }
}

/**
 * Reads a segment: its head, and its cues. If it is not complete, the clusters are read one after
 * another instead.
 *
 * @throws {HeadError} If the file is no segment of a recorder, or its head is cut off.
 */
export async function readSegment(file: DiskFile): Promise<SegmentContent> {
  const size = await file.size();
  const bytes = await readBytes(file, 0, HEAD_SIZE);
  const head = readHead(bytes);
  const writer = head && readWriter(head);
  if (!head || !writer) throw new HeadError("the head is damaged, or not from a recorder");
  const described = { head, ...writer };
  const cues = head.fileSize === size ? await readIndex(file, head, size) : undefined;
  if (cues) return { ...described, index: cues, isComplete: true };
  return { ...described, index: await walk(file, size), isComplete: false };
}

/** Reads what a recorder writes as `writtenBy`; undefined if it is from another program. */
export function readWriter(
  { writtenBy }: Head,
): Pick<SegmentContent, "number" | "thinnedTo"> | undefined {
  const writer = /^dinocam(?: (\d{1,15}))?(?: @(\d+(?:\.\d+)?))?$/.exec(writtenBy);
  if (!writer) return undefined;
  const thinnedTo = writer[2] === undefined ? undefined : Number(writer[2]);
  return { number: Number(writer[1] ?? 0), thinnedTo };
}

/** Reads the cues of a complete file; undefined if they do not list each of its clusters. */
async function readIndex(
  file: DiskFile,
  { cuesAt = 0 }: Head,
  size: number,
): Promise<FrameIndex | undefined> {
  if (cuesAt <= HEAD_SIZE || cuesAt > size) return undefined;
  const cues = readCues(await readBytes(file, cuesAt, size - cuesAt));
  if (!cues || cues.times.length === 0 || cuesSize(cues.times.length) !== size - cuesAt) {
    return undefined;
  }
  const { times, offsets } = cues;
  let isInOrder = offsets[0] === HEAD_SIZE && offsets.at(-1)! + CLUSTER_HEADER < cuesAt;
  for (let i = 1; i < times.length; i++) {
    isInOrder &&= times[i]! > times[i - 1]! && offsets[i]! > offsets[i - 1]! + CLUSTER_HEADER;
  }
  return isInOrder ? new FrameIndex(times, offsets, cuesAt) : undefined;
}

/**
 * Period at the end of a file in which each frame is checked: after a power failure, the content of
 * frames that were not synced can be missing. Recorders sync every second. In milliseconds.
 */
const CHECKED = 10_000;

/**
 * Lists the clusters from the head on, up to the first bytes that are no whole cluster, or to a
 * frame of the last 10 s that is no whole JPEG.
 */
async function walk(file: DiskFile, size: number): Promise<FrameIndex> {
  const window = new Window(file);
  const times: number[] = [];
  const offsets: number[] = [];
  const damaged: number[] = [];
  let at = HEAD_SIZE;
  let distance = Infinity;
  for (;;) {
    // Two bytes before the header: the end of the JPEG of the previous cluster.
    const bytes = await window.read(at - 2, CLUSTER_HEADER + 4, distance);
    if (times.length > 0 && !(bytes[0] === 0xff && bytes[1] === 0xd9)) {
      damaged.push(times.length - 1);
    }
    const cluster = readClusterHeader(bytes, 2);
    if (!cluster || cluster.time <= (times.at(-1) ?? -1)) break;
    const end = at + CLUSTER_HEADER + cluster.size;
    if (end > size) break;
    if (!(bytes[25] === 0xff && bytes[26] === 0xd8)) damaged.push(times.length);
    times.push(cluster.time);
    offsets.push(at);
    distance = end - at;
    at = end;
  }
  const checkedFrom = (times.at(-1) ?? 0) - CHECKED;
  const length = damaged.find((frame) => times[frame]! >= checkedFrom) ?? times.length;
  const end = length < times.length ? offsets[length]! : at;
  return new FrameIndex(
    Uint32Array.from(times.slice(0, length)),
    Float64Array.from(offsets.slice(0, length)),
    end,
  );
}

/** Bytes that are read at once where headers are far apart, and where they are close together. */
const FAR = 64;
const CLOSE = 256 * 1024;
/** Distance of headers from which the bytes between them are not read. */
const FAR_APART = 16 * 1024;

/** The part of a file that was read last. */
class Window {
  readonly #file: DiskFile;
  readonly #buffer = new Uint8Array(CLOSE);
  #at = 0;
  #length = 0;

  constructor(file: DiskFile) {
    this.#file = file;
  }

  /** Reads bytes; fewer at the end of the file. @param distance To the previous position. */
  async read(at: number, length: number, distance: number): Promise<Bytes> {
    if (at < this.#at || at + length > this.#at + this.#length) {
      const size = distance > FAR_APART ? FAR : CLOSE;
      this.#length = await this.#file.readAt(at, this.#buffer.subarray(0, size));
      this.#at = at;
    }
    const start = at - this.#at;
    return this.#buffer.subarray(start, Math.min(start + length, this.#length));
  }
}

async function readBytes(file: DiskFile, at: number, length: number): Promise<Bytes> {
  const bytes = new Uint8Array(length);
  return bytes.subarray(0, await file.readAt(at, bytes));
}
