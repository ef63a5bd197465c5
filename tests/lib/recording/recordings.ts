import type { Bytes } from "../../../lib/bytes.ts";
import { createLog, type Log } from "../../../lib/log.ts";
import { ActivityMeter } from "../../../lib/recording/activity.ts";
import type { Disk } from "../../../lib/recording/disk.ts";
import { FileSystemDisk } from "../../../lib/recording/file_system.ts";
import type { Segment } from "../../../lib/recording/segment.ts";
import { SegmentLibrary } from "../../../lib/recording/segment_library.ts";
import { dayOf } from "../../../lib/recording/segment_name.ts";
import { SegmentWriter } from "../../../lib/recording/segment_writer.ts";
import { ManualClock } from "../../manual_clock.ts";
import { makeJpeg } from "./segment_files.ts";

/** 2026-11-27T10:00:00Z. */
export const START = Date.UTC(2026, 10, 27, 10);
/** Size of the pictures of {@link Recordings}. */
const SIZE = { width: 1280, height: 720 };

/** Samples per second of its sound. */
export const SOUND_RATE = 8_000;

/** A segment to write. */
export interface Written {
  camera?: string;
  /** Time of the first frame. */
  start: number;
  /** See `Segment.number`. @default One more than the last one */
  number?: number;
  /** Times of the frames since `start`, in milliseconds. @default {20 frames, 100 ms apart} */
  times?: readonly number[];
  /** Size of each JPEG, in bytes. @default {2000} */
  bytes?: number;
  /**
   * Times of clusters of sound since `start`, of 100 ms; see {@link samplesFor}. Without it, the
   * segment has no sound track.
   */
  sound?: readonly number[];
  /** Number in the first JPEG, see `numberOf`. @default {0} */
  firstNumber?: number;
}

/** A temporary folder of recordings. */
export class Recordings implements AsyncDisposable {
  readonly root: string;
  readonly clock = new ManualClock(START);
  readonly lines: string[] = [];
  readonly log: Log = createLog({ clock: this.clock, write: (line) => this.lines.push(line) });
  disk: Disk = new FileSystemDisk();
  #number = 0;
  readonly #libraries: SegmentLibrary[] = [];

  constructor() {
    this.root = Deno.makeTempDirSync();
  }

  /** Opens a library on the folder, and loads all days. */
  async open(options: { maxMemory?: number } = {}): Promise<SegmentLibrary> {
    const library = new SegmentLibrary({ ...this, ...options });
    this.#libraries.push(library);
    await library.start();
    await library.loaded;
    return library;
  }

  /** Begins a segment, as a recorder does. */
  async begin({ camera = "front", start, number = ++this.#number, sound }: Written) {
    this.#number = number;
    for (const folder of [camera, `${camera}/${dayOf(start)}`]) {
      await this.disk.makeFolder(`${this.root}/${folder}`);
    }
    const { disk, root } = this;
    const activity = new ActivityMeter();
    return await SegmentWriter.create({
      ...{ disk, root, camera, number, start, size: SIZE, activity },
      sound: sound && { rate: SOUND_RATE },
    });
  }

  /** Writes a segment, without closing it. */
  async writeOpen(written: Written): Promise<SegmentWriter> {
    const { start, times = every(100, 20), bytes = 2000, firstNumber = 0, sound = [] } = written;
    const writer = await this.begin(written);
    const frames = times.map((time, i) => ({
      jpeg: makeJpeg({ bytes, number: firstNumber + i }),
      at: start + time,
      arrival: time,
    }));
    const clusters = sound.map((time) => ({
      samples: samplesFor(time),
      at: start + time,
      arrival: time + 101, // when its last sample has been heard
    }));
    await writer.append([...frames, ...clusters].sort((a, b) => a.arrival - b.arrival));
    return writer;
  }

  /** Writes a complete segment. */
  async write(written: Written): Promise<Segment> {
    return (await (await this.writeOpen(written)).close())!;
  }

  /** Writes a segment as a killed recorder leaves it. @returns Its path. */
  async writeTorn(written: Written): Promise<string> {
    const writer = await this.writeOpen(written);
    await writer.abandon();
    return writer.path;
  }

  /** Returns the path of a segment. */
  path({ camera, day, name }: Segment): string {
    return `${this.root}/${camera}/${day}/${name}`;
  }

  /** Sum of the sizes of all files. */
  get size(): number {
    const sizeOf = (folder: string): number =>
      [...Deno.readDirSync(folder)].reduce((sum, { name, isDirectory }) => {
        const path = `${folder}/${name}`;
        return sum + (isDirectory ? sizeOf(path) : Deno.statSync(path).size);
      }, 0);
    return sizeOf(this.root);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const library of this.#libraries) await library[Symbol.asyncDispose]();
    await Deno.remove(this.root, { recursive: true });
  }
}

/** Returns 100 ms of sound, with a number in each sample. */
export function samplesFor(number: number): Bytes {
  return new Uint8Array(new Uint16Array(SOUND_RATE / 10).fill(number).buffer);
}

/** Returns times at an interval, from 0 on. */
export function every(interval: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => i * interval);
}
