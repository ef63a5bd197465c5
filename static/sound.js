// @ts-check
/// <reference lib="dom.iterable" />
import { element as find, setText } from "./dom.js";
import { SoundPlayer } from "./sound_player.js";
import { capitalized } from "./state_text.js";

// Times are in milliseconds of `performance.now()`; in a recording, of its frames.

/** How much earlier or later than the picture the sound may be. */
const MAX_EARLY = 10;
const MAX_LATE = 60;
/** Time from painting to display. */
const DISPLAY_DELAY = 20;
/** Number of pictures whose age counts; the first recorded one may be late. */
const PICTURES = 25;
const MIN_PICTURES = 2;
/** Limits of a picture's wait for late sound. */
const MIN_HOLD = 10;
const MAX_HOLD = 400;
/** How long, at most, a picture waits for sound that arrives late or in large chunks. */
const MAX_WAIT = 150;
/** The server's clock is followed at this rate, steps larger than its error at once. */
const CLOCK_RATE = 0.0005;
const CLOCK_STEP = 250;
/** Shortest gaps: in recorded sound, in a recording. */
const GAP = 15;
const SKIP = 1_000;
/** Time without sound until it is silence, and a problem. */
const SILENCE = 1_000;
const NOTICE_DELAY = 3_000;

/** Plays the sound of one camera at a time, in step with its pictures. */
export class Sound {
  /** Name of the camera that the page listens to, if any. */
  camera = "";
  #page;
  #context;
  #player;
  /** The cameras of the last message, and whether to retry. */
  #sent = "";
  #isRetry = false;
  /** "live", or the number of the request to play recordings. */
  #source = "";
  /** Difference between the clocks, and when it was updated. */
  #offset = NaN;
  #offsetAt = 0;
  /** Ages of the last pictures without a wait, the median, and the last wait. @type {number[]} */
  #ages = [];
  #age = NaN;
  #hold = 0;
  /** Sequence number of the next live packet, or time of the next recorded one. */
  #expected = NaN;
  /** Since when the sound could arrive. */
  #since = 0;

  /** @param {import("./page.js").Page} page @param {AudioContext} context */
  constructor(page, context) {
    this.#page = page;
    this.#context = context;
    this.#player = new SoundPlayer(context);
    context.onstatechange = () => page.refresh();
  }

  /** Whether a live camera is heard, also while the page is hidden. */
  get isLive() {
    return this.#source === "live";
  }

