import type { Bytes } from "../bytes.ts";
import {
  CLUSTER_HEADER,
  type Cues,
  cuesSize,
  type Head,
  MAX_HEAD_SIZE,
  readClusterHeader,
  readCues,
  readHead,
  type SoundTrack,
  TRACK,
  type Track,
} from "../matroska/mod.ts";
import type { DiskFile } from "./disk.ts";
import type { SegmentIndex, SegmentSound } from "./segment.ts";

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

/** The clusters of one track, in arrays. */
interface Clusters {
  /** Times since the segment's start, in milliseconds. */
  readonly times: Uint32Array;
  /** Offsets in the file. */
  readonly offsets: Float64Array;
  /** Sizes in bytes; missing if each cluster ends where the next one begins. */
  readonly sizes?: Uint32Array;
}

/** An index in typed arrays. */
export class FrameIndex implements SegmentIndex {
  readonly sound: SegmentSound | undefined;
  readonly #frames: Clusters;
  /** Offset of the end of the last cluster. */
  readonly end: number;

  constructor(frames: Clusters, end: number, sound?: SegmentSound) {
    this.#frames = frames;
    this.end = end;
    this.sound = sound;
  }

  get length(): number {
    return this.#frames.times.length;
  }

  time(frame: number): number {
    return this.#frames.times[frame]!;
  }

  offset(frame: number): number {
    return this.#frames.offsets[frame]!;
  }

  endOffset(frame: number): number {
    const { offsets, sizes } = this.#frames;
    return sizes ? offsets[frame]! + sizes[frame]! : offsets[frame + 1] ?? this.end;
  }
}

/** The sound of a segment in typed arrays. */
class SoundIndex implements SegmentSound {
  readonly rate: number;
  readonly #clusters: Required<Clusters>;

  constructor({ rate }: SoundTrack, clusters: Required<Clusters>) {
    this.rate = rate;
    this.#clusters = clusters;
  }

  get length(): number {
    return this.#clusters.times.length;
  }

  time(cluster: number): number {
    return this.#clusters.times[cluster]!;
  }

  offset(cluster: number): number {
    return this.#clusters.offsets[cluster]!;
  }

