import type { Clock } from "../clock.ts";
import type { Bytes } from "../bytes.ts";
import type { CameraSound } from "../sound_packet.ts";
import {
  arrivalTime,
  type FrameSource,
  Playhead,
  type RecordedSoundSource,
  shownUntil,
} from "../playback/mod.ts";
import {
  type ClientMessage,
  frameMessage,
  MAX_MESSAGE,
  PROTOCOL_VERSION,
  readClientMessage,
  recordedFrameMessage,
  recordedSoundMessage,
  soundMessage,
} from "./message.ts";
import { type FeedCamera, LiveFeed } from "./feed.ts";
import { ReplayFeed, type ReplayState } from "./replay_feed.ts";
import { SoundFeed } from "./sound_feed.ts";

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
  /** Opens a camera's recordings; undefined if the server has none. */
  replay?: (camera: string) => FrameSource;
  /** Opens a camera's recorded sound; undefined if the server has no recordings. */
  replaySound?: (camera: string) => RecordedSoundSource;
  /** Called when the recordings of a camera cannot be read. */
  onReplayError?: (camera: string, error: unknown) => void;
  /** Returns a camera's sound; undefined if it has none. */
  sounds?: (camera: string) => CameraSound | undefined;
  /** Called for each packet of sound that the client was too slow to receive. */
  onSoundDropped?: (camera: string) => void;
  clock: Clock;
}

