import { type Clock, settlesWithin } from "../clock.ts";
import { CameraError, ConfigError, explain } from "../errors.ts";
import { pushing } from "../hub/source.ts";
import type { Log } from "../log.ts";
import { Backoff } from "./backoff.ts";
import type { DiscoveredCamera } from "./driver.ts";
import { describeThrown } from "./registry.ts";
import { restarting } from "./restart.ts";

/** Time limit for a driver to end after its signal has aborted, in milliseconds. */
const STOP_TIMEOUT = 500;

/** Maximum length of a logged reason, in characters: a user's driver can report any text. */
const MAX_TEXT_LENGTH = 1_000;

/** Options of {@link Discovery}. */
export interface DiscoveryOptions {
  /** Name of the driver. */
  readonly driver: string;
  /** Calls the driver's `discover`. What it returns is checked. */
  readonly discover: (signal: AbortSignal) => unknown;
  /** Hides the secrets of the settings in the driver's own messages. */
  readonly redact: (text: string) => string;
  /** Called with each list of cameras. Their names and sources can be any text. */
  readonly onCameras: (cameras: readonly DiscoveredCamera[]) => void;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Runs a driver's `discover`, and runs it again whenever it fails or ends, after growing delays. A
 * failure that repeats is logged once.
 */
export class Discovery {
  readonly #options: DiscoveryOptions;
  readonly #backoff: Backoff<CameraError>;
  readonly #closing = new AbortController();
  #running: Promise<void> | undefined;
  /** The reason that was logged last. */
  #logged: string | undefined;

  constructor(options: DiscoveryOptions) {
    this.#options = options;
    const { clock } = options;
    this.#backoff = new Backoff({ clock, onFailure: (error) => this.#onFailure(error) });
  }

  /** Why no list of cameras arrives. */
  get error(): CameraError | undefined {
    return this.#backoff.lastError;
  }

  /** Starts it. @throws {ConfigError} If the driver's function throws one when it is called. */
  start(): void {
    const { signal } = this.#closing;
    let first: AsyncIterable<unknown> | undefined;
    try {
      first = this.#discover(signal);
    } catch (error) {
      if (error instanceof ConfigError) throw error;
      // The next call, which follows at once, reports any other error.
    }
    const open = (signal: AbortSignal) => {
      const lists = first ?? this.#discover(signal);
      first = undefined;
      return this.#check(lists);
    };
    const lists = restarting(pushing(open), this.#backoff, {
      onEnd: () => this.#bug("discover() ended before its signal aborted"),
      toFailure: (error) => this.#toFailure(error),
    });
    this.#running = lists(signal, (list) => this.#onList(list));
  }

  /** Stops the driver, and waits until it has ended. */
  async close(): Promise<void> {
    this.#closing.abort();
    this.#backoff[Symbol.dispose]();
    // A user's driver may ignore the signal.
    if (this.#running) await settlesWithin(this.#running, STOP_TIMEOUT, this.#options.clock);
  }

  #onList(list: readonly DiscoveredCamera[]): void {
    const { driver, onCameras, log } = this.#options;
    if (this.#logged !== undefined) log.info("discovery recovered", { driver });
    this.#logged = undefined;
    try {
      onCameras(list);
    } catch (error) {
      log.error("discovered cameras not updated", { driver, reason: explain(error) });
    }
  }

  #discover(signal: AbortSignal): AsyncIterable<unknown> {
    const lists = this.#options.discover(signal);
    const isIterable = typeof lists === "object" && lists !== null &&
      Symbol.asyncIterator in lists && typeof lists[Symbol.asyncIterator] === "function";
    if (isIterable) return lists as AsyncIterable<unknown>;
    if (lists instanceof Promise) lists.catch(() => {}); // its rejection would end the server
    throw this.#bug("discover() must be `async *discover(env, signal)`");
  }

  async *#check(lists: AsyncIterable<unknown>): AsyncGenerator<readonly DiscoveredCamera[]> {
    for await (const list of lists) {
      if (!Array.isArray(list)) throw this.#bug("discover() yielded something else than a list");
      yield list.map((camera) => {
        const { name, source } = (camera ?? {}) as Partial<DiscoveredCamera>;
        if (typeof name === "string" && typeof source === "string") return { name, source };
        throw this.#bug("discover() yielded a camera without a name and a source");
      });
      // A driver that never waits must not block the event loop.
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
  }

  #bug(text: string): CameraError {
    return new CameraError(`The driver "${this.#options.driver}" has a bug: ${text}`);
  }

  #toFailure(error: unknown): CameraError {
    if (error instanceof CameraError || error instanceof ConfigError) {
      // Nobody requests a retry, so that a permanent failure is retried like any other.
      const { hint = undefined, retryWhen = undefined } = error instanceof CameraError ? error : {};
      return new CameraError(error.message, { hint, retryWhen, cause: error.cause });
    }
    const { driver, redact } = this.#options;
    const reason = redact(describeThrown(error));
    return new CameraError(`The driver "${driver}" cannot discover cameras: ${reason}`);
  }

  #onFailure(error: CameraError): void {
    const { driver, log } = this.#options;
    const reason = explain(error);
    if (reason === this.#logged) return;
    this.#logged = reason;
    log.warn("discovery failed", {
      driver,
      reason: reason.slice(0, MAX_TEXT_LENGTH),
      hint: error.hint,
    });
  }
}
