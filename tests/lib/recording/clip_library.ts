import type { Jpeg } from "../../../lib/frame.ts";
import { sizeOf } from "../../../lib/jpeg/segments.ts";
import {
  clusterHeader,
  cuesSize,
  encodeCues,
  encodeHead,
  HEAD_SIZE,
} from "../../../lib/matroska/mod.ts";
import { join } from "../../../lib/matroska/ebml.ts";
import type { FrameRange } from "../../../lib/recording/library.ts";
import { Clips } from "../../../lib/recording/clip.ts";
import type { Cursor, FrameRef } from "../../../lib/recording/cursor.ts";
import type { DiskFile } from "../../../lib/recording/disk.ts";
import { FileSystemDisk } from "../../../lib/recording/file_system.ts";
import type { Mark } from "../../../lib/recording/marks.ts";
import { ManualClock } from "../../manual_clock.ts";
import type { Segment, SegmentIndex } from "../../../lib/recording/segment.ts";

/** Start of the first recording in tests. */
export const START = Date.UTC(2026, 10, 27, 5, 43, 33);

interface Recorded {
  readonly segment: Segment;
  readonly index: SegmentIndex;
}

/** Segments of one camera in a temporary folder, and what clips need of a library. */
export class ClipLibrary implements AsyncDisposable {
  readonly #folder = Deno.makeTempDirSync({ prefix: "dinocam-clip-" });
  readonly #disk = new FileSystemDisk();
  readonly #recorded: Recorded[] = [];
  readonly marks: Mark[] = [];
  /** Phrases and reasons that have been logged. */
  readonly log: string[] = [];
  /** Number of segments that are open now, and of bytes read. */
  open = 0;
  bytesRead = 0;
  /** Called before each read. */
  onRead: (position: number, bytes: number) => Promise<void> = () => Promise.resolve();

  readonly clock = new ManualClock();
  readonly clips: Clips;

  /** @param ffmpeg Name or path of the program that makes MP4s. */
  constructor({ ffmpeg }: { ffmpeg?: string } = {}) {
    this.clips = new Clips({ ...this.#dependencies(), ffmpeg });
  }

  #dependencies() {
    return {
      library: this,
      clock: this.clock,
      marks: {
        list: (_, from, to, label) =>
          Promise.resolve(
            this.marks.filter((mark) => mark.at >= from && mark.at <= to && mark.label === label),
          ),
      },
      log: {
        info: () => {},
        warn: (event, fields) => this.log.push(`${event}: ${fields?.reason}`),
        error: (event) => this.log.push(event),
      },
    } satisfies ConstructorParameters<typeof Clips>[0];
  }

  /** Records a segment of frames, given with their capture times. */
  record(frames: readonly { at: number; jpeg: Jpeg }[], camera = "front"): Segment {
    const start = frames[0]!.at;
    const times = Uint32Array.from(frames, ({ at }) => at - start);
    const offsets = new Float64Array(frames.length + 1);
    const clusters = frames.map(({ jpeg }, i) => {
      const cluster = join(clusterHeader(times[i]!, jpeg.length), jpeg);
      offsets[i + 1] = (offsets[i] ||= HEAD_SIZE) + cluster.length;
      return cluster;
    });
    const cuesAt = offsets[frames.length]!;
    const fileSize = cuesAt + cuesSize(frames.length);
    const head = { date: start, size: sizeOf(frames[0]!.jpeg)!, fileSize, cuesAt };
    const [day, time] = new Date(start).toISOString().split("T") as [string, string];
    const segment = {
      ...{ camera, day, name: `${time.replaceAll(":", "-").replace("Z", "")}Z.mkv` },
      ...{ number: this.#recorded.length + 1, start, end: frames.at(-1)!.at },
      ...{ frames: frames.length, bytes: fileSize, activity: "" },
    };
    const cues = encodeCues({ times, offsets: offsets.subarray(0, -1) });
    Deno.writeFileSync(
      this.pathOf(segment),
      join(encodeHead({ ...head, duration: segment.end - start }), ...clusters, cues),
    );
    const index = {
      length: frames.length,
      time: (frame: number) => times[frame]!,
      offset: (frame: number) => offsets[frame]!,
      endOffset: (frame: number) => offsets[frame + 1]!,
    };
    this.#recorded.push({ segment, index });
    return segment;
  }

  pathOf({ name }: Segment): string {
    return `${this.#folder}/${name}`;
  }

  async *frames(camera: string, from: number, to: number): AsyncGenerator<FrameRange> {
    for (const { segment, index } of this.#recorded) {
      if (segment.camera !== camera || segment.end < from || segment.start > to) continue;
      let [first, last] = [0, index.length - 1];
      while (segment.start + index.time(first) < from) first++;
      while (segment.start + index.time(last) > to) last--;
      if (first <= last) yield await Promise.resolve({ segment, index, first, last });
    }
  }

  async openFile(segment: Segment): Promise<DiskFile> {
    const file = await this.#disk.open(this.pathOf(segment), "read");
    this.open++;
    return {
      ...file,
      readAt: async (position, into) => {
        await this.onRead(position, into.length);
        this.bytesRead += into.length;
        return await file.readAt(position, into);
      },
      close: async () => {
        await file.close();
        this.open--;
      },
    };
  }

  /** A cursor that only seeks. */
  cursor(camera: string): Cursor {
    const all = this.#recorded.filter(({ segment }) => segment.camera === camera)
      .flatMap(({ segment, index }) =>
        Array.from({ length: index.length }, (_, i): FrameRef => ({
          at: segment.start + index.time(i),
          size: 0,
          segment,
          index: i,
        }))
      );
    return {
      seek: (at, edge) =>
        Promise.resolve(
          edge === "before"
            ? all.findLast((frame) => frame.at <= at)
            : all.find((frame) => frame.at >= at),
        ),
      step: () => Promise.resolve(undefined),
      read: () => Promise.resolve(undefined),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.clips[Symbol.dispose]();
    await Deno.remove(this.#folder, { recursive: true });
  }
}

/** A JPEG of `width` x 2 pixels with `size` bytes that begin with a number; it has no picture. */
export function numberedJpeg(number: number, size = 100, width = 4): Jpeg {
  const jpeg = new Uint8Array(size).fill(number % 251);
  jpeg.set([0xff, 0xd8, 0xff, 0xc0, 0, 11, 8, 0, 2, 0, width, 1, 1, 0x11, 0]);
  new DataView(jpeg.buffer).setUint32(20, number);
  jpeg.set([0xff, 0xd9], size - 2);
  return jpeg;
}

/** Returns frames from a time on, `interval` ms apart, numbered from `first`. */
export function numberedFrames(
  { at, count, interval = 40, first = 0, size = (i: number) => 100 + i % 7 }: {
    at: number;
    count: number;
    interval?: number;
    first?: number;
    size?: (frame: number) => number;
  },
): { at: number; jpeg: Jpeg }[] {
  return Array.from({ length: count }, (_, i) => ({
    at: at + Math.round(i * interval),
    jpeg: numberedJpeg(first + i, size(first + i)),
  }));
}

/** A frame that a test has found in a clip. */
export interface ClipFrame {
  readonly number: number;
  /** Time in the clip, in milliseconds. */
  readonly time: number;
}
