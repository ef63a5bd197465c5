/** Number of comparisons in which more is claimed than recorded, after which the rest is given back. */
const COMPARISONS = 30;

/** The bytes that are recorded or requested. */
export class ClaimedBytes {
  /** Bytes of these that are requested for temporary files. */
  temporary = 0;
  #bytes = 0;
  /** How much more is claimed than recorded, at the last comparisons. */
  #excesses: number[] = [];

  get bytes(): number {
    return this.#bytes;
  }

  add(bytes: number): void {
    this.#bytes += bytes;
  }

  subtract(bytes: number): void {
    this.#bytes -= bytes;
  }

  /**
   * Adds what is recorded, as soon as it is known. Only requests were counted before.
   *
   * @param options.recording Bytes of open segments: both requested and recorded.
   */
  addRecorded(recorded: number, { recording }: { recording: number }): void {
    this.#bytes = recorded + Math.max(0, this.#bytes - recording);
  }

  /**
   * Compares what is claimed with what is recorded: indexes are written without a request, users
   * delete files, and room may be requested and not given back.
   *
   * @param recorded Bytes that are recorded, without temporary files.
   */
  compare(recorded: number): void {
    const counted = recorded + this.temporary;
    const excess = this.#bytes - counted;
    if (excess < 0) this.#bytes = counted;
    if (excess <= 0) this.#excesses = [];
    else this.#excesses.push(excess);
    if (this.#excesses.length < COMPARISONS) return;
    this.#bytes -= Math.min(...this.#excesses);
    this.#excesses = [];
  }
}
