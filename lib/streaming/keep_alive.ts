import type { CameraFeed } from "../camera/camera_feed.ts";
import type { Clock } from "../clock.ts";
import { explain } from "../errors.ts";
import type { Frame } from "../frame.ts";
import type { Log } from "../log.ts";
import { NoSignal } from "./no_signal.ts";

/** Interval between checks while a client receives the same bytes, in milliseconds. */
const CHECK_INTERVAL = 500;
/**
 * Time without data until a frame is repeated, in milliseconds. Home Assistant disconnects after 10
 * s.
 */
const REPEAT_AFTER = 5_000;
/** Time until a viewer that reads nothing is disconnected, in milliseconds. */
const STALL_TIMEOUT = 120_000;

/** A stream that {@link KeepAlive} watches. */
export interface KeptAliveStream {
  /** Monotonic time of the last frame or packet sent, in milliseconds. */
  lastSentAt: number;
  /**
   * Returns for how long the client has been receiving the same bytes, in milliseconds; undefined
   * if it has received everything.
   *
   * @param now Monotonic time.
   */
  blockedFor(now: number): number | undefined;
  /** Ends the stream on the server's initiative. */
  disconnect(reason: string): void;
}

/** A stream of frames. */
export interface FrameStream extends KeptAliveStream {
  /** Sends a frame again, unless the client is still receiving one. @param now Monotonic time. */
  repeat(frame: Frame, now: number): void;
}

/** A stream of sound without pictures. */
export interface ListenerStream extends KeptAliveStream {
  /** Sends something that is not heard. @param now Monotonic time. */
  keepAlive(now: number): void;
}

/**
 * Sends the camera's latest frame again, or a "no signal" picture, to viewers that have received no
 * frame for 5 s, and disconnects viewers that have read nothing for 2 minutes, or up to 5 s more. One
 * timer serves all streams. It runs only while there are streams, and fires every 5 s while all of them
 * receive frames: each time, it wakes Deno's event loop two to three times.
 */
export class KeepAlive {
  readonly #clock: Clock;
  readonly #log: Log;
  /** What to do for a stream that has sent nothing for 5 s. */
  readonly #streams = new Map<KeptAliveStream, (now: number) => void>();
  readonly #noSignal: NoSignal;
  #timer: AbortController | undefined;

  constructor(clock: Clock, log: Log) {
    this.#clock = clock;
    this.#log = log;
    this.#noSignal = new NoSignal(clock);
  }

  /**
   * Keeps a camera's stream alive from now on.
   *
   * @param recorded Returns the recorded frame that the stream shows, if it shows one.
   */
  add(stream: FrameStream, camera: CameraFeed, recorded?: () => Frame | undefined): void {
    const latest = () => recorded?.() ?? camera.latest ?? this.#noSignal.frameFor(camera);
    this.#add(stream, (now) => stream.repeat(latest(), now));
  }

  /** Keeps a stream of sound alive from now on. */
  addSound(stream: ListenerStream): void {
    this.#add(stream, (now) => stream.keepAlive(now));
  }

  #add(stream: KeptAliveStream, keepAlive: (now: number) => void): void {
    stream.lastSentAt = this.#clock.monotonic();
    this.#streams.set(stream, keepAlive);
    if (!this.#timer) this.#run(this.#timer = new AbortController()).catch(() => {}); // aborted
  }

  /** Removes a stream that has ended. */
  delete(stream: KeptAliveStream): void {
    this.#streams.delete(stream);
    if (this.#streams.size > 0) return;
    this.#timer?.abort();
    this.#timer = undefined;
  }

  async #run({ signal }: AbortController): Promise<void> {
    for (let wait = CHECK_INTERVAL;;) {
      await this.#clock.sleep(wait, signal);
      try {
        wait = this.#checkAll(this.#clock.monotonic());
      } catch (error) {
        this.#log.error("keep-alive failed", { reason: explain(error) });
        wait = CHECK_INTERVAL;
      }
    }
  }

  /** @returns Time until the next check, in milliseconds. A new stream needs none before 5 s. */
  #checkAll(now: number): number {
    let wait = REPEAT_AFTER;
    for (const [stream, keepAlive] of this.#streams) {
      wait = Math.min(wait, this.#check(stream, keepAlive, now));
    }
    return wait;
  }

  /** @returns Time until the next check of this stream, in milliseconds. */
  #check(stream: KeptAliveStream, keepAlive: (now: number) => void, now: number): number {
    const blockedFor = stream.blockedFor(now);
    if (blockedFor !== undefined) {
      if (blockedFor >= STALL_TIMEOUT) stream.disconnect("stalled");
      return CHECK_INTERVAL;
    }
    if (now - stream.lastSentAt >= REPEAT_AFTER) keepAlive(now);
    // If nothing could be sent, it is tried again soon.
    return Math.max(CHECK_INTERVAL, stream.lastSentAt + REPEAT_AFTER - now);
  }
}
