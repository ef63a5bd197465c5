import { markHeadroom } from "../bytes.ts";
import { type Clock, settlesWithin } from "../clock.ts";
import type { Jpeg } from "../frame.ts";
import type { PictureTask, Processed, Refused } from "./task.ts";
import type { WorkerAnswer, WorkerRequest } from "./worker_messages.ts";

/** The part of a Worker that is used. */
export type WorkerPort = Pick<
  Worker,
  "postMessage" | "terminate" | "onmessage" | "onmessageerror" | "onerror"
>;

/**
 * Maximum time for one picture, in milliseconds: also on a slow machine with much else to do. Until
 * the first answer, the Worker must load its modules.
 */
const TIMEOUT = 10_000, START_TIMEOUT = 60_000;

interface Call {
  readonly task: number;
  readonly jpeg: Jpeg;
  readonly settle: (result: Processed | Refused) => void;
}

/** Options of {@link WorkerThread}. */
export interface WorkerThreadOptions {
  readonly clock: Clock;
  /** Called once if the Worker failed and was ended, with what its pictures are refused with. */
  readonly onFailure: (refused: string) => void;
}

/** A Worker with the tasks that it works on. */
export class WorkerThread implements Disposable {
  readonly #worker: WorkerPort;
  readonly #options: WorkerThreadOptions;
  readonly #tasks = new Set<number>();
  readonly #calls = new Map<number, Call>();
  #lastCall = 0;
  #hasStarted = false;
  #hasEnded = false;

  constructor(worker: WorkerPort, options: WorkerThreadOptions) {
    this.#worker = worker;
    this.#options = options;
    worker.onmessage = ({ data }: MessageEvent<WorkerAnswer>) => this.#answer(data);
    worker.onmessageerror = () => this.#fail("invalid message");
    worker.onerror = (event) => {
      event.preventDefault(); // otherwise, the error ends the server
      this.#fail(event.message);
    };
  }

  /** Number of open tasks. */
  get tasks(): number {
    return this.#tasks.size;
  }

  /** Whether the Worker works no more. */
  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** Opens a task. */
  open(task: number, options: PictureTask): void {
    this.#tasks.add(task);
    this.#send({ type: "open", task, options });
  }

  /** Closes a task. Its pictures in work are refused. */
  close(task: number): void {
    this.#tasks.delete(task);
    this.#send({ type: "close", task });
    this.#refuse("the task is closed", (call) => call.task === task);
  }

  /** Processes a picture. Refuses it if the Worker fails, or does not answer in time. */
  async process(task: number, jpeg: Jpeg, capturedAt: number): Promise<Processed | Refused> {
    const call = ++this.#lastCall;
    const result = new Promise<Processed | Refused>((settle) => {
      this.#calls.set(call, { task, jpeg, settle });
      // The picture is shared by all viewers, so it cannot be transferred. A view would be sent with
      // all of its buffer.
      const copy = jpeg.slice();
      this.#send({ type: "process", task, call, jpeg: copy, capturedAt }, [copy.buffer]);
    });
    const timeout = this.#hasStarted ? TIMEOUT : START_TIMEOUT;
    const isInTime = await settlesWithin(result, timeout, this.#options.clock);
    if (!isInTime) this.#fail(`no answer within ${timeout / 1000} s`);
    return result;
  }

  /** Ends the Worker. Pictures in work are refused. */
  [Symbol.dispose](): void {
    if (!this.#hasEnded) this.#end("the Worker has ended");
  }

  #send(request: WorkerRequest, transfer: ArrayBuffer[] = []): void {
    this.#worker.postMessage(request, transfer);
  }

  #answer({ call, result }: WorkerAnswer): void {
    this.#hasStarted = true;
    const found = this.#calls.get(call);
    this.#calls.delete(call);
    if (!found) return;
    if ("refused" in result) return found.settle(result);
    const { jpeg, size } = result;
    found.settle({ size, jpeg: jpeg ? markHeadroom(jpeg) : found.jpeg });
  }

  #fail(reason: string): void {
    if (this.#hasEnded) return;
    const refused = `the Worker failed: ${reason}`;
    this.#end(refused);
    this.#options.onFailure(refused);
  }

  #end(refused: string): void {
    this.#hasEnded = true;
    this.#worker.terminate();
    this.#refuse(refused);
  }

  #refuse(refused: string, which: (call: Call) => boolean = () => true): void {
    for (const [number, call] of this.#calls) {
      if (!which(call)) continue;
      this.#calls.delete(number);
      call.settle({ refused });
    }
  }
}
