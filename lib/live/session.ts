import type { Clock } from "../clock.ts";
import type { CameraList } from "../camera/camera_list.ts";
import { messageWithHint } from "../errors.ts";
import type { CameraSound } from "../sound_packet.ts";
import type { ProcessPicture } from "../pixels/task.ts";
import { type FrameSource, Playhead, type RecordedSoundSource } from "../playback/mod.ts";
import { CameraFeeds } from "./camera_feeds.ts";
import { CameraIndexes } from "./camera_indexes.ts";
import type { FeedCamera } from "./feed_camera.ts";
import {
  type ClientMessage,
  type Heights,
  MAX_MESSAGE,
  PROTOCOL_VERSION,
  readClientMessage,
} from "./message.ts";
import { Outbox, type OutboxSocket } from "./outbox.ts";
import type { ReplayState } from "./replay_feed.ts";
import { Transfers } from "./transfers.ts";

/**
 * Close codes of the WebSocket (RFC 6455, section 7.4, and its registry; 4000 and above are for
 * private use).
 */
export const CLOSE = {
  GOING_AWAY: 1001,
  UNSUPPORTED: 1003,
  POLICY: 1008,
  TOO_BIG: 1009,
  /** The client has to connect again. */
  RESTART: 1012,
  TRY_LATER: 1013,
  /** The client uses another version of the protocol. */
  OUTDATED: 4000,
} as const;

/** Minimum time between two messages `cameras`, in milliseconds. */
const UPDATE_INTERVAL = 200;

/** The part of a WebSocket that a session needs. */
export interface LiveSocket extends OutboxSocket {
  close(code: number, reason: string): void;
}

