import type { Clock } from "../clock.ts";
import {
  type Playhead,
  type RecordedSound,
  type RecordedSoundSource,
  soundEnd,
  soundFrom,
  Wait,
} from "../playback/mod.ts";

/** How long before its time sound is sent, in milliseconds, so that a client can schedule it. */
const LEAD = 200;
/** Interval at which sound is looked for where there is none, in milliseconds. */
const POLL = 100;
/** Overlap of sound that is no more than an inexact time, in milliseconds. */
const INEXACT = 10;

/** Options of a {@link ReplaySound}. */
export interface ReplaySoundOptions {
  openSource: () => RecordedSoundSource;
  clock: Clock;
  /** Sends sound, or drops it. */
  send: (sound: RecordedSound) => void;
  /** Called when the recording cannot be read. */
  onError: (error: unknown) => void;
}

/**
 * Sends the recorded sound at a playhead of speed 1, {@link LEAD} ms before its time. Nothing waits
 * for it, and it waits for no acknowledgement.
 */
export class ReplaySound {
  readonly #options: ReplaySoundOptions;
  #playhead: Playhead | undefined;
  #wait: Wait | undefined;

  constructor(options: ReplaySoundOptions) {
    this.#options = options;
  }

  /** Whether sound is being sent. */
  get isPlaying(): boolean {
    return this.#playhead !== undefined;
  }

  /** Plays along a playhead from now on; undefined: ends. */
  follow(playhead: Playhead | undefined): void {
    if (playhead === this.#playhead) return;
    this.#playhead = playhead;
    this.#wait?.wake();
    this.#wait = undefined;
    if (playhead) void this.#run(playhead);
  }

  async #run(playhead: Playhead): Promise<void> {
    const { openSource, clock, send, onError } = this.#options;
    const wait = this.#wait = new Wait(clock);
    const observer = { wake: () => wait.wake() };
    playhead.observe(observer);
    try {
      await using source = openSource();
      for (let end = -Infinity; this.#wait === wait;) {
        wait.begin();
        const { position } = playhead;
        const from = Math.max(position, end);
        const until = position + LEAD;
        const sound = from < until ? await source.read(from, until) : undefined;
        if (this.#wait !== wait) break;
        if (sound) {
          send(sound.at < from - INEXACT ? soundFrom(sound, from) : sound);
          end = soundEnd(sound);
        } else await wait.until(from < until ? POLL : Math.min(POLL, from - until + 1));
      }
    } catch (error) {
      onError(error);
    } finally {
      playhead.unobserve(observer);
    }
  }
}
