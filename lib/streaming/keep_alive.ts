import type { Camera } from "../camera/camera.ts";
import type { Clock } from "../clock.ts";
import { explain } from "../errors.ts";
import type { Frame } from "../frame.ts";
import type { Log } from "../log.ts";
import { NoSignal } from "./no_signal.ts";
import type { ViewerStream } from "./viewer_stream.ts";

/** Interval between checks of all streams, in milliseconds. */
const CHECK_INTERVAL = 500;
/**
 * Time without data until a frame is repeated, in milliseconds. Home Assistant disconnects after 10
 * s.
 */
const REPEAT_AFTER = 5_000;
/** Time until a viewer that reads nothing is disconnected, in milliseconds. */
const STALL_TIMEOUT = 120_000;

/**
 * Sends the camera's latest frame again, or a "no signal" picture, to viewers that have received
 * nothing for 5 s, and disconnects viewers that have read nothing for 2 minutes. One timer serves
 * all streams; it runs only while there are streams.
 */
export class KeepAlive {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #streams = new Map<ViewerStream, () => Frame>();
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
  add(stream: ViewerStream, camera: Camera, recorded?: () => Frame | undefined): void {
    stream.lastSentAt = this.#clock.monotonic();
    const latest = () => camera.latest ?? this.#noSignal.frameFor(camera);
    this.#streams.set(stream, recorded ? () => recorded() ?? latest() : latest);
    if (!this.#timer) this.#run(this.#timer = new AbortController()).catch(() => {}); // aborted
  }

  /** Removes a stream that has ended. */
  delete(stream: ViewerStream): void {
    this.#streams.delete(stream);
    if (this.#streams.size > 0) return;
    this.#timer?.abort();
    this.#timer = undefined;
  }

  async #run({ signal }: AbortController): Promise<void> {
    for (;;) {
      await this.#clock.sleep(CHECK_INTERVAL, signal);
      try {
        const now = this.#clock.monotonic();
        for (const [stream, latest] of this.#streams) this.#check(stream, latest, now);
      } catch (error) {
        this.#log.error("keep-alive failed", { reason: explain(error) });
      }
    }
  }

  #check(stream: ViewerStream, latest: () => Frame, now: number): void {
    const blockedFor = stream.blockedFor(now);
    if (blockedFor !== undefined) {
      if (blockedFor >= STALL_TIMEOUT) stream.disconnect("stalled");
    } else if (now - stream.lastSentAt >= REPEAT_AFTER) {
      stream.repeat(latest(), now);
    }
  }
}
