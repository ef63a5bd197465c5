/** Periods in which nothing may be deleted. */
export class KeptPeriods {
  /** Start and end times in milliseconds, by start; the periods do not overlap. */
  readonly #periods: [start: number, end: number][] = [];

  /** Adds a period, both times included. */
  add(start: number, end: number): void {
    const from = this.#firstEndingAtOrAfter(start);
    let to = from;
    for (; to < this.#periods.length && this.#periods[to]![0] <= end; to++) {
      start = Math.min(start, this.#periods[to]![0]);
      end = Math.max(end, this.#periods[to]![1]);
    }
    this.#periods.splice(from, to - from, [start, end]);
  }

  /** Returns whether a period contains a moment from `start` to `end`. */
  overlap(start: number, end: number): boolean {
    const period = this.#periods[this.#firstEndingAtOrAfter(start)];
    return period !== undefined && period[0] <= end;
  }

  /** Returns the position of the first period that ends at or after a time. */
  #firstEndingAtOrAfter(time: number): number {
    let [low, high] = [0, this.#periods.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#periods[middle]![1] < time) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