/** Options of {@link LiveSession.watch}. */
export interface WatchOptions {
  /** Heights of the pictures, in pixels. A camera without one: its own pictures. */
  readonly heights?: Heights;
  /** Whether to retry failed cameras without the usual delay. */
  readonly retry?: boolean;
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
export interface LiveSessionOptions<C extends FeedCamera = FeedCamera> {
  socket: LiveSocket;
  /**
   * The cameras of the server. A camera that is closed has to leave the list in the same turn: one
   * that is closed and stays in the list ends the session.
   */
  cameras: CameraList<C>;
  /** Shared by all sessions. @default {those of this session} */
  indexes?: CameraIndexes;
  /** Returns the status of a camera, as it is sent to clients. */
  status: (camera: C) => object;
  /**
   * Returns the feed with a camera's pictures of at least this height; undefined: there are only the
   * cameras' own pictures. If it rejects, the client gets those, and the message of the error.
   */
  feedOf?: (camera: C, height: number) => Promise<FeedCamera>;
  /** Called when a height is not available. */
  onSizeError?: (camera: string, height: number, error: unknown) => void;
  /** Returns how clients reach the server, for `hello`. */
  server?: () => ServerInfo;
  /** Opens a camera's recordings; undefined if the server has none. */
  replay?: (camera: string) => FrameSource;
  /** Opens a camera's recorded sound; undefined if the server has no recordings. */
  replaySound?: (camera: string) => RecordedSoundSource;
  /**
   * Returns what converts a camera's recorded pictures to a height; undefined if they stay as they
   * were recorded.
   */
  rendererOf?: (camera: string, height: number) => ProcessPicture | undefined;
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
 * after the previous frame was acknowledged, and replies to pings. On a link with a long round trip,
 * up to eight frames of a camera may be in flight, as many as do not wait for each other. Live, a
 * session only reacts, and has no timer unless the list of cameras changes often. A replay waits
 * until its next frame is due.
 *
 *     client  GET /live?version=3&watch=front,back
 *     server  {"type":"hello","version":3,"now":…,"cameras":[{"index":0,"name":"front",…},…],"server":{…}}
 *             a frame (see `frameMessage`)
 *     client  {"type":"painted","camera":0,"sequence":17}
 *     server  the next frame
 *     client  {"type":"watch","cameras":["front"]}
 *             {"type":"watch","cameras":["front"],"retry":true}  the user requests a retry
 *             {"type":"watch","cameras":["front"],"heights":{"front":360}}
 *             {"type":"ping","id":1}
 *     server  {"type":"pong","id":1,"now":…,"cameras":[…]}
 *             {"type":"cameras","now":…,"cameras":[…]}           a camera has appeared or disappeared
 *
 * `cameras` is the complete list, in the order in which to show it. It can be empty: then `reason`
 * says why, if the server knows. A client refers to a camera by its name, the server by `index`: a
 * number that the name keeps while the client is connected, also while no camera has the name. There
 * may be gaps between the numbers. A client ignores messages with an index that is not in the latest
 * list: they are for a camera that has just disappeared.
 *
 * `watch` and `listen` name all cameras that the client wants, whether they are in the list or not:
 * the frames and the sound of a camera that appears follow without a request. A client that has sent
 * no `watch`, and none in the address, watches all cameras. The replay of a camera ends when it
 * disappears. If it returns at once, there are still two messages `cameras`: the first without it.
 *
 * `heights` selects smaller pictures: the camera's smallest size that is at least so high. `heights` of
 * a camera's status lists those that exist. A camera without an entry has its own pictures. In the
 * address, `&heights=360,` has an entry for each of `watch`, empty for own pictures. When the height
 * of a camera changes, the frames of the size before go on until the first one of the new size; no
 * frame is older than one before. If a size is not available, the camera's own pictures follow, and
 * `{"type":"size","camera":0,"height":360,"reason":"…"}` says why; another `watch` tries again. A
 * replay has the same sizes while it plays. At speed 0, frames are as they were recorded, unless the
 * client has a slow link: converting them would delay them.
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
 * from -60 to 60; 0 shows the frame at that time. With `at` null and an unchanged speed, cameras that
 * are live join the playhead of the others, whose replay continues. A camera is live or replayed, and
 * `watch` does not change that; a camera that is not watched is neither. A request replaces one that
 * waits. A step is counted in the frames of the first camera; the others follow.
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
 * Sound is not acknowledged. Behind a frame, it waits as long as the client's frames take. Packets
 * are dropped while more wait for the client than the frames being sent and sound of 200 ms, or of
 * twice the usual time from a frame to its acknowledgement, at most 1 s: their sequence numbers have
 * a gap. A camera that is replayed has no live sound; it follows with the live frames. At speed 1,
 * after `playing` has answered the latest request, the client gets the recorded sound from the
 * playhead on, 200 ms before its time (see `recordedSoundMessage`), until its next request. When a
 * microphone fails or is closed, the session goes on; the status says why.
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
 * `GET /cameras`, with `index`, and `skipped`: how many frames this client was too slow to receive. `server` is a {@link ServerInfo}, or missing.
 */
export class LiveSession<C extends FeedCamera = FeedCamera> {
  readonly #options: LiveSessionOptions<C>;
  readonly #socket: LiveSocket;
  readonly #clock: Clock;
  readonly #indexes: CameraIndexes;
  readonly #transfers: Transfers;
  readonly #outbox: Outbox;
  /** The cameras that the client knows, in the order of the list. */
  #cameras: readonly CameraFeeds<C>[] = [];
  readonly #byIndex = new Map<number, CameraFeeds<C>>();
  readonly #byName = new Map<string, CameraFeeds<C>>();
  /** Names of the cameras that have left the list since the client received it. */
  readonly #left = new Set<string>();
  #subscription: Disposable | undefined;
  /** Whether the list has changed since the client received it. */
  #isStale = false;
  /** Whether an update of the client is scheduled. */
  #isUpdating = false;
  /** Time of the last update, monotonic, in milliseconds. */
  #updatedAt = -Infinity;
  /** Names of the cameras that the client watches; undefined: all. */
  #watching: ReadonlySet<string> | undefined;
  /** Heights of the pictures that the client watches. */
  #heights: Heights = new Map();
  /** Names of the cameras that the client listens to. */
  #listening: ReadonlySet<string> = new Set();
  /** Frames sent and dropped of cameras that have disappeared. */
  readonly #former = { sent: 0, dropped: 0 };
  readonly #aborter = new AbortController();
  #ended = false;

  constructor(options: LiveSessionOptions<C>) {
    const { socket, clock, indexes = new CameraIndexes() } = options;
    this.#options = options;
    this.#socket = socket;
    this.#clock = clock;
    this.#indexes = indexes;
    this.#transfers = new Transfers(() => clock.monotonic());
    this.#outbox = new Outbox({
      socket,
      transfers: this.#transfers,
      frames: () => this.#cameras.reduce((sum, { size }) => sum + size, 0),
      soundRate: () => this.#cameras.reduce((sum, { soundRate }) => sum + soundRate, 0),
    });
  }

  /** Number of frames sent. */
  get sent(): number {
    return this.#cameras.reduce((sum, { sent }) => sum + sent, this.#former.sent);
  }

  /** Number of frames that the client was too slow to receive. */
  get dropped(): number {
    return this.#cameras.reduce((sum, { live }) => sum + live.dropped, this.#former.dropped);
  }

