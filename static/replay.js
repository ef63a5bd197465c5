// @ts-check

export const SPEEDS = [-60, -16, -8, -4, -2, -1, 0.25, 0.5, 1, 2, 4, 8, 16, 60];
/** The next request of a drag waits for the frame in flight, but no longer than this. */
const MAX_WAIT = 100;
/** A playhead this close to the end of a gap has skipped it. */
const SKIP_TOLERANCE = 1_000;

/** Returns the next speed in a direction, from 1. @param {number} speed @param {1 | -1} direction */
export function nextSpeed(speed, direction) {
  const ladder = SPEEDS.filter((step) => step >= 1);
  return direction * (ladder.find((step) => step > speed * direction) ?? 60);
}

/**
 * The server's message about a camera's playhead, or a gap in its recordings; `id` is the number of
 * the request, `camera` the index of the camera.
 *
 * @typedef {{
 *   id: number, camera: number, at?: number | null, from?: number | null, to?: number | null,
 *   state: "playing" | "paused" | "gap" | "start" | "live" | "none",
 * }} ReplayMessage
 */

/**
 * `onChange` is called when the replay begins, ends, is paused or resumed, `onGap` when a gap is
 * skipped; `now` and `wait` are for tests.
 *
 * @typedef {{
 *   send(message: object): void, cameras(): string[], onChange(): void,
 *   onGap(from: number, to: number): void,
 *   now?(): number, wait?(callback: () => void, ms: number): unknown,
 * }} ReplayOptions
 */

/**
 * The playhead of the page, for all cameras: which moment of the recordings is shown, and how fast
 * it moves. Inactive while the page is live.
 */
export class Replay {
  isActive = false;
  /** Time of the playhead, in milliseconds since the Unix epoch. */
  position = 0;
  /** 0 while paused. */
  speed = 0;
  /** Whether the user drags the playhead. */
  isScrubbing = false;
  #options;
  /** Speed after a pause. */
  #resumed = 1;
  #id = 0;
  /** The server's last message about each camera, by index. @type {Map<number, ReplayMessage>} */
  #states = new Map();
  /** Number of cameras in the last request. */
  #requested = 0;
  /** Cameras that have shown a frame since the last request, by index. @type {Set<number>} */
  #painted = new Set();
  #sentAt = -Infinity;
  /** Whether the server decides where the playhead is. */
  #isFree = false;
  #resumesAfterScrub = false;
  /** The request that waits for the frame in flight. @type {{ at: number | null, by: number } | undefined} */
  #waiting;

  /** @param {ReplayOptions} options */
  constructor(options) {
    const now = () => performance.now();
    this.#options = { now, wait: setTimeout.bind(globalThis), ...options };
  }

  get isPaused() {
    return this.isActive && this.speed === 0;
  }

  /** Plays from a time. @param {number} at */
  seek(at, speed = this.isActive ? this.speed : 1) {
    this.#moveTo(at, speed);
    this.#send({ type: "replay", at, speed });
    this.#options.onChange();
  }

  /** Changes the speed; 0 pauses. @param {number} speed */
  setSpeed(speed) {
    if (!this.isActive || speed === this.speed) return;
    // A drag that has not been sent yet is part of the new request.
    const at = this.#waiting?.at != null ? this.position : null;
    this.#moveTo(this.position, speed);
    this.#send({ type: "replay", at, speed });
    this.#options.onChange();
  }

