// @ts-check
import { addressOf } from "./addresses.js";
import { ServerClock } from "./server_clock.js";

// Times of the page are in milliseconds of `performance.now()`, those of the server in milliseconds
// since the Unix epoch.

/** @typedef {{ message: string, hint: string | null, retried: boolean }} Failure */

/**
 * A camera's status, as the server sends it. The last failure is kept after the camera has recovered.
 * Messages refer to the camera by `index`; without a WebSocket it is missing. `link`: the way of a
 * camera from a hub. `skipped`: frames that the server did not send as this page received too slowly.
 *
 * @typedef {{
 *   name: string, index?: number, link?: { lanes: number, late: number }, driver: string, fps: number, viewers: number, frames: number, failures: number,
 *   state: "off" | "starting" | "streaming" | "failed", resolution: string | null,
 *   lastFailure: Failure | null,
 *   sound?: { state: string, rate: number, lastFailure: Failure | null } | null,
 *   recording?: import("./recordings.js").RecordingStatus, privacyMask?: string | null,
 *   heights?: number[], skipped?: number,
 * }} CameraStatus
 */

/**
 * A frame: `camera` is the index of the camera, `sequence` of a recorded frame the number of
 * the delivery.
 *
 * @typedef {{
 *   camera: number, sequence: number, recorded: boolean, capturedAt: number, jpeg: Blob,
 * }} LiveFrame
 */

/**
 * A packet of sound: `number` is the sequence number of a live one, the rate of a recorded one.
 *
 * @typedef {{
 *   camera: number, number: number, recorded: boolean, heardAt: number, samples: Int16Array,
 * }} Sound
 */

/**
 * How clients reach the server: base URLs, and whether it requires a password.
 *
 * @typedef {{
 *   addresses: string[], auth: boolean, reachable: "this machine" | "network",
 * }} ServerInfo
 */

/**
 * A message from the server: `id` is the number of the ping that a `pong` responds to, `now` the
 * server's time, `replay` whether it can play recordings, `reason` why there are no cameras.
 *
 * `size`: why `camera` has its own pictures instead of the requested ones.
 *
 * @typedef {{
 *   type: string, id: number, now: number, cameras: CameraStatus[], server?: ServerInfo,
 *   replay?: boolean, reason?: string, camera: number,
 * }} TextMessage
 */

/**
 * "plain": the server is reachable, but not by WebSocket. "full": the viewer limit is reached.
 * "outdated": this page has to be reloaded. `detail` is the result of the last attempt to reach it.
 *
 * @typedef {{
 *   kind: "connecting" | "live" | "plain" | "full" | "lost" | "outdated" | "stopped",
 *   reason?: string, detail?: string, retryAt?: number,
 * }} LinkState
 */

/**
 * `onFrame` resolves when the frame is on the screen.
 *
 * @typedef {{
 *   onState(state: LinkState): void, onStatus(cameras: CameraStatus[]): void,
 *   onFrame(frame: LiveFrame): Promise<void>, onSound(sound: Sound): void,
 *   onReplay(message: import("./replay.js").ReplayMessage): void,
 *   onSizeError(camera: number, reason?: string): void,
 * }} LinkEvents
 */

/** Version of the live protocol: see `lib/live/message.ts`. */
export const PROTOCOL_VERSION = 3;
/** First byte of a binary message that holds a live frame, and a recorded one. */
const FRAME_KIND = 1;
const RECORDED_KIND = 2;
/** The same of sound. */
const SOUND_KIND = 3;
const RECORDED_SOUND_KIND = 4;
/** Size of the header before the JPEG or the samples, in bytes. */
const HEADER_SIZE = 16;
/** Close codes of a server that shuts down, has reached its viewer limit, uses another protocol. */
const GOING_AWAY = 1001;
const TRY_LATER = 1013;
const OUTDATED = 4000;
/** Interval between pings, and between the first ones, which set the clock. */
const PING_INTERVAL = 1_000;
const FIRST_PING_INTERVAL = 100;
const FIRST_PINGS = 4;
const MIN_PING_INTERVAL = 100;
/** Maximum length of the names in the address of a connection: proxies limit it. */
const MAX_QUERY = 2_000;
/** How long a connection may take to open. */
const CONNECT_TIMEOUT = 5_000;
/** How long the server may take to respond to a request. */
const RESPONSE_TIMEOUT = 3_000;
/** A connection without data is closed after this time; doubles until a complete frame arrives. */
const IDLE_TIMEOUT = 10_000;
const MAX_IDLE_TIMEOUT = 80_000;
/** Delay between attempts to reach the server; doubles. */
const MIN_RETRY_DELAY = 250;
const MAX_RETRY_DELAY = 750;
/** Interval between attempts while the viewer limit is reached. */
const FULL_RETRY_INTERVAL = 2_000;
/** After this many rejected connections, the page uses the plain streams. */
const MAX_REJECTIONS = 2;
/** After this many status polls, the page tries the WebSocket again. */
const PLAIN_POLLS = 20;

