import { LANES } from "./protocol.ts";

/** Number of turns with one lane from which the number of lanes is computed. */
const MEASURED_TURNS = 4;
/** Number of frames in a row that are all in a queue, after which the lanes are computed anew. */
const QUEUED_FRAMES = 8;
/** Time in a queue from which a frame counts as queued, in milliseconds. */
const QUEUED = 60;
/** Change of the camera's frame interval, as a factor, after which the lanes are computed anew. */
const CHANGED = 1.5;

/** What one frame on its lane says about the way from the origin. Times are in milliseconds. */
export interface Turn {
  /** From opening the lane to the frame's arrival. */
  readonly turn: number;
  /** From the frame's arrival at the origin to here, plus a constant: the clocks differ. */
  readonly delay: number;
  /** By how much the delay exceeds the least one of a small message; if known. */
  readonly excess?: number;
  /** Round-trip times of this edge and of the origin to the hub, without a queue; if known. */
  readonly way: number | undefined;
  /** Interval between two frames of the camera; if known. */
  readonly interval: number | undefined;
}

/**
 * Returns the number of lanes that a way needs: on a thin link, where a transfer takes longer than
 * the camera's interval, each further lane only adds a queue; on a long one, it takes as many lanes
 * as there are frames on their way.
 *
 * @param options.turn The least turn with one lane.
 */
export function lanesFor(
  { turn, way, interval }: { turn: number; way: number; interval: number },
): number {
  const transfer = Math.max(0, turn - way - interval / 2);
  const lanes = transfer >= interval
    ? 1 + Math.round(way / transfer)
    : Math.max(1, Math.ceil((way + transfer) / interval)) + 1;
  return Math.min(LANES, lanes);
}

/** Computes the number of lanes from the frames that arrive. */
export class LaneCounter {
  #count = 1;
  #turns: Pick<Turn, "turn" | "excess">[] = [];
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
    this.#turns = [];
    this.#fastest = Infinity;
    this.#queued = 0;
  }

  /** Counts a frame. @returns Whether the round-trip time should be measured now. */
  add({ turn, excess, delay, way, interval }: Turn): boolean {
    this.#fastest = Math.min(this.#fastest, delay);
    if (this.#count > 1) return this.#watch(delay - this.#fastest, interval);
    this.#turns.push({ turn, excess });
    if (this.#turns.length < MEASURED_TURNS) return false;
    if (way !== undefined && interval !== undefined) this.#compute(way, interval);
    this.#turns = [];
    return this.#count === 1;
  }

  /**
   * Takes note of a frame that came too late.
   *
   * @param isLeftover Whether its lane was open before the first late frame arrived: frames that
   * were on a link that stood still say nothing about the link.
   */
  addLate(isLeftover: boolean): void {
    if (!isLeftover || this.#queued > 0) this.reset();
  }

  #compute(way: number, interval: number): void {
    const turn = Math.min(...this.#turns.map(({ turn }) => turn));
    // The frames show how long the transfer takes at least, and so how long the way is at most: an
    // origin has measured its part perhaps when the hub stood still.
    const transfer = Math.min(...this.#turns.map(({ excess = 0 }) => excess)) - interval / 2;
    const longest = turn - Math.max(0, transfer);
    this.#count = lanesFor({ turn, way: Math.max(0, Math.min(way, longest)), interval });
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
