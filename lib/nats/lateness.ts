/** Maximum drift of two monotonic clocks: that at which NTP corrects one. */
const DRIFT = 5e-4;
/** Number of beats in a row that must agree on the offset of the clocks. */
const STEADY_BEATS = 3;
/** Minimum interval between two of them, in milliseconds: a burst of beats was delayed. */
const STEADY_INTERVAL = 1_500;
/** Maximum difference between them, in milliseconds. */
const STEADY_RANGE = 300;

/**
 * Time that a frame may take longer than the fastest message of its origin and its usual transfer,
 * in milliseconds.
 */
const MAX_EXCESS = 400;
/** Variation of the time of a transfer on a slow link. */
const VARIATION = 1.5;
/** Maximum turnaround of the first frame on an unknown link, in milliseconds. */
const MAX_FIRST_TURNAROUND = 10_000;
/** Number of recent frames of which the fastest counts as usual. */
const RECENT_FRAMES = 16;
/** Maximum difference of two transfers of the same link, as a share. */
const AGREEMENT = 0.25;

/**
 * The least delay of an origin's messages: their arrival by this clock minus their time by the
 * origin's clock. The two monotonic clocks differ by an unknown constant, so a delay has a meaning
 * only as the excess over the least one.
 */
export class Baseline {
  #least = Infinity;
  #at = 0;
  #steady = { beats: 0, least: Infinity, greatest: -Infinity, at: -Infinity };

  /** Adds the delay of a frame or a beat that has arrived at `now`. */
  add(delay: number, now: number): void {
    this.#least = Math.min(this.#leastAt(now), delay);
    this.#at = now;
  }

  /** Adds the delay of a beat. */
  addBeat(delay: number, now: number): void {
    this.add(delay, now);
    const { beats, least, greatest, at } = this.#steady;
    const run = { least: Math.min(least, delay), greatest: Math.max(greatest, delay), at: now };
    const continues = run.greatest - run.least <= STEADY_RANGE && now - at >= STEADY_INTERVAL;
    this.#steady = continues
      ? { ...run, beats: beats + 1 }
      : { beats: 1, least: delay, greatest: delay, at: now };
  }

  /** Returns by how much a delay exceeds the least one. */
  excess(delay: number, now: number): number {
    return Math.max(0, delay - this.#leastAt(now));
  }

  /**
   * Adopts the delay on which the latest beats agree, if they do. The monotonic clock of an origin
   * stops while its machine is suspended: from then on, all its messages seem to be late.
   */
  adoptSteady(now: number): void {
    if (this.#steady.beats < STEADY_BEATS) return;
    this.#least = this.#steady.least;
    this.#at = now;
  }

  #leastAt(now: number): number {
    return this.#least + (now - this.#at) * DRIFT;
  }
}

/** A frame that has arrived. Times are in milliseconds. */
export interface Arrival {
  /** By how much it exceeds the least delay; see {@link Baseline.excess}. */
  readonly excess: number;
  /** From opening the lane to its arrival. */
  readonly turnaround: number;
  /** Whether its lane was opened after the previous frame's arrival, so that no frame was before it. */
  readonly wasAlone: boolean;
  /** Interval between two frames of the camera; the newest frame can be as old as that. */
  readonly interval: number;
}

/**
 * Decides which frames are late: those that were on their way during an outage of a link or of the
 * hub. A slow link takes seconds for each frame, which is usual there and not late.
 */
export class LateFrames {
  #recent: number[] = [];
  /** Excess of the last late frame, if a link with less bandwidth would explain it. */
  #slower: number | undefined;

  /** Counts a frame. @returns Whether it is late. */
  add({ excess, turnaround, wasAlone, interval }: Arrival): boolean {
    const slack = MAX_EXCESS + interval;
    const usual = this.#recent.length > 0
      ? VARIATION * Math.min(...this.#recent)
      : Math.min(turnaround, MAX_FIRST_TURNAROUND);
    if (excess <= slack + usual) {
      this.#recent.push(excess);
      if (this.#recent.length > RECENT_FRAMES) this.#recent.shift();
      this.#slower = undefined;
      return false;
    }
    // It was captured before its lane was open, or has waited for the frames before it.
    if (!wasAlone || excess > turnaround + slack) return true;
    const before = this.#slower;
    this.#slower = excess;
    if (before === undefined) return true;
    if (Math.abs(excess - before) > AGREEMENT * Math.max(excess, before)) return true;
    // Two transfers in a row that took the same time: the link has less bandwidth now.
    this.#recent = [Math.min(excess, before)];
    this.#slower = undefined;
    return false;
  }
}
