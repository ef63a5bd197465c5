import type { Bytes } from "../bytes.ts";
import type { Clock } from "../clock.ts";
import { type Size, sizeOf } from "../jpeg/segments.ts";
import type { Log } from "../log.ts";
import { cuesSize, type SoundTrack } from "../matroska/mod.ts";
import { ActivityMeter } from "./activity.ts";
import type { ClockCorrection } from "./clock_correction.ts";
import { clusterCount } from "./completion.ts";
import type { Disk } from "./disk.ts";
import { codeOf } from "./file_system.ts";
import type { QueuedFrame } from "./frame_queue.ts";
import type { Library } from "./library.ts";
import { isFull } from "./pause_reason.ts";
import { RecordFolder } from "./record_folder.ts";
import { RecordingClock } from "./recording_clock.ts";
import type { OpenSegment, Segment } from "./segment.ts";
import { dayOf } from "./segment_name.ts";
import {
  clusterSize,
  cueSize,
  segmentOverhead,
  SegmentWriter,
  type TimedFrame,
  type TimedSound,
} from "./segment_writer.ts";
import type { SoundInput } from "./sound_input.ts";
import type { QueuedCluster } from "./sound_queue.ts";
import type { Storage } from "./storage.ts";

/** Number of frames that a segment has at least, to end at a minute. */
const MIN_FRAMES = 30;
/** The camera is silent after this long without a frame, in milliseconds, */
const MIN_SILENCE = 5_000;
/** or after this many frame intervals. */
const SILENT_INTERVALS = 5;
/** Maximum time between two frames that counts as a frame interval, in milliseconds. */
const MAX_INTERVAL = 600_000;
const MINUTE = 60_000;
const HOUR = 3_600_000;
/** How many syncs pass until the file is looked for in its folder. */
const SYNCS_PER_CHECK = 10;

/** Options of a {@link SegmentSequence}. */
export interface SegmentSequenceOptions {
  readonly camera: string;
  /** Folder of the recordings. */
  readonly root: string;
  readonly disk: Disk;
  readonly library: Pick<Library, "add" | "replace" | "remove" | "nextNumber">;
  readonly storage: Pick<Storage, "reserve" | "release" | "noSpace" | "maxSegment">;
  readonly correction: Pick<ClockCorrection, "startRun" | "add">;
  /** The sound that is written between the frames; missing without sound. */
  readonly sound?: Pick<SoundInput, "queue" | "dropped">;
  readonly clock: Pick<Clock, "monotonic">;
  readonly log: Log;
}

/**
 * Writes the frames of a camera, and its sound, into consecutive segments: decides where each
 * segment ends, and gives frames and sound their times. Calls must not overlap. After a call has
 * failed, frames can be written again: in a new segment.
 */
export class SegmentSequence {
  readonly #options: SegmentSequenceOptions;
  readonly #folder: RecordFolder;
  readonly #clock = new RecordingClock();
  readonly #activity = new ActivityMeter();
  /** Calls of the library that are under way. */
  readonly #updates = new Set<Promise<void>>();
  #writer: SegmentWriter | undefined;
  /** A segment that could not be closed yet. */
  #unclosed: SegmentWriter | undefined;
  #size: Size | undefined;
  #lastDay: string | undefined;
  #lastArrival: number | undefined;
  /** Arrival of the first frame of the segment. */
  #begunAt = -Infinity;
  /** Average time between two frames, in milliseconds. */
  #interval = 0;
  #syncs = 0;

  constructor(options: SegmentSequenceOptions) {
    this.#options = options;
    this.#folder = new RecordFolder(options);
  }

  /** Whether a segment is open. */
  get isOpen(): boolean {
    return this.#writer !== undefined;
  }

  /** Whether {@link sync} has something to do. */
  get isDirty(): boolean {
    return this.#writer?.isDirty ?? false;
  }

