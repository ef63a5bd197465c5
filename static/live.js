// @ts-check
/// <reference lib="dom" />
import { addressOf } from "./addresses.js";
import { ServerClock } from "./server_clock.js";

/**
 * @typedef {object} CameraStatus What the server says of a camera.
 * @property {string} name
 * @property {string} driver
 * @property {"off" | "starting" | "streaming" | "failed"} state
 * @property {number} fps
 * @property {number} viewers
 * @property {string | null} resolution
 * @property {{ message: string, hint: string | null, retried: boolean } | null} lastFailure Why it gave no
 *   pictures; also when it does again.
 * @property {number} failures How often it failed.
 * @property {number} frames
 */

/**
 * @typedef {object} LiveFrame A picture from the server.
 * @property {number} camera The camera's place in the list.
 * @property {number} sequence
 * @property {number} capturedAt By the server's clock, in milliseconds since 1970.
 * @property {Blob} jpeg
 */

/**
 * @typedef {object} LinkState
 * @property {"connecting" | "live" | "plain" | "lost" | "stopped"} kind "plain": there is a server, but no
 *   WebSocket gets through to it.
 * @property {string} [reason] Why it is lost.
 * @property {string} [detail] What is known besides.
 */

/**
 * @typedef {object} LinkEvents
 * @property {(state: LinkState) => void} onState
 * @property {(cameras: CameraStatus[]) => void} onStatus
 * @property {(frame: LiveFrame) => Promise<void>} onFrame Resolves when the picture is on the screen.
 */

/** How many bytes stand in front of the JPEG. */
const HEADER_SIZE = 16;
/** What a server that ends closes the socket with. */
const GOING_AWAY = 1001;
/** How often the server is asked how it is, in milliseconds; and how often at first, to set the clock. */
const PING_INTERVAL = 1_000;
const FIRST_PING_INTERVAL = 100;
const FIRST_PINGS = 4;
/** How long a connection may take to open, and the server to answer. */
const CONNECT_TIMEOUT = 5_000;
const RESPONSE_TIMEOUT = 3_000;
/** How long nothing may come; doubled each time that was too short for even one picture. */
const IDLE_TIMEOUT = 10_000;
const MAX_IDLE_TIMEOUT = 80_000;
/** How long to wait before asking again whether the server is back. */
const MIN_RETRY_DELAY = 250;
const MAX_RETRY_DELAY = 750;
/** After so many refusals the page does without a WebSocket, and tries again after so many beats. */
const MAX_REFUSALS = 2;
const PLAIN_POLLS = 20;

/** The page's connection to the server: comes back by itself, and says why it went. */
export class Link {
  clock = new ServerClock();
  /** When something came last, in milliseconds of `performance.now()`. */
  lastMessageAt = 0;
  /** @type {LinkState} */
  state = { kind: "stopped" };
  #events;
  /** @type {AbortController | undefined} */
  #running;
  /** @type {WebSocket | undefined} */
  #socket;
  /** @type {string[] | undefined} */
  #watched;
  #silence = IDLE_TIMEOUT;
  #pings = 0;
  #pinged = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #nextPing;
  /** @type {string | undefined} */
  #closeReason;

  /** @param {LinkEvents} events */
  constructor(events) {
    this.#events = events;
  }

  start() {
    if (this.#running) return;
    this.#running = new AbortController();
    this.#run(this.#running.signal);
  }

  stop() {
    this.#running?.abort();
    this.#running = undefined;
    this.#setState({ kind: "stopped" });
  }

  /** Begins anew. @param {string} reason */
  restart(reason) {
    this.#closeReason = reason;
    this.#socket?.close();
  }

  /** Which cameras to show. Saying it again makes the server try again a camera that needs a person. @param {string[] | undefined} names All, if undefined. */
  watch(names) {
    this.#watched = names;
    if (names) this.#send({ type: "watch", cameras: names });
  }

  /** @param {AbortSignal} signal */
  async #run(signal) {
    for (let refusals = 0; !signal.aborted;) {
      const { opened, reason } = await this.#connect(signal);
      if (signal.aborted) return;
      refusals = opened ? 0 : refusals + 1;
      if (refusals < MAX_REFUSALS) {
        this.#setState({ kind: "lost", reason });
        await this.#waitUntilReachable(signal);
      } else await this.#pollStatus(signal);
    }
  }

