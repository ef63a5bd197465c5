import type { Clock } from "../clock.ts";
import type { Bytes } from "../frame.ts";
import { frameMessage, MAX_MESSAGE, readClientMessage } from "./message.ts";
import { Seat, type SeatCamera } from "./feed.ts";

/** Why a socket is closed (RFC 6455, 7.4.1, and its registry). */
export const CLOSE = {
  GOING_AWAY: 1001,
  UNSUPPORTED: 1003,
  POLICY: 1008,
  TOO_BIG: 1009,
  TRY_LATER: 1013,
} as const;

/** So many bytes of answers may wait for a client besides its frames. */
const SPARE = 262_144;

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
  cameras: readonly SeatCamera[];
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
  readonly #cameras: readonly SeatCamera[];
  readonly #status: () => unknown;
  readonly #clock: Clock;
  readonly #seats: readonly Seat[];
  #ended = false;

  constructor({ socket, cameras, status, clock }: LiveSessionOptions) {
    this.#socket = socket;
    this.#cameras = cameras;
    this.#status = status;
    this.#clock = clock;
    this.#seats = cameras.map((camera, index) =>
      new Seat({
        camera,
        send: (frame) => this.#send(frameMessage(frame, index)),
        onEnd: () => this.close(CLOSE.GOING_AWAY, "The server is shutting down"),
      })
    );
  }

  /** Frames that were sent. */
  get sent(): number {
    return this.#seats.reduce((sum, seat) => sum + seat.sent, 0);
  }

  /** Frames that the client was too slow to get. */
  get dropped(): number {
    return this.#seats.reduce((sum, seat) => sum + seat.dropped, 0);
  }

  /** Begins the conversation: the client learns which cameras there are, then gets the newest frames. */
  greet(watch: Iterable<string>): void {
    this.#tell({ type: "hello" });
    this.watch(watch);
  }

  /** Shows these cameras and no others. Names of no camera are passed over. */
  watch(names: Iterable<string>): void {
    const wanted = new Set(names);
    for (const [index, seat] of this.#seats.entries()) {
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
    if (this.#isPiledUp()) return this.close(CLOSE.POLICY, "Messages are sent but none are read");
    if (read.type === "watch") this.watch(read.cameras);
    else if (read.type === "painted") this.#seats[read.camera]?.painted(read.sequence);
    else this.#tell({ type: "pong", id: read.id });
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
    for (const seat of this.#seats) seat.leave();
  }

  #tell(message: { type: "hello" } | { type: "pong"; id: number }): void {
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
  #isPiledUp(): boolean {
    const frames = this.#seats.reduce((sum, { size }) => sum + size, 0);
    return this.#socket.bufferedAmount > 2 * frames + SPARE;
  }
}
