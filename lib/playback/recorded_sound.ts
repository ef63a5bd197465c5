import type { Bytes } from "../bytes.ts";

/** Recorded sound, at most 100 ms long. */
export interface RecordedSound {
  /** Time of the first sample, in milliseconds since the Unix epoch, as that of the frames. */
  readonly at: number;
  /** Samples per second. */
  readonly rate: number;
  /** 16-bit samples, little-endian, mono. */
  readonly samples: Bytes;
}

/**
 * One camera's recorded sound, for one reader. Sound that is being recorded is part of it. Calls
 * must not overlap.
 */
export interface RecordedSoundSource extends AsyncDisposable {
  /**
   * Reads the first sound that ends after `from` and begins before `to`, in milliseconds since the
   * Unix epoch.
   *
   * @returns undefined if there is none, or none so far.
   */
  read(from: number, to: number): Promise<RecordedSound | undefined>;
}

/** Size of a sample, in bytes. */
const SAMPLE_SIZE = 2;

/** Returns when recorded sound ends, in milliseconds since the Unix epoch. */
export function soundEnd({ at, rate, samples }: RecordedSound): number {
  return at + samples.length / SAMPLE_SIZE * 1000 / rate;
}

/** Returns sound without what is before a time. */
export function soundFrom(sound: RecordedSound, time: number): RecordedSound {
  const { at, rate, samples } = sound;
  const left = Math.round((time - at) * rate / 1000);
  if (left <= 0) return sound;
  return { at: at + left * 1000 / rate, rate, samples: samples.subarray(left * SAMPLE_SIZE) };
}
