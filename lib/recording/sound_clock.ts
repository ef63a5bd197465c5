import type { Frame } from "../frame.ts";
import type { SoundPacket } from "../sound_packet.ts";
import { SAMPLE_SIZE } from "./sound_clusters.ts";

/** Maximum number of frames over which the delay is averaged. */
const AVERAGED = 150;
/** Number of frames at the start whose deviations are limited by {@link STEP} only. */
const FIRST_FRAMES = 15;
/** Limit of a later frame's deviation in the average, in milliseconds. */
const MAX_DEVIATION = 50;
/** Deviation that may be due to a change of the camera's clock, in milliseconds. */
const STEP = 500;
/** Time with only such deviations after which the camera's clock was set, in milliseconds. */
const STEP_DURATION = 2_000;
/** Maximum time by which a stamp may be after the arrival, in milliseconds: `AUDIO_DELAY` can be 2 s. */
const MAX_AHEAD = 2_500;
/**
 * Maximum difference between a packet's stamp and the end of the sound that is no gap, in
 * milliseconds.
 */
const MAX_DRIFT = 40;
/** Share of the difference that each packet corrects: all of it in about a second. */
const CORRECTION = 1 / 50;

/** The place of a packet in the recording. */
export interface SoundPlace {
  /** When its first sample was recorded, on the monotonic clock of `Frame.monotonic`. */
  readonly monotonic: number;
  /** Whether it follows the packet before it without a gap. */
  readonly continues: boolean;
}

/**
 * Gives recorded sound its time. Frames are recorded when they arrive, and packets tell when they
 * were heard, by the clock that stamps the frames: so a packet is recorded as late after it was
 * heard as frames are on average after they were captured. Single late frames do not move it.
 *
 * Sound continues by its number of samples, and follows the stamps slowly; a larger difference is a
 * gap.
 */
export class SoundClock {
  /** Samples per second. */
  rate: number;
  /** Average of `monotonic - capturedAt`; undefined before the first frame. */
  #delay: number | undefined;
  #frames = 0;
  /** Since when all frames have deviated as if the camera's clock had been set. */
  #steppedAt: number | undefined;
  /** Where the sound ends. */
  #end = -Infinity;
  #sequence = 0;

  constructor(rate: number) {
    this.rate = rate;
  }

  /** Where the last packet ends, on the monotonic clock; -Infinity before the first one. */
  get end(): number {
    return this.#end;
  }

  /** Observes a frame: its times of capture and arrival. */
  observe({ capturedAt, monotonic }: Pick<Frame, "capturedAt" | "monotonic">): void {
    const delay = monotonic - capturedAt;
    if (this.#delay === undefined) this.#restart(delay);
    const deviation = delay - this.#delay!;
    if (Math.abs(deviation) < STEP) this.#steppedAt = undefined;
    else if (monotonic - (this.#steppedAt ??= monotonic) > STEP_DURATION) {
      return this.#restart(delay);
    }
    this.#frames = Math.min(this.#frames + 1, AVERAGED);
    const max = this.#frames <= FIRST_FRAMES ? STEP : MAX_DEVIATION;
    this.#delay! += Math.max(-max, Math.min(deviation, max)) / this.#frames;
  }

  /**
   * Returns the place of the next packet; undefined if it cannot be recorded.
   *
   * @param now Its arrival on the monotonic clock, in milliseconds.
   */
  place({ samples, heardAt, sequence }: SoundPacket, now: number): SoundPlace | undefined {
    if (this.#delay === undefined || sequence === this.#sequence) return undefined;
    const stamp = heardAt + this.#delay;
    const duration = samples.length / SAMPLE_SIZE / this.rate * 1000;
    const isNext = sequence === this.#sequence + 1;
    const drift = stamp - this.#end;
    this.#sequence = sequence;
    if (stamp > now + MAX_AHEAD) return undefined; // the camera's clock was set
    if (drift < -MAX_DRIFT) return undefined; // until the stamps are behind what is recorded
    const continues = isNext && drift <= MAX_DRIFT;
    const monotonic = continues ? this.#end + drift * CORRECTION : Math.max(stamp, this.#end);
    this.#end = monotonic + duration;
    return { monotonic, continues };
  }

  #restart(delay: number): void {
    this.#delay = delay;
    this.#frames = 0;
    this.#steppedAt = undefined;
    this.#end = -Infinity;
  }
}
