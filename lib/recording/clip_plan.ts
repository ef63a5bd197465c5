import type { Size } from "../jpeg/segments.ts";
import { limitFps } from "../limit_fps.ts";
import { CLUSTER_HEADER, MAX_HEAD_SIZE, readHead } from "../matroska/mod.ts";
import type { FrameRange, Library } from "./library.ts";
import type { Mark } from "./marks.ts";
import type { Segment } from "./segment.ts";

/** Maximum number of frames of a clip: more than a day at 30 fps. They take 12 bytes each. */
export const MAX_CLIP_FRAMES = 3_000_000;
/** Frame rate of a clip of marks, and that which is assumed for a single frame. */
const DEFAULT_FPS = 25;
/** A mark without a frame in this time after it is left out, in milliseconds. */
const MARK_TOLERANCE = 3_600_000;
/** Times are 32-bit numbers. */
const MAX_TIME = 2 ** 32 - 1;

/** Where clips find their frames. */
export type FrameSource = Pick<Library, "frames" | "openFile">;

/** Frames of a clip that are in the same segment. */
export interface ClipPiece {
  readonly segment: Segment;
  /** Number of its first frame in the clip, from 0. */
  readonly first: number;
  /** Size of all JPEGs of the clip before it, in bytes. */
  readonly bytesBefore: number;
  /** Size of its JPEGs, in bytes. */
  readonly bytes: number;
  /** Offset of the cluster of each frame in the segment's file. */
  readonly offsets: Uint32Array;
  /** Size of the JPEG of each frame, in bytes. */
  readonly sizes: Uint32Array;
  /** Time of each frame in the clip, in milliseconds; rises strictly. */
  readonly times: Uint32Array;
}

/** The frames of a clip: where they are recorded, and when they are shown. */
export interface ClipPlan {
  readonly camera: string;
  readonly pieces: readonly ClipPiece[];
  /** Number of frames. */
  readonly frames: number;
  /** Size of all JPEGs, in bytes. */
  readonly bytes: number;
  /** Capture time of the first frame, in milliseconds since the Unix epoch. */
  readonly start: number;
  /** Duration of the clip, that of the last frame included, in milliseconds. */
  readonly duration: number;
  /** Size of the pictures of the first segment. */
  readonly size: Size;
}

/** Options of {@link planPeriod}. */
export interface PeriodOptions {
  /** First and last possible capture time, in milliseconds since the Unix epoch. */
  readonly from: number;
  readonly to: number;
  /** 60 for a timelapse with 60 times the speed, 0.5 for slow motion. */
  readonly speed: number;
  /** Maximum frame rate of the clip; undefined: all frames. */
  readonly fps: number | undefined;
}

/**
 * Chooses the frames of a period. Gaps of the recording are gaps of the clip.
 *
 * @returns undefined if nothing was recorded in the period.
 * @throws {RangeError} If the clip is too long.
 */
export async function planPeriod(
  source: FrameSource,
  camera: string,
  { from, to, speed, fps }: PeriodOptions,
): Promise<ClipPlan | undefined> {
  const builder = new ClipBuilder(source, camera);
  const isChosen = fps === undefined ? () => true : limitFps(fps);
  const frame = { monotonic: 0 };
  for await (const range of source.frames(camera, from, to)) {
    if (!await builder.begin(range, range.last - range.first + 1)) continue;
    for (let i = range.first; i <= range.last; i++) {
      const at = timeOf(range, i);
      frame.monotonic = (at - builder.startsAt(at)) / speed;
      if (isChosen(frame)) builder.add(i, frame.monotonic);
    }
    builder.end();
  }
  return builder.finish(1000 / (fps ?? DEFAULT_FPS));
}

/**
 * Chooses a frame for each mark: the first one captured at or after it. A frame can belong to several
 * marks; a mark without a frame within an hour is left out.
 *
 * @param marks By time.
 * @param fps Frame rate of the clip.
 * @returns undefined if there is no frame.
 * @throws {RangeError} If the clip is too long.
 */
export async function planMarks(
  source: FrameSource,
  camera: string,
  { marks, fps = DEFAULT_FPS }: { marks: readonly Mark[]; fps?: number },
): Promise<ClipPlan | undefined> {
  const builder = new ClipBuilder(source, camera);
  const [firstMark, lastMark] = [marks[0], marks.at(-1)];
  if (!firstMark || !lastMark) return undefined;
  let next = 0;
  let frames = 0;
  for await (const range of source.frames(camera, firstMark.at, lastMark.at + MARK_TOLERANCE)) {
    const end = timeOf(range, range.last);
    let until = next;
    while (until < marks.length && marks[until]!.at <= end) until++;
    if (until === next || !await builder.begin(range, until - next)) continue;
    for (; next < until; next++) {
      const found = firstFrameAt(range, marks[next]!.at);
      const at = timeOf(range, found);
      if (at - marks[next]!.at > MARK_TOLERANCE) continue;
      builder.startsAt(at);
      builder.add(found, frames++ * 1000 / fps);
    }
    builder.end();
    if (next === marks.length) break;
  }
  return builder.finish(1000 / fps);
}