  endOffset(cluster: number): number {
    return this.offset(cluster) + this.#clusters.sizes[cluster]!;
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
  const bytes = await readBytes(file, 0, MAX_HEAD_SIZE);
  const head = readHead(bytes);
  const writer = head && readWriter(head);
  if (!head || !writer) throw new HeadError("the head is damaged, or not from a recorder");
  const described = { head, ...writer };
  const cues = head.fileSize === size ? await readIndex(file, head, size) : undefined;
  if (cues) return { ...described, index: cues, isComplete: true };
  return { ...described, index: await walk(file, head, size), isComplete: false };
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
  { cuesAt = 0, sound, length }: Head,
  size: number,
): Promise<FrameIndex | undefined> {
  if (cuesAt <= length || cuesAt > size) return undefined;
  const cues = readCues(await readBytes(file, cuesAt, size - cuesAt));
  if (!cues || cues.times.length === 0 || cuesSize(cues.times.length) !== size - cuesAt) {
    return undefined;
  }
  const clusters = sound ? byOffset(cues) : cues;
  if (!isInOrder(clusters, { from: length, to: cuesAt, hasSound: sound !== undefined })) {
    return undefined;
  }
  const index = createIndex(clusters, cuesAt, sound);
  return index.length === 0 ? undefined : index;
}

/** Sorts cues, which are by time, by the offsets of their clusters. */
function byOffset({ times, offsets, tracks }: Cues): Cues {
  const order = Uint32Array.from(times.keys()).sort((a, b) => offsets[a]! - offsets[b]!);
  return {
    times: Uint32Array.from(order, (i) => times[i]!),
    offsets: Float64Array.from(order, (i) => offsets[i]!),
    tracks: Uint8Array.from(order, (i) => tracks[i]!),
  };
}

/** Whether clusters can follow each other between two offsets, with times that rise in each track. */
function isInOrder(
  { times, offsets, tracks }: Cues,
  { from, to, hasSound }: { from: number; to: number; hasSound: boolean },
): boolean {
  const lastTimes: Record<number, number> = hasSound
    ? { [TRACK.VIDEO]: -1, [TRACK.SOUND]: -1 }
    : { [TRACK.VIDEO]: -1 };
  let isInOrder = offsets[0] === from && offsets.at(-1)! + CLUSTER_HEADER < to;
  for (let i = 0; i < times.length; i++) {
    const track = tracks[i]!;
    isInOrder &&= times[i]! > (lastTimes[track] ?? Infinity);
    if (i > 0) isInOrder &&= offsets[i]! > offsets[i - 1]! + CLUSTER_HEADER;
    lastTimes[track] = times[i]!;
  }
  return isInOrder;
}

/**
 * Creates an index of clusters that follow each other.
 *
 * @param end Offset of the end of the last one.
 */
function createIndex(
  { times, offsets, tracks }: Cues,
  end: number,
  sound: SoundTrack | undefined,
): FrameIndex {
  if (!sound) return new FrameIndex({ times, offsets }, end);
  const clustersOf = (track: Track) => {
    const positions = Uint32Array.from(tracks.keys()).filter((i) => tracks[i] === track);
    return {
      times: Uint32Array.from(positions, (i) => times[i]!),
      offsets: Float64Array.from(positions, (i) => offsets[i]!),
      sizes: Uint32Array.from(positions, (i) => (offsets[i + 1] ?? end) - offsets[i]!),
    };
  };
  return new FrameIndex(
    clustersOf(TRACK.VIDEO),
    end,
    new SoundIndex(sound, clustersOf(TRACK.SOUND)),
  );
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
async function walk(file: DiskFile, head: Head, size: number): Promise<FrameIndex> {
  const window = new Window(file);
  const times: number[] = [];
  const offsets: number[] = [];
  const tracks: number[] = [];
  /** Positions of frames that are no whole JPEGs. */
  const damaged: number[] = [];
  const lastTimes = { [TRACK.VIDEO]: -1, [TRACK.SOUND]: head.sound ? -1 : Infinity };
  let at = head.length;
  for (;;) {
    // Two bytes before the header: the end of the JPEG of the previous cluster.
    const distance = times.length === 0 ? Infinity : (at - head.length) / times.length;
    const bytes = await window.read(at - 2, CLUSTER_HEADER + 4, distance);
    if (tracks.at(-1) === TRACK.VIDEO && !(bytes[0] === 0xff && bytes[1] === 0xd9)) {
      damaged.push(times.length - 1);
    }
    const cluster = readClusterHeader(bytes, 2);
    if (!cluster || cluster.time <= lastTimes[cluster.track]) break;
    const end = at + CLUSTER_HEADER + cluster.size;
    if (end > size) break;
    const isFrame = cluster.track === TRACK.VIDEO;
    if (isFrame && !(bytes[25] === 0xff && bytes[26] === 0xd8)) damaged.push(times.length);
    lastTimes[cluster.track] = cluster.time;
    times.push(cluster.time);
    offsets.push(at);
    tracks.push(cluster.track);
    at = end;
  }
  const checkedFrom = lastTimes[TRACK.VIDEO] - CHECKED;
  const length = damaged.find((frame) => times[frame]! >= checkedFrom) ?? times.length;
  const clusters = {
    times: Uint32Array.from(times.slice(0, length)),
    offsets: Float64Array.from(offsets.slice(0, length)),
    tracks: Uint8Array.from(tracks.slice(0, length)),
  };
  return createIndex(clusters, length < times.length ? offsets[length]! : at, head.sound);
}

/** Bytes that are read at once where headers are far apart, and where they are close together. */
const FAR = 64;
const CLOSE = 256 * 1024;
/** Mean distance of headers from which the bytes between them are not read. */
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

  /** Reads bytes; fewer at the end of the file. @param distance Mean distance of headers. */
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