  get #tile() {
    return this.#page.tiles().find(({ status }) => status.name === this.camera);
  }

  get #isRunning() {
    return this.#context.state === "running";
  }

  /** Whether the browser requires another click. */
  get #isBlocked() {
    return !this.#isRunning && performance.now() - this.#since > SILENCE;
  }

  get #isPlaying() {
    const { lastPacketAt, delay } = this.#player;
    return this.#isRunning && performance.now() - lastPacketAt < SILENCE && !Number.isNaN(delay);
  }

  /** How much later than its picture the sound is; NaN if that is unknown. */
  get #lag() {
    const { delay, error } = this.#player;
    return this.#isPlaying ? delay + error - this.#age - this.#hold : NaN;
  }

  /** Turns a camera's sound on and another one's off, or turns it off. @param {string} camera */
  toggle(camera) {
    if (camera !== this.camera || this.#isBlocked) {
      this.camera = camera;
      this.#source = "";
      return this.retry();
    }
    this.camera = "";
    this.#context.suspend();
    this.#page.refresh();
  }

  /** Starts the sound, or a failed microphone, again. */
  retry() {
    this.#since = performance.now();
    this.#context.resume();
    this.#isRetry = true;
    this.#page.refresh();
  }

  /** Plays a packet, if it belongs to what is shown. @param {import("./live.js").Sound} sound */
  onSound({ camera, recorded, number, heardAt, samples }) {
    if (!this.#isFor(camera) || recorded === this.isLive || !this.#source) return;
    const rate = (recorded ? number : this.#tile?.status.sound?.rate) ?? 0;
    const time = this.#toLocal(heardAt, recorded);
    if (Number.isNaN(time) || !(rate > 0)) return;
    // Recorded sound is sent in advance: only the pictures tell when it is due.
    if (recorded && this.#ages.length < MIN_PICTURES) return;
    const gap = Math.abs((recorded ? heardAt : number) - this.#expected);
    if (recorded && gap > SKIP) this.#forget();
    this.#player.push(time, samples, rate, recorded ? gap < GAP : gap === 0);
    this.#expected = recorded ? heardAt + samples.length / rate * 1_000 : number + 1;
  }

  /** Notes that a picture was painted after a wait. @param {import("./live.js").LiveFrame} frame @param {number} hold */
  onPainted({ camera, recorded, capturedAt }, hold) {
    if (!this.#isFor(camera)) return;
    const shownAt = performance.now() + DISPLAY_DELAY - hold;
    const age = shownAt - this.#toLocal(capturedAt, recorded);
    if (Number.isNaN(age)) return;
    if (recorded && Math.abs(age - this.#age) > SKIP) this.#forget();
    this.#ages.push(age);
    if (this.#ages.length > PICTURES) this.#ages.shift();
    const sorted = this.#ages.toSorted((a, b) => a - b);
    this.#age = sorted[(sorted.length - 1) >> 1] ?? NaN;
    this.#hold = hold;
    this.#player.minDelay = this.#age - MAX_EARLY;
    this.#player.maxDelay = this.#age + MAX_LATE + (recorded ? 0 : MAX_WAIT);
  }

  /** Returns how long a picture has to wait for late sound. @param {number} camera Its index. */
  holdOf(camera) {
    if (!this.#isFor(camera) || !this.#isPlaying) return 0;
    const hold = this.#player.delay - MAX_LATE - this.#age;
    return hold > (this.#hold > 0 ? 0 : MIN_HOLD) ? Math.min(hold, MAX_HOLD) : 0;
  }

  /** Sends what to listen to, and updates the tiles. */
  refresh() {
    const { link } = this.#page;
    const tile = this.#tile;
    this.#follow();
    if (link.state.kind === "live") {
      const isHeard = tile?.status.sound && this.#isRunning && !this.#page.isPaused();
      const cameras = isHeard ? [this.camera] : [];
      if (`${cameras}` !== this.#sent || isHeard && this.#isRetry) {
        link.send({ type: "listen", cameras, retry: this.#isRetry });
        this.#sent = `${cameras}`;
        this.#isRetry = false;
      }
    } else {
      this.#sent = "";
      this.#since = performance.now();
    }
    for (const each of this.#page.tiles()) this.#show(each, each === tile);
    for (const anchor of document.querySelectorAll("#names a")) {
      anchor.classList.toggle("sounding", anchor.textContent === this.camera);
    }
  }

  /** @param {import("./tile.js").Tile} tile @param {boolean} isChosen */
  #show(tile, isChosen) {
    const { element } = tile;
    element.classList.toggle("sounding", isChosen);
    find(".loudspeaker", element).setAttribute("aria-pressed", `${isChosen}`);
    const { text = "", action = "" } = isChosen ? this.#describe(tile) : {};
    const notice = find(".sound-notice", element), button = find("button", notice);
    notice.hidden = !text && !action;
    setText(find("span", notice), text);
    setText(button, action);
    button.hidden = !action;
    const lag = isChosen ? this.#lag : NaN;
    tile.sound = {
      announcement: text || action,
      lag: Number.isNaN(lag) ? "" : describeLag(lag),
      hold: isChosen && this.#isPlaying ? this.#hold : 0,
    };
    if (!isChosen) return void delete element.dataset.sound;
    setText(find("#lag"), tile.sound.lag);
    const state = { source: this.#source, lag, age: this.#age, hold: this.#hold };
    element.dataset.sound = JSON.stringify({ ...state, ...this.#player }); // for tests
  }

  /** Describes why the camera is not heard. @param {import("./tile.js").Tile} tile */
  #describe({ status: { sound } }) {
    if (this.#page.link.state.kind !== "live" || this.#page.isPaused()) return {};
    if (!sound) return { text: "This camera has no sound any more" };
    if (this.#isBlocked) return { action: "Click for sound" };
    if (sound.state === "failed") {
      const { message, hint, retried } = sound.lastFailure ?? {};
      const next = retried ? "Trying again automatically" : "";
      const parts = [`No sound: ${message}`, capitalized(hint), next];
      return { text: parts.filter(Boolean).join(". "), action: retried ? "" : "Try now" };
    }
    const waiting = performance.now() - Math.max(this.#since, this.#player.lastPacketAt);
    const isExpected = !this.#page.playback()?.replay.isActive && waiting > NOTICE_DELAY;
    return isExpected ? { text: "Waiting for the sound …" } : {};
  }

  /** Whether a message is about the chosen camera. @param {number} camera Its index. */
  #isFor(camera) {
    this.#follow();
    return this.#tile?.status.index === camera;
  }

  /** Starts anew when the page shows something else. */
  #follow() {
    const replay = this.#page.playback()?.replay;
    const tile = this.#tile;
    let source = "";
    if (tile && this.#isRunning && !this.#page.isPaused()) {
      const request = replay?.soundRequest(tile.status.index ?? -1) || "";
      source = replay?.isActive ? `${request}` : "live";
    }
    if (source === this.#source) return;
    this.#source = source;
    this.#since = performance.now();
    this.#forget();
  }

  #forget() {
    this.#player.reset();
    this.#player.minDelay = -Infinity;
    this.#player.maxDelay = Infinity;
    this.#ages = [];
    this.#age = this.#expected = NaN;
    this.#hold = 0;
  }

  /** Converts a time steadily: the estimate of the server's clock has steps. @param {number} time @param {boolean} recorded */
  #toLocal(time, recorded) {
    if (recorded) return time;
    const now = performance.now();
    const { clock } = this.#page.link;
    const target = clock.toLocal(0);
    if (target !== undefined) {
      const step = target - this.#offset, limit = (now - this.#offsetAt) * CLOCK_RATE;
      if (Math.abs(step) <= Math.max(CLOCK_STEP, clock.error ?? 0)) {
        this.#offset += Math.max(-limit, Math.min(limit, step));
      } else {
        this.#forget();
        this.#offset = target;
      }
      this.#offsetAt = now;
    }
    return time + this.#offset;
  }
}

/** @param {number} lag */
function describeLag(lag) {
  const ms = Math.round(lag);
  return `${Math.abs(ms)} ms ${ms < 0 ? "before" : "after"} the picture`;
}