  /** The camera is silent if it delivers no frame for this long, in milliseconds. */
  get silence(): number {
    return Math.max(MIN_SILENCE, SILENT_INTERVALS * this.#interval);
  }

  /** Whether {@link writeSound} has something to do. */
  get hasSound(): boolean {
    return this.isOpen && (this.#options.sound?.queue.hasCluster(this.#now) ?? false);
  }

  /**
   * Writes the first frames: those that belong to the same segment, and the sound between them.
   *
   * @returns How many frames are done with, and the size that has been written. A frame without a
   * readable size is left out.
   */
  async write(frames: readonly QueuedFrame[]): Promise<{ count: number; bytes: number }> {
    let batch = this.#batch(frames);
    let bytes = 0;
    if (batch.length === 0) {
      const first = frames[0]!;
      const size = sizeOf(first.jpeg);
      if (!size) return { count: 1, bytes: 0 };
      bytes = await this.#end(first.monotonic);
      this.#writer = await this.#begin(first, size);
      this.#begunAt = first.monotonic;
      batch = this.#batch(frames);
    }
    const next = frames[batch.length];
    const clusters = this.#clusters({ until: next?.monotonic ?? this.#now });
    bytes += await this.#append(batch, clusters);
    this.#record(frames, batch);
    return { count: batch.length, bytes };
  }

  /** Writes sound to the open segment, which must have frames. @returns The size written. */
  async writeSound(): Promise<number> {
    return await this.#append([], this.#clusters({ until: this.#now }));
  }

  /** Whether a frame would begin another segment. Only if {@link isOpen}. */
  endsWith(frame: QueuedFrame): boolean {
    return this.#batch([frame]).length === 0;
  }

  /** Makes what is written survive a power failure. If it fails, the segment ends. */
  async sync(): Promise<void> {
    try {
      await this.#writer?.sync();
    } catch (error) {
      await this.#salvage(); // what the file contains is unknown: the next frames go into another
      throw error;
    }
    if (++this.#syncs % SYNCS_PER_CHECK === 0) await this.#check();
  }

  /** Ends the segment, if one is open. The next frame begins another. */
  async end(): Promise<void> {
    await this.#end(Infinity);
  }

  /** Closes what is open, and waits for the library. */
  async close(): Promise<void> {
    try {
      if (this.#unclosed) await this.#closeUnclosed();
      await this.end();
    } finally {
      if (this.#unclosed) await this.#abandon(this.#unclosed);
      await Promise.all(this.#updates);
    }
  }

  /** Writes the sound of the open segment up to a time, and ends it. @returns The size written. */
  async #end(until: number): Promise<number> {
    const bytes = this.#writer ? await this.#append([], this.#clusters({ until, all: true })) : 0;
    await this.#closeWriter();
    return bytes;
  }

  async #closeWriter(): Promise<void> {
    const writer = this.#writer;
    this.#writer = undefined;
    if (writer) await this.#close(writer);
  }

  /** Writes frames and sound. If it fails, the segment ends. @returns The size written. */
  async #append(
    frames: readonly TimedFrame[],
    sound: readonly QueuedCluster[],
  ): Promise<number> {
    const clusters = byTime(frames, this.#timed(sound));
    const bytes = clusters.reduce((sum, one) => sum + clusterSize(dataOf(one)), 0);
    if (clusters.length > 0) {
      try {
        await this.#write(clusters, bytes + clusters.length * cueSize());
      } catch (error) {
        await this.#salvage();
        throw error;
      }
    }
    const packets = sound.reduce((sum, cluster) => sum + cluster.packets, 0);
    this.#options.sound?.queue.remove(packets);
    return bytes;
  }

  async #write(clusters: readonly (TimedFrame | TimedSound)[], bytes: number): Promise<void> {
    const { storage } = this.#options;
    await storage.reserve(bytes);
    try {
      await this.#writer!.append(clusters);
    } catch (error) {
      storage.release(bytes);
      this.#reportFull(error);
      throw error;
    }
  }

  /** Sound from after this time may belong to another segment, which the next frame begins. */
  get #now(): number {
    return this.#options.clock.monotonic();
  }

  /** Returns the sound that belongs to the open segment; see `SoundQueue.clusters`. */
  #clusters(options: { until?: number; all?: boolean }): QueuedCluster[] {
    const queue = this.#options.sound?.queue;
    queue?.removeBefore(this.#begunAt);
    return queue?.clusters(options) ?? [];
  }

  /** Returns sound with its times. What does not belong to the open segment is left out. */
  #timed(sound: readonly QueuedCluster[]): TimedSound[] {
    const { segment } = this.#writer!;
    const track = segment.index.sound;
    const timed: TimedSound[] = [];
    let last = segment.start - 1;
    if (track && track.length > 0) last = segment.start + track.time(track.length - 1);
    let { bytes } = segment;
    for (const { samples, monotonic, packets } of sound) {
      bytes += clusterSize(samples);
      const at = this.#clock.timeAt(monotonic);
      const isFull = bytes > this.#options.storage.maxSegment;
      if (!track || at <= last || isFull) this.#options.sound!.dropped += packets;
      else timed.push({ samples, at: last = at });
    }
    return timed;
  }

  /** Returns the first frames that belong to the open segment, with their times. */
  #batch(frames: readonly QueuedFrame[]): TimedFrame[] {
    const batch: TimedFrame[] = [];
    if (!this.#writer) return batch;
    const { segment } = this.#writer;
    let position: Position = {
      time: this.#clock.last,
      arrival: this.#lastArrival ?? 0,
      bytes: segment.bytes,
      clusters: clusterCount(segment.index),
      frames: segment.frames,
    };
    for (const frame of frames) {
      const time = this.#clock.timeOf(frame, position.time);
      if (!this.#fits(frame, time, position)) break;
      batch.push({ jpeg: frame.jpeg, at: time });
      position = {
        time,
        arrival: frame.monotonic,
        bytes: position.bytes + clusterSize(frame.jpeg),
        clusters: position.clusters + 1,
        frames: position.frames + 1,
      };
    }
    return batch;
  }

  /** Whether a frame belongs to the open segment. */
  #fits(
    frame: QueuedFrame,
    time: number,
    { time: last, arrival, bytes, clusters, frames }: Position,
  ): boolean {
    if (frames === 0) return true;
    const size = sizeOf(frame.jpeg);
    const period = frames >= MIN_FRAMES ? MINUTE : HOUR;
    const total = bytes + clusterSize(frame.jpeg) + cuesSize(clusters + 1);
    return size?.width === this.#size?.width && size?.height === this.#size?.height &&
      !this.#clock.hasStepped(frame) &&
      frame.monotonic - arrival <= this.silence &&
      Math.floor(last / period) === Math.floor(time / period) &&
      total <= this.#options.storage.maxSegment &&
      this.#soundTrack?.rate === this.#writer?.segment.index.sound?.rate;
  }

  /** Remembers the frames of a batch that has been written. */
  #record(frames: readonly QueuedFrame[], batch: readonly TimedFrame[]): void {
    this.#clock.record(batch.at(-1)!.at);
    for (let i = 0; i < batch.length; i++) {
      const { monotonic } = frames[i]!;
      const interval = Math.min(monotonic - (this.#lastArrival ?? monotonic), MAX_INTERVAL);
      this.#interval = this.#interval ? this.#interval + (interval - this.#interval) / 8 : interval;
      this.#lastArrival = monotonic;
    }
  }

  async #begin(first: QueuedFrame, size: Size): Promise<SegmentWriter> {
    const { camera, root, disk, library, storage, correction, log } = this.#options;
    if (this.#unclosed) await this.#closeUnclosed();
    const { run } = this.#clock;
    const step = this.#clock.startSegment(first);
    if (step !== undefined) log.warn("clock was set", { camera, seconds: Math.round(step / 1000) });
    if (this.#clock.run !== run) correction.startRun(this.#clock.run!);
    const start = this.#clock.timeOf(first);
    const day = dayOf(start);
    await this.#folder.makeDay(this.#options.camera, day);
    const sound = this.#soundTrack;
    const overhead = segmentOverhead(sound);
    await storage.reserve(overhead);
    let writer: SegmentWriter;
    try {
      const number = library.nextNumber(camera);
      const activity = this.#activity;
      const options = { disk, root, camera, number, start, size, sound, activity };
      writer = await SegmentWriter.create(options);
    } catch (error) {
      storage.release(overhead);
      this.#reportFull(error);
      throw error;
    }
    this.#size = size;
    library.add(writer.segment);
    await this.#syncFolder(writer, day);
    return writer;
  }

  /** The sound track of new segments. */
  get #soundTrack(): SoundTrack | undefined {
    const { sound } = this.#options;
    return sound && { rate: sound.queue.rate };
  }

  async #syncFolder(writer: SegmentWriter, day: string): Promise<void> {
    try {
      await this.#folder.sync(this.#options.camera, day, day !== this.#lastDay);
      this.#lastDay = day;
    } catch (error) {
      this.#writer = writer;
      await this.#salvage();
      throw error;
    }
  }

  /** Closes a segment. Its file may have no frame; then it has been removed. */
  async #close(writer: SegmentWriter): Promise<void> {
    try {
      const closed = await writer.close();
      if (closed) this.#replace(writer.segment, closed);
      else this.#forget(writer.segment);
    } catch (error) {
      this.#unclosed = writer;
      throw error;
    }
  }

