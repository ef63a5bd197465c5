import type { Bytes } from "../bytes.ts";
import type { Transfers } from "./transfers.ts";

/** Maximum size of the replies that are buffered for a client, besides its frames, in bytes. */
const MAX_BUFFERED_REPLIES = 262_144;

/**
 * How much sound may wait for a slow client, in milliseconds; what comes then is dropped. It may wait
 * for as long as {@link WAITING_FRAMES} frames take, within these limits.
 */
const MIN_WAITING_SOUND = 200;
const MAX_WAITING_SOUND = 1_000;
/** Twice the time of a frame, as sound still leaves when the next one is sent. */
const WAITING_FRAMES = 2;

/** The part of a WebSocket that an {@link Outbox} needs. */
export interface OutboxSocket {
  /** Number of bytes sent that have not left this process yet. */
  readonly bufferedAmount: number;
  send(message: string | Bytes): void;
}

/** Options of an {@link Outbox}. */
export interface OutboxOptions {
  socket: OutboxSocket;
  transfers: Transfers;
  /** Returns the size of the last frames of all cameras of the client, in bytes. */
  frames: () => number;
  /** Returns the rate of the sound that the client receives, in bytes per second. */
  soundRate: () => number;
}

/** Sends the messages of a session, and limits how many bytes wait for the client. */
export class Outbox {
  readonly #options: OutboxOptions;
  readonly #socket: OutboxSocket;
  /** Number of bytes sent. */
  #sentBytes = 0;
  /** Size of the last message with the cameras' status, in characters. */
  #statusSize = 0;
  /** The last frame message of each camera, while it waits: its size, {@link #sentBytes} after it. */
  readonly #lastFrames = new Map<number, { size: number; end: number }>();
  #ended = false;

  constructor(options: OutboxOptions) {
    this.#options = options;
    this.#socket = options.socket;
  }

  /** Sends nothing from now on. */
  end(): void {
    this.#ended = true;
  }

  /** Sends a message. @returns Its size: exact in bytes for a frame, in characters for text. */
  send(message: string | Bytes): number {
    if (!this.#ended) this.#socket.send(message);
    this.#sentBytes += message.length;
    return message.length;
  }

  /** Sends the status of the cameras. */
  sendStatus(message: string): void {
    this.#statusSize = this.send(message);
  }

  /** Sends a frame of a camera. @returns The size of the message, in bytes. */
  sendFrame(message: Bytes, index: number): number {
    const size = this.send(message);
    this.#lastFrames.set(index, { size, end: this.#sentBytes });
    return size;
  }

  /** Whether the last frame message of a camera has left this process. */
  hasLeft(index: number): boolean {
    const last = this.#lastFrames.get(index);
    return !last || last.end <= this.#sentBytes - this.#socket.bufferedAmount;
  }

  /** Sends sound, unless too much is waiting for the client. @returns Whether it was sent. */
  sendSound(message: Bytes): boolean {
    const { bufferedAmount } = this.#socket;
    if (bufferedAmount > this.#waitingFrames() + this.#maxWaitingSound()) return false;
    this.send(message);
    return true;
  }

  /**
   * Whether too much is waiting for the client to send it another list of cameras: more than the
   * frames of its cameras and one list.
   */
  get isFull(): boolean {
    return this.#socket.bufferedAmount > this.#maxBuffered();
  }

  /**
   * Whether more bytes are buffered than a correct client can cause: it reads a frame before it
   * acknowledges it, and sound is limited. The frames of cameras that have disappeared may still
   * be waiting, as well as two more lists.
   *
   * @param isListed Whether a camera is in the list, by its index.
   */
  isFlooded(isListed: (index: number) => boolean): boolean {
    const max = this.#maxBuffered() + 2 * this.#statusSize + MAX_BUFFERED_REPLIES;
    return this.#socket.bufferedAmount > max + this.#waitingFrames((index) => !isListed(index));
  }

  /** Returns the size of the frames that have not left this process completely. */
  #waitingFrames(isCounted: (index: number) => boolean = () => true): number {
    const left = this.#sentBytes - this.#socket.bufferedAmount;
    let waiting = 0;
    for (const [index, { size, end }] of this.#lastFrames) {
      if (end <= left) this.#lastFrames.delete(index);
      else if (isCounted(index)) waiting += size;
    }
    return waiting;
  }

  /** Returns how much sound may wait for the client, in bytes. */
  #maxWaitingSound(): number {
    const { transfers: { inFlight, typical }, soundRate } = this.#options;
    const wanted = inFlight ? WAITING_FRAMES * typical : 0;
    const ms = Math.max(MIN_WAITING_SOUND, Math.min(wanted, MAX_WAITING_SOUND));
    return soundRate() * ms / 1000;
  }

  /** `bufferedAmount` may still include a frame that was acknowledged already: hence twice the size. */
  #maxBuffered(): number {
    return 2 * this.#options.frames() + this.#maxWaitingSound() + this.#statusSize;
  }
}
