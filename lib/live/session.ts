import type { Clock } from "../clock.ts";
import type { Bytes } from "../bytes.ts";
import { frameMessage, MAX_MESSAGE, PROTOCOL_VERSION, readClientMessage } from "./message.ts";
import { type FeedCamera, LiveFeed } from "./feed.ts";

/**
 * Close codes of the WebSocket (RFC 6455, section 7.4, and its registry; 4000 and above are for
 * private use).
 */
export const CLOSE = {
  GOING_AWAY: 1001,
  UNSUPPORTED: 1003,
  POLICY: 1008,
  TOO_BIG: 1009,
  TRY_LATER: 1013,
  /** The client uses another version of the protocol. */
  OUTDATED: 4000,
} as const;

/** Maximum size of the replies that are buffered for a client, besides its frames, in bytes. */
const MAX_BUFFERED_REPLIES = 262_144;

/** The part of a WebSocket that a session needs. */
export interface LiveSocket {
  /** Number of bytes sent that have not left this process yet. */
  readonly bufferedAmount: number;
  send(message: string | Bytes): void;
  close(code: number, reason: string): void;
}

/** How clients reach the server. The page shows it for other programs and devices. */
export interface ServerInfo {
  /** Base URLs, such as `http://192.168.1.20:8000`. */
  readonly addresses: readonly string[];
  /** Whether the server requires a password. */
  readonly auth: boolean;
  /** Where clients can connect from. */
  readonly reachable: "this machine" | "network";
}

/** Options of a {@link LiveSession}. */
export interface LiveSessionOptions {
  socket: LiveSocket;
  /** All cameras of the server. Messages refer to a camera by its index in this list. */
  cameras: readonly FeedCamera[];
  /** Returns the status of each camera, in the order of `cameras`, as it is sent to clients. */
  status: () => unknown;
  /** Returns how clients reach the server, for `hello`. */
  server?: () => ServerInfo;
  clock: Clock;
}

/**
 * One client's session over a WebSocket: sends frames of the cameras that the client watches, each
 * after the previous frame was acknowledged, and replies to pings. A session has no timer: it only
 * reacts.
 *
 *     client  GET /live?version=2&watch=front,back
 *     server  {"type":"hello","version":2,"now":…,"cameras":[…],"server":{…}}
 *             a frame (see `frameMessage`)
 *     client  {"type":"painted","camera":0,"sequence":17}
 *     server  the next frame
 *     client  {"type":"watch","cameras":["front"]}
 *             {"type":"watch","cameras":["front"],"retry":true}  the user requests a retry
 *             {"type":"ping","id":1}
 *     server  {"type":"pong","id":1,"now":…,"cameras":[…]}
 *
 * Text messages are JSON. A binary message begins with four bytes: its kind (uint8; 1 is a frame),
 * a reserved byte, and the index of the camera (uint16). New kinds of binary messages and new types
 * of text messages need no new version: **a client ignores kinds and types that it does not know.**
 *
 * `version` changes when an existing message does. The server closes the socket of a client that
 * names another version, and of a page that names no version, with code 4000. A client that gets a
 * `hello` with another version reads nothing more and asks its user to reload the page. `type` and
 * `version` of `hello` stay in all versions.
 *
 * `now` is the server's time in milliseconds since the Unix epoch: from it the client computes the
 * offset of the client's clock, and with that the age of a frame. `cameras` is the same as in
 * `GET /cameras`.
 * `server` is a {@link ServerInfo}, or missing.
 */
export class LiveSession {
  readonly #socket: LiveSocket;
  readonly #cameras: readonly FeedCamera[];
  readonly #status: () => unknown;
  readonly #server: (() => ServerInfo) | undefined;
  readonly #clock: Clock;
  readonly #feeds: readonly LiveFeed[];
  #ended = false;

  constructor({ socket, cameras, status, server, clock }: LiveSessionOptions) {
    this.#socket = socket;
    this.#cameras = cameras;
    this.#status = status;
    this.#server = server;
    this.#clock = clock;
    this.#feeds = cameras.map((camera, index) =>
      new LiveFeed({
        camera,
        send: (frame) => this.#send(frameMessage(frame, index)),
        onEnd: () => this.close(CLOSE.GOING_AWAY, "The server is shutting down"),
      })
    );
  }

  /** Number of frames sent. */
  get sent(): number {
    return this.#feeds.reduce((sum, feed) => sum + feed.sent, 0);
  }

  /** Number of frames that the client was too slow to receive. */
  get dropped(): number {
    return this.#feeds.reduce((sum, feed) => sum + feed.dropped, 0);
  }

  /** Starts the session: sends `hello` with the list of cameras, then the latest frames. */
  start(watch: Iterable<string>): void {
    this.#sendStatus({ type: "hello", version: PROTOCOL_VERSION, server: this.#server?.() });
    this.watch(watch);
  }

  /**
   * Watches these cameras and leaves all others. Ignores unknown names.
   *
   * @param retry Whether to retry failed cameras without the usual delay.
   */
  watch(names: Iterable<string>, retry = false): void {
    const wanted = new Set(names);
    for (const [index, feed] of this.#feeds.entries()) {
      if (this.#ended) return; // joining a closed camera ends the session
      if (wanted.has(this.#cameras[index]!.name)) feed.join(retry);
      else feed.leave();
    }
  }

  /** Handles a message from the client. A malformed message ends the session. */
  receive(message: unknown): void {
    if (this.#ended) return;
    if (typeof message !== "string") return this.close(CLOSE.UNSUPPORTED, "Messages must be text");
    if (message.length > MAX_MESSAGE) return this.close(CLOSE.TOO_BIG, "Message too long");
    const read = readClientMessage(message);
    if (!read) return this.close(CLOSE.POLICY, "Malformed message");
    if (this.#isFlooded()) {
      return this.close(CLOSE.POLICY, "The client sends messages but does not read");
    }
    if (read.type === "watch") this.watch(read.cameras, read.retry);
    else if (read.type === "painted") this.#feeds[read.camera]?.acknowledge(read.sequence);
    else this.#sendStatus({ type: "pong", id: read.id });
  }

  /** Ends the session and closes the socket. */
  close(code: number, reason: string): void {
    if (this.#ended) return;
    this.end();
    this.#socket.close(code, reason);
  }

  /** Ends the session after its socket has closed: leaves all cameras. */
  end(): void {
    this.#ended = true;
    for (const feed of this.#feeds) feed.leave();
  }

  #sendStatus(
    message: { type: "hello"; version: number; server?: ServerInfo } | { type: "pong"; id: number },
  ): void {
    const status = { ...message, now: this.#clock.now(), cameras: this.#status() };
    this.#send(JSON.stringify(status));
  }

  /** Sends a message. @returns Its size: exact in bytes for a frame, in characters for text. */
  #send(message: string | Bytes): number {
    if (!this.#ended) this.#socket.send(message);
    return message.length;
  }

  /**
   * Whether more bytes are buffered than a correct client can cause: it reads a frame before it
   * acknowledges it. (`bufferedAmount` may still include a frame that was acknowledged already,
   * hence twice the size.)
   */
  #isFlooded(): boolean {
    const frames = this.#feeds.reduce((sum, { size }) => sum + size, 0);
    return this.#socket.bufferedAmount > 2 * frames + MAX_BUFFERED_REPLIES;
  }
}