/** The page's connection to the server. Reconnects, and reports why the connection was lost. */
export class Link {
  clock = new ServerClock();
  /** When the last data arrived. */
  lastMessageAt = 0;
  /** @type {LinkState} */
  state = { kind: "stopped" };
  /** Unknown on plain streams, and with older servers. @type {ServerInfo | undefined} */
  server;
  canReplay = false;
  /** Why there are no cameras, if the server says so. @type {string | undefined} */
  emptyReason;
  #events;
  /** @type {AbortController | undefined} */
  #running;
  /** @type {WebSocket | undefined} */
  #socket;
  /** @type {string[] | undefined} */
  #watched;
  /** Heights of the pictures, by camera; without one: its own. @type {Record<string, number | undefined>} */
  #heights = {};
  #idleTimeout = IDLE_TIMEOUT;
  #pings = 0;
  #pingSentAt = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #nextPing;
  /** @type {string | undefined} */
  #closeReason;
  #isOutdated = false;
  /** Ends the delay before the next attempt. @type {(() => void) | undefined} */
  #endDelay;

  /** @param {LinkEvents} events */
  constructor(events) {
    this.#events = events;
  }

  /** Connects, unless the page has to be reloaded. */
  start() {
    if (this.#running || this.#isOutdated) return;
    this.#running = new AbortController();
    this.#run(this.#running.signal);
  }

  stop() {
    this.#running?.abort();
    this.#running = undefined;
    if (!this.#isOutdated) this.#setState({ kind: "stopped" });
  }

  /** Closes the connection, and opens a new one. @param {string} reason */
  restart(reason) {
    this.#closeReason = reason;
    this.#socket?.close();
  }

  /** Tries to reach the server now, and makes it retry the failed cameras. */
  retryNow() {
    this.#endDelay?.();
    this.#sendWatch({ retry: true });
  }

  /**
   * Selects the cameras to watch; again: has the server retry them.
   *
   * @param {string[]} names
   * @param {Record<string, number | undefined>} [heights]
   */
  watch(names, heights = {}) {
    this.#watched = names;
    this.#heights = heights;
    this.#sendWatch();
  }

  #sendWatch(more = {}) {
    const cameras = this.#watched;
    if (cameras) this.send({ type: "watch", cameras, heights: this.#heights, ...more });
  }

  /** @param {AbortSignal} signal */
  async #run(signal) {
    for (let rejections = 0; !signal.aborted;) {
      const { opened, reason, code } = await this.#connect(signal);
      if (signal.aborted) return;
      if (this.#isOutdated) return this.#setState({ kind: "outdated" });
      let limit = code === TRY_LATER ? reason : undefined;
      if (limit === undefined && !opened) limit = await this.#fetchLimit(signal);
      if (limit !== undefined) {
        await this.#waitForCapacity(limit, signal);
        continue;
      }
      if (signal.aborted) return;
      rejections = opened ? 0 : rejections + 1;
      if (rejections < MAX_REJECTIONS) {
        this.#setState({ kind: "lost", reason });
        await this.#waitUntilReachable(signal);
      } else await this.#pollStatus(signal);
    }
  }

  /**
   * Opens a connection and waits until it ends.
   *
   * @param {AbortSignal} signal
   * @returns {Promise<{ opened: boolean, reason: string, code?: number }>}
   */
  #connect(signal) {
    if (this.state.kind === "stopped") this.#setState({ kind: "connecting" });
    this.#closeReason = undefined;
    const names = this.#watched?.map(encodeURIComponent).join(",") ?? "";
    const isLong = names.length > MAX_QUERY;
    let watch = this.#watched ? `&watch=${isLong ? "" : names}` : "";
    if (names && !isLong) {
      watch += `&heights=${this.#watched?.map((name) => this.#heights[name] ?? "")}`;
    }
    const address = addressOf(`live?version=${PROTOCOL_VERSION}${watch}`);
    address.protocol = address.protocol.replace("http", "ws");
    return new Promise((resolve) => {
      if (!("WebSocket" in globalThis)) return resolve({ opened: false, reason: "" });
      const socket = this.#socket = new WebSocket(address.href);
      socket.binaryType = "arraybuffer";
      let opened = false;
      /** @param {string} reason @param {number} [code] */
      const end = (reason, code) => {
        clearTimeout(timeout);
        signal.removeEventListener("abort", onAbort);
        socket.onopen = socket.onmessage = socket.onclose = null;
        socket.close();
        if (this.#socket === socket) this.#socket = undefined;
        resolve({ opened, reason: this.#closeReason ?? reason, code });
      };
      const onAbort = () => end("");
      const timeout = setTimeout(() => end("The server is not responding"), CONNECT_TIMEOUT);
      signal.addEventListener("abort", onAbort);
      socket.onopen = () => {
        opened = true;
        clearTimeout(timeout);
        this.clock = new ServerClock();
        this.lastMessageAt = performance.now();
        this.#pings = 0;
        if (isLong) this.#sendWatch();
        this.#ping(socket);
        this.#listen(socket, end);
      };
      socket.onclose = ({ code, reason }) => {
        if (code === OUTDATED) this.#isOutdated = true;
        if (code === GOING_AWAY) end("The server is shutting down");
        else if (reason) end(reason, code);
        else end(opened ? "The connection was interrupted" : "The server rejected the connection");
      };
    });
  }

  /** @param {WebSocket} socket @param {(reason: string) => void} end */
  #listen(socket, end) {
    const watchdog = setInterval(() => {
      if (this.#socket !== socket) return clearInterval(watchdog);
      if (performance.now() - this.lastMessageAt < this.#idleTimeout) return;
      const seconds = Math.round(this.#idleTimeout / 1000);
      this.#idleTimeout = Math.min(2 * this.#idleTimeout, MAX_IDLE_TIMEOUT);
      end(`No data from the server for ${seconds} s`);
    }, PING_INTERVAL);
    socket.onmessage = ({ data }) => {
      this.lastMessageAt = performance.now();
      if (typeof data !== "string") return void this.#onBinary(socket, data);
      const message = JSON.parse(data);
      if (message.type === "hello" && message.version !== PROTOCOL_VERSION) {
        this.#isOutdated = true;
        return end("");
      }
      this.#onText(socket, message);
    };
  }

  /** Requests the status soon, unless a ping is in flight. */
  pingNow() {
    if (performance.now() < this.#pingSentAt + MIN_PING_INTERVAL) return;
    if (this.#socket && this.#nextPing !== undefined) this.#ping(this.#socket);
  }

  /** @param {WebSocket} socket */
  #ping(socket) {
    clearTimeout(this.#nextPing);
    this.#nextPing = undefined;
    if (this.#socket !== socket) return;
    this.#pingSentAt = performance.now();
    this.send({ type: "ping", id: ++this.#pings });
  }

  /**
   * Handles a text message; ignores unknown types.
   *
   * @param {WebSocket} socket
   * @param {TextMessage & import("./replay.js").ReplayMessage} message
   */
  #onText(socket, message) {
    const { type, id, now, cameras, server, replay, reason } = message;
    if (type === "replay") return this.#events.onReplay(message);
    if (type === "size") return this.#events.onSizeError(message.camera, reason);
    if (type !== "hello" && type !== "pong" && type !== "cameras") return;
    if (type === "pong") {
      this.clock.update(this.#pingSentAt, performance.now(), now);
      const interval = id < FIRST_PINGS ? FIRST_PING_INTERVAL : PING_INTERVAL;
      this.#nextPing = setTimeout(() => this.#ping(socket), interval);
    }
    if (type === "hello") {
      this.server = server;
      this.canReplay = replay === true;
    }
    this.emptyReason = reason;
    this.#events.onStatus(cameras);
    if (type === "hello") this.#setState({ kind: "live" });
  }

  /** Handles a binary message; ignores unknown kinds. @param {WebSocket} socket @param {ArrayBuffer} data */
  async #onBinary(socket, data) {
    if (data.byteLength < HEADER_SIZE) return;
    const header = new DataView(data, 0, HEADER_SIZE);
    const kind = header.getUint8(0);
    const camera = header.getUint16(2), sequence = header.getUint32(4);
    const capturedAt = header.getFloat64(8);
    if (kind === SOUND_KIND || kind === RECORDED_SOUND_KIND) {
      const samples = new Int16Array(data, HEADER_SIZE, (data.byteLength - HEADER_SIZE) >> 1);
      const recorded = kind === RECORDED_SOUND_KIND;
      const sound = { camera, number: sequence, recorded, heardAt: capturedAt, samples };
      return this.#events.onSound(sound);
    }
    if (kind !== FRAME_KIND && kind !== RECORDED_KIND) return;
    this.#idleTimeout = IDLE_TIMEOUT;
    const recorded = kind === RECORDED_KIND;
    const frame = {
      ...{ camera, sequence, recorded, capturedAt },
      jpeg: new Blob([new Uint8Array(data, HEADER_SIZE)], { type: "image/jpeg" }),
    };
    try {
      await this.#events.onFrame(frame);
    } catch {
      // A corrupt JPEG is skipped: the next frame may be intact.
    }
    if (this.#socket !== socket) return;
    this.send({ type: "painted", camera, sequence, recorded: recorded || undefined });
  }

  /** Waits until the server responds again. @param {AbortSignal} signal */
  async #waitUntilReachable(signal) {
    const { reason } = this.state;
    for (let ms = MIN_RETRY_DELAY; !signal.aborted; ms = Math.min(2 * ms, MAX_RETRY_DELAY)) {
      const problem = await this.#fetchStatus(signal);
      if (signal.aborted || !problem) return;
      this.#setState({ kind: "lost", reason, detail: problem });
      await this.#delay(ms, signal);
    }
  }

  /**
   * Waits until the server admits another viewer, or is no longer reachable.
   *
   * @param {string} limit The server's message.
   * @param {AbortSignal} signal
   */
  async #waitForCapacity(limit, signal) {
    for (let reason = limit; !signal.aborted;) {
      const retryAt = performance.now() + FULL_RETRY_INTERVAL;
      this.#setState({ kind: "full", reason, retryAt });
      const problem = await this.#fetchStatus(signal);
      if (problem) return;
      await this.#delay(retryAt - performance.now(), signal);
      const next = await this.#fetchLimit(signal);
      if (next === undefined) return;
      reason = next;
    }
  }

  /** Polls the cameras' status for a while, without a WebSocket. @param {AbortSignal} signal */
  async #pollStatus(signal) {
    for (let polls = 0; polls < PLAIN_POLLS && !signal.aborted; polls++) {
      const problem = await this.#fetchStatus(signal);
      if (signal.aborted) return;
      if (problem) {
        const reason = "The connection was interrupted";
        this.#setState({ kind: "lost", reason, detail: problem });
        return await this.#waitUntilReachable(signal);
      }
      this.#setState({ kind: "plain" });
      await this.#delay(PING_INTERVAL, signal);
    }
  }

  /** Fetches the cameras' status; returns the problem, if the request failed. @param {AbortSignal} signal */
  async #fetchStatus(signal) {
    try {
      const response = await request("cameras", signal);
      if (response.status === 401) return "Password required: reload this page";
      if (!response.ok) return `The server responded with ${response.status}`;
      this.lastMessageAt = performance.now();
      this.#events.onStatus(await response.json());
    } catch {
      return "The server is not responding";
    }
  }

  /**
   * Asks the server whether its viewer limit is reached: a script cannot read the response to a
   * rejected handshake. Plain streams count as viewers themselves.
   *
   * @param {AbortSignal} signal
   */
  async #fetchLimit(signal) {
    if (this.state.kind === "plain") return;
    try {
      return await readRefusal(await request(`live?version=${PROTOCOL_VERSION}`, signal));
    } catch {
      // The server is not responding: the next attempt to connect reports that.
    }
  }

  /** Waits, or until `retryNow` is called. @param {number} ms @param {AbortSignal} signal */
  async #delay(ms, signal) {
    await new Promise((resolve) => {
      const end = this.#endDelay = () => {
        clearTimeout(timer);
        signal.removeEventListener("abort", end);
        resolve(undefined);
      };
      const timer = setTimeout(end, ms);
      signal.addEventListener("abort", end);
    });
    this.#endDelay = undefined;
  }

  /** Sends a message, if the page is connected. @param {object} message */
  send(message) {
    if (this.#socket?.readyState === 1) this.#socket.send(JSON.stringify(message));
  }

  /** @param {LinkState} state */
  #setState(state) {
    const { kind, reason, detail, retryAt } = this.state;
    const isSame = state.kind === kind && state.reason === reason && state.detail === detail;
    if (isSame && state.retryAt === retryAt) return;
    this.state = state;
    this.#events.onState(state);
  }
}

/** Requests a resource, within a time limit. @param {string} path @param {AbortSignal} [signal] */
export async function request(path, signal) {
  const attempt = new AbortController();
  const abort = () => attempt.abort();
  const timeout = setTimeout(abort, RESPONSE_TIMEOUT);
  signal?.addEventListener("abort", abort);
  try {
    return await fetch(addressOf(path), {
      cache: "no-store",
      headers: { Accept: "application/json" },
      signal: attempt.signal,
    });
  } finally {
    clearTimeout(timeout);
    signal?.removeEventListener("abort", abort);
  }
}

/** Reads the server's reason for a response 503. A proxy's own has none in JSON. @param {Response} response */
export async function readRefusal(response) {
  if (response.status !== 503) return void await response.body?.cancel();
  const { error } = await response.json();
  return typeof error === "string" ? error : undefined;
}
