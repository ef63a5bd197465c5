import type { Clock } from "../clock.ts";
import type { Bytes } from "../bytes.ts";
import { frameMessage, MAX_MESSAGE, readClientMessage } from "./message.ts";
import { type FeedCamera, LiveFeed } from "./feed.ts";

/** Why a socket is closed (RFC 6455, 7.4.1, and its registry). */
export const CLOSE = {
  GOING_AWAY: 1001,
  UNSUPPORTED: 1003,
  POLICY: 1008,
  TOO_BIG: 1009,
  TRY_LATER: 1013,
} as const;

/** So many bytes of answers may wait for a client besides its frames. */
const MAX_BUFFERED_REPLIES = 262_144;

/** What a session needs of a WebSocket. */
export interface LiveSocket {
  /** Bytes that were sent and have not left this process. */
  readonly bufferedAmount: number;
  send(message: string | Bytes): void;
  close(code: number, reason: string): void;
}

/** Options of a {@link LiveSession}. */
export interface LiveSessionOptions {
  socket: LiveSocket;
  /** All that there are; messages name them by their place in this list. */
  cameras: readonly FeedCamera[];
  /** What a client is told of the cameras: for each its state, in the order of `cameras`. */
  status: () => unknown;
  clock: Clock;
}

/**
 * One client's conversation over a WebSocket: frames of the cameras that it watches, each sent when the one
 * before was acknowledged, and answers to its pings. It does nothing by itself: no timer, no queue.
 *
 *     server  {"type":"hello","now":…,"cameras":[…]}
 *             a frame (see `frameMessage`)
 *     client  {"type":"painted","camera":0,"sequence":17}
 *     server  the next frame
 *     client  {"type":"watch","cameras":["front"]}
 *             {"type":"ping","id":1}
 *     server  {"type":"pong","id":1,"now":…,"cameras":[…]}
 *
 * `now` is the server's time in milliseconds since the Unix epoch: with it the client learns how far its
 * own clock is off, and so how old a frame is. `cameras` is what `GET /cameras` says.
 */
export class LiveSession {
  readonly #socket: LiveSocket;
  readonly #cameras: readonly FeedCamera[];
  readonly #status: () => unknown;
  readonly #clock: Clock;
  readonly #feeds: readonly LiveFeed[];
  #ended = false;

  constructor({ socket, cameras, status, clock }: LiveSessionOptions) {
    this.#socket = socket;
    this.#cameras = cameras;
    this.#status = status;
    this.#clock = clock;
    this.#feeds = cameras.map((camera, index) =>
      new LiveFeed({
        camera,
        send: (frame) => this.#send(frameMessage(frame, index)),
        onEnd: () => this.close(CLOSE.GOING_AWAY, "The server is shutting down"),
      })
    );
  }

  /** Frames that were sent. */
  get sent(): number {
    return this.#feeds.reduce((sum, seat) => sum + seat.sent, 0);
  }

  /** Frames that the client was too slow to get. */
  get dropped(): number {
    return this.#feeds.reduce((sum, seat) => sum + seat.dropped, 0);
  }

  /** Begins the conversation: the client learns which cameras there are, then gets the newest frames. */
  start(watch: Iterable<string>): void {
    this.#sendStatus({ type: "hello" });
    this.watch(watch);
  }

  /** Shows these cameras and no others. Names of no camera are passed over. */
  watch(names: Iterable<string>): void {
    const wanted = new Set(names);
    for (const [index, seat] of this.#feeds.entries()) {
      if (this.#ended) return; // a camera that has closed for good ends the session
      if (wanted.has(this.#cameras[index]!.name)) seat.join();
      else seat.leave();
    }
  }

  /** Takes a message from the client. One that makes no sense ends the conversation. */
  receive(message: unknown): void {
    if (this.#ended) return;
    if (typeof message !== "string") return this.close(CLOSE.UNSUPPORTED, "Messages must be text");
    if (message.length > MAX_MESSAGE) return this.close(CLOSE.TOO_BIG, "The message is too long");
    const read = readClientMessage(message);
    if (!read) return this.close(CLOSE.POLICY, "Cannot read the message");
    if (this.#isFlooded()) return this.close(CLOSE.POLICY, "Messages are sent but none are read");
    if (read.type === "watch") this.watch(read.cameras);
    else if (read.type === "painted") this.#feeds[read.camera]?.acknowledge(read.sequence);
    else this.#sendStatus({ type: "pong", id: read.id });
  }

  /** Ends the conversation. */
  close(code: number, reason: string): void {
    if (this.#ended) return;
    this.end();
    this.#socket.close(code, reason);
  }

  /** The socket has closed: leaves all cameras. */
  end(): void {
    this.#ended = true;
    for (const seat of this.#feeds) seat.leave();
  }

  #sendStatus(message: { type: "hello" } | { type: "pong"; id: number }): void {
    const news = { ...message, now: this.#clock.now(), cameras: this.#status() };
    this.#send(JSON.stringify(news));
  }

  /** @returns The message's size in bytes, or about so. */
  #send(message: string | Bytes): number {
    if (!this.#ended) this.#socket.send(message);
    return message.length;
  }

  /**
   * Whether more waits than can wait for an honest client, which reads a frame before it acknowledges it.
   * (A frame may still be counted as waiting when its acknowledgement is there.)
   */
  #isFlooded(): boolean {
    const frames = this.#feeds.reduce((sum, { size }) => sum + size, 0);
    return this.#socket.bufferedAmount > 2 * frames + MAX_BUFFERED_REPLIES;
  }
}
