import type { CameraError } from "../lib/errors.ts";
import type { Subscriber } from "../lib/hub/hub.ts";
import { type CameraSound, PACKET_DURATION, type SoundPacket } from "../lib/sound_packet.ts";

/** The sound of a camera, whose packets a test emits by hand. */
export class FakeSound implements CameraSound {
  error: CameraError | undefined;
  retryAfter = 0;
  /** Number of calls of `retryNow`. */
  retries = 0;
  /** Whether the last call skips the delay. */
  skipsDelay = false;
  readonly listeners = new Set<Subscriber<SoundPacket>>();
  /** Number of subscribers that have joined. */
  joined = 0;
  readonly #ready = Promise.withResolvers<void>();
  #sequence = 0;

  constructor(readonly rate = 24_000) {
    this.#ready.promise.catch(() => {}); // reported to those that wait
  }

  join(subscriber: Subscriber<SoundPacket>): void {
    this.joined++;
    this.listeners.add(subscriber);
  }

  leave(subscriber: Subscriber<SoundPacket>): void {
    this.listeners.delete(subscriber);
  }

  retryNow({ skipDelay = false } = {}): void {
    this.retries++;
    this.skipsDelay = skipDelay;
  }

  ready(): Promise<void> {
    return this.#ready.promise;
  }

  /** Makes the sound ready without a packet. */
  start(): void {
    this.#ready.resolve();
  }

  /** Reports a failure to everybody who waits for sound. */
  fail(error: CameraError): void {
    this.error = error;
    this.#ready.reject(error);
  }

  /** Emits a packet in which each sample is `value`. */
  emit(heardAt: number, value = 1): SoundPacket {
    const packet: SoundPacket = {
      samples: samples(this.rate * PACKET_DURATION / 1000, value),
      heardAt,
      sequence: ++this.#sequence,
    };
    this.start();
    for (const listener of this.listeners) listener.offer(packet);
    return packet;
  }

  /** Ends the sound: there will be no more packets. */
  end(): void {
    for (const listener of [...this.listeners]) {
      this.listeners.delete(listener);
      listener.end();
    }
  }
}

function samples(count: number, value: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(count * 2);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < count; i++) view.setInt16(2 * i, value, true);
  return bytes;
}
