import { FileSystemDisk } from "../../lib/recording/file_system.ts";
import { MarkFiles } from "../../lib/recording/marks.ts";
import { Recorder } from "../../lib/recording/recorder.ts";
import { Retention } from "../../lib/recording/retention.ts";
import { readRetention } from "../../lib/recording/retention_setting.ts";
import { SegmentLibrary } from "../../lib/recording/segment_library.ts";
import { StorageLimits } from "../../lib/recording/storage_limits.ts";
import { FakeCamera, FakeLog } from "../lib/recording/recorder_fixture.ts";
import { ManualClock } from "../manual_clock.ts";
import { numberedJpeg } from "./numbered_jpeg.ts";

/** A manual clock whose wall clock can be set, for tests with a real disk. */
export class SteppedClock extends ManualClock {
  /** By how much the wall clock was set, in milliseconds. */
  step = 0;

  override now(): number {
    return super.now() + this.step;
  }

  protected override settle(): Promise<void> {
    return turn();
  }
}

/** Options of {@link RecordingInProcess.start}. */
export interface InProcessOptions {
  /** `RECORD_MAX`, in bytes. @default {1 GB} */
  readonly max?: number;
  /** `RETENTION`. */
  readonly retention?: string;
}

/** A recorder with everything around it, in this process, on a real disk, with a manual clock. */
export class RecordingInProcess implements AsyncDisposable {
  readonly library: SegmentLibrary;
  readonly marks: MarkFiles;
  readonly storage: StorageLimits;
  readonly recorder: Recorder;
  readonly log = new FakeLog();
  readonly clock: SteppedClock;
  /** Number of the next frame. */
  next = 0;
  readonly #camera: FakeCamera;
  readonly #retention: Retention;

  private constructor(root: string, clock: SteppedClock, options: InProcessOptions) {
    const { max = 1e9, retention } = options;
    const { log } = this;
    this.clock = clock;
    const disk = new FileSystemDisk();
    this.#camera = new FakeCamera(clock);
    const library = this.library = new SegmentLibrary({ root, disk, clock, log });
    const common = { root, disk, library, clock, log };
    const keeps = (camera: string, start: number, end: number): Promise<boolean> =>
      this.marks.keeps(camera, start, end);
    const storage = this.storage = new StorageLimits({ ...common, max, keeps });
    this.marks = new MarkFiles({ ...common, storage, account: library.account.bind(library) });
    const isClockSet = () => Promise.resolve(true);
    this.recorder = new Recorder({ ...common, camera: this.#camera, storage, isClockSet });
    this.#retention = new Retention({
      ...common,
      storage,
      marks: this.marks,
      records: (camera) => camera === "front",
      isClockSet,
      retention: retention ? readRetention({ RETENTION: retention }, "RETENTION") : undefined,
    });
  }

  static async start(
    root: string,
    clock: SteppedClock,
    options: InProcessOptions = {},
  ): Promise<RecordingInProcess> {
    await Deno.writeTextFile(`${root}/.dinocam`, "");
    const recording = new RecordingInProcess(root, clock, options);
    await recording.library.start();
    await recording.library.loaded;
    await recording.storage.loaded;
    recording.recorder.start();
    recording.#retention.start();
    return recording;
  }

  /**
   * Delivers frames.
   *
   * @param interval Time between them, in milliseconds.
   */
  async record(count: number, interval: number): Promise<void> {
    for (let i = 0; i < count; i++) {
      this.#camera.deliver(numberedJpeg(this.next++));
      await this.written(); // the disk must not be slower than the clock
      await this.clock.advance(interval);
    }
  }

  /** Waits until all frames are written or dropped. */
  async written(): Promise<void> {
    const isWritten = () => {
      const { frames, dropped } = this.recorder.status();
      return frames + dropped === this.next;
    };
    await until(
      isWritten,
      () => `Not all frames are written: ${JSON.stringify(this.recorder.status())}`,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const parts = [this.#retention, this.recorder, this.library];
    for (const part of parts) {
      const closed = part[Symbol.asyncDispose]();
      await closed;
    }
  }
}

/** Waits until a condition holds, for 10 s at most. */
async function until(condition: () => boolean, explain: () => string): Promise<void> {
  for (const begun = performance.now(); !condition();) {
    if (performance.now() - begun > 10_000) throw new Error(explain());
    await turn();
  }
}

/** Runs the callbacks of the disk that are due. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