  /**
   * One connection, until it ends.
   *
   * @param {AbortSignal} signal
   * @returns {Promise<{ opened: boolean, reason: string }>}
   */
  #connect(signal) {
    if (this.state.kind === "stopped") this.#setState({ kind: "connecting" });
    this.#closeReason = undefined;
    const names = this.#watched?.map(encodeURIComponent).join(",");
    const address = addressOf(names === undefined ? "live" : `live?watch=${names}`);
    address.protocol = address.protocol.replace("http", "ws");
    return new Promise((resolve) => {
      if (!("WebSocket" in globalThis)) return resolve({ opened: false, reason: "" });
      const socket = this.#socket = new WebSocket(address.href);
      socket.binaryType = "arraybuffer";
      let opened = false;
      const end = (/** @type {string} */ reason) => {
        clearTimeout(late);
        signal.removeEventListener("abort", onAbort);
        socket.onopen = socket.onmessage = socket.onclose = null;
        socket.close();
        if (this.#socket === socket) this.#socket = undefined;
        resolve({ opened, reason: this.#closeReason ?? reason });
      };
      const onAbort = () => end("");
      const late = setTimeout(() => end("The server takes too long to answer"), CONNECT_TIMEOUT);
      signal.addEventListener("abort", onAbort);
      socket.onopen = () => {
        opened = true;
        clearTimeout(late);
        this.clock = new ServerClock();
        this.lastMessageAt = performance.now();
        this.#pings = 0;
        this.#ping(socket);
        this.#listenFor(socket, end);
      };
      socket.onclose = ({ code, reason }) => {
        if (code === GOING_AWAY) end("The server is shutting down");
        else end(reason || (opened ? "The connection broke off" : "The server refused"));
      };
    });
  }

  /** @param {WebSocket} socket @param {(reason: string) => void} end */
  #listenFor(socket, end) {
    const watchdog = setInterval(() => {
      if (this.#socket !== socket) return clearInterval(watchdog);
      if (performance.now() - this.lastMessageAt < this.#silence) return;
      const seconds = Math.round(this.#silence / 1000);
      this.#silence = Math.min(2 * this.#silence, MAX_IDLE_TIMEOUT);
      end(`Nothing came from the server for ${seconds} s`);
    }, PING_INTERVAL);
    socket.onmessage = ({ data }) => {
      this.lastMessageAt = performance.now();
      if (typeof data === "string") this.#onText(socket, JSON.parse(data));
      else this.#onFrame(socket, data);
    };
  }

  /** Asks the server how it is without waiting for the next beat. */
  pingNow() {
    if (this.#socket && this.#nextPing !== undefined) this.#ping(this.#socket);
  }

  /** @param {WebSocket} socket */
  #ping(socket) {
    clearTimeout(this.#nextPing);
    this.#nextPing = undefined;
    if (this.#socket !== socket) return;
    this.#pinged = performance.now();
    this.#send({ type: "ping", id: ++this.#pings });
  }

  /** @param {WebSocket} socket @param {{ type: string, id: number, now: number, cameras: CameraStatus[] }} news */
  #onText(socket, { type, id, now, cameras }) {
    if (type === "pong") {
      this.clock.learn(this.#pinged, performance.now(), now);
      const rest = id < FIRST_PINGS ? FIRST_PING_INTERVAL : PING_INTERVAL;
      this.#nextPing = setTimeout(() => this.#ping(socket), rest);
    }
    this.#events.onStatus(cameras);
    if (type === "hello") this.#setState({ kind: "live" });
  }

  /** @param {WebSocket} socket @param {ArrayBuffer} data */
  async #onFrame(socket, data) {
    this.#silence = IDLE_TIMEOUT;
    const header = new DataView(data, 0, HEADER_SIZE);
    const frame = {
      camera: header.getUint32(0),
      sequence: header.getUint32(4),
      capturedAt: header.getFloat64(8),
      jpeg: new Blob([new Uint8Array(data, HEADER_SIZE)], { type: "image/jpeg" }),
    };
    try {
      await this.#events.onFrame(frame);
    } catch {
      // A picture that cannot be read is passed over; the next one may be whole.
    }
    if (this.#socket !== socket) return;
    this.#send({ type: "painted", camera: frame.camera, sequence: frame.sequence });
  }

  /** Waits until the server answers again. @param {AbortSignal} signal */
  async #waitUntilReachable(signal) {
    const { reason } = this.state;
    for (let rest = MIN_RETRY_DELAY; !signal.aborted; rest = Math.min(2 * rest, MAX_RETRY_DELAY)) {
      const trouble = await this.#fetchStatus(signal);
      if (signal.aborted || !trouble) return;
      this.#setState({ kind: "lost", reason, detail: trouble });
      await pause(rest, signal);
    }
  }

  /** Asks for the state of the cameras only, for a while. @param {AbortSignal} signal */
  async #pollStatus(signal) {
    for (let beats = 0; beats < PLAIN_POLLS && !signal.aborted; beats++) {
      const trouble = await this.#fetchStatus(signal);
      if (signal.aborted) return;
      if (trouble) {
        this.#setState({ kind: "lost", reason: "The connection broke off", detail: trouble });
        return await this.#waitUntilReachable(signal);
      }
      this.#setState({ kind: "plain" });
      await pause(PING_INTERVAL, signal);
    }
  }

  /**
   * Asks the server for the state of its cameras.
   *
   * @param {AbortSignal} signal
   * @returns {Promise<string | undefined>} What is wrong, if it does not answer.
   */
  async #fetchStatus(signal) {
    const patience = new AbortController();
    const late = setTimeout(() => patience.abort(), RESPONSE_TIMEOUT);
    const onAbort = () => patience.abort();
    signal.addEventListener("abort", onAbort);
    try {
      const response = await fetch(addressOf("cameras"), {
        cache: "no-store",
        signal: patience.signal,
      });
      if (response.status === 401) return "The server asks for a password: load this page again";
      if (!response.ok) return `The server answers ${response.status} ${response.statusText}`;
      this.lastMessageAt = performance.now();
      this.#events.onStatus(await response.json());
    } catch {
      return "The server does not answer";
    } finally {
      clearTimeout(late);
      signal.removeEventListener("abort", onAbort);
    }
  }

  /** @param {object} message */
  #send(message) {
    if (this.#socket?.readyState === 1) this.#socket.send(JSON.stringify(message));
  }

  /** @param {LinkState} state */
  #setState(state) {
    const { kind, reason, detail } = this.state;
    if (state.kind === kind && state.reason === reason && state.detail === detail) return;
    this.state = state;
    this.#events.onState(state);
  }
}

/** Waits so many milliseconds, or until `signal` aborts. @param {number} ms @param {AbortSignal} signal */
function pause(ms, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve(undefined);
    }, { once: true });
  });
}
