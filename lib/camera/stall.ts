import type { Clock } from "../clock.ts";
import { CameraError, ImmediateStop } from "../errors.ts";
import type { Source } from "../hub/source.ts";

/** Timeouts of a camera. */
export interface StallTimeouts {
  /** Maximum time until the first frame, in milliseconds. */
  readonly firstFrame: number;
  /** Maximum time between two frames, in milliseconds. */
  readonly nextFrame: number;
}

/** Returns the timeouts of a camera with a requested rate of `fps` frames per second. */
export function stallTimeouts(fps = Infinity): StallTimeouts {
  return { firstFrame: Math.max(10_000, 8_000 / fps), nextFrame: Math.max(3_000, 8_000 / fps) };
}

/** Explanation why a source has delivered no pictures. */
export interface Explanation {
  readonly text: string;
  /** What the user can do. */
  readonly hint?: string;
  /** Whether a picture may arrive later. */
  readonly mayBeSlow: boolean;
  /** Whether it also explains why there is no further picture. @default {false} */
  readonly always?: boolean;
}

/** Options of {@link stalling}. */
export interface StallOptions extends StallTimeouts {
  readonly clock: Clock;
  /** Explains why there is no first item, or no further one. */
  readonly explain?: () => Explanation | undefined;
  /** What the source is, and what it delivers, for messages. @default {a camera's pictures} */
  readonly words?: StallWords;
}

/** Words for the messages about a source. */
export interface StallWords {
  /** "camera" */
  readonly device: string;
  /** What has not arrived: "first picture". */
  readonly first: string;
  /** What no longer arrives: "picture". */
  readonly item: string;
  /** What has not arrived when the source ends: "a picture". */
  readonly any: string;
}

const PICTURES: StallWords = {
  device: "camera",
  first: "first picture",
  item: "picture",
  any: "a picture",
};

/** Watchdogs wake at multiples of this, in milliseconds. */
const WAKE_GRID = 1_000;
/** Number of items after which a stalled source is not assumed to be slow. */
const FEW_ITEMS = 2;

/**
 * Ends a source with a {@link CameraError} when it exceeds a timeout: after some faults, a capture
 * program runs on without output.
 */
export function stalling<T>(source: Source<T>, options: StallOptions): Source<T> {
  const { explain = () => undefined, words = PICTURES } = options;
  return async (signal, push) => {
    using watchdog = new Watchdog(options);
    const stalled = () => watchdog.signal.aborted && !signal.aborted;
    let items = 0;
    try {
      await source(AbortSignal.any([signal, watchdog.signal]), (item) => {
        watchdog.reset();
        items++;
        push(item);
      });
    } catch (cause) {
      throw stalled() ? withCause(watchdog.signal.reason.message, cause) : cause;
    }
    if (stalled()) throw stallError(watchdog, items, explain());
    if (!signal.aborted && items === 0) throwWithoutItem(words, explain());
  };
}

/** What the user can do about a camera without a picture that may be slow. */
export function slowHint(seconds: number): string {
  return `if the camera sends less than one picture in ${seconds} s, set FPS to its frame rate`;
}

/** The failure of a source that has exceeded a timeout. */
function stallError(
  { signal, seconds, words }: Watchdog,
  items: number,
  explanation: Explanation | undefined,
): CameraError {
  const { message } = signal.reason;
  const slow = slowHint(seconds);
  if (explanation?.always) {
    return new CameraError(`${message}: ${explanation.text}`, { hint: explanation.hint });
  }
  if (items > FEW_ITEMS || words !== PICTURES) return new CameraError(message);
  if (items > 0) return new CameraError(message, { hint: slow });
  if (!explanation) return new CameraError(message);
  const { text, hint, mayBeSlow } = explanation;
  return new CameraError(`${message}: ${text}`, { hint: mayBeSlow ? slow : hint });
}

/** @throws {CameraError} A source has ended without an item. */
function throwWithoutItem(
  { device, any }: StallWords,
  explanation: Explanation | undefined,
): never {
  const message = `The ${device}'s stream ended without ${any}`;
  if (!explanation) throw new CameraError(message);
  const { text, hint } = explanation;
  throw new CameraError(`${message}: ${text}`, { hint });
}

/** Adds to the timeout's message the error that the source reported when it was stopped. */
function withCause(message: string, cause: unknown): CameraError {
  if (!(cause instanceof CameraError)) return new CameraError(`${message}: ${cause}`, { cause });
  return new CameraError(`${message}: ${cause.message}`, { hint: cause.hint, cause });
}

/** Aborts its signal when it is not reset in time. */
class Watchdog implements Disposable {
  readonly #clock: Clock;
  readonly #nextFrame: number;
  readonly #controller = new AbortController();
  readonly #disposed = new AbortController();
  #timeout: number;
  #since: number;
  #subject: string;
  readonly words: StallWords;

  constructor({ clock, firstFrame, nextFrame, words = PICTURES }: StallOptions) {
    this.words = words;
    this.#subject = `No ${words.first}`;
    this.#clock = clock;
    this.#nextFrame = nextFrame;
    this.#timeout = firstFrame;
    this.#since = clock.monotonic();
    this.#watch().catch(() => {}); // aborted by dispose
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** The timeout that has expired or would expire next, in seconds. */
  get seconds(): number {
    return Math.round(this.#timeout / 1000);
  }

  reset(): void {
    this.#timeout = this.#nextFrame;
    this.#since = this.#clock.monotonic();
    this.#subject = `No ${this.words.item}`;
  }

  [Symbol.dispose](): void {
    this.#disposed.abort();
  }

  async #watch(): Promise<void> {
    for (;;) {
      const now = this.#clock.monotonic();
      // A reset may shorten the timeout, but never below nextFrame.
      const end = Math.min(this.#since + this.#timeout, now + this.#nextFrame);
      if (end <= now) break;
      // At a whole second before the end, so that the watchdogs of many cameras wake together.
      const second = end - end % WAKE_GRID;
      await this.#clock.sleep((second > now ? second : end) - now, this.#disposed.signal);
    }
    this.#controller.abort(new ImmediateStop(`${this.#subject} for ${this.seconds} s`));
  }
}
