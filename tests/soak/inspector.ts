import { settlesWithin } from "../../lib/clock.ts";

/** Time limit of a command, in milliseconds. */
const TIMEOUT = 10_000;

/** A connection to the inspector of a Deno process that runs with `--inspect`. */
export class Inspector implements AsyncDisposable {
  readonly #socket: WebSocket;
  readonly #closed: Promise<unknown>;
  readonly #waiting = new Map<number, (result: unknown) => void>();
  #id = 0;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.onmessage = ({ data }) => {
      const { id, result } = JSON.parse(data);
      this.#waiting.get(id)?.(result);
      this.#waiting.delete(id);
    };
    this.#closed = new Promise((resolve) => socket.onclose = resolve);
  }

  /**
   * Connects.
   *
   * @param output What the process has printed at its start.
   */
  static async open(output: string): Promise<Inspector> {
    const address = /^Debugger listening on (ws:\S+)$/m.exec(output)?.[1];
    if (!address) throw new Error("The process has printed no address of its inspector");
    const inspector = new Inspector(new WebSocket(address));
    await new Promise((resolve, reject) => {
      inspector.#socket.onopen = resolve;
      inspector.#socket.onerror = () => reject(new Error(`Cannot open ${address}`));
    });
    return inspector;
  }

  /** Returns the size of the objects in the V8 heap, with garbage, in bytes. */
  async heapUsed(): Promise<number> {
    const { usedSize } = await this.#send("Runtime.getHeapUsage") as { usedSize: number };
    return usedSize;
  }

  /** Collects garbage. */
  async collectGarbage(): Promise<void> {
    await this.#send("HeapProfiler.collectGarbage");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.close();
    await this.#closed;
  }

  async #send(method: string): Promise<unknown> {
    const id = ++this.#id;
    const response = new Promise((resolve) => this.#waiting.set(id, resolve));
    this.#socket.send(JSON.stringify({ id, method }));
    if (!await settlesWithin(response, TIMEOUT)) throw new Error(`No response to ${method}`);
    return await response;
  }
}
