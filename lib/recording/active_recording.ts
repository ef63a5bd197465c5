import type { Camera } from "../camera/camera.ts";
import type { Clock } from "../clock.ts";
import { explain } from "../errors.ts";
import type { Log } from "../log.ts";
import { printable } from "../quote.ts";
import { formatDuration, holdTime } from "./capacity.ts";
import { Clips } from "./clip.ts";
import type { Library } from "./library.ts";
import type { Marks } from "./marks.ts";
import type { Recorder, RecorderOptions } from "./recorder.ts";
import type { MutableRecording, RecordOptions } from "./recording.ts";
import type { RetentionPeriods } from "./retention_setting.ts";
import type { RecorderStatus } from "./status.ts";
import type { Storage } from "./storage.ts";

/** Delay after which reading the folder is retried, in milliseconds. */
const RETRY_DELAY = 10_000;
/** Time after which the present rate is known, in milliseconds. */
const RATE_DELAY = 10_000;

/**
 * Part of a second by which the syncs of consecutive recorders are apart: the golden ratio spreads
 * any number of them evenly.
 */
const SYNC_SPREAD = 0.618;

/** The part of a recorder that is used here. */
export type AnyRecorder = Pick<Recorder, "start" | "status" | typeof Symbol.asyncDispose>;

/** A camera and its recorder. */
interface RecordedCamera extends RecordOptions {
  readonly camera: Camera;
  readonly recorder: AnyRecorder;
  isStarted: boolean;
}

/** Options of {@link ActiveRecording}. */
export interface ActiveRecordingOptions {
  readonly library: Library & { start(): Promise<void> };
  readonly marks: Marks;
  readonly storage: Pick<Storage, "capacity">;
  /** Creates the recorder of a camera. */
  readonly createRecorder: (
    camera: Camera,
    options: RecordOptions & Pick<RecorderOptions, "syncOffset">,
  ) => AnyRecorder;
  /** Cameras that are recorded when they appear: all, or these names. */
  readonly expected: "all" | readonly string[];
  /** Where recordings are stored, for the summary: "in /srv: at most 10 GB". */
  readonly place: string;
  readonly retention: RetentionPeriods | undefined;
  /** Starts to delete and to thin old recordings. */
  readonly startRetention: () => void;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Reads the folder of the recordings, then records. The server is available meanwhile, and while
 * the folder cannot be read.
 */
export class ActiveRecording implements MutableRecording {
  readonly library: Library;
  readonly marks: Marks;
  readonly clips: Clips;
  readonly #options: ActiveRecordingOptions;
  /** Disposed of in reverse order, at shutdown. */
  readonly #stack = new AsyncDisposableStack();
  readonly #closing = new AbortController();
  readonly #createdAt: number;
  /** The cameras that are recorded, by name. */
  readonly #cameras = new Map<string, RecordedCamera>();
  /** Recorders that are closing their last segment, by camera. */
  readonly #ending = new Map<string, Promise<void>>();
  /** Number of recorders so far. */
  #recorders = 0;
  #isRecording = false;
  #started: Promise<void> | undefined;

  constructor(options: ActiveRecordingOptions) {
    this.#options = options;
    this.library = options.library;
    this.marks = options.marks;
    this.clips = new Clips(options);
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

  add(camera: Camera, options: RecordOptions = {}): void {
    const { name } = camera;
    const known = this.#cameras.get(name);
    if (this.#closing.signal.aborted || known?.camera === camera) return;
    if (known) this.#end(known);
    const syncOffset = Math.round(this.#recorders++ * SYNC_SPREAD % 1 * 1000); // not all at once
    const recorder = this.#options.createRecorder(camera, { ...options, syncOffset });
    const recorded = { ...options, camera, recorder, isStarted: false };
    this.#cameras.set(name, recorded);
    if (this.#isRecording) this.#begin(recorded);
  }

  async remove(camera: Camera): Promise<void> {
    const known = this.#cameras.get(camera.name);
    if (known?.camera !== camera) return;
    const hasRecorded = known.recorder.status().frames > 0;
    if (hasRecorded) this.#options.log.info("recording stopped", { camera: camera.name });
    await this.#end(known);
  }

  records(camera: string): boolean {
    return this.#cameras.has(camera) || this.#ending.has(camera);
  }

  get summary(): string {
    const { expected, place } = this.#options;
    const names = [...this.#cameras].map(([name, { sound }]) =>
      sound ? `${name} with sound` : name
    );
    if (expected === "all") names.push("all cameras as they appear,");
    else if (expected.length > 0) names.push(`when they appear ${expected.join(", ")},`);
    return printable(`Recording ${names.join(", ") || "no camera"} ${place}`);
  }

  status(camera: string): RecorderStatus {
    const found = this.#cameras.get(camera);
    if (found?.isStarted) return found.recorder.status();
    const state = found ? "waiting" : "off";
    return { state, since: this.#createdAt, frames: 0, dropped: 0, bytesPerSecond: 0 };
  }

  get holds(): number | undefined {
    const { retention, storage } = this.#options;
    const rates = [...this.#cameras.values()].map(({ camera, fps = Infinity, recorder }) => ({
      bytesPerSecond: recorder.status().bytesPerSecond,
      fps: Math.min(fps, camera.stats().fps),
    }));
    return holdTime(storage.capacity, rates, retention);
  }

  /** Ends clips and recording; closes all segments and the folder. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    this.clips[Symbol.dispose]();
    for (const recorded of [...this.#cameras.values()]) this.#end(recorded);
    await Promise.all(this.#ending.values());
    await this.#stack.disposeAsync();
  }

  async #start(): Promise<void> {
    await this.#readFolder();
    if (this.#closing.signal.aborted) return;
    this.#isRecording = true;
    for (const recorded of [...this.#cameras.values()]) this.#begin(recorded);
    this.#options.startRetention();
    await this.#logCapacity();
  }

  /** Starts a recorder; if there was one for this camera, when its last segment is closed. */
  async #begin(recorded: RecordedCamera): Promise<void> {
    const { name } = recorded.camera;
    while (this.#ending.has(name)) await this.#ending.get(name);
    if (this.#cameras.get(name) !== recorded) return; // it was removed in the meantime
    try {
      recorded.recorder.start();
      recorded.isStarted = true;
    } catch (error) {
      this.#options.log.error("recording not started", { camera: name, reason: explain(error) });
    }
  }

  /** Ends a recorder. Its name is free at once. */
  async #end(recorded: RecordedCamera): Promise<void> {
    const { name } = recorded.camera;
    this.#cameras.delete(name);
    const ended = this.#close(recorded, this.#ending.get(name));
    this.#ending.set(name, ended);
    await ended;
    if (this.#ending.get(name) === ended) this.#ending.delete(name);
  }

  /** Closes a recorder, after an earlier one of the same camera. */
  async #close({ camera, recorder }: RecordedCamera, earlier?: Promise<void>): Promise<void> {
    await earlier;
    try {
      await recorder[Symbol.asyncDispose]();
    } catch (error) {
      this.#options.log.error("recorder not closed", {
        camera: camera.name,
        reason: explain(error),
      });
    }
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
