import { type Clock, systemClock } from "../clock.ts";
import { CameraError, ImmediateStop } from "../errors.ts";
import type { Jpeg } from "../frame.ts";
import { printable } from "../quote.ts";
import { describeBytes } from "../sniff.ts";
import type { Images, TimedJpeg } from "./driver.ts";

/** Maximum number of frames per second. Further frames are dropped. */
const MAX_FPS = 250;
/** Interval between checks whether the event loop runs, in milliseconds. */
const TURN_INTERVAL = 100;
/**
 * Minimum time between two frames of a driver that surely waits, in milliseconds. A driver that
 * never waits is faster.
 */
const MIN_GAP = 2;
/**
 * Time limit for a driver to end after its signal has aborted, in milliseconds. Terminated programs
 * need 1.5 s.
 */
const GRACE_PERIOD = 6_000, SHORT_GRACE_PERIOD = 2_000;
/** Maximum length of a driver's own error message, in characters. */
const MAX_MESSAGE = 300;
const CONTRACT_HINT =
  "open() must be `async *open(settings, signal)`, and yield each JPEG as a Uint8Array";
const END_HINT = "the driver must end when its signal aborts; restart the server";

/** Options of {@link guardDriver}. */
export interface GuardOptions {
  /** The driver's name. */
  readonly name: string;
  /** Hides the secrets of the camera in the driver's own messages. */
  readonly redact: (text: string) => string;
  /** Called once per capture if frames are dropped. */
  readonly onExcess?: (maxFps: number) => void;
  readonly clock?: Clock;
}

/**
 * Protects the server against the bugs of a driver. If the driver throws, returns no async
 * iterable, yields a value that is not a JPEG, or does not end after its signal has aborted, the
 * camera fails with a message that names the bug. A driver that does not end is abandoned, and not
 * opened again until it has ended. A driver that never waits cannot block the event loop.
 */
export function guardDriver(
  open: (signal: AbortSignal) => unknown,
  options: GuardOptions,
): (signal: AbortSignal) => Images {
  const { name, redact } = options;
  /** Whether an abandoned capture has not ended yet. */
  let isAbandoned = false;
  const toFailure = (error: unknown) =>
    error instanceof CameraError ? error : failureOf(error, name, redact);
  const onAbandoned = (ended: Promise<unknown>) => {
    isAbandoned = true;
    ended.finally(() => isAbandoned = false);
  };
  return (signal) => {
    if (isAbandoned) {
      const message =
        `The driver "${name}" cannot start again: it has not ended since its last start`;
      return failing(new CameraError(message, { hint: END_HINT }));
    }
    try {
      const images = open(signal);
      if (!isImages(images)) throw wrongResult(images, name);
      const { counts, received, hint } = images;
      const guarded = guard(images, signal, { ...options, onAbandoned, toFailure });
      return Object.assign(guarded, { counts, received, hint });
    } catch (error) {
      return failing(toFailure(error));
    }
  };
}

interface GuardedOptions extends GuardOptions {
  /** Called when a capture is abandoned. @param ended Settles when it has ended. */
  readonly onAbandoned: (ended: Promise<unknown>) => void;
  readonly toFailure: (error: unknown) => CameraError;
}

async function* guard(
  images: AsyncIterable<unknown>,
  signal: AbortSignal,
  { name, clock = systemClock, onExcess, onAbandoned, toFailure }: GuardedOptions,
): AsyncGenerator<Jpeg | TimedJpeg> {
  using pace = new Pace(clock, onExcess);
  let iterator: AsyncIterator<unknown> | undefined;
  let hasEnded = false;
  try {
    iterator = images[Symbol.asyncIterator]();
    while (!signal.aborted) {
      const next = Promise.resolve(iterator.next());
      if (!await settlesAfterAbort(next, signal)) {
        hasEnded = true;
        onAbandoned(Promise.allSettled([next, endOf(iterator)]));
        throw ignoresSignal(name);
      }
      const { done, value } = await next;
      hasEnded = done ?? false;
      if (hasEnded) return;
      if (signal.aborted) break;
      const image = imageOf(value, name);
      if (await pace.admits()) yield image;
    }
  } catch (error) {
    hasEnded ||= !(error instanceof ContractError);
    if (signal.aborted && (error === signal.reason || isAbortError(error))) return;
    throw toFailure(error);
  } finally {
    if (!hasEnded && iterator) await close(iterator, { signal, name, onAbandoned });
  }
}

/** Ends a driver that has not ended by itself. */
async function close(
  iterator: AsyncIterator<unknown>,
  { signal, name, onAbandoned }: Pick<GuardedOptions, "name" | "onAbandoned"> & {
    signal: AbortSignal;
  },
): Promise<void> {
  const ended = endOf(iterator);
  ended.catch(() => {}); // nothing depends on a failure after the end
  const grace = signal.aborted ? signal : AbortSignal.abort();
  if (await settlesAfterAbort(ended.catch(() => {}), grace)) return;
  onAbandoned(Promise.allSettled([ended]));
  if (signal.aborted) throw ignoresSignal(name);
}

/** Asks a driver to end. Its `return` may throw. */
async function endOf(iterator: AsyncIterator<unknown>): Promise<void> {
  await iterator.return?.();
}

