import type { Bytes } from "../bytes.ts";
import type { Jpeg } from "../frame.ts";
import type { Size } from "../jpeg/segments.ts";
import {
  CLUSTER_HEADER,
  cuesSize,
  encodeCues,
  encodeHead,
  type HeadOptions,
  headSize,
  type SoundTrack,
  TRACK,
  writeClusterHeader,
} from "../matroska/mod.ts";
import type { ActivityMeter } from "./activity.ts";
import { cuesOf, durationOf } from "./completion.ts";
import type { Disk, DiskFile } from "./disk.ts";
import { codeOf } from "./file_system.ts";
import { GrowingSegment } from "./open_segment.ts";
import type { OpenSegment, Segment } from "./segment.ts";
import { segmentPath, segmentPlace } from "./segment_name.ts";

/** Maximum number of segments that start in the same millisecond. */
const MAX_ATTEMPTS = 1000;

/** Returns the bytes that a segment needs without its clusters: the head, and that of the index. */
export function segmentOverhead(sound?: SoundTrack): number {
  return headSize(sound) + cuesSize(1) - cueSize();
}

/**
 * Returns the size of a frame or of samples in the file, in bytes, without the entry in the index.
 */
export function clusterSize(data: Bytes): number {
  return CLUSTER_HEADER + data.length;
}

/** Size of a cluster's entry in the index at the end of a file, in bytes. */
export function cueSize(): number {
  return cuesSize(2) - cuesSize(1);
}

/** A frame with its time in milliseconds since the Unix epoch, a whole number. */
export interface TimedFrame {
  readonly jpeg: Jpeg;
  readonly at: number;
}

/** Sound with the time of its first sample, as that of a {@link TimedFrame}: at most 100 ms. */
export interface TimedSound {
  readonly samples: Bytes;
  readonly at: number;
}

/** Options of {@link SegmentWriter.create}. */
export interface SegmentWriterOptions {
  readonly disk: Disk;
  /** Folder of the recordings. */
  readonly root: string;
  readonly camera: string;
  /** See `Segment.number`. */
  readonly number: number;
  /** Time of the first frame. */
  readonly start: number;
  /** Size of the pictures. */
  readonly size: Size;
  /** Missing for a segment without sound. */
  readonly sound?: SoundTrack;
  readonly activity: ActivityMeter;
}

/**
 * Writes one segment. Calls must not overlap. When one fails, {@link SegmentWriter.close} still
 * completes the file with the frames before.
 */
export class SegmentWriter {
  readonly #file: DiskFile;
  readonly #options: SegmentWriterOptions;
  readonly #segment: GrowingSegment;
  /** Whether the file may contain bytes after the last frame. */
  #isTorn = false;
  /** Frames have been written since the last {@link sync}. */
  #isDirty = true;
  #isClosed = false;

  private constructor(file: DiskFile, segment: GrowingSegment, options: SegmentWriterOptions) {
    this.#file = file;
    this.#segment = segment;
    this.#options = options;
  }

  /**
   * Creates the file, without a frame, in the folder of its day, which must exist. Never overwrites
   * a file.
   */
  static async create(options: SegmentWriterOptions): Promise<SegmentWriter> {
    const { disk, root, camera, number, start, sound, activity } = options;
    for (let attempt = 1;; attempt++) {
      const place = segmentPlace(camera, start, attempt);
      const path = segmentPath(root, place);
      try {
        const file = await disk.create(path);
        const segment = new GrowingSegment({
          ...{ place, number, start, sound, activity },
          bytes: headSize(sound),
        });
        const writer = new SegmentWriter(file, segment, options);
        await writer.#begin(encodeHead(writer.#head));
        return writer;
      } catch (error) {
        if (codeOf(error) !== "EEXIST" || attempt === MAX_ATTEMPTS) throw error;
      }
    }
  }

  /** The segment as it grows. */
  get segment(): OpenSegment {
    return this.#segment;
  }

  /** Path of the file. */
  get path(): string {
    return segmentPath(this.#options.root, this.#segment);
  }

  /** Whether {@link sync} has something to do. */
  get isDirty(): boolean {
    return this.#isDirty;
  }

  /**
   * Writes frames and sound, with times that rise strictly in each of both. Afterwards they are in
   * {@link segment}. If it fails, {@link segment} is unchanged.
   */
  async append(clusters: readonly (TimedFrame | TimedSound)[]): Promise<void> {
    const headers = new Uint8Array(CLUSTER_HEADER * clusters.length);
    const buffers: Bytes[] = [];
    for (const [i, cluster] of clusters.entries()) {
      const header = headers.subarray(i * CLUSTER_HEADER, (i + 1) * CLUSTER_HEADER);
      const data = "jpeg" in cluster ? cluster.jpeg : cluster.samples;
      const track = "jpeg" in cluster ? TRACK.VIDEO : TRACK.SOUND;
      const time = cluster.at - this.#segment.start;
      writeClusterHeader(header, { time, size: data.length, track });
      buffers.push(header, data);
    }
    this.#isTorn = true;
    await this.#file.append(buffers);
    this.#isTorn = false;
    this.#isDirty = true;
    for (const cluster of clusters) {
      const { at } = cluster;
      if ("jpeg" in cluster) {
        const { jpeg } = cluster;
        this.#segment.add({ at, size: jpeg.length, clusterSize: clusterSize(jpeg) });
      } else this.#segment.addSound({ at, clusterSize: clusterSize(cluster.samples) });
    }
  }

  /** Makes what is written survive a power failure. */
  async sync(): Promise<void> {
    await this.#file.sync();
    this.#isDirty = false;
  }

  /**
   * Completes the file: cuts off what a failed write has left, and writes the index and the head. If
   * that fails it can be repeated; otherwise call {@link abandon}.
   *
   * @returns The segment; undefined if it had no frame, so that the file has been removed.
   */
  async close(): Promise<Segment | undefined> {
    const { index } = this.#segment;
    if (index.length === 0) {
      await this.abandon();
      await this.#options.disk.remove(this.path);
      return undefined;
    }
    if (this.#isTorn) await this.#file.truncate(index.end);
    this.#isTorn = true;
    const cues = encodeCues(cuesOf(index));
    await this.#file.append([cues]);
    await this.#file.sync(); // the head says that the file is complete: it must be the last
    const fileSize = index.end + cues.length;
    const ends = { duration: durationOf(index), fileSize, cuesAt: index.end };
    await this.#file.writeAt(0, encodeHead({ ...this.#head, ...ends }));
    await this.#file.sync();
    await this.abandon();
    return this.#segment.toSegment(fileSize);
  }

  /**
   * Closes the file as it is. It can be read and repaired.
   *
   * @returns The segment with the frames that are in it.
   */
  async abandon(): Promise<Segment> {
    const isClosed = this.#isClosed;
    this.#isClosed = true; // its descriptor may soon be that of another file
    try {
      if (!isClosed) await this.#file.close();
    } catch {
      // The descriptor is gone in any case.
    }
    return this.#segment.toSegment();
  }

  /** The head of the file while it is being written. */
  get #head(): HeadOptions {
    const { start: date, size, sound, number } = this.#options;
    return { date, size, sound, writtenBy: `dinocam ${number}` };
  }

  async #begin(head: Bytes): Promise<void> {
    try {
      await this.#file.append([head]);
    } catch (error) {
      await this.abandon();
      await this.#options.disk.remove(this.path).catch(() => {}); // repaired at the next start
      throw error;
    }
  }
}
