import type { Camera } from "../camera/camera.ts";
import type { Clock } from "../clock.ts";
import { explain } from "../errors.ts";
import type { Log } from "../log.ts";
import { formatDuration, holdTime } from "./capacity.ts";
import { Clips } from "./clip.ts";
import type { Library } from "./library.ts";
import type { Marks } from "./marks.ts";
import type { Recorder } from "./recorder.ts";
import type { Recording } from "./recording.ts";
import type { RetentionPeriods } from "./retention_setting.ts";
import type { RecorderStatus } from "./status.ts";
import type { Storage } from "./storage.ts";

/** Delay after which reading the folder is retried, in milliseconds. */
const RETRY_DELAY = 10_000;
/** Time after which the present rate is known, in milliseconds. */
const RATE_DELAY = 10_000;

/** A camera and its recorder. */
export interface RecordedCamera {
  readonly camera: Pick<Camera, "name" | "stats">;
  /** Maximum number of frames per second that are recorded. */
  readonly fps?: number;
  readonly recorder: Pick<Recorder, "start" | "status" | typeof Symbol.asyncDispose>;
}

/** Options of {@link ActiveRecording}. */
export interface ActiveRecordingOptions {
  readonly library: Library & { start(): Promise<void> };
  readonly marks: Marks;
  readonly storage: Pick<Storage, "capacity">;
  readonly cameras: readonly RecordedCamera[];
  readonly retention: RetentionPeriods | undefined;
  /** Starts to delete and to thin old recordings. */
  readonly startRetention: () => void;
  readonly summary: string;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Reads the folder of the recordings, then records. The server is available meanwhile, and while
 * the folder cannot be read.
 */
export class ActiveRecording implements Recording {
  readonly library: Library;
  readonly marks: Marks;
  readonly clips: Clips;
  readonly summary: string;
  readonly #options: ActiveRecordingOptions;
  /** Disposed of in reverse order, at shutdown. */
  readonly #stack = new AsyncDisposableStack();
  readonly #closing = new AbortController();
  readonly #createdAt: number;
  #isRecording = false;
  #started: Promise<void> | undefined;

  constructor(options: ActiveRecordingOptions) {
    this.#options = options;
    this.library = options.library;
    this.marks = options.marks;
    this.clips = new Clips(options);
    this.summary = options.summary;
    this.#createdAt = options.clock.now();
  }

  /** Begins to read the folder, and then to record. */
  start(): void {
    this.#started = this.#start().catch((error) => {
      if (!this.#closing.signal.aborted) {
        this.#options.log.error("recording not started", { reason: explain(error) });
      }
    });
  }

  /** Disposes of a part of the recording at shutdown, after those that are added later. */
  use(resource: AsyncDisposable | Disposable): void {
    this.#stack.use(resource);
  }

  status(camera: string): RecorderStatus {
    const found = this.#options.cameras.find((one) => one.camera.name === camera);
    if (found && this.#isRecording) return found.recorder.status();
    const state = found ? "waiting" : "off";
    return { state, since: this.#createdAt, frames: 0, dropped: 0, bytesPerSecond: 0 };
  }

  get holds(): number | undefined {
    const { cameras, retention, storage } = this.#options;
    const rates = cameras.map(({ camera, fps = Infinity, recorder }) => ({
      bytesPerSecond: recorder.status().bytesPerSecond,
      fps: Math.min(fps, camera.stats().fps),
    }));
    return holdTime(storage.capacity, rates, retention);
  }

  /** Ends clips and recording; closes all segments and the folder. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    this.clips[Symbol.dispose]();
    await this.#stack.disposeAsync();
  }

  async #start(): Promise<void> {
    const { cameras, startRetention } = this.#options;
    await this.#readFolder();
    if (this.#closing.signal.aborted) return;
    this.#isRecording = true;
    for (const { recorder } of cameras) recorder.start();
    startRetention();
    await this.#logCapacity();
  }

  /** Reads the folder; as long as the disk fails, again and again. */
  async #readFolder(): Promise<void> {
    const { clock, library, log } = this.#options;
    for (let reason = ""; !this.#closing.signal.aborted;) {
      try {
        return await library.start();
      } catch (error) {
        if (reason !== explain(error)) {
          reason = explain(error);
          log.warn("recordings not readable", { reason });
        }
        await clock.sleep(RETRY_DELAY, this.#closing.signal);
      }
    }
  }

  /** Logs once how long recordings are kept at the present rate. */
  async #logCapacity(): Promise<void> {
    const { clock, log } = this.#options;
    do {
      await clock.sleep(RATE_DELAY, this.#closing.signal);
    } while (this.holds === undefined);
    log.info("recording capacity estimated", { duration: formatDuration(this.holds) });
  }
}