function timeOf({ segment, index }: FrameRange, frame: number): number {
  return segment.start + index.time(frame);
}

/** Finds the first frame at or after a time; the last one must not be before it. */
function firstFrameAt(range: FrameRange, at: number): number {
  let [low, high] = [range.first, range.last];
  while (low < high) {
    const middle = low + high >> 1;
    if (timeOf(range, middle) < at) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Collects the frames of a clip, segment by segment. */
class ClipBuilder {
  readonly #source: FrameSource;
  readonly #camera: string;
  readonly #pieces: ClipPiece[] = [];
  #range!: FrameRange;
  #offsets = new Uint32Array(0);
  #sizes = new Uint32Array(0);
  #times = new Uint32Array(0);
  /** Number of frames in the arrays, and the size of their JPEGs. */
  #count = 0;
  #pieceBytes = 0;
  #frames = 0;
  #bytes = 0;
  #lastTime = -1;
  #start: number | undefined;
  #size: Size | undefined;

  constructor(source: FrameSource, camera: string) {
    this.#source = source;
    this.#camera = camera;
  }

  /**
   * Begins a piece.
   *
   * @param capacity Maximum number of its frames.
   * @returns Whether its frames can be used: not if the clip would begin with a segment that cannot
   * be read.
   */
  async begin(range: FrameRange, capacity: number): Promise<boolean> {
    this.#size ??= await readSize(this.#source, range.segment);
    if (!this.#size) return false;
    this.#range = range;
    this.#offsets = new Uint32Array(capacity);
    this.#sizes = new Uint32Array(capacity);
    this.#times = new Uint32Array(capacity);
    return true;
  }

  /** Returns the capture time of the clip's first frame: `at` if it has none so far. */
  startsAt(at: number): number {
    return this.#start ??= at;
  }

  /** Adds a frame of the segment. @param time Its time in the clip, in milliseconds. */
  add(frame: number, time: number): void {
    const { index } = this.#range;
    const offset = index.offset(frame);
    const size = index.endOffset(frame) - offset - CLUSTER_HEADER;
    this.#lastTime = Math.max(Math.round(time), this.#lastTime + 1);
    if (this.#lastTime > MAX_TIME) {
      throw new RangeError("Cannot make a clip of more than 49 days: give a higher speed");
    }
    if (this.#frames + this.#count >= MAX_CLIP_FRAMES) {
      throw new RangeError(
        `Cannot make a clip of more than ${MAX_CLIP_FRAMES} frames: shorten it, or lower fps`,
      );
    }
    this.#offsets[this.#count] = offset;
    this.#sizes[this.#count] = size;
    this.#times[this.#count++] = this.#lastTime;
    this.#pieceBytes += size;
  }

  /** Ends the piece. */
  end(): void {
    const count = this.#count;
    if (count === 0) return;
    this.#pieces.push({
      segment: this.#range.segment,
      first: this.#frames,
      bytesBefore: this.#bytes,
      bytes: this.#pieceBytes,
      offsets: shrink(this.#offsets, count),
      sizes: shrink(this.#sizes, count),
      times: shrink(this.#times, count),
    });
    this.#frames += count;
    this.#bytes += this.#pieceBytes;
    this.#count = this.#pieceBytes = 0;
  }

  /** Returns the clip, if it has frames. @param interval Duration of a single frame. */
  finish(interval: number): ClipPlan | undefined {
    if (this.#frames === 0) return undefined;
    const meanInterval = this.#frames > 1 ? this.#lastTime / (this.#frames - 1) : interval;
    return {
      camera: this.#camera,
      pieces: this.#pieces,
      frames: this.#frames,
      bytes: this.#bytes,
      start: this.#start!,
      duration: Math.round(this.#lastTime + meanInterval),
      size: this.#size!,
    };
  }
}

/** Returns the first elements. They keep no memory for the others. */
function shrink(array: Uint32Array, length: number): Uint32Array {
  return length === array.length ? array : array.slice(0, length);
}

/** Reads the size of a segment's pictures; undefined if it has been deleted or is damaged. */
async function readSize(source: FrameSource, segment: Segment): Promise<Size | undefined> {
  try {
    const file = await source.openFile(segment);
    try {
      const bytes = new Uint8Array(MAX_HEAD_SIZE);
      return readHead(bytes.subarray(0, await file.readAt(0, bytes)))?.size;
    } finally {
      await file.close();
    }
  } catch {
    return undefined; // the clip begins with the next segment
  }
}
