import { LANES } from "./protocol.ts";

/** Number of frames on one lane from which the number of lanes is computed. */
const MEASURED_FRAMES = 4;
/** Number of frames in a row that are all in a queue, after which the lanes are computed anew. */
const QUEUED_FRAMES = 8;
/** Time in a queue from which a frame counts as queued, in milliseconds. */
const QUEUED = 60;
/** Change of the camera's frame interval, as a factor, after which the lanes are computed anew. */
const CHANGED = 1.5;

/** What a frame shows about the link from the origin. Times are in milliseconds. */
export interface LaneSample {
  /** From opening the lane to the frame's arrival. */
  readonly turnaround: number;
  /** From the frame's arrival at the origin to here, plus a constant: the clocks differ. */
  readonly delay: number;
  /** By how much the delay exceeds the least one of a small message; if known. */
  readonly excess?: number;
  /** Round-trip times of this edge and of the origin to the hub, without a queue; if known. */
  readonly roundTrip: number | undefined;
  /** Interval between two frames of the camera; if known. */
  readonly interval: number | undefined;
}

/**
 * Returns the number of lanes that a link needs: on a slow one, where a transfer takes longer than
 * the camera's interval, each further lane only adds a queue; on a long one, it takes as many lanes
 * as there are frames on their way.
 *
 * @param options.turnaround The least one with one lane.
 */
export function lanesFor(
  { turnaround, roundTrip, interval }: { turnaround: number; roundTrip: number; interval: number },
): number {
  const transfer = Math.max(0, turnaround - roundTrip - interval / 2);
  const lanes = transfer >= interval
    ? 1 + Math.round(roundTrip / transfer)
    : Math.max(1, Math.ceil((roundTrip + transfer) / interval)) + 1;
  return Math.min(LANES, lanes);
}

/** Computes the number of lanes from the frames that arrive. */
export class LaneCounter {
  #count = 1;
  #samples: Pick<LaneSample, "turnaround" | "excess">[] = [];
  /** The least delay since the last measurement. */
  #fastest = Infinity;
  #queued = 0;
  #interval = 0;

  /** Current number of lanes. */
  get count(): number {
    return this.#count;
  }

  /** Measures anew, with one lane. */
  reset(): void {
    this.#count = 1;
    this.#samples = [];
    this.#fastest = Infinity;
    this.#queued = 0;
  }

  /** Counts a frame. @returns Whether the round-trip time should be measured now. */
  add({ turnaround, excess, delay, roundTrip, interval }: LaneSample): boolean {
    this.#fastest = Math.min(this.#fastest, delay);
    if (this.#count > 1) return this.#watch(delay - this.#fastest, interval);
    this.#samples.push({ turnaround, excess });
    if (this.#samples.length < MEASURED_FRAMES) return false;
    if (roundTrip !== undefined && interval !== undefined) this.#compute(roundTrip, interval);
    this.#samples = [];
    return this.#count === 1;
  }

  /**
   * Counts a frame that came too late.
   *
   * @param isLeftover Whether its lane was open before the first late frame arrived: frames that
   * were on their way during an outage show nothing about the link.
   */
  addLate(isLeftover: boolean): void {
    if (!isLeftover || this.#queued > 0) this.reset();
  }

  #compute(roundTrip: number, interval: number): void {
    const turnaround = Math.min(...this.#samples.map(({ turnaround }) => turnaround));
    // The minimum of the transfer gives a maximum of the round-trip time: an origin may have measured
    // its part while the hub was frozen.
    const transfer = Math.min(...this.#samples.map(({ excess = 0 }) => excess)) - interval / 2;
    const longest = turnaround - Math.max(0, transfer);
    this.#count = lanesFor({
      turnaround,
      roundTrip: Math.max(0, Math.min(roundTrip, longest)),
      interval,
    });
    this.#interval = interval;
    this.#queued = 0;
  }

  #watch(queue: number, interval = this.#interval): boolean {
    this.#queued = queue > QUEUED ? this.#queued + 1 : 0;
    const isWorse = this.#queued >= Math.max(QUEUED_FRAMES, 2 * this.#count);
    const ratio = interval / this.#interval;
    if (!isWorse && ratio < CHANGED && ratio > 1 / CHANGED) return false;
    this.reset();
    return true;
  }
}
