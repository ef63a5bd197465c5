import {
  type RecordedSound,
  type RecordedSoundSource,
  soundEnd,
} from "../../../lib/playback/mod.ts";

/** Recorded sound of a camera, in memory: clusters of 100 ms, whose samples are all 1. */
export class RecordedMicrophone {
  readonly rate: number;
  readonly sounds: RecordedSound[] = [];
  /** Number of sources that are open. */
  open = 0;
  /** Number of calls of `read`. */
  reads = 0;
  /** Called before each call ends, such as to delay it. */
  delay: () => Promise<void> = () => Promise.resolve();

  constructor(rate = 8_000) {
    this.rate = rate;
  }

  /** Adds sound from a time on, in clusters. @param duration In milliseconds. */
  record(from: number, duration: number): this {
    for (let at = from; at < from + duration; at += 100) {
      const length = Math.round(Math.min(100, from + duration - at) * this.rate / 1000);
      const samples = new Uint8Array(new Int16Array(length).fill(1).buffer);
      this.sounds.push({ at, rate: this.rate, samples });
    }
    return this;
  }

  /** Opens a source. */
  source(): RecordedSoundSource {
    this.open++;
    let isBusy = false;
    return {
      read: async (from, to) => {
        if (isBusy) throw new Error("calls overlap");
        isBusy = true;
        this.reads++;
        await this.delay();
        isBusy = false;
        return this.sounds.find((sound) => soundEnd(sound) > from && sound.at < to);
      },
      [Symbol.asyncDispose]: () => {
        if (isBusy) throw new Error("closed during a call");
        this.open--;
        return Promise.resolve();
      },
    };
  }
}
