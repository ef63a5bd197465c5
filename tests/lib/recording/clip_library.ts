import type { Jpeg } from "../../../lib/frame.ts";
import { sizeOf } from "../../../lib/jpeg/segments.ts";
import type { Bytes } from "../../../lib/bytes.ts";
import {
  CLUSTER_HEADER,
  clusterHeader,
  cuesSize,
  encodeCues,
  encodeHead,
  headSize,
  TRACK,
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

/** The sound of a segment. */
export interface RecordedSound {
  readonly rate: number;
  /** In milliseconds since the Unix epoch. */
  readonly clusters: readonly { readonly at: number; readonly samples: Bytes }[];
}

/** Clusters of a track. */
class FakeIndex implements SegmentIndex {
  readonly #clusters: [time: number, offset: number, end: number][] = [];

  add(time: number, offset: number, end: number): void {
    this.#clusters.push([time, offset, end]);
  }

  get length(): number {
    return this.#clusters.length;
  }

  time(cluster: number): number {
    return this.#clusters[cluster]![0];
  }

  offset(cluster: number): number {
    return this.#clusters[cluster]![1];
  }

  endOffset(cluster: number): number {
    return this.#clusters[cluster]![2];
  }
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

  /**
   * Records a segment of frames, given with their capture times, and of sound. Clusters of sound are
   * written when they are complete, as a recorder does.
   */
  record(
    frames: readonly { at: number; jpeg: Jpeg }[],
    { camera = "front", sound }: { camera?: string; sound?: RecordedSound } = {},
  ): Segment {
    const start = frames[0]!.at;
    const clusters = [
      ...frames.map(({ at, jpeg }) => ({ at, data: jpeg, track: TRACK.VIDEO, written: at })),
      ...(sound?.clusters ?? []).map(({ at, samples }) => ({
        ...{ at, data: samples, track: TRACK.SOUND },
        written: at + samples.length / 2 * 1000 / sound!.rate,
      })),
    ].sort((a, b) => a.written - b.written);
    const [video, heard] = [new FakeIndex(), new FakeIndex()];
    const times = Uint32Array.from(clusters, ({ at }) => at - start);
    const offsets = new Float64Array(clusters.length);
    let cuesAt = headSize(sound);
    const parts = clusters.map(({ data, track }, i) => {
      offsets[i] = cuesAt;
      cuesAt += CLUSTER_HEADER + data.length;
      (track === TRACK.VIDEO ? video : heard).add(times[i]!, offsets[i]!, cuesAt);
      return join(clusterHeader(times[i]!, data.length, track), data);
    });
    const fileSize = cuesAt + cuesSize(clusters.length);
    const head = { date: start, size: sizeOf(frames[0]!.jpeg)!, sound, fileSize, cuesAt };
    const [day, time] = new Date(start).toISOString().split("T") as [string, string];
    const segment = {
      ...{ camera, day, name: `${time.replaceAll(":", "-").replace("Z", "")}Z.mkv` },
      ...{ number: this.#recorded.length + 1, start, end: frames.at(-1)!.at },
      ...{ frames: frames.length, bytes: fileSize, activity: "" },
    };
    const tracks = Uint8Array.from(clusters, ({ track }) => track);
    Deno.writeFileSync(
      this.pathOf(segment),
      join(
        encodeHead({ ...head, duration: segment.end - start }),
        ...parts,
        encodeCues({ times, offsets, tracks }),
      ),
    );
    const index = Object.assign(
      video,
      sound && {
        sound: Object.assign(heard, { rate: sound.rate }),
      },
    );
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

/**
 * Returns sound that says when it was recorded: each sample is the number of samples since
 * {@link START}, modulo 2^16.
 *
 * @param from Time of the first sample.
 * @param to End of the last one.
 * @param length Duration of a cluster, in milliseconds.
 */
export function numberedSound(
  { from, to, rate = 8_000, length = 100 }: {
    from: number;
    to: number;
    rate?: number;
    length?: number;
  },
): RecordedSound {
  const clusters = [];
  for (let at = from; at < to; at += length) {
    const count = Math.round(Math.min(length, to - at) * rate / 1000);
    const samples = new Uint8Array(2 * count);
    const view = new DataView(samples.buffer);
    const first = Math.round((at - START) * rate / 1000);
    for (let i = 0; i < count; i++) view.setUint16(2 * i, first + i, true);
    clusters.push({ at, samples });
  }
  return { rate, clusters };
}
