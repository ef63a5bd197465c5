/** Number of frame sizes that the usual size is taken from. */
const SAMPLES = 61;
/** Minimum time between two of them, in milliseconds: together they last 15 s or more. */
const SAMPLE_INTERVAL = 250;
/** Without this many of them, the activity is 0. */
const MIN_SAMPLES = 8;
/** The least deviation that counts as usual, as a share of the usual size. */
const MIN_DEVIATION = 0.002;
/** Sizes that deviate by this many usual deviations have activity 0. */
const STILL = 3;
/** Each further digit stands for this factor. */
const STEP = 1.6;

/**
 * Measures how much the sizes of frames deviate from what is usual, as a digit from 0 to 9. Frames
 * of a still scene deviate by up to 3 usual deviations: 0; those with a moving object by 40 and
 * more: 6.
 */
export class ActivityMeter {
  readonly #sizes = new Float64Array(SAMPLES);
  #samples = 0;
  #sampledAt = -Infinity;
  /** The median size, and the median deviation from it. */
  #median = 0;
  #deviation = 0;
  /** Largest deviation since {@link take}; undefined without a frame. */
  #largest: number | undefined;

  /** Activity since the last call of {@link take}; `-` without a frame. */
  get digit(): string {
    if (this.#largest === undefined) return "-";
    const ratio = this.#largest / STILL;
    return `${ratio <= 1 ? 0 : Math.min(9, Math.ceil(Math.log(ratio) / Math.log(STEP)))}`;
  }

  /** Begins a second of a new segment. What is usual stays. */
  begin(): void {
    this.#largest = undefined;
  }

  /** Returns {@link digit}, and begins the next second. */
  take(): string {
    const { digit } = this;
    this.#largest = undefined;
    return digit;
  }

  /** Adds a frame. @param at Its time, in milliseconds since the Unix epoch. */
  add(size: number, at: number): void {
    const deviation = this.#samples < MIN_SAMPLES
      ? 0
      : Math.abs(size - this.#median) / this.#deviation;
    this.#largest = Math.max(this.#largest ?? 0, deviation);
    if (Math.abs(at - this.#sampledAt) < SAMPLE_INTERVAL) return;
    this.#sampledAt = at;
    this.#sizes[this.#samples++ % SAMPLES] = size;
    if (this.#samples % 4 === 0) this.#measure();
  }

  #measure(): void {
    const sizes = this.#sizes.slice(0, this.#samples).sort();
    this.#median = middle(sizes);
    const deviations = sizes.map((size) => Math.abs(size - this.#median)).sort();
    this.#deviation = Math.max(middle(deviations), MIN_DEVIATION * this.#median, 1);
  }
}

function middle(sorted: Float64Array): number {
  return sorted[sorted.length >> 1]!;
}
