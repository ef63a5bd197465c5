/** Deviation of the wall clock that is not a clock step yet, in milliseconds. */
const MAX_DEVIATION = 500;

/** The two times of a frame's arrival. */
export interface Arrival {
  /** Monotonic clock, in milliseconds. */
  readonly monotonic: number;
  /** Wall clock less the monotonic clock, in milliseconds. */
  readonly offset: number;
}

/** A run: consecutive segments whose times are those of one setting of the clock. */
export interface Run {
  /** Wall clock less the monotonic clock at its start, in milliseconds. */
  readonly offset: number;
}

/**
 * Gives recorded frames their times. In a segment they advance with the monotonic clock. Each
 * segment starts at the time of the wall clock, unless that would go back by half a second or less.
 */
export class RecordingClock {
  /** The present run. */
  run: Run | undefined;
  /** What is added to the monotonic clock in this segment. */
  #offset = 0;
  /** Offset of the segment's first frame. */
  #measured = 0;
  #last = -Infinity;

  /** Time of the last frame that was recorded in this run; -Infinity before the first one. */
  get last(): number {
    return this.#last;
  }

  /** Whether the wall clock was set since the segment's start. */
  hasStepped({ offset }: Arrival): boolean {
    return Math.abs(offset - this.#measured) > MAX_DEVIATION;
  }

  /**
   * Starts a segment with a frame, and a run if the clock was set.
   *
   * @returns By how much it was set, in milliseconds; undefined if the run goes on or is the first.
   */
  startSegment({ monotonic, offset }: Arrival): number | undefined {
    const step = offset - this.#offset;
    const goesOn = this.run !== undefined && Math.abs(step) <= MAX_DEVIATION;
    const isFirst = this.run === undefined;
    if (!goesOn) {
      this.run = { offset };
      this.#last = -Infinity;
    }
    this.#measured = offset;
    this.#offset = Math.max(Math.round(monotonic + offset), this.#last + 1) - monotonic;
    return goesOn || isFirst ? undefined : step;
  }

  /**
   * Returns the time of a frame of the segment, in milliseconds since the Unix epoch.
   *
   * @param previous Time of the frame before it.
   */
  timeOf({ monotonic }: Arrival, previous = this.#last): number {
    return Math.max(Math.round(monotonic + this.#offset), previous + 1);
  }

  /** Returns the time of a moment of the segment, in milliseconds since the Unix epoch. */
  timeAt(monotonic: number): number {
    return Math.round(monotonic + this.#offset);
  }

  /** Remembers the time of the last frame that was recorded. */
  record(time: number): void {
    this.#last = time;
  }
}
