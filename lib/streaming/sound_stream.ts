import type { Bytes } from "../bytes.ts";
import type { Subscriber } from "../hub/hub.ts";
import { LatestQueue } from "../hub/latest_queue.ts";
import { PACKET_DURATION, type SoundPacket } from "../sound_packet.ts";
import { ChunkStream } from "./chunk_stream.ts";
import type { ListenerStream } from "./keep_alive.ts";
import type { SoundEncoder } from "./sound_format.ts";

/** Packets that wait for a slow listener: 200 ms, with the one that it is receiving. */
export const MAX_WAITING_PACKETS = 200 / PACKET_DURATION - 1;

/** Options of a {@link SoundStream}. */
export interface SoundStreamOptions {
  encoder: SoundEncoder;
  /** Returns the monotonic time, in milliseconds. */
  now: () => number;
  /** Called for each packet that the client was too slow to receive. */
  onDropped: () => void;
  /** Called once, when the client has disconnected or there is no more sound. */
  onEnd: () => void;
}

/**
 * The response body for one listener. Packets wait for a slow client; when 200 ms wait, the oldest
 * packet is dropped.
 */
export class SoundStream implements Subscriber<SoundPacket>, ListenerStream {
  readonly role = "viewer";
  /** Number of packets sent. */
  sent = 0;
  lastSentAt = 0;

  readonly #encoder: SoundEncoder;
  readonly #now: () => number;
  readonly #queue: LatestQueue<SoundPacket>;
  readonly #chunks: ChunkStream;

  constructor({ encoder, now, onDropped, onEnd }: SoundStreamOptions) {
    this.#encoder = encoder;
    this.#now = now;
    this.#queue = new LatestQueue({ depth: MAX_WAITING_PACKETS, onDropped });
    this.#chunks = new ChunkStream({ onReady: () => this.#sendNext(), onEnd });
  }

  /** The body, for a `Response`. */
  get body(): ReadableStream<Bytes> {
    return this.#chunks.body;
  }

  /** Number of packets that the client was too slow to receive. */
  get dropped(): number {
    return this.#queue.dropped;
  }

  /** Why the server disconnected the client; undefined if it did not. */
  get endReason(): string | undefined {
    return this.#chunks.endReason;
  }

  /** Called for each packet. */
  offer(packet: SoundPacket): void {
    if (this.#chunks.isEnded) return;
    this.#queue.offer(packet);
    if (this.#chunks.isReady) this.#sendNext();
  }

  /** Sends a little silence, so that the client does not disconnect. @param now Monotonic time. */
  keepAlive(now: number): void {
    this.lastSentAt = now;
    const { keepAlive } = this.#encoder;
    // Before the first packet the client has no head yet.
    if (keepAlive && this.sent > 0 && this.#chunks.isReady) this.#chunks.send(keepAlive);
  }

  blockedFor(now: number): number | undefined {
    return this.#chunks.blockedFor(now);
  }

  disconnect(reason: string): void {
    this.#chunks.end(reason);
  }

  /** Called when there will be no more sound. */
  end(): void {
    this.#chunks.end();
  }

  #sendNext(): void {
    const packet = this.#queue.take();
    if (!packet) return;
    const chunks = this.#encoder.encode(packet);
    if (!chunks) return this.disconnect("the clock was set");
    this.sent++;
    this.lastSentAt = this.#now();
    this.#chunks.send(...chunks);
  }
}
