import { settlesWithin } from "../clock.ts";
import { explain } from "../errors.ts";
import type { Log } from "../log.ts";

/**
 * Resources that are disposed of at the same time, within a grace period. Several groups on an
 * `AsyncDisposableStack` give a shutdown in steps, the last group first.
 *
 * A resource can be added to a group after later groups are on the stack. So a recorder, which
 * needs the cameras when it is created, can be disposed of after them.
 */
export class ResourceGroup implements AsyncDisposable {
  readonly #name: string;
  readonly #gracePeriod: number;
  readonly #log: Log;
  readonly #disposals: (() => unknown)[] = [];

  /**
   * @param name Name of the group in the log.
   * @param gracePeriod Maximum time to wait for the disposal, in milliseconds.
   */
  constructor(name: string, gracePeriod: number, log: Log) {
    this.#name = name;
    this.#gracePeriod = gracePeriod;
    this.#log = log;
  }

  /** Adds a resource. @returns The resource. */
  use<Resource extends AsyncDisposable | Disposable>(resource: Resource): Resource {
    this.defer(() =>
      Symbol.asyncDispose in resource ? resource[Symbol.asyncDispose]() : resource[Symbol.dispose]()
    );
    return resource;
  }

  /** Adds a function that disposes of a resource. */
  defer(dispose: () => unknown): void {
    this.#disposals.push(dispose);
  }

  /** Disposes of all resources. Errors, and an exceeded grace period, are logged and not thrown. */
  async [Symbol.asyncDispose](): Promise<void> {
    const group = this.#name;
    const disposed = Promise.all(
      this.#disposals.splice(0).reverse().map(async (dispose) => {
        try {
          await dispose();
        } catch (error) {
          this.#log.error("shutdown failed", { group, reason: explain(error) });
        }
      }),
    );
    if (await settlesWithin(disposed, this.#gracePeriod)) return;
    this.#log.warn("shutdown incomplete", { group, seconds: this.#gracePeriod / 1000 });
  }
}
