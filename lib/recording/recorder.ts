import type { Camera } from "../camera/camera.ts";
import { type Clock, settlesWithin } from "../clock.ts";
import { explain } from "../errors.ts";
import type { Frame } from "../frame.ts";
import type { Subscriber } from "../hub/subscriber.ts";
import { limitFps } from "../limit_fps.ts";
import type { Log } from "../log.ts";
import { ClockCorrection } from "./clock_correction.ts";
import { isClockSet as isSystemClockSet } from "./clock_sync.ts";
import type { Disk } from "./disk.ts";
import { FrameQueue } from "./frame_queue.ts";
import type { Library } from "./library.ts";
import type { MemoryLimit } from "./memory_limit.ts";
import { NO_RESPONSE, pauseReason, TOO_SLOW } from "./pause_reason.ts";
import type { CameraSound } from "../sound_packet.ts";
import { SegmentSequence } from "./segment_sequence.ts";
import { MAX_SOUND_QUEUE, SoundInput } from "./sound_input.ts";
import type { RecorderStatus } from "./status.ts";
import type { Storage } from "./storage.ts";
import { WriteRate } from "./write_rate.ts";

/** Maximum size of the frames and the sound that wait for the disk, in bytes. */
const MAX_QUEUE = 32 * 1024 * 1024;
/** Maximum size and number of frames in one operation of the disk. */
const MAX_BATCH = { bytes: 4 * 1024 * 1024, frames: 256 };
/** Time between two syncs, in milliseconds: what a power failure can cost. */
const SYNC_INTERVAL = 1_000;
/** Time between two checks, in milliseconds. */
const CHECK_INTERVAL = 1_000;
/** Delays of the retries after an error, in milliseconds; the last one repeats. */
const RETRY_DELAYS = [1_000, 2_000, 5_000, 10_000];
/** During an error frames are kept for this long, in milliseconds: then a retry needs a new one. */
const KEPT_DURING_ERROR = 30_000;
/** Recording pauses when an operation takes this long, in milliseconds. */
const MAX_OPERATION = 5_000;
/** Recording goes on after this long without a dropped frame, in milliseconds. */
const SLOW_DISK_RECOVERY = 5_000;
/** Time after which a silent camera is requested to retry, in milliseconds; again each time. */
const CAMERA_RETRY_INTERVAL = 60_000;
/** Time limit for the last frames at shutdown, in milliseconds. */
const CLOSE_TIMEOUT = 3_000;

/** Options of a {@link Recorder}. */
export interface RecorderOptions {
  readonly camera: Pick<Camera, "name" | "join" | "leave" | "retryNow">;
  /** Folder of the recordings; it has the marker and the lock of `openFolder`. */
  readonly root: string;
  readonly disk: Disk;
  readonly library: Pick<Library, "add" | "replace" | "remove" | "nextNumber" | "segments">;
  readonly storage: Pick<Storage, "reserve" | "release" | "noSpace" | "maxSegment">;
  /** Limit of the memory for the frames that wait, of all recorders together. */
  readonly memory?: Pick<MemoryLimit, "take" | "release">;
  /** Maximum number of frames per second; all without it. */
  readonly fps?: number;
  /** The sound that is recorded with the frames; its microphone then runs all the time. */
  readonly sound?: Pick<CameraSound, "rate" | "join" | "leave" | "retryNow">;
  /**
   * When to sync within a second, in milliseconds: another time for each camera, so that the disk
   * is not busy for all of them at once. @default {0}
   */
  readonly syncOffset?: number;
  /** Returns whether the machine's clock has been set since its start. */
  readonly isClockSet?: () => Promise<boolean>;
  readonly clock: Clock;
  readonly log: Log;
}

/** Why recording is paused. */
interface Pause {
  /** An operation has failed; one does not end; frames arrive faster than they are written. */
  readonly cause: "error" | "no response" | "too slow";
  readonly reason: string;
  /** On the monotonic clock. */
  readonly since: number;
}