/**
 * One client's session over a WebSocket: sends frames of the cameras that the client watches, each
 * after the previous frame was acknowledged, and replies to pings. Live, a session has no timer: it
 * only reacts. A replay waits until its next frame is due.
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
 * `hello` has `"replay":true` if the server has recordings. Then a client can replay cameras:
 *
 *     client  {"type":"replay","cameras":["front"],"at":1790000000000,"speed":-2,"id":7}
 *     server  {"type":"replay","id":7,"camera":0,"state":"playing","at":…,"speed":-2}
 *             a recorded frame (see `recordedFrameMessage`)
 *     client  {"type":"painted","camera":0,"sequence":1,"recorded":true}
 *     server  the recorded frame at the playhead
 *     client  {"type":"replay","cameras":["front"],"at":null,"speed":1,"id":8}  changes the speed only
 *             {"type":"step","cameras":["front"],"by":-1,"id":9}                one frame back
 *             {"type":"live","cameras":["front"]}                               ends the replay
 *
 * The cameras of a message share one playhead: time = `at` + `speed` × time since then. `speed` is
 * from -60 to 60; 0 shows the frame at that time. A camera is live or replayed; `watch` keeps what it
 * is, and a camera that is not watched is neither. A request replaces one that waits. A step is
 * counted in the frames of the first camera; the others follow.
 *
 * States: `playing` and `paused` (with the time of the frame shown) answer a request. `gap`: nothing
 * was recorded between `from` and `to`; the playhead jumps over it when no camera has frames there,
 * to `at`. `start`: the oldest frame is reached backwards. `live`: playback has caught up, and live
 * frames follow by themselves. `none`: nothing is recorded.
 *
 * A camera with a microphone has a `sound` that is not null in its status. Then a client can listen
 * to it, whether it watches it or not:
 *
 *     client  {"type":"listen","cameras":["front"]}               replaces the cameras before; none: []
 *             {"type":"listen","cameras":["front"],"retry":true}  the user requests a retry
 *     server  a packet of sound every 20 ms (see `soundMessage`)
 *
 * Sound is not acknowledged. Packets are dropped while more than the frames being sent and 200 ms of
 * sound wait for the client: their sequence numbers have a gap. A camera that is replayed has no live
 * sound; it follows with the live frames. At speed 1, after `playing` has answered the latest request,
 * the client gets the recorded sound from the playhead on, 200 ms before its time (see
 * `recordedSoundMessage`), until its next request. When a microphone fails or is closed, the session
 * goes on; the status says why. (A server that does not know `listen` closes the socket, so a client
 * sends it only for a camera with `sound`.)
 *
 * Text messages are JSON. A binary message begins with four bytes: its kind (uint8; 1 is a frame, 2 a
 * recorded frame, 3 is sound, 4 recorded sound), a reserved byte, and the index of the camera
 * (uint16). New kinds of binary messages and new types of text messages need no new version: **a
 * client ignores kinds and types that it does not know.**
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
  /** Undefined without recordings. */
  readonly #replays: readonly ReplayFeed[] | undefined;
  /** Undefined for a camera without sound. */
  readonly #sounds: readonly (SoundFeed | undefined)[];
  /** Names of the cameras that the client listens to. */
  #listening: ReadonlySet<string> = new Set();
  /** Number of bytes sent. */
  #sentBytes = 0;
  /** The last frame message of each camera: its size, and {@link #sentBytes} after it. */
  readonly #lastFrames: { size: number; end: number }[] = [];
  #ended = false;

  constructor(options: LiveSessionOptions) {
    const { socket, cameras, status, server, replay, clock } = options;
    this.#socket = socket;
    this.#cameras = cameras;
    this.#status = status;
    this.#server = server;
    this.#clock = clock;
    this.#feeds = cameras.map((camera, index) =>
      new LiveFeed({
        camera,
        send: (frame) => this.#sendFrame(frameMessage(frame, index), index),
        onEnd: () => this.close(CLOSE.GOING_AWAY, "The server is shutting down"),
      })
    );
    this.#replays = replay && cameras.map((camera, index) => {
      const { name } = camera;
      return new ReplayFeed({
        openSource: () => replay(name),
        clock,
        liveEdge: () => camera.latest && arrivalTime(camera.latest, clock),
        send: (image) => this.#sendFrame(recordedFrameMessage(image, index), index),
        openSound: options.replaySound && (() => options.replaySound!(name)),
        sendSound: (sound) => void this.#sendSound(recordedSoundMessage(sound, index)),
        report: (state, id) => this.#report(index, state, id),
        onLive: (shown) => {
          this.#feeds[index]!.join(false, shownUntil(camera.latest, shown, clock));
          this.#updateListening();
        },
        onError: (error) => options.onReplayError?.(name, error),
      });
    });
    this.#sounds = cameras.map(({ name }, index) => {
      const sound = options.sounds?.(name);
      return sound && new SoundFeed({
        sound,
        send: (packet) => this.#sendSound(soundMessage(packet, index)),
        onDropped: () => options.onSoundDropped?.(name),
      });
    });
  }

  /** Number of frames sent. */
  get sent(): number {
    return this.#allFeeds().reduce((sum, feed) => sum + feed.sent, 0);
  }

  /** Number of frames that the client was too slow to receive. */
  get dropped(): number {
    return this.#feeds.reduce((sum, feed) => sum + feed.dropped, 0);
  }

  /** Starts the session: sends `hello` with the list of cameras, then the latest frames. */
  start(watch: Iterable<string>): void {
    this.#sendStatus({
      type: "hello",
      version: PROTOCOL_VERSION,
      server: this.#server?.(),
      replay: this.#replays && true,
    });
    this.watch(watch);
  }

  /**
   * Watches these cameras and leaves all others. Those that are being replayed are replayed on.
   * Ignores unknown names.
   *
   * @param retry Whether to retry failed cameras without the usual delay.
   */
  watch(names: Iterable<string>, retry = false): void {
    const wanted = new Set(names);
    for (const [index, feed] of this.#feeds.entries()) {
      if (this.#ended) return; // joining a closed camera ends the session
      const replay = this.#replays?.[index];
      if (!wanted.has(this.#cameras[index]!.name)) {
        feed.leave();
        replay?.stop();
      } else if (!replay?.playhead) feed.join(retry);
    }
    this.#updateListening();
  }

  /**
   * Listens to these cameras, whether they are watched or not, and to no others. Ignores unknown
   * names and cameras without sound.
   *
   * @param retry Whether to retry failed microphones without the usual delay.
   */
  listen(names: Iterable<string>, retry = false): void {
    this.#listening = new Set(names);
    this.#updateListening(retry);
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
    switch (read.type) {
      case "watch":
        return this.watch(read.cameras, read.retry);
      case "listen":
        return this.listen(read.cameras, read.retry);
      case "painted": {
        const feeds = read.recorded ? this.#replays : this.#feeds;
        return feeds?.[read.camera]?.acknowledge(read.sequence);
      }
      case "ping":
        return this.#sendStatus({ type: "pong", id: read.id });
      case "live":
        return this.#goLive(read);
      default:
        return this.#replay(read);
    }
  }

  /** Ends the session and closes the socket. */
  close(code: number, reason: string): void {
    if (this.#ended) return;
    this.end();
    this.#socket.close(code, reason);
  }

  /** Ends the session after its socket has closed: leaves all cameras and microphones. */
  end(): void {
    this.#ended = true;
    for (const feed of this.#feeds) feed.leave();
    for (const sound of this.#sounds) sound?.leave();
    for (const replay of this.#replays ?? []) replay.stop();
  }

  /** Replays cameras along one playhead. */
  #replay(request: ClientMessage & { type: "replay" | "step" }): void {
    const indexes = this.#indexesOf(request.cameras);
    const { id } = request;
    if (!this.#replays) {
      for (const index of indexes) this.#report(index, { state: "none" }, id);
      return;
    }
    const replays = indexes.map((index) => this.#replays![index]!);
    const leader = replays.find((replay) => !replay.isEmpty) ?? replays[0];
    if (!leader) return;
    const isStep = request.type === "step";
    const speed = isStep ? 0 : request.speed;
    const at = isStep ? leader.shownAt ?? null : request.at;
    const before = leader.playhead;
    const playhead = new Playhead({
      at: at ?? leader.position ?? this.#clock.now(),
      speed,
      clock: this.#clock,
    });
    for (const [position, replay] of replays.entries()) {
      this.#feeds[indexes[position]!]!.leave();
      const isMoved = (!isStep && request.at !== null) || replay.playhead !== before;
      replay.follow(playhead, isMoved, id);
      if (!isStep && !isMoved) replay.confirm();
    }
    if (isStep) leader.step(request.by);
    this.#updateListening();
  }

  #goLive({ cameras, id }: ClientMessage & { type: "live" }): void {
    for (const index of this.#indexesOf(cameras)) {
      if (this.#ended) return; // joining a closed camera ends the session
      if (this.#replays) this.#replays[index]!.goLive(id);
      else this.#report(index, { state: "live" }, id);
      this.#feeds[index]!.join();
    }
    this.#updateListening();
  }

  /**
   * Joins the sound of the cameras that the client listens to and that are live, and leaves all
   * others.
   *
   * @param retry Whether to retry without the usual delay; undefined if the client requests nothing.
   */
  #updateListening(retry?: boolean): void {
    for (const [index, sound] of this.#sounds.entries()) {
      const { name } = this.#cameras[index]!;
      this.#replays?.[index]?.listen(!this.#ended && this.#listening.has(name));
      const isWanted = !this.#ended && this.#listening.has(name) &&
        !this.#replays?.[index]?.playhead;
      if (!isWanted) sound?.leave();
      else if (retry !== undefined || !sound?.joined) sound?.join(retry);
    }
  }

  /** Returns the indexes of cameras, in the order of `names`. Ignores unknown names. */
  #indexesOf(names: readonly string[]): number[] {
    const all = this.#cameras.map(({ name }) => name);
    return [...new Set(names)].map((name) => all.indexOf(name)).filter((index) => index !== -1);
  }

  #allFeeds(): readonly (LiveFeed | ReplayFeed)[] {
    return [...this.#feeds, ...this.#replays ?? []];
  }

  #report(camera: number, state: ReplayState, id: number | undefined): void {
    this.#send(JSON.stringify({ type: "replay", id, camera, ...state }));
  }

  #sendStatus(
    message:
      | { type: "hello"; version: number; server?: ServerInfo; replay?: boolean }
      | { type: "pong"; id: number },
  ): void {
    const status = { ...message, now: this.#clock.now(), cameras: this.#status() };
    this.#send(JSON.stringify(status));
  }

  /** Sends a message. @returns Its size: exact in bytes for a frame, in characters for text. */
  #send(message: string | Bytes): number {
    if (!this.#ended) this.#socket.send(message);
    this.#sentBytes += message.length;
    return message.length;
  }

  /** Sends a frame of a camera. @returns The size of the message, in bytes. */
  #sendFrame(message: Bytes, index: number): number {
    const size = this.#send(message);
    this.#lastFrames[index] = { size, end: this.#sentBytes };
    return size;
  }

  /** Sends sound, unless too much is waiting for the client. @returns Whether it was sent. */
  #sendSound(message: Bytes): boolean {
    const { bufferedAmount } = this.#socket;
    if (bufferedAmount > this.#waitingFrames(bufferedAmount) + this.#maxWaitingSound()) {
      return false;
    }
    this.#send(message);
    return true;
  }

  /** Returns the size of the frames that have not left this process completely. */
  #waitingFrames(bufferedAmount: number): number {
    const left = this.#sentBytes - bufferedAmount;
    return this.#lastFrames.reduce((sum, { size, end }) => end > left ? sum + size : sum, 0);
  }

  /** Returns how much sound may wait for the client, in bytes. */
  #maxWaitingSound(): number {
    const live = this.#sounds.map((sound) => sound?.joined ? sound.maxWaiting : 0);
    const recorded = this.#replays?.map(({ maxWaitingSound }) => maxWaitingSound) ?? [];
    return [...live, ...recorded].reduce((sum, bytes) => sum + bytes, 0);
  }

  /**
   * Whether more bytes are buffered than a correct client can cause: it reads a frame before it
   * acknowledges it, and sound is limited. (`bufferedAmount` may still include a frame that was
   * acknowledged already, hence twice the size.)
   */
  #isFlooded(): boolean {
    const frames = this.#allFeeds().reduce((sum, { size }) => sum + size, 0);
    const sound = this.#maxWaitingSound();
    return this.#socket.bufferedAmount > 2 * frames + sound + MAX_BUFFERED_REPLIES;
  }
}
