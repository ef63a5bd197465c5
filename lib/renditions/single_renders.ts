import type { Clock } from "../clock.ts";
import type { Jpeg } from "../frame.ts";
import type { PictureWorker, Processed, Refused, RenderTask } from "../pixels/task.ts";
import type { Engine } from "./engine.ts";
import { RenditionError } from "./rendition_error.ts";

/** Time after which what is not used is closed, in milliseconds. */
const IDLE_TIMEOUT = 10_000;
/** Maximum number of pictures that wait. */
const MAX_WAITING = 64;
/** How long a client should wait if too many wait, in milliseconds. */
const RETRY_AFTER = 2_000;
/** Maximum number of tasks that are kept for further pictures. */
const MAX_TASKS = 8;

interface Entry {
  readonly worker: PictureWorker;
  /** Number of pictures that wait or are being rendered. */
  waiting: number;
  /** Settles with the last picture. */
  last: Promise<unknown>;
  /** The newest picture, which several clients may request, and its result. */
  newest: { readonly jpeg: Jpeg; readonly result: Promise<Processed | Refused> } | undefined;
  idle: AbortController;
}

/** Options of {@link SingleRenders}. */
export interface SingleRendersOptions {
  readonly engine: Engine;
  readonly clock: Clock;
}

/** Renders single pictures: snapshots, and recorded ones. Those of one task share a worker. */
export class SingleRenders implements Disposable {
  readonly #engine: Engine;
  readonly #clock: Clock;
  /** The oldest use first. */
  readonly #entries = new Map<string, Entry>();
  #waiting = 0;

  constructor({ engine, clock }: SingleRendersOptions) {
    this.#engine = engine;
    this.#clock = clock;
  }

  /**
   * Renders a picture.
   *
   * @param capturedAt Milliseconds since the Unix epoch.
   * @throws {RenditionError} If too many pictures wait.
   */
  render(task: RenderTask, jpeg: Jpeg, capturedAt: number): Promise<Processed | Refused> {
    const known = this.#entries.get(keyOf(task))?.newest;
    if (known?.jpeg === jpeg) return known.result;
    if (this.#waiting >= MAX_WAITING) {
      const message = "Too many pictures are being converted: try again later";
      return Promise.reject(new RenditionError(message, { retryAfter: RETRY_AFTER }));
    }
    const entry = this.#entryFor(task);
    const result = this.#enqueue(entry, jpeg, capturedAt);
    entry.newest = { jpeg, result };
    return result;
  }

  async #enqueue(entry: Entry, jpeg: Jpeg, capturedAt: number): Promise<Processed | Refused> {
    entry.idle.abort();
    this.#waiting++;
    entry.waiting++;
    const result = entry.last.then(() => entry.worker.process(jpeg, capturedAt));
    entry.last = result.catch(() => {}); // the caller gets it
    try {
      return await result;
    } finally {
      this.#waiting--;
      if (--entry.waiting === 0) void this.#closeWhenIdle(entry);
    }
  }

  /** Closes all workers. */
  [Symbol.dispose](): void {
    for (const entry of this.#entries.values()) close(entry);
    this.#entries.clear();
  }

  #entryFor(task: RenderTask): Entry {
    const key = keyOf(task);
    const entry = this.#entries.get(key) ?? this.#create(task);
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    return entry;
  }

  #create(task: RenderTask): Entry {
    for (const [key, entry] of this.#entries) {
      if (this.#entries.size < MAX_TASKS) break;
      if (entry.waiting > 0) continue;
      close(entry);
      this.#entries.delete(key);
    }
    return {
      worker: this.#engine(task),
      waiting: 0,
      last: Promise.resolve(),
      newest: undefined,
      idle: new AbortController(),
    };
  }

  async #closeWhenIdle(entry: Entry): Promise<void> {
    const { signal } = entry.idle = new AbortController();
    try {
      await this.#clock.sleep(IDLE_TIMEOUT, signal);
    } catch {
      return; // it is used again, or closed
    }
    close(entry);
    for (const [key, other] of this.#entries) if (other === entry) this.#entries.delete(key);
  }
}

function keyOf(task: RenderTask): string {
  return JSON.stringify(task);
}

function close({ worker, idle }: Entry): void {
  idle.abort();
  worker[Symbol.dispose]();
}
