import type { Bytes } from "../bytes.ts";
import type { Clock } from "../clock.ts";
import { CameraError } from "../errors.ts";
import type { Open } from "../hub/source.ts";
import { PACKET_DURATION } from "../sound_packet.ts";
import type { OpenSound, SoundChunk } from "./chunk.ts";
import { SampleClock } from "./sample_clock.ts";

/**
 * Time after the start of a capture whose packets are dropped, in milliseconds: the first samples
 * arrive in a burst, and their times are up to 25 ms late.
 */
const START = 300;
/** Duration after which the samples are counted anew, in milliseconds. */
const COUNTED = 10_000;
/**
 * Maximum duration of samples ahead of real time, in milliseconds. Buffers of a device or a network
 * hold less.
 */
const MAX_AHEAD = 10_000;
/** Maximum difference between two chunks' times that is no gap, in milliseconds. */
const MAX_GAP = 10;

/** A packet of a capture. All cameras with the same microphone share it. */
export interface CapturedPacket {
  /** See `SoundPacket.samples`. */
  readonly samples: Bytes;
  /** When the first sample was heard, by this server's monotonic clock, in milliseconds. */
  readonly monotonic: number;
  /** When it was heard by the clock of {@link SoundChunk.heardAt}, if the source knows it. */
  readonly heardAt: number | undefined;
}

/** Options of {@link toPackets}. */
export interface PacketOptions {
  readonly clock: Clock;
  /** Samples per second. */
  readonly rate: number;
}

/** Returns the number of samples in a packet. */
export function samplesPerPacket(rate: number): number {
  return Math.round(rate * PACKET_DURATION / 1_000);
}

/**
 * Cuts the chunks of a source into packets.
 *
 * The iteration throws a {@link CameraError} if the source does not keep to real time.
 */
export function toPackets(open: OpenSound, { clock, rate }: PacketOptions): Open<CapturedPacket> {
  return async function* (signal) {
    const cutter = new PacketCutter(rate);
    const pace = new Pace(rate);
    let startedAt: number | undefined;
    for await (const chunk of open(signal)) {
      const now = clock.monotonic();
      startedAt ??= now;
      pace.add(chunk.bytes.length / 2, now);
      for (const packet of cutter.push(chunk, now)) {
        if (now - startedAt >= START) yield packet;
      }
    }
  };
}

/** Detects a source that does not wait, such as a program that reads a file. */
class Pace {
  readonly #rate: number;
  #since = -Infinity;
  #samples = 0;

  constructor(rate: number) {
    this.#rate = rate;
  }

  /** Counts samples. @throws {CameraError} If they are much more than a microphone delivers. */
  add(samples: number, now: number): void {
    if (now - this.#since > COUNTED) {
      this.#since = now;
      this.#samples = 0;
    }
    this.#samples += samples;
    const ahead = this.#samples / this.#rate * 1_000 - (now - this.#since);
    if (ahead <= MAX_AHEAD) return;
    throw new CameraError("The sound arrives faster than it can be heard", {
      hint: "AUDIO must be live, at the rate AUDIO_RATE; to play a file by ffmpeg, write -re " +
        "before -i",
    });
  }
}

/** Cuts chunks of samples into packets, and determines when these were heard. */
export class PacketCutter {
  readonly #clock: SampleClock;
  /** Duration of a sample, in milliseconds. */
  readonly #period: number;
  readonly #size: number;
  #packet: Bytes;
  /** Number of bytes in the unfinished packet. It may end within a sample. */
  #filled = 0;
  /** End of the last chunk by {@link SoundChunk.heardAt}. */
  #heardUntil: number | undefined;

  /** @param rate Samples per second. */
  constructor(rate: number) {
    this.#clock = new SampleClock(rate);
    this.#period = 1_000 / rate;
    this.#size = 2 * samplesPerPacket(rate);
    this.#packet = new Uint8Array(this.#size);
  }

  /**
   * Adds a chunk, and returns the packets that it completes. Copies the chunk.
   *
   * @param now Time of its arrival, by the monotonic clock.
   */
  push({ bytes, heardAt }: SoundChunk, now: number): CapturedPacket[] {
    this.#dropAtGap(heardAt);
    const samples = (this.#filled % 2 + bytes.length) >> 1;
    const monotonic = this.#clock.arrive(samples, now);
    if (heardAt !== undefined) this.#heardUntil = heardAt + samples * this.#period;
    /** Index of the packet's first sample, from that of the chunk. */
    let index = -(this.#filled >> 1);
    const packets: CapturedPacket[] = [];
    for (let at = 0; at < bytes.length;) {
      const part = bytes.subarray(at, at + this.#size - this.#filled);
      this.#packet.set(part, this.#filled);
      this.#filled += part.length;
      at += part.length;
      if (this.#filled < this.#size) break;
      const offset = index * this.#period;
      packets.push({
        samples: this.#packet,
        monotonic: monotonic + offset,
        heardAt: heardAt === undefined ? undefined : heardAt + offset,
      });
      index += this.#size / 2;
      this.#packet = new Uint8Array(this.#size);
      this.#filled = 0;
    }
    return packets;
  }

  /** Drops an unfinished packet whose next samples are missing. */
  #dropAtGap(heardAt: number | undefined): void {
    if (heardAt === undefined || this.#heardUntil === undefined) return;
    if (Math.abs(heardAt - this.#heardUntil) > MAX_GAP) this.#filled = 0;
  }
}