  /** Leaves a segment as it is: it can be read, and is repaired at the next start. */
  async #abandon(writer: SegmentWriter): Promise<void> {
    const left = await writer.abandon();
    this.#options.storage.release(reservedForCues(writer.segment));
    if (left.frames > 0) this.#replace(writer.segment, left);
    else this.#update(() => this.#options.library.remove(writer.segment));
  }

  /** Keeps the frames that are in the file, after an error. */
  async #salvage(): Promise<void> {
    try {
      await this.#closeWriter();
    } catch {
      // The first error is reported. The segment is closed later, or repaired at the next start.
    }
  }

  /** Retries to close the segment that could not be closed. */
  async #closeUnclosed(): Promise<void> {
    const writer = this.#unclosed!;
    this.#unclosed = undefined;
    try {
      await this.#close(writer);
    } catch (error) {
      if (isFull(error)) throw error; // neither can another one be begun
      this.#unclosed = undefined;
      await this.#abandon(writer);
    }
  }

  /** Ends the segment if its file is gone: removed, or its disk was replaced. */
  async #check(): Promise<void> {
    const writer = this.#writer;
    if (!writer) return;
    try {
      await this.#options.disk.stat(writer.path);
    } catch (error) {
      if (codeOf(error) !== "ENOENT") throw error;
      this.#writer = undefined;
      this.#forget(writer.segment);
      await writer.close().catch(() => writer.abandon()); // it may be on a disk that was unmounted
      const { camera, log } = this.#options;
      log.warn("file of the recording is gone", { camera, file: writer.segment.name });
    }
  }

  /** Asks the storage for space, if the disk has none. */
  #reportFull(error: unknown): void {
    if (["ENOSPC", "EDQUOT"].includes(codeOf(error) ?? "")) this.#options.storage.noSpace?.();
  }

  #replace(open: OpenSegment, closed: Segment): void {
    const { library, correction } = this.#options;
    const run = this.#clock.run!;
    this.#update(async () => {
      await library.replace(open, closed);
      correction.add(closed, run);
    });
  }

  /** Removes a segment whose file is gone. */
  #forget(segment: OpenSegment): void {
    this.#options.storage.release(segment.bytes + reservedForCues(segment));
    this.#update(() => this.#options.library.remove(segment));
  }

  /** Updates the library, without delaying the next frame. */
  #update(run: () => Promise<void>): void {
    const { camera, log } = this.#options;
    const update = run()
      .catch((error) => log.error("recordings' index not written", { camera, reason: `${error}` }))
      .finally(() => this.#updates.delete(update));
    this.#updates.add(update);
  }
}

/** Room that was requested for the cues of a segment, in bytes. */
function reservedForCues({ index }: OpenSegment): number {
  return cuesSize(clusterCount(index) + 1) - cueSize();
}

function dataOf(cluster: TimedFrame | TimedSound): Bytes {
  return "jpeg" in cluster ? cluster.jpeg : cluster.samples;
}

/** Merges frames and sound, both by time. */
function byTime(
  frames: readonly TimedFrame[],
  sound: readonly TimedSound[],
): (TimedFrame | TimedSound)[] {
  return sound.length === 0 ? [...frames] : [...frames, ...sound].sort((a, b) => a.at - b.at);
}

/** Where a frame would be added to a segment. */
interface Position {
  /** Time and arrival of the frame before it. */
  readonly time: number;
  readonly arrival: number;
  /** What the segment has so far. */
  readonly bytes: number;
  readonly clusters: number;
  readonly frames: number;
}