/**
 * Records a camera: writes its frames to segments, one operation of the disk at a time. What
 * arrives meanwhile waits, in at most 32 MiB. When the disk fails, it pauses and retries, for as
 * long as it takes.
 */
export class Recorder implements Subscriber<Frame>, AsyncDisposable {
  readonly role = "background";

  readonly #options: RecorderOptions;
  readonly #sequence: SegmentSequence;
  readonly #correction: ClockCorrection;
  readonly #sound: SoundInput | undefined;
  readonly #queue: FrameQueue;
  readonly #rate = new WriteRate();
  readonly #isWanted: (frame: Frame) => boolean;
  /** Aborts when it is disposed: ends waiting. */
  readonly #closing = new AbortController();
  #joinedAt = Infinity;
  #lastSequence = 0;
  /** Arrival of the latest frame, or the time of joining. */
  #lastArrival = 0;
  #askedCameraAt = 0;
  /** Whether the hub has ended the subscription. */
  #hasEnded = false;
  #working: Promise<void> | undefined;
  #operationSince: number | undefined;
  #syncedAt = 0;
  #endRequested = false;
  /** Number of failures in a row. */
  #failures = 0;
  #isDiscarding = false;
  #droppedAt = -Infinity;
  #pause: Pause | undefined;
  #state: RecorderStatus["state"] = "off";
  #since: number;
  #hasRecorded = false;
  #frames = 0;
  #dropped = 0;

