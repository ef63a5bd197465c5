import type { Size } from "../jpeg/segments.ts";
import { limitFps } from "../limit_fps.ts";
import { CLUSTER_HEADER, MAX_HEAD_SIZE, readHead, type SoundTrack } from "../matroska/mod.ts";
import { type Clusters, interleave, shrink } from "./clip_clusters.ts";
import { ClipSound } from "./clip_sound.ts";
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

/** Frames of a clip that are in the same segment, with the sound between them. */
export interface ClipPiece extends Clusters {
  readonly segment: Segment;
  /** Number of its first cluster in the clip, from 0. */
  readonly first: number;
  /** Size of all JPEGs and samples of the clip before it, in bytes. */
  readonly bytesBefore: number;
  /** Size of its JPEGs and samples, in bytes. */
  readonly bytes: number;
}

/** The frames of a clip: where they are recorded, and when they are shown. */
export interface ClipPlan {
  readonly camera: string;
  readonly pieces: readonly ClipPiece[];
  /** Number of frames. */
  readonly frames: number;
  /** Number of clusters: frames, and sound. */
  readonly clusters: number;
  /** Size of all JPEGs and samples, in bytes. */
  readonly bytes: number;
  /** Capture time of the first frame, in milliseconds since the Unix epoch. */
  readonly start: number;
  /** Duration of the clip, that of the last frame included, in milliseconds. */
  readonly duration: number;
  /** Size of the pictures of the first segment. */
  readonly size: Size;
  /** Undefined for a clip without sound. */
  readonly sound?: SoundTrack;
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
  /** Whether the clip has the sound of the period, if there is any; only at speed 1. */
  readonly sound?: boolean;
}

/**
 * Chooses the frames of a period, and its sound. Gaps of the recording are gaps of the clip. The
 * sound has one rate, that of the first segment with sound: sound of other rates is left out.
 *
 * @returns undefined if nothing was recorded in the period.
 * @throws {RangeError} If the clip is too long.
 */
export async function planPeriod(
  source: FrameSource,
  camera: string,
  { from, to, speed, fps, sound = false }: PeriodOptions,
): Promise<ClipPlan | undefined> {
  const hasSound = sound && speed === 1;
  const builder = new ClipBuilder(source, camera, hasSound ? new ClipSound() : undefined);
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

/** Frames of a segment, until it is known where the sound between them ends. */
interface OpenPiece {
  readonly range: FrameRange;
  readonly frames: Clusters;
}

/** Collects the frames of a clip, segment by segment. */
class ClipBuilder {
  readonly #source: FrameSource;
  readonly #camera: string;
  readonly #sound: ClipSound | undefined;
  readonly #pieces: ClipPiece[] = [];
  #range!: FrameRange;
  #offsets = new Uint32Array(0);
  #sizes = new Uint32Array(0);
  #times = new Uint32Array(0);
  /** Number of frames in the arrays. */
  #count = 0;
  #open: OpenPiece | undefined;
  #frames = 0;
  #clusters = 0;
  #bytes = 0;
  #lastTime = -1;
  #start: number | undefined;
  #size: Size | undefined;

  constructor(source: FrameSource, camera: string, sound?: ClipSound) {
    this.#source = source;
    this.#camera = camera;
    this.#sound = sound;
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
    this.#close({ end: timeOf(range, range.first), isLast: false });
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
  }

  /** Ends the piece. */
  end(): void {
    const count = this.#count;
    const frames = {
      offsets: shrink(this.#offsets, count),
      sizes: shrink(this.#sizes, count),
      times: shrink(this.#times, count),
    };
    this.#open = { range: this.#range, frames };
    this.#frames += count;
    this.#count = 0;
  }

  /** Returns the clip, if it has frames. @param interval Duration of a single frame. */
  finish(interval: number): ClipPlan | undefined {
    if (this.#frames === 0) return undefined;
    const meanInterval = this.#frames > 1 ? this.#lastTime / (this.#frames - 1) : interval;
    const [start, duration] = [this.#start!, Math.round(this.#lastTime + meanInterval)];
    this.#close({ end: start + duration, isLast: true });
    return {
      camera: this.#camera,
      pieces: this.#pieces,
      frames: this.#frames,
      clusters: this.#clusters,
      bytes: this.#bytes,
      start,
      duration,
      size: this.#size!,
      sound: this.#sound?.track,
    };
  }

  /**
   * Completes the piece that has ended, with its sound.
   *
   * @param end Time at which the next piece begins, or the clip ends.
   */
  #close({ end, isLast }: { end: number; isLast: boolean }): void {
    if (!this.#open) return;
    const { range, frames } = this.#open;
    this.#open = undefined;
    const sound = this.#sound?.take(range, { start: this.#start!, end, isLast });
    const clusters = sound ? interleave(frames, sound) : frames;
    const count = clusters.offsets.length;
    if (count === 0) return;
    const bytes = clusters.sizes.reduce((sum, size) => sum + size, 0);
    const place = { segment: range.segment, first: this.#clusters, bytesBefore: this.#bytes };
    this.#pieces.push({ ...place, bytes, ...clusters });
    this.#clusters += count;
    this.#bytes += bytes;
  }
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