  /**
   * Starts the session: sends `hello` with the list of cameras, then the latest frames.
   *
   * @param watch Names of the cameras to watch, see {@link watch}; undefined: all.
   */
  start(watch?: Iterable<string>, options?: WatchOptions): void {
    this.#subscription = this.#options.cameras.subscribe(() => this.#onListChange());
    this.#adopt();
    this.#sendStatus({
      type: "hello",
      version: PROTOCOL_VERSION,
      server: this.#options.server?.(),
      replay: this.#options.replay && true,
    });
    this.#watch(watch && new Set(watch), options);
  }

  /** Watches these cameras, also those that appear later, and leaves all others. Replays continue. */
  watch(names: Iterable<string>, options?: WatchOptions): void {
    this.#watch(new Set(names), options);
  }

  #watch(names: ReadonlySet<string> | undefined, options: WatchOptions = {}): void {
    const { heights = new Map(), retry = false } = options;
    this.#watching = names;
    this.#heights = heights;
    if (this.#ended) return;
    for (const feeds of this.#cameras) {
      if (this.#isWatched(feeds.name)) feeds.watch(heights.get(feeds.name), retry);
      else feeds.unwatch();
    }
    this.#updateListening();
  }

  #isWatched(name: string): boolean {
    return this.#watching?.has(name) ?? true;
  }

  /**
   * Listens to these cameras, also those that appear later, whether they are watched or not, and to no
   * others. Ignores cameras without sound.
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
    if (this.#outbox.isFlooded((index) => this.#byIndex.has(index))) {
      return this.close(CLOSE.POLICY, "The client sends messages but does not read");
    }
    if (!this.#isUpdating) this.#update();
    if (this.#ended) return;
    switch (read.type) {
      case "watch":
        return this.watch(read.cameras, read);
      case "listen":
        return this.listen(read.cameras, read.retry);
      case "painted": {
        const feeds = this.#byIndex.get(read.camera);
        return (read.recorded ? feeds?.replay : feeds?.live)?.acknowledge(read.sequence);
      }
      case "ping":
        for (const { live } of this.#cameras) live.check();
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
    this.#outbox.end();
    this.#subscription?.[Symbol.dispose]();
    this.#aborter.abort();
    for (const feeds of this.#cameras) feeds.end();
  }

  /** Leaves the cameras that have disappeared, and schedules an update of the client. */
  #onListChange(): void {
    const all = new Set(this.#options.cameras.all);
    for (const feeds of this.#cameras) if (!all.has(feeds.camera)) this.#remove(feeds);
    this.#isStale = true;
    void this.#updateSoon();
  }

  /** Updates the client after all changes of this turn, at most every {@link UPDATE_INTERVAL}. */
  async #updateSoon(): Promise<void> {
    if (this.#isUpdating) return;
    this.#isUpdating = true;
    const delay = this.#updatedAt + UPDATE_INTERVAL - this.#clock.monotonic();
    const { signal } = this.#aborter;
    if (delay > 0) await this.#clock.sleep(delay, signal).catch(() => {}); // aborted: the end
    else await Promise.resolve();
    this.#isUpdating = false;
    this.#update();
  }

  /**
   * Sends the client the latest list, and then frames of the cameras that are new. A client that does
   * not read gets it after its next message.
   */
  #update(): void {
    if (!this.#isStale || this.#ended) return;
    if (this.#outbox.isFull) return;
    this.#isStale = false;
    this.#updatedAt = this.#clock.monotonic();
    const isBack = this.#options.cameras.all.some(({ name }) => this.#left.has(name));
    if (isBack) this.#sendStatus({ type: "cameras" });
    this.#left.clear();
    const added = this.#adopt();
    if (this.#ended) return;
    this.#sendStatus({ type: "cameras" });
    for (const feeds of added) {
      if (this.#isWatched(feeds.name)) feeds.watch(this.#heights.get(feeds.name));
    }
    this.#updateListening();
  }

  /** Adopts the latest list. @returns The cameras that are new. */
  #adopt(): CameraFeeds<C>[] {
    const added: CameraFeeds<C>[] = [];
    const cameras: CameraFeeds<C>[] = [];
    for (const camera of this.#options.cameras.all) {
      let feeds = this.#byName.get(camera.name);
      if (!feeds) {
        const index = this.#indexes.of(camera.name);
        if (index === undefined) {
          this.close(CLOSE.RESTART, "Too many cameras have appeared: connect again");
          return [];
        }
        added.push(feeds = this.#createFeeds(camera, index));
        this.#byName.set(camera.name, feeds);
        this.#byIndex.set(index, feeds);
      }
      cameras.push(feeds);
    }
    this.#cameras = cameras;
    return added;
  }

  #createFeeds(camera: C, index: number): CameraFeeds<C> {
    const { feedOf, replay, replaySound, rendererOf, sounds } = this.#options;
    const { onReplayError, onSoundDropped } = this.#options;
    const { name } = camera;
    return new CameraFeeds({
      camera,
      index,
      replay: replay && (() => replay(name)),
      replaySound: replaySound && (() => replaySound(name)),
      sound: sounds?.(name),
      transfers: this.#transfers,
      clock: this.#clock,
      rendererOf: rendererOf && ((height) => rendererOf(name, height)),
      openFeed: feedOf && ((height) => feedOf(camera, height)),
      onSizeError: (height, error) => this.#onSizeError(index, name, { height, error }),
      hasLeft: () => this.#outbox.hasLeft(index),
      sendFrame: (message) => this.#outbox.sendFrame(message, index),
      sendSound: (message) => this.#outbox.sendSound(message),
      report: (state, id) => this.#report(index, state, id),
      onLive: () => this.#updateListening(),
      onEnd: () => void this.#onEnd(camera),
      onReplayError: (error) => onReplayError?.(name, error),
      onSoundDropped: () => onSoundDropped?.(name),
    });
  }

  #remove(feeds: CameraFeeds<C>): void {
    const { name, index } = feeds;
    feeds.end();
    this.#byName.delete(name);
    this.#byIndex.delete(index);
    this.#cameras = this.#cameras.filter((other) => other !== feeds);
    this.#left.add(name);
    this.#former.sent += feeds.sent;
    this.#former.dropped += feeds.live.dropped;
  }

  /** Handles that a camera was closed: one that leaves the list in this turn ends only its frames. */
  async #onEnd(camera: C): Promise<void> {
    await Promise.resolve();
    if (!this.#options.cameras.all.includes(camera)) return;
    this.close(CLOSE.GOING_AWAY, "The server is shutting down");
  }

  /** Replays cameras along one playhead. */
  #replay(request: ClientMessage & { type: "replay" | "step" }): void {
    const cameras = this.#named(request.cameras);
    const { id } = request;
    if (!this.#options.replay) {
      for (const { index } of cameras) this.#report(index, { state: "none" }, id);
      return;
    }
    const replays = cameras.map(({ replay }) => replay!);
    const leader = replays.find((replay) => replay.playhead && !replay.isEmpty) ??
      replays.find((replay) => !replay.isEmpty) ?? replays[0];
    if (!leader) return;
    const isStep = request.type === "step";
    const speed = isStep ? 0 : request.speed;
    const at = isStep ? leader.shownAt ?? null : request.at;
    const before = leader.playhead;
    // Cameras that are new join the playhead of the others, whose replay continues.
    const isSame = !isStep && at === null && before?.speed === speed;
    const playhead = isSame ? before : new Playhead({
      at: at ?? leader.position ?? this.#clock.now(),
      speed,
      clock: this.#clock,
    });
    for (const { live, replay } of cameras) {
      live.leave();
      const isMoved = (!isStep && request.at !== null) || replay!.playhead !== before;
      replay!.follow(playhead, isMoved, id);
      if (!isStep && !isMoved) replay!.confirm();
    }
    if (isStep) leader.step(request.by);
    this.#updateListening();
  }

  #goLive({ cameras, id }: ClientMessage & { type: "live" }): void {
    for (const { index, live, replay } of this.#named(cameras)) {
      if (replay) replay.goLive(id);
      else this.#report(index, { state: "live" }, id);
      live.join();
    }
    this.#updateListening();
  }

  /** Sends the sound of the cameras that the client listens to. @param retry See `CameraFeeds.listen`. */
  #updateListening(retry?: boolean): void {
    for (const feeds of this.#cameras) {
      feeds.listen(!this.#ended && this.#listening.has(feeds.name), retry);
    }
  }

  /** Returns the cameras with these names, in their order. Ignores unknown names. */
  #named(names: readonly string[]): CameraFeeds<C>[] {
    return [...new Set(names)].flatMap((name) => this.#byName.get(name) ?? []);
  }

  #report(camera: number, state: ReplayState, id: number | undefined): void {
    this.#outbox.send(JSON.stringify({ type: "replay", id, camera, ...state }));
  }

  /** Tells the client that it gets a camera's own pictures, and why. */
  #onSizeError(
    camera: number,
    name: string,
    { height, error }: { height: number; error: unknown },
  ): void {
    const reason = messageWithHint(error);
    this.#outbox.send(JSON.stringify({ type: "size", camera, height, reason }));
    this.#options.onSizeError?.(name, height, error);
  }

  #sendStatus(
    message:
      | { type: "hello"; version: number; server?: ServerInfo; replay?: boolean }
      | { type: "pong"; id: number }
      | { type: "cameras" },
  ): void {
    const cameras = this.#cameras.map(({ index, camera, live }) => {
      return { index, ...this.#options.status(camera), skipped: live.dropped || undefined };
    });
    const reason = cameras.length === 0 ? this.#options.cameras.emptyReason : undefined;
    const status = { ...message, now: this.#clock.now(), cameras, reason };
    this.#outbox.sendStatus(JSON.stringify(status));
  }
}
