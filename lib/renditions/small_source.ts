import type { Camera } from "../camera/camera.ts";
import type { CameraEvent } from "../camera/events.ts";
import type { CameraState } from "../camera/stats.ts";
import { type Clock, settlesWithin } from "../clock.ts";
import { CameraError, messageWithHint } from "../errors.ts";
import type { Events } from "../events.ts";
import { Hold } from "./hold.ts";

/** Time limit for the first frame that tells the height, in milliseconds. */
const MEASURE_TIMEOUT = 5_000;
/** Time from a failure to the next attempt while there are viewers, in milliseconds. */
const RETRY_INTERVAL = 60_000;

/** State of a camera's second, smaller stream. */
export interface SmallSourceStats {
  readonly state: CameraState;
  /** Why it delivers no frames. */
  readonly error: string | null;
  /** Measured frames per second. */
  readonly fps: number;
}

/** Options of a {@link SmallSource}. */
export interface SmallSourceOptions {
  /** The camera itself. */
  readonly camera: Camera;
  /** The camera that captures the smaller stream. */
  readonly small: Camera;
  readonly clock: Clock;
  readonly events: Pick<Events<CameraEvent>, "subscribe">;
}

/**
 * A camera's second, smaller stream (`SMALL_SOURCE`), from which small renditions are made while it
 * works. After a failure it is tried again every minute, as long as a rendition needs it.
 */
export class SmallSource {
  /** The camera that captures the stream. */
  readonly small: Camera;

  readonly #camera: Camera;
  readonly #clock: Clock;
  /** Renditions that have viewers. */
  readonly #users = new Set<() => void>();
  /** Difference between the sequence numbers that viewers get and those of the stream. */
  #offset = 0;
  /** Monotonic time of the last failure, while the stream does not work. */
  #failedAt: number | undefined;
  #measuring: Promise<void> | undefined;
  #retrying: AbortController | undefined;

  constructor({ camera, small, clock, events }: SmallSourceOptions) {
    this.#camera = camera;
    this.small = small;
    this.#clock = clock;
    events.subscribe((event) => {
      if (event.camera === small.name) this.#onEvent(event);
    });
  }

  /** Whether renditions of this height are made from the stream now. */
  serves(height: number): boolean {
    return this.#failedAt === undefined && (this.small.size?.height ?? 0) >= height;
  }

  /** Returns the stream's state. */
  stats(): SmallSourceStats {
    const { state, fps, error } = this.small.stats();
    return { state, fps, error: error ? messageWithHint(error) : null };
  }

  /** Learns the height of the stream, if it is not known yet: starts it and waits for a frame. */
  async measure(): Promise<void> {
    if (this.small.size) return;
    if (this.#failedAt !== undefined && this.#elapsedSince(this.#failedAt) < RETRY_INTERVAL) return;
    await (this.#measuring ??= this.#measure().finally(() => this.#measuring = undefined));
  }

  async #measure(): Promise<void> {
    if (!await this.#delivers(MEASURE_TIMEOUT)) this.#fail();
  }

  /** Starts the stream. @returns Whether it delivers a frame within `timeout` milliseconds. */
  async #delivers(timeout: number): Promise<boolean> {
    using hold = Hold.at(this.small, "background");
    try {
      if (!await settlesWithin(this.small.ready(), timeout, this.#clock)) return false;
    } catch (error) {
      if (!(error instanceof CameraError)) throw error;
      return false; // the camera reports it
    }
    hold.keep();
    return true;
  }

  /** Reports changes of {@link serves} to a rendition with viewers, until the result is disposed of. */
  use(onChange: () => void): Disposable {
    this.#users.add(onChange);
    if (this.#failedAt !== undefined) void this.#retry();
    return {
      [Symbol.dispose]: () => {
        this.#users.delete(onChange);
        if (this.#users.size === 0) this.#retrying?.abort();
      },
    };
  }

  /** Gives later frames higher sequence numbers than those of the camera itself. */
  align(): void {
    this.#offset = Math.max(this.#offset, this.#camera.sequence + 1 - this.small.sequence);
  }

  /** Gives later frames of the camera itself higher sequence numbers than those of the stream. */
  alignCamera(): void {
    this.#camera.advanceSequence(this.small.sequence + this.#offset);
  }

  /** Returns the sequence number that viewers get for that of a frame: they may have received others. */
  numberOf(sequence: number): number {
    const number = sequence + this.#offset;
    if (!this.#camera.latest) this.#camera.advanceSequence(number);
    return number;
  }

  #onEvent(event: CameraEvent): void {
    if (event.type === "camera started" || event.type === "camera recovered") this.#recover();
    // A camera that works is opened again at once.
    if (event.type !== "camera failed") return;
    if (event.retryDelay > 0 || event.error.permanent) this.#fail();
  }

  #fail(): void {
    const isNew = this.#failedAt === undefined;
    this.#failedAt = this.#clock.monotonic();
    if (!isNew) return;
    this.#notify();
    if (this.#users.size > 0) void this.#retry();
  }

  #recover(): void {
    if (this.#failedAt === undefined) return;
    this.#failedAt = undefined;
    this.#notify();
  }

  #notify(): void {
    for (const onChange of [...this.#users]) onChange();
  }

  /** Starts the stream again every minute until it works, or no rendition needs it. */
  async #retry(): Promise<void> {
    if (this.#retrying) return;
    const { signal } = this.#retrying = new AbortController();
    try {
      while (this.#failedAt !== undefined) {
        const delay = RETRY_INTERVAL - this.#elapsedSince(this.#failedAt);
        await this.#clock.sleep(Math.max(0, delay), signal);
        this.small.retryNow();
        if (!await this.#delivers(Infinity)) this.#failedAt = this.#clock.monotonic();
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      this.#retrying = undefined;
    }
  }

  #elapsedSince(time: number): number {
    return this.#clock.monotonic() - time;
  }
}