  /** Plays after a pause, at the speed before it. */
  resume() {
    const isAtStart = [...this.#states.values()].some(({ state }) => state === "start");
    this.setSpeed(isAtStart ? Math.abs(this.#resumed) : this.#resumed);
  }

  /** Moves the playhead while the user drags it: at most one request is in flight. @param {number} at */
  scrub(at) {
    if (!this.isScrubbing) this.#resumesAfterScrub = !this.isPaused;
    this.isScrubbing = true;
    this.show(at);
  }

  /** Ends a drag: playback goes on if it was not paused before. */
  endScrub() {
    if (!this.isScrubbing) return;
    this.isScrubbing = false;
    if (this.#resumesAfterScrub) this.seek(this.position, this.#resumed);
    else if (this.#waiting?.at != null) this.seek(this.position, 0);
  }

  /** Pauses at a time. @param {number} at */
  show(at) {
    const isChange = !this.isPaused;
    this.#moveTo(at, 0);
    this.#pace({ at, by: 0 });
    if (isChange) this.#options.onChange();
  }

  /** Shows a later or earlier frame, and pauses. @param {number} by Number of frames. */
  step(by) {
    if (!this.isActive) return;
    this.#moveTo(this.position, 0);
    this.#pace({ at: null, by: by + (this.#waiting?.by ?? 0) });
    this.#options.onChange();
  }

  /** Goes back to the live pictures. */
  goLive() {
    if (!this.isActive) return;
    this.#options.send({ type: "live", cameras: this.#options.cameras() });
    this.reset();
  }

  /** Ends the replay without a message to the server. */
  reset() {
    if (!this.isActive) return;
    this.isActive = this.isScrubbing = false;
    this.#waiting = undefined;
    this.#resumed = 1;
    this.speed = 0;
    this.#states.clear();
    this.#options.onChange();
  }

  /** Sends the position again: after a reconnect, or for other cameras. */
  restore() {
    if (this.isActive) this.#send({ type: "replay", at: this.position, speed: this.speed });
  }

  /** Has the cameras that the page shows now follow the playhead. Those that do are not disturbed. */
  join() {
    if (!this.isActive) return;
    const cameras = this.#options.cameras();
    this.#requested = cameras.length;
    if (this.#waiting) return; // that request will be for these cameras
    this.#options.send({ type: "replay", at: null, speed: this.speed, cameras, id: this.#id });
  }

  /** Forgets a camera that has disappeared. @param {number} camera Its index. */
  forget(camera) {
    this.#states.delete(camera);
    this.#painted.delete(camera);
  }

  /** Returns the state of a camera for its texts. @param {number} camera Its index. */
  stateOf(camera) {
    const state = this.#states.get(camera)?.state;
    const waiting = this.#painted.has(camera) ? 0 : this.#options.now() - this.#sentAt;
    return { speed: this.speed, state, waiting };
  }

  /** Returns the number of the request that a camera plays with sound, or 0. @param {number} camera */
  soundRequest(camera) {
    return this.speed === 1 && this.#states.get(camera)?.state === "playing" ? this.#id : 0;
  }

  /** Handles the server's message. @param {ReplayMessage} message */
  onMessage(message) {
    if (!this.isActive || message.id !== this.#id) return;
    const { state, camera, at, from, to } = message;
    if (state === "gap" && from != null && to != null) {
      const end = this.speed < 0 ? from : to;
      // Another camera may have frames in the gap: the playhead passes through it.
      const isSkipped = Math.abs((at ?? end) - end) < SKIP_TOLERANCE;
      if (!isSkipped) return void this.#states.set(camera, message);
      this.position = end;
      return this.#options.onGap(from, to);
    }
    this.#states.set(camera, message);
    if (state === "none" || state === "live") return this.#endIfLive();
    // A paused playhead is where it was put, and not at the frame before it.
    if (at != null && state !== "paused" && this.#isFree && !this.#waiting) this.position = at;
    if (state !== "start") return;
    this.#moveTo(this.position, 0);
    this.#options.onChange();
  }

  /** Notes that a recorded frame is on the screen. @param {number} camera @param {number} at Its time. */
  onPainted(camera, at) {
    if (!this.isActive) return;
    this.#painted.add(camera);
    const state = this.#states.get(camera);
    if (state?.state === "gap") this.#states.set(camera, { ...state, state: "playing" });
    if (this.speed > 0) this.position = Math.max(this.position, at);
    else if (this.speed < 0) this.position = Math.min(this.position, at);
    else if (this.#isFree && !this.#waiting) {
      // Of several cameras, the one with the newest frame was stepped; the others follow.
      this.position = this.#painted.size === 1 ? at : Math.max(this.position, at);
    }
    if (this.#isIdle()) this.#flush();
  }

  /** Ends the replay when all cameras with a recording have caught up with live. */
  #endIfLive() {
    const states = [...this.#states.values()].map(({ state }) => state);
    const isOver = states.filter((state) => state === "none" || state === "live").length;
    if (isOver < this.#requested || !states.includes("live")) return;
    if (states.includes("none")) this.goLive();
    else this.reset();
  }

  /** @param {number} at @param {number} speed */
  #moveTo(at, speed) {
    this.#resumed = speed || this.speed || this.#resumed;
    this.isActive = true;
    this.position = at;
    this.speed = speed;
  }

  /** Sends a request when no frame is in flight. @param {{ at: number | null, by: number }} request */
  #pace(request) {
    // A step is from the frame of the drag.
    if (request.at === null && this.#waiting?.at != null) this.#flush();
    this.#waiting = request;
    if (this.#isIdle()) return this.#flush();
    const id = this.#id;
    const left = this.#sentAt + MAX_WAIT - this.#options.now();
    this.#options.wait(() => id === this.#id && this.#flush(), Math.max(0, left));
  }

  #isIdle() {
    const isShown = this.#painted.size >= this.#requested;
    return isShown || this.#options.now() - this.#sentAt >= MAX_WAIT;
  }

  #flush() {
    const { at, by } = this.#waiting ?? {};
    this.#waiting = undefined;
    if (at != null) this.#send({ type: "replay", at, speed: 0 });
    else if (by) this.#send({ type: "step", by });
  }

  /** @param {{ type: string, at?: number | null, speed?: number, by?: number }} message */
  #send(message) {
    const cameras = this.#options.cameras();
    this.#waiting = undefined;
    this.#requested = cameras.length;
    this.#painted.clear();
    this.#states.clear();
    this.#isFree = message.at == null || this.speed !== 0;
    this.#sentAt = this.#options.now();
    this.#options.send({ ...message, cameras, id: ++this.#id });
  }
}