/**
 * Waits for a promise, until the grace period after the abort of a signal is over.
 *
 * @returns Whether it settled.
 */
function settlesAfterAbort(promise: Promise<unknown>, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const finish = (settled: boolean) => {
      clearTimeout(timer);
      signal.removeEventListener("abort", onAbort);
      resolve(settled);
    };
    const onAbort = () => {
      const isShort = signal.reason instanceof ImmediateStop;
      timer = setTimeout(() => finish(false), isShort ? SHORT_GRACE_PERIOD : GRACE_PERIOD);
    };
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort, { once: true });
    promise.then(() => finish(true), () => finish(true));
  });
}

/** Keeps the event loop running, and limits the frame rate. */
class Pace implements Disposable {
  readonly #clock: Clock;
  readonly #onExcess: ((maxFps: number) => void) | undefined;
  readonly #timer: ReturnType<typeof setInterval>;
  /** Monotonic times of the last turn of the event loop that was noticed, and of the last frame. */
  #turnedAt: number;
  #lastAt = -Infinity;
  #second = -Infinity;
  #count = 0;
  #hasReported = false;

  constructor(clock: Clock, onExcess: ((maxFps: number) => void) | undefined) {
    this.#clock = clock;
    this.#onExcess = onExcess;
    this.#turnedAt = clock.monotonic();
    this.#timer = setInterval(() => this.#turnedAt = clock.monotonic(), TURN_INTERVAL);
  }

  /**
   * Lets the event loop run if the driver may not have waited since the last frame.
   *
   * @returns Whether the frame is within the limit.
   */
  async admits(): Promise<boolean> {
    const now = this.#clock.monotonic();
    const isBurst = now - this.#lastAt < MIN_GAP;
    this.#lastAt = now;
    // Promises alone do not let timers, signals and connections run. A timer for each frame would
    // cost as much CPU time as reading it.
    if (isBurst || now - this.#turnedAt > 2 * TURN_INTERVAL) {
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
    if (now - this.#second >= 1_000) {
      this.#second = now;
      this.#count = 0;
    }
    if (++this.#count <= MAX_FPS) return true;
    if (!this.#hasReported) this.#onExcess?.(MAX_FPS);
    this.#hasReported = true;
    return false;
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}

/** A violation of the driver contract. The driver itself has not ended yet. */
class ContractError extends CameraError {
  override name = "ContractError";
}

function ignoresSignal(name: string): CameraError {
  const message = `The driver "${name}" has a bug: it did not end after its signal aborted`;
  return new CameraError(message, { hint: END_HINT });
}

function wrongResult(value: unknown, name: string): ContractError {
  if (value instanceof Promise) value.catch(() => {}); // its rejection would end the server
  const message = `The driver "${name}" has a bug: open() returned ${
    describe(value)
  } instead of an async iterable`;
  return new ContractError(message, { hint: CONTRACT_HINT });
}

function imageOf(value: unknown, name: string): Jpeg | TimedJpeg {
  if (value instanceof Uint8Array) return unshared(value);
  const { jpeg, capturedAt } = (value ?? {}) as { [Key in keyof TimedJpeg]?: unknown };
  if (jpeg instanceof Uint8Array) {
    return Number.isFinite(capturedAt)
      ? { jpeg: unshared(jpeg), capturedAt: capturedAt as number }
      : unshared(jpeg);
  }
  const message = `The driver "${name}" has a bug: it yielded ${describe(value)} instead of a JPEG`;
  throw new ContractError(message, { hint: CONTRACT_HINT });
}

/** Returns the bytes themselves, or a copy if a response cannot contain their kind of memory. */
function unshared(bytes: Uint8Array): Jpeg {
  const { buffer } = bytes;
  const isPlain = buffer instanceof ArrayBuffer && !buffer.resizable;
  return isPlain ? bytes as Jpeg : new Uint8Array(bytes);
}

/** Describes a value of the wrong type. */
function describe(value: unknown): string {
  if (value === null || value === undefined) return `${value}`;
  if (value instanceof Uint8Array) return `bytes (${describeBytes(value)})`;
  if (typeof value !== "object" && typeof value !== "function") return `a ${typeof value}`;
  const type = /^\w{1,40}$/.exec(value.constructor?.name ?? "")?.[0] ?? "object";
  return type === "Object" ? "an object" : `an object of type ${type}`;
}

/** Converts an error that a driver has thrown: to its message in one line, without secrets. */
function failureOf(error: unknown, name: string, redact: GuardOptions["redact"]): CameraError {
  const line = printable(redact(textOf(error)).split(/[\r\n]/)[0]!).slice(0, MAX_MESSAGE);
  return new CameraError(`The driver "${name}" failed: ${line}`);
}

function textOf(error: unknown): string {
  try {
    return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  } catch {
    return "it threw an object that cannot be converted to text";
  }
}

function isImages(value: unknown): value is Images {
  return typeof value === "object" && value !== null && Symbol.asyncIterator in value &&
    typeof value[Symbol.asyncIterator] === "function";
}

function isAbortError(error: unknown): boolean {
  return error instanceof DOMException && error.name === "AbortError";
}

// deno-lint-ignore require-yield
async function* failing(error: CameraError): AsyncGenerator<never> {
  throw await error;
}
