import { CameraError } from "../errors.ts";

/** Time after the first samples that does not count, in milliseconds: they arrive in a burst. */
const SKIPPED = 1_000;
/** Duration of a measurement, in milliseconds. */
const MEASURED = 4_000;
/** Deviation that is more than that of a sound card's clock: 44100 instead of 48000 is 8 %. */
const MAX_DEVIATION = 0.05;
/** Difference between measurements of the same rate. With lost samples they differ by more. */
const MAX_DIFFERENCE = 0.03;
/** Number of measurements that must agree on a rate that is too high or too low. */
const ENOUGH = { high: 2, low: 3 };
/** Rates that programs print. */
const COMMON_RATES = [
  8_000,
  11_025,
  12_000,
  16_000,
  22_050,
  24_000,
  32_000,
  44_100,
  48_000,
  96_000,
];

/**
 * Measures the rate of samples that have no header, so that sound of a wrong rate, with two channels
 * or with another format is not played as noise.
 */
export class SampleRateCheck {
  readonly #rate: number;
  #since: number | undefined;
  #samples = 0;
  /** The last measurements that agree on a wrong rate, as shares of the right one. */
  #wrong: number[] = [];

  /** @param rate Expected samples per second. */
  constructor(rate: number) {
    this.#rate = rate;
  }

  /**
   * Counts samples that have just arrived.
   *
   * @param now Monotonic time, in milliseconds.
   * @throws {CameraError} If the last measurements agree on another rate.
   */
  add(samples: number, now: number): void {
    this.#since ??= now + SKIPPED;
    if (now < this.#since) return;
    this.#samples += samples;
    const elapsed = now - this.#since;
    if (elapsed < MEASURED) return;
    const measured = this.#samples / elapsed * 1_000 / this.#rate;
    this.#since = now;
    this.#samples = 0;
    if (Math.abs(measured - 1) <= MAX_DEVIATION) this.#wrong = [];
    else {
      const isSame = (other: number) => Math.abs(measured / other - 1) < MAX_DIFFERENCE;
      this.#wrong = this.#wrong.every(isSame) ? [...this.#wrong, measured] : [measured];
      const enough = measured > 1 ? ENOUGH.high : ENOUGH.low;
      if (this.#wrong.length === enough) throw this.#failure(measured);
    }
  }

  #failure(measured: number): CameraError {
    const rate = measured * this.#rate;
    const known = COMMON_RATES.find((common) => Math.abs(rate / common - 1) < MAX_DIFFERENCE);
    const format = "print 16-bit samples of one channel";
    return new CameraError(
      `The program prints ${known ?? Math.round(rate)} samples per second instead of ${this.#rate}`,
      {
        hint: known !== undefined && known <= 48_000
          ? `set AUDIO_RATE=${known} if that is its rate; it must ${format}`
          : `it must ${format}`,
        permanent: measured > 1, // a machine that is too slow loses samples
      },
    );
  }
}
