import type { Bytes } from "../bytes.ts";
import type { Clock } from "../clock.ts";
import type { Frame } from "../frame.ts";
import type { Subscriber } from "../hub/hub.ts";
import type { OpenSound } from "./chunk.ts";
import { samplesPerPacket } from "./packets.ts";

/** Duration of a beep, in milliseconds: whole periods of each pitch, so that it ends at zero. */
const DURATION = 60;
/** Pitches of the beeps, in Hz. */
const PITCHES = [600, 1_000, 1_400];
const AMPLITUDE = 12_000;
/** Minimum time between the starts of two beeps, in milliseconds: at 30 fps two in a second. */
const MIN_INTERVAL = 480;
/**
 * Time between a moment and the synthesis of its sound, in milliseconds: the frame of the moment
 * may arrive meanwhile.
 */
const LATENCY = 40;
/** Changes of the camera's clock that are followed, in milliseconds: smaller ones are jitter. */
const MAX_CLOCK_ERROR = 30;
/** Maximum time by which the synthesis may be late before it skips some sound, in milliseconds. */
const MAX_DELAY = 1_000;

/** What the beeps need of a camera. */
export interface BeepingCamera {
  join(subscriber: Subscriber<Frame>): void;
  leave(subscriber: Subscriber<Frame>): void;
}

/** Options of {@link openBeeps}. */
export interface BeepOptions {
  readonly camera: BeepingCamera;
  /** Samples per second. */
  readonly rate: number;
  readonly clock: Clock;
}

/**
 * Synthesizes the sound for `AUDIO=test`: a beep that begins exactly at the capture time of a
 * frame, and silence between beeps. The camera runs meanwhile.
 */
export function openBeeps({ camera, rate, clock }: BeepOptions): OpenSound {
  return async function* (signal) {
    const beeps = new Beeps(rate, clock.now() - clock.monotonic());
    const duration = samplesPerPacket(rate) / rate * 1_000;
    const subscriber: Subscriber<Frame> = {
      role: "background",
      offer: (frame) => beeps.add(frame),
      end() {},
    };
    camera.join(subscriber);
    try {
      for (let next = clock.monotonic() + duration; !signal.aborted; next += duration) {
        const late = clock.monotonic() - next;
        if (late > MAX_DELAY) next += late;
        else if (late < 0) await clock.sleep(-late, signal).catch(() => {}); // aborted: the loop ends
        if (!signal.aborted) yield beeps.synthesize(next - duration - LATENCY);
      }
    } finally {
      camera.leave(subscriber);
    }
  };
}

/** The beeps of a camera. */
class Beeps {
  /** Duration of a sample, in milliseconds. */
  readonly #period: number;
  readonly #samples: number;
  /** The camera's clock minus the monotonic clock, in milliseconds. */
  #offset: number;
  #smoothed: number | undefined;
  #beeps: { readonly start: number; readonly pitch: number }[] = [];
  #lastStart = -Infinity;
  #count = 0;

  constructor(rate: number, offset: number) {
    this.#period = 1_000 / rate;
    this.#samples = samplesPerPacket(rate);
    this.#offset = offset;
  }

  /** Adds the beep of a frame, unless the last one was just before. */
  add({ capturedAt, monotonic }: Frame): void {
    this.#follow(capturedAt - monotonic);
    const sinceLast = capturedAt - this.#lastStart;
    if (sinceLast >= 0 && sinceLast < MIN_INTERVAL) return;
    this.#lastStart = capturedAt;
    this.#beeps.push({ start: capturedAt, pitch: PITCHES[this.#count++ % PITCHES.length]! });
  }

  /** Returns the sound of one packet's duration from a time of the monotonic clock. */
  synthesize(monotonic: number): { bytes: Bytes; heardAt: number } {
    const heardAt = monotonic + this.#offset;
    const samples = new DataView(new ArrayBuffer(2 * this.#samples));
    this.#beeps = this.#beeps.filter(({ start }) => {
      const age = heardAt - start;
      return age < DURATION && age > -MAX_DELAY; // not after the camera's clock was set
    });
    for (const { start, pitch } of this.#beeps) {
      for (let i = 0; i < this.#samples; i++) {
        const age = heardAt + i * this.#period - start;
        if (age < 0 || age >= DURATION) continue;
        samples.setInt16(2 * i, AMPLITUDE * Math.sin(2 * Math.PI * pitch * age / 1_000), true);
      }
    }
    return { bytes: new Uint8Array(samples.buffer), heardAt };
  }

  /** Follows the camera's clock, which may be another machine's, or be set. */
  #follow(offset: number): void {
    const isSet = Math.abs(offset - (this.#smoothed ?? Infinity)) > MAX_DELAY;
    this.#smoothed = isSet ? offset : this.#smoothed! + (offset - this.#smoothed!) * 0.1;
    if (Math.abs(this.#smoothed - this.#offset) > MAX_CLOCK_ERROR) this.#offset = this.#smoothed;
  }
}
