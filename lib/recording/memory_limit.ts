/** A limit of the memory that several queues use together. */
export class MemoryLimit {
  readonly #limit: number;
  #bytes = 0;

  /** @param limit In bytes. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Bytes in use. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Takes memory. @returns Whether there was enough. */
  take(bytes: number): boolean {
    if (this.#bytes + bytes > this.#limit) return false;
    this.#bytes += bytes;
    return true;
  }

  /** Gives memory back. */
  release(bytes: number): void {
    this.#bytes -= bytes;
  }
}
