/** Samples per second of the beeps. */
export const RATE = 48_000;

/** Duration of a beep, in milliseconds. */
const DURATION = 60;
const AMPLITUDE = 12_000;
/** A sample above this belongs to a beep. */
const THRESHOLD = 1_500;
/** Silence before a beep, in seconds. */
const SILENCE = 0.3;
/** How long the pitch is measured, in seconds. */
const PITCH_TIME = 0.04;

/** Number of pitches, which tell the seconds apart; the lowest pitch, and the step, in hertz. */
const PITCHES = { count: 8, lowest: 600, step: 200 };

/**
 * Returns the sample at a time in milliseconds since the Unix epoch. A beep begins at each whole
 * second; its pitch tells which of eight seconds it is.
 */
export function sampleAt(time: number): number {
  const elapsed = time % 1_000;
  if (elapsed >= DURATION) return 0;
  const { count, lowest, step } = PITCHES;
  const pitch = lowest + step * (Math.floor(time / 1_000) % count);
  return AMPLITUDE * Math.sin(2 * Math.PI * pitch * elapsed / 1_000);
}
/** How far a pitch may be from one of these, in steps. */
const MAX_DEVIATION = 0.2;

/** A beep that was heard. */
export interface Beep {
  /** When it began, in milliseconds since the Unix epoch. */
  readonly time: number;
  /** In hertz. */
  readonly pitch: number;
}

/** Returns how long ago a beep was played when it was heard, in milliseconds: -500 to 7500. */
export function ageOf({ time, pitch }: Beep): number {
  const { count, lowest, step } = PITCHES;
  const played = Math.round((pitch - lowest) / step);
  const heard = Math.floor((time + 500) / 1_000);
  const seconds = ((heard - played) % count + count) % count;
  return seconds * 1_000 + (time + 500) % 1_000 - 500;
}

/** Finds where beeps begin in a stream of samples. */
export class BeepDetector {
  readonly #rate: number;
  readonly #onBeep: (beep: Beep) => void;
  /** Number of samples since the last loud one. */
  #silent = 0;
  /** The beep whose pitch is being measured. */
  #current: Measured | undefined;

  /** @param rate Samples per second. */
  constructor(rate: number, onBeep: (beep: Beep) => void) {
    this.#rate = rate;
    this.#onBeep = onBeep;
  }

  /** @param time Time of the first sample, in milliseconds since the Unix epoch. */
  add(samples: Int16Array, time: number): void {
    for (let i = 0; i < samples.length; i++) {
      const sample = samples[i]!;
      if (Math.abs(sample) > THRESHOLD) {
        if (this.#silent > SILENCE * this.#rate) {
          const begun = time + i / this.#rate * 1_000;
          this.#current = { time: begun, age: 0, crossings: 0, sign: Math.sign(sample) };
        }
        this.#silent = 0;
      } else this.#silent++;
      if (this.#current) this.#measure(this.#current, sample);
    }
  }

  #measure(beep: Measured, sample: number): void {
    if (sample * beep.sign < 0) {
      beep.crossings++;
      beep.sign = -beep.sign;
    }
    if (++beep.age < PITCH_TIME * this.#rate) return;
    this.#current = undefined;
    const pitch = beep.crossings / 2 / PITCH_TIME;
    const steps = (pitch - PITCHES.lowest) / PITCHES.step;
    // A beep with a gap has another pitch, and may be taken for that of another second.
    if (Math.abs(steps - Math.round(steps)) > MAX_DEVIATION) return;
    this.#onBeep({ time: beep.time, pitch });
  }
}

/** A beep whose pitch is being measured. */
interface Measured {
  readonly time: number;
  /** Number of samples since its begin. */
  age: number;
  /** Number of zero crossings. */
  crossings: number;
  /** Sign of the last half wave. */
  sign: number;
}