  constructor(options: RecorderOptions) {
    const { camera: { name: camera }, fps, sound, memory, clock } = options;
    const { isClockSet = isSystemClockSet } = options;
    this.#options = options;
    this.#since = clock.now();
    this.#correction = new ClockCorrection({ ...options, camera, isClockSet });
    this.#sound = sound && new SoundInput({ sound, clock, onPacket: () => this.#onPacket() });
    this.#queue = new FrameQueue(MAX_QUEUE - (sound ? MAX_SOUND_QUEUE : 0), memory);
    this.#sequence = new SegmentSequence({
      ...{ ...options, camera },
      correction: this.#correction,
      sound: this.#sound,
    });
    this.#isWanted = fps === undefined ? () => true : limitFps(fps);
  }

  /** Joins the camera, which runs from now on, and records it. */
  start(): void {
    const { camera, clock, syncOffset = 0 } = this.#options;
    this.#joinedAt = this.#lastArrival = this.#askedCameraAt = clock.monotonic();
    this.#syncedAt = this.#joinedAt + syncOffset - SYNC_INTERVAL;
    this.#become("waiting");
    this.#correction.check();
    camera.join(this);
    this.#sound?.join();
    this.#checkRegularly();
  }

  /** Takes a frame, and returns at once. */
  offer(frame: Frame): void {
    const { clock } = this.#options;
    const { jpeg, monotonic, sequence } = frame;
    if (monotonic < this.#joinedAt || sequence <= this.#lastSequence) return;
    this.#lastSequence = sequence;
    this.#lastArrival = monotonic;
    this.#sound?.observe(frame);
    if (!this.#isWanted(frame)) return;
    const offset = clock.now() - clock.monotonic();
    if (this.#isDiscarding || !this.#queue.offer({ jpeg, monotonic, offset })) {
      this.#dropped++;
      if (!this.#isDiscarding) this.#droppedAt = clock.monotonic();
      return;
    }
    this.#wake();
  }

  /** Called by the hub when it ends. */
  end(): void {
    this.#hasEnded = true;
  }

  /** Returns the present state and the counters. */
  status(): RecorderStatus {
    return {
      state: this.#state,
      reason: this.#pause?.reason,
      since: this.#since,
      frames: this.#frames,
      dropped: this.#dropped,
      ...this.#sound && { sound: { dropped: this.#sound.dropped } },
      bytesPerSecond: this.#rate.at(this.#options.clock.monotonic()),
    };
  }

  /**
   * Leaves the camera, writes the frames that wait, and closes the segment. Gives up after 3 s: then
   * the segment is repaired at the next start.
   */
  async [Symbol.asyncDispose](): Promise<void> {
    const { camera, clock, log } = this.#options;
    if (this.#closing.signal.aborted) return;
    this.#closing.abort();
    if (this.#joinedAt === Infinity) return; // not started
    camera.leave(this);
    this.#sound?.leave();
    this.#joinedAt = Infinity;
    const closed = this.#close();
    closed.catch(() => {}); // also after the time limit
    try {
      if (!await settlesWithin(closed, CLOSE_TIMEOUT, clock)) throw new Error(NO_RESPONSE);
    } catch (error) {
      log.warn("last segment not closed", { camera: camera.name, reason: pauseReason(error) });
    }
    this.#dropped += this.#queue.length;
    // After the time limit, the disk may still take them.
    closed.catch(() => {}).then(() => this.#queue.remove(this.#queue.length));
    this.#pause = undefined;
    this.#become("off");
  }

  async #close(): Promise<void> {
    this.#wake();
    await this.#working;
    await this.#sequence.close();
    await this.#correction.settled();
  }

  /** Works off what there is to do, unless that is in progress already. */
  #wake(): void {
    if (!this.#working && this.#next()) this.#working = this.#work();
  }

  async #work(): Promise<void> {
    for (let next = this.#next(); next; next = this.#next()) {
      this.#operationSince = this.#options.clock.monotonic();
      try {
        await next.call(this);
      } catch (error) {
        this.#operationSince = undefined;
        if (this.#closing.signal.aborted) break;
        await this.#onError(error);
      }
      this.#operationSince = undefined;
    }
    this.#working = undefined;
  }

  /** Returns the next operation; undefined if there is nothing to do. */
  #next(): (() => Promise<void>) | undefined {
    const now = this.#options.clock.monotonic();
    if (this.#sequence.isDirty && now - this.#syncedAt >= SYNC_INTERVAL) return this.#sync;
    if (this.#queue.length > 0 && !this.#awaitsSound()) return this.#write;
    if (this.#sequence.hasSound) return this.#writeSound;
    if (this.#endRequested) return this.#end;
  }

  async #write(): Promise<void> {
    const { count, bytes } = await this.#sequence.write(this.#queue.peek(MAX_BATCH));
    this.#queue.remove(count);
    if (bytes === 0) {
      this.#dropped += count; // no size can be read from the JPEG
      return;
    }
    this.#frames += count;
    this.#rate.add(bytes, this.#options.clock.monotonic());
    this.#endRequested = false;
    if (this.#pause?.cause === "error") await this.#sync(); // the disk works if that works, too
    if (this.#pause?.cause !== "too slow") this.#onRecording();
  }

  async #writeSound(): Promise<void> {
    const bytes = await this.#sequence.writeSound();
    this.#rate.add(bytes, this.#options.clock.monotonic());
  }

  /**
   * Whether the next frame begins a segment while the last sound of the present one is about to
   * arrive: sound takes longer than a frame. It waits for half a second at most.
   */
  #awaitsSound(): boolean {
    const frame = this.#queue.first;
    if (!frame || !this.#sequence.isOpen || this.#closing.signal.aborted) return false;
    return (this.#sound?.expects(frame.monotonic) ?? false) && this.#sequence.endsWith(frame);
  }

  /** Takes note that sound has arrived. Without a segment it is discarded. */
  #onPacket(): void {
    const isIdle = !this.#working && this.#queue.length === 0 && !this.#sequence.isOpen;
    if (isIdle || this.#isDiscarding) this.#sound!.clear({ count: this.#isDiscarding });
    else this.#wake();
  }

  async #sync(): Promise<void> {
    const now = this.#options.clock.monotonic();
    const passed = now - this.#syncedAt;
    this.#syncedAt = now - (passed > 0 ? passed % SYNC_INTERVAL : 0);
    await this.#sequence.sync();
    this.#failures = 0;
  }

  async #end(): Promise<void> {
    this.#endRequested = false;
    await this.#sequence.end();
  }

  /** Pauses, and waits until the operation may be retried. */
  async #onError(error: unknown): Promise<void> {
    const { clock } = this.#options;
    const now = clock.monotonic();
    if (this.#pause?.cause !== "error") this.#pauseFor("error", pauseReason(error), error);
    else this.#pause = { ...this.#pause, reason: pauseReason(error) };
    const delay = RETRY_DELAYS[Math.min(this.#failures++, RETRY_DELAYS.length - 1)]!;
    if (now - this.#pause!.since >= KEPT_DURING_ERROR) {
      this.#dropped += this.#queue.length;
      this.#queue.remove(this.#queue.length);
      this.#sound?.clear({ count: true });
      this.#isDiscarding = true;
    }
    try {
      await clock.sleep(delay, this.#closing.signal);
    } catch {
      // It is being disposed: one last attempt.
    }
    this.#isDiscarding = false;
  }

  #onRecording(): void {
    const { camera: { name: camera }, clock, log } = this.#options;
    if (this.#pause) {
      const seconds = Math.round((clock.monotonic() - this.#pause.since) / 1000);
      log.info("recording resumed", { camera, paused: `${seconds}s`, dropped: this.#dropped });
    } else if (!this.#hasRecorded) log.info("recording started", { camera });
    this.#hasRecorded = true;
    if (this.#pause) this.#droppedAt = -Infinity;
    this.#pause = undefined;
    this.#become("recording");
  }

  #pauseFor(cause: Pause["cause"], reason: string, error?: unknown): void {
    const { camera: { name: camera }, clock, log } = this.#options;
    const details = error === undefined ? undefined : explain(error);
    log.warn("recording paused", {
      camera,
      reason,
      cause: details === reason ? undefined : details,
    });
    this.#pause = { cause, reason, since: clock.monotonic() };
    this.#become("paused");
  }

  #become(state: RecorderStatus["state"]): void {
    if (state === this.#state) return;
    this.#state = state;
    this.#since = this.#options.clock.now();
  }

  async #checkRegularly(): Promise<void> {
    const { clock } = this.#options;
    try {
      while (true) {
        await clock.sleep(CHECK_INTERVAL, this.#closing.signal);
        this.#check(clock.monotonic());
      }
    } catch {
      // It is being disposed.
    }
  }

  #check(now: number): void {
    this.#correction.check();
    this.#checkDisk(now);
    this.#checkCamera(now);
    this.#sound?.check(now);
    this.#wake();
  }

  #checkDisk(now: number): void {
    const isHanging = now - (this.#operationSince ?? now) >= MAX_OPERATION;
    const isSlow = now - this.#droppedAt < SLOW_DISK_RECOVERY;
    const cause = this.#pause?.cause;
    if (isHanging && cause !== "error" && cause !== "no response") {
      this.#pauseFor("no response", NO_RESPONSE);
    } else if (!isHanging && isSlow && !cause) this.#pauseFor("too slow", TOO_SLOW);
    else if (!isHanging && !isSlow && cause && cause !== "error") this.#onRecording();
  }

  #checkCamera(now: number): void {
    const { camera } = this.#options;
    const silentFor = now - this.#lastArrival;
    if (silentFor <= this.#sequence.silence) return;
    if (this.#queue.length === 0 && this.#sequence.isOpen) this.#endRequested = true;
    if (!this.#pause && !this.#working) this.#become("waiting");
    if (silentFor < CAMERA_RETRY_INTERVAL || now - this.#askedCameraAt < CAMERA_RETRY_INTERVAL) {
      return;
    }
    this.#askedCameraAt = now;
    if (this.#hasEnded) {
      this.#hasEnded = false;
      camera.join(this);
    } else camera.retryNow(); // a permanent failure is retried on request only
  }
}
