import { assert, assertEquals } from "@std/assert";
import { ActivityMeter } from "../../../lib/recording/activity.ts";
import { type Mark, MarkFiles } from "../../../lib/recording/marks.ts";
import { Retention } from "../../../lib/recording/retention.ts";
import type { RetentionPeriods } from "../../../lib/recording/retention_setting.ts";
import type { Segment } from "../../../lib/recording/segment.ts";
import { SegmentLibrary } from "../../../lib/recording/segment_library.ts";
import { dayOf } from "../../../lib/recording/segment_name.ts";
import { SegmentWriter } from "../../../lib/recording/segment_writer.ts";
import { StorageLimits } from "../../../lib/recording/storage_limits.ts";
import { FaultyDisk, MemoryDisk } from "./faulty_disk.ts";
import { FakeLog, SettableClock } from "./recorder_fixture.ts";
import { fakeJpeg, type StoredFrame } from "./segment_file.ts";

export const SECOND = 1000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
export const NOW = Date.UTC(2026, 10, 27, 12);

interface SetUpOptions {
  readonly retention?: RetentionPeriods;
  readonly max?: number;
  readonly memory?: MemoryDisk;
  readonly clock?: SettableClock;
}

/** Opens the recordings in memory, with the real library, storage and marks. */
export class Fixture implements AsyncDisposable {
  readonly memory: MemoryDisk;
  readonly disk: FaultyDisk;
  readonly clock: SettableClock;
  readonly log = new FakeLog();
  readonly library: SegmentLibrary;
  readonly marks: MarkFiles;
  readonly storage: StorageLimits;
  readonly retention: Retention;
  /** Whether the clock of the machine was set. */
  isClockSet = true;

  constructor({ retention, max = 1e12, memory, clock }: SetUpOptions = {}) {
    this.memory = memory ?? new MemoryDisk("/r");
    this.memory.files.set("/r/.dinocam", { bytes: new Uint8Array(10) } as never);
    this.disk = new FaultyDisk(this.memory);
    this.clock = clock ?? new SettableClock(NOW);
    const { disk, log } = this;
    const shared = { root: "/r", disk, clock: this.clock, log };
    this.library = new SegmentLibrary(shared);
    const { library } = this;
    this.storage = new StorageLimits({
      ...{ ...shared, library, max },
      keeps: (camera, start, end) => this.marks.keeps(camera, start, end),
    });
    const { storage } = this;
    this.marks = new MarkFiles({
      ...{ ...shared, storage },
      account: (camera, day, bytes) => this.library.account(camera, day, bytes),
    });
    const { marks } = this;
    this.retention = new Retention({
      ...{ ...shared, library, storage, marks, retention },
      records: (camera) => ["front", "back"].includes(camera),
      isClockSet: () => Promise.resolve(this.isClockSet),
    });
  }

  static async open(options: SetUpOptions = {}): Promise<Fixture> {
    const fixture = new Fixture(options);
    await fixture.library.start();
    fixture.retention.start();
    await fixture.clock.advance(0);
    return fixture;
  }

  /** Records a segment now. */
  async record(camera: string, frames: readonly StoredFrame[]): Promise<Segment> {
    const start = frames[0]!.at;
    const { disk, library } = this;
    for (const folder of [`/r/${camera}`, `/r/${camera}/${dayOf(start)}`]) {
      await disk.makeFolder(folder);
    }
    const number = library.nextNumber(camera);
    const writer = await SegmentWriter.create({
      ...{ disk, root: "/r", camera, number, start, size: { width: 64, height: 48 } },
      activity: new ActivityMeter(),
    });
    library.add(writer.segment);
    await writer.append(frames);
    const closed = (await writer.close())!;
    await library.replace(writer.segment, closed);
    return closed;
  }

  async all(camera = "front"): Promise<readonly Segment[]> {
    return await this.library.segments(camera, 0, 1e14);
  }

  /** Advances the clock in steps, so that everything is done in time. */
  async pass(ms: number): Promise<void> {
    for (let step = 0; step < 100; step++) await this.clock.advance(ms / 100);
  }

  /** Waits for something that needs timers. */
  async until(condition: () => boolean): Promise<void> {
    for (let turn = 0; turn < 5000 && !condition(); turn++) {
      await new Promise((resolve) => setTimeout(resolve, 0));
      await this.clock.advance(0);
    }
    assert(condition());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.retention[Symbol.asyncDispose]();
    await this.library[Symbol.asyncDispose]();
    assertEquals(this.disk.openFiles, 0);
  }
}

/** Frames from a time on. */
export function frames(at: number, count = 3, interval = 20 * SECOND): StoredFrame[] {
  return Array.from({ length: count }, (_, i) => ({
    at: at + i * interval,
    jpeg: fakeJpeg(i, 100),
  }));
}

/** A mark at a time. */
export function mark(at: number, options: Partial<Mark> = {}): Mark {
  return { at, label: "layer", before: 0, after: 0, keep: false, ...options };
}
