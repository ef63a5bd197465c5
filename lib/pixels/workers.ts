import { type Clock, systemClock } from "../clock.ts";
import type { PictureTask, PictureWorker, Refused } from "./task.ts";
import { type WorkerPort, WorkerThread } from "./worker_thread.ts";

/** Maximum number of Workers, however many cores there are. */
const MAX_WORKERS = 4;
/** Time after its last task for which a Worker is kept, in milliseconds. */
const IDLE_TIMEOUT = 5_000;
/** Pause after the failure of a Worker, in milliseconds: to start one costs more than a picture. */
const PAUSE = 1_000;

/** Options of {@link WorkerPool}. */
export interface WorkerPoolOptions {
  /** Maximum number of Workers. @default {as many as there are cores, at most 4} */
  readonly size?: number;
  readonly clock?: Clock;
  readonly startWorker?: () => WorkerPort;
}

/** Workers for all tasks on pictures. They run only while there are tasks. */
export class WorkerPool {
  readonly #size: number;
  readonly #clock: Clock;
  readonly #startWorker: () => WorkerPort;
  /** Each with what cancels its end, if it has no task. */
  readonly #threads = new Map<WorkerThread, AbortController | undefined>();
  #lastTask = 0;
  /** The last failure of a Worker, and when the next one may be started. */
  #failure: Refused & { readonly until: number } = { refused: "", until: -Infinity };

  constructor(options: WorkerPoolOptions = {}) {
    const { size = Math.min(MAX_WORKERS, navigator.hardwareConcurrency) } = options;
    this.#size = Math.max(1, size);
    this.#clock = options.clock ?? systemClock;
    this.#startWorker = options.startWorker ?? startWorker;
  }

  /** Number of Workers that run. */
  get running(): number {
    return this.#threads.size;
  }

  /**
   * Opens a task. All its pictures are processed by one Worker, the one with the fewest tasks; after
   * a failure, by another one. Dispose of it when it is not needed any more.
   */
  open(options: PictureTask): PictureWorker {
    const task = ++this.#lastTask;
    let thread: WorkerThread | undefined;
    let isClosed = false;
    return {
      process: (jpeg, capturedAt) => {
        if (isClosed) return Promise.resolve(CLOSED);
        if (thread?.hasEnded !== false) {
          const { refused, until } = this.#failure;
          if (this.#clock.monotonic() < until) return Promise.resolve({ refused });
          thread = this.#choose();
          thread.open(task, options);
        }
        return thread.process(task, jpeg, capturedAt);
      },
      [Symbol.dispose]: () => {
        isClosed = true;
        if (!thread || thread.hasEnded) return;
        thread.close(task);
        if (thread.tasks === 0) void this.#endLater(thread);
      },
    };
  }

  /** Ends all Workers now. Pictures in work are refused, and later ones start a Worker again. */
  end(): void {
    for (const thread of this.#threads.keys()) this.#end(thread);
  }

  /** Returns the Worker for one more task. */
  #choose(): WorkerThread {
    const [first] = [...this.#threads.keys()].sort((a, b) => a.tasks - b.tasks);
    const thread = first && (first.tasks === 0 || this.#threads.size >= this.#size)
      ? first
      : this.#start();
    this.#threads.get(thread)?.abort();
    this.#threads.set(thread, undefined);
    return thread;
  }

  #start(): WorkerThread {
    const thread: WorkerThread = new WorkerThread(this.#startWorker(), {
      clock: this.#clock,
      onFailure: (refused) => {
        this.#failure = { refused, until: this.#clock.monotonic() + PAUSE };
        this.#end(thread);
      },
    });
    return thread;
  }

  /** Ends a Worker that gets no task for a while. */
  async #endLater(thread: WorkerThread): Promise<void> {
    const timer = new AbortController();
    this.#threads.set(thread, timer);
    try {
      await this.#clock.sleep(IDLE_TIMEOUT, timer.signal);
    } catch {
      return; // it has a task again, or has ended
    }
    this.#end(thread);
  }

  #end(thread: WorkerThread): void {
    this.#threads.get(thread)?.abort();
    this.#threads.delete(thread);
    thread[Symbol.dispose]();
  }
}

const CLOSED: Refused = { refused: "the task is closed" };

const pool = new WorkerPool();

/** Opens a task in the Workers of this process: see {@link WorkerPool.open}. */
export function openPictureWorker(task: PictureTask): PictureWorker {
  return pool.open(task);
}

function startWorker(): WorkerPort {
  return new Worker(new URL("./worker.ts", import.meta.url), { type: "module", name: "pictures" });
}
