// @ts-check
/// <reference lib="dom.iterable" />
import { element as find, setText } from "./dom.js";
import { SoundPlayer } from "./sound_player.js";
import { describeOffset, describeSound } from "./sound_text.js";

// Times are in milliseconds of `performance.now()`; in a recording, in those of its frames.

/** How much earlier or later than its picture the sound may be. */
const MAX_EARLY = 10;
const MAX_LATE = 60;
/** Number of pictures whose age is averaged. */
const PICTURES = 25;
/** The first recorded picture may be shown after its time. */
const MIN_PICTURES = 2;
/** A picture waits for a late loudspeaker, unless the wait is shorter, and no longer. */
const MIN_HOLD = 20;
const MAX_HOLD = 400;
/** The server's clock is followed at this rate, or in one step if it differs by more. */
const CLOCK_RATE = 0.0005;
const CLOCK_STEP = 250;
/** A recorded packet this long after the end of the last one does not follow it. */
const GAP = 15;
/** A recording is continued elsewhere if its times differ by more. */
const SKIP = 1_000;
/** No sound for longer is silence. */
const SILENCE = 1_000;
/** The browser gets this long to start the sound after a click. */
const RESUME_TIME = 1_000;
/** Key of the volume in the browser's storage. */
const VOLUME_KEY = "volume";

/** @typedef {import("./tile.js").Tile} Tile */

/** Plays the sound of one camera at a time, in step with its pictures. */
export class Sound {
  /** Name of the camera that the page listens to, if any. */
  camera = "";
  #page;
  #context;
  #gain;
  #player;
  /** The cameras that the server knows of on this connection. */
  #sent = "";
  #isRetry = false;
  /** Where the sound comes from: the live camera, or one request to play its recordings. */
  #source = "";
  /** Difference between the server's clock and that of the page. */
  #offset = NaN;
  #offsetAt = 0;
  /** Ages of the last pictures, if they had not waited, and their average. @type {number[]} */
  #ages = [];
  #age = NaN;
  /** How long the last picture waited for the sound. */
  #hold = 0;
  /** Sequence number of the next live packet, or time of the next recorded one. */
  #expected = NaN;
  /** When sound could arrive, and when the browser was asked to play it. */
  #since = 0;
  #resumedAt = 0;
  #volume = 1;

  /** @param {import("./page.js").Page} page @param {AudioContext} context */
  constructor(page, context) {
    this.#page = page;
    this.#context = context;
    this.#gain = context.createGain();
    this.#gain.connect(context.destination);
    this.#player = new SoundPlayer(this.#gain);
    context.onstatechange = () => page.refresh();
    try {
      const stored = parseFloat(localStorage.getItem(VOLUME_KEY) ?? "1");
      if (stored >= 0 && stored <= 1) this.#volume = stored;
    } catch {
      // No storage: full volume.
    }
    this.#gain.gain.value = this.#volume ** 2;
    find("#cameras").addEventListener("input", ({ target }) => {
      if (target instanceof HTMLInputElement) this.#setVolume(Number(target.value));
    });
    // After a click, the keys are those of the page again.
    find("#cameras").addEventListener("change", ({ target }) => {
      if (target instanceof HTMLElement && !target.matches(":focus-visible")) target.blur();
    });
  }

  /** Whether the sound goes on while the page is hidden. */
  get isLive() {
    return this.camera !== "" && this.#source === "live" && this.#isRunning;
  }

  get #isRunning() {
    return this.#context.state === "running";
  }

  get #tile() {
    return this.#page.tiles().find(({ status }) => status.name === this.camera);
  }

  /** Turns the sound of a camera on, and that of another one off; again: off. @param {string} camera */
  toggle(camera) {
    const isChosen = camera === this.camera;
    if (isChosen && !this.#isBlocked) {
      this.camera = "";
      this.#context.suspend();
    } else {
      this.camera = camera;
      this.#source = "";
      this.retry();
    }
    this.#page.refresh();
  }

  /** Tries again: after a click, or when the microphone has failed for good. */
  retry() {
    this.#resumedAt = this.#since = performance.now();
    this.#context.resume();
    this.#sent = "";
    this.#isRetry = true;
    this.#page.refresh();
  }

  /** Plays a packet, if it belongs to what is shown. @param {import("./live.js").Sound} sound */
  onSound({ camera, recorded, heardAt, samples, ...header }) {
    const tile = this.#page.tiles()[camera];
    if (!tile || tile !== this.#tile) return;
    this.#follow();
    if (recorded !== (this.#source !== "live") || this.#source === "") return;
    const rate = header.rate ?? tile.status.sound?.rate ?? 0;
    const time = recorded ? heardAt : this.#toLocal(heardAt);
    if (Number.isNaN(time) || !(rate > 0)) return;
    // Recorded sound is sent in advance: only the pictures tell when it is due.
    if (recorded && this.#ages.length < MIN_PICTURES) return;
    const key = header.sequence ?? heardAt;
    const gap = Math.abs(key - this.#expected);
    if (recorded && gap > SKIP) this.#forget();
    this.#player.push(time, samples, rate, recorded ? gap < GAP : gap === 0);
    this.#expected = recorded ? heardAt + samples.length / rate * 1_000 : key + 1;
  }

  /**
   * Notes when a picture was painted.
   *
   * @param {import("./live.js").LiveFrame} frame
   * @param {number} hold How long it waited for the sound.
   */
  onPainted({ camera, recorded, capturedAt }, hold) {
    if (!this.camera || this.#page.tiles()[camera] !== this.#tile) return;
    this.#follow();
    const now = performance.now();
    const age = now - hold - (recorded ? capturedAt : this.#toLocal(capturedAt));
    if (Number.isNaN(age)) return;
    if (recorded && Math.abs(age - this.#age) > SKIP) this.#forget();
    this.#ages.push(age);
    if (this.#ages.length > PICTURES) this.#ages.shift();
    const sorted = this.#ages.toSorted((a, b) => a - b);
    this.#age = sorted[(sorted.length - 1) >> 1] ?? NaN;
    this.#hold = hold;
    this.#player.minDelay = this.#age - MAX_EARLY;
    this.#player.maxDelay = this.#age + MAX_LATE;
  }

  /**
   * Returns how long a picture has to wait, because the loudspeaker is late.
   *
   * @param {import("./live.js").LiveFrame} frame
   */
  holdOf({ camera, recorded, capturedAt }) {
    if (!this.camera || this.#page.tiles()[camera] !== this.#tile || !this.#isPlaying) return 0;
    const delay = this.#player.delay - MAX_LATE;
    if (!(delay - this.#age > (this.#hold > 0 ? 0 : MIN_HOLD))) return 0;
    const dueAt = delay + (recorded ? capturedAt : this.#toLocal(capturedAt));
    return Math.max(0, Math.min(MAX_HOLD, dueAt - performance.now()));
  }

  /** Sends what to listen to, and updates the controls and texts of the tiles. */
  refresh() {
    const { link } = this.#page;
    const tile = this.#tile;
    this.#follow();
    if (link.state.kind !== "live") {
      this.#sent = "";
      this.#since = performance.now();
    } else {
      const isHeard = tile?.status.sound && this.#isRunning && !this.#page.isPaused();
      const names = isHeard ? [this.camera] : [];
      if (`${names}` !== this.#sent) this.#send(names);
    }
    for (const each of this.#page.tiles()) this.#show(each, each === tile);
    for (const anchor of document.querySelectorAll("#names a")) {
      anchor.classList.toggle("sounding", anchor.textContent === this.camera);
    }
    setText(find("#sound-offset"), Number.isNaN(this.#difference) ? "" : `: ${this.#summary}`);
  }

  /** @param {string[]} cameras */
  #send(cameras) {
    this.#sent = `${cameras}`;
    this.#page.link.send({ type: "listen", cameras, retry: this.#isRetry });
    this.#isRetry = false;
  }

  /** Whether the browser plays no sound without another click. */
  get #isBlocked() {
    return !this.#isRunning && performance.now() - this.#resumedAt > RESUME_TIME;
  }

  get #isPlaying() {
    return this.#isRunning && performance.now() - this.#player.lastPacketAt < SILENCE &&
      !Number.isNaN(this.#player.delay);
  }

  /** How much later than its picture the sound is; NaN if that is unknown. */
  get #difference() {
    if (!this.#isPlaying) return NaN;
    return this.#player.delay + this.#player.error - this.#age - this.#hold;
  }

  get #summary() {
    return describeOffset(this.#difference);
  }

  /** @param {Tile} tile @param {boolean} isChosen */
  #show(tile, isChosen) {
    const { element, status } = tile;
    const { link } = this.#page;
    element.classList.toggle("sounding", isChosen);
    find(".loudspeaker", element).setAttribute("aria-pressed", `${isChosen}`);
    const volume = /** @type {HTMLInputElement} */ (find(".volume", element));
    volume.hidden = !isChosen;
    volume.value = `${this.#volume}`;
    const isReplaying = this.#page.playback()?.replay.isActive === true;
    const isExpected = isChosen && link.state.kind === "live" && !this.#page.isPaused();
    const waiting = performance.now() - Math.max(this.#since, this.#player.lastPacketAt);
    const page = { isBlocked: this.#isBlocked, waiting: isReplaying ? 0 : waiting };
    const notice = isExpected ? describeSound(status.sound, page) : undefined;
    const { text = "", action = "" } = notice ?? {};
    const panel = find(".sound-notice", element);
    panel.hidden = notice === undefined;
    setText(find("span", panel), text);
    const button = find("button", panel);
    setText(button, action);
    button.hidden = action === "";
    const { delay, error, speed, late, jumps, played, outputLatency } = this.#player;
    const difference = isChosen ? this.#difference : NaN;
    const isKnown = !Number.isNaN(difference);
    tile.sound = {
      announcement: text || action,
      tooltip: isKnown ? ` ${capitalized(this.#summary)}.` : "",
      hold: isChosen && this.#isPlaying ? this.#hold : 0,
    };
    if (!isChosen) return void delete element.dataset.sound;
    // For tests: how the player is doing, in milliseconds.
    element.dataset.sound = JSON.stringify({
      ...{ source: this.#source, state: this.#context.state, difference, delay, error, speed },
      ...{ late, jumps, played, outputLatency, age: this.#age, hold: this.#hold },
    });
  }

  /** Notes what is shown now: other sound than that is dropped. */
  #follow() {
    const replay = this.#page.playback()?.replay;
    const tile = this.#tile;
    let source = "";
    if (tile && this.#isRunning && !this.#page.isPaused()) {
      if (!replay?.isActive) source = "live";
      else if (replay.hasSound(this.#page.tiles().indexOf(tile))) source = `${replay.request}`;
    }
    if (source === this.#source) return;
    this.#source = source;
    this.#since = performance.now();
    this.#forget();
  }

  /** Starts anew: the times before do not apply to what follows. */
  #forget() {
    this.#player.reset();
    this.#player.minDelay = -Infinity;
    this.#player.maxDelay = Infinity;
    this.#ages = [];
    this.#age = this.#expected = NaN;
    this.#hold = 0;
  }

  /**
   * Converts a time of the server. Its clock is an estimate, which changes: pictures and sound use
   * the same steady one.
   *
   * @param {number} time
   */
  #toLocal(time) {
    const now = performance.now();
    const target = this.#page.link.clock.toLocal(0);
    if (target !== undefined) {
      const step = target - this.#offset, limit = (now - this.#offsetAt) * CLOCK_RATE;
      if (Math.abs(step) <= CLOCK_STEP) this.#offset += Math.max(-limit, Math.min(limit, step));
      else {
        if (!Number.isNaN(this.#offset)) this.#forget();
        this.#offset = target;
      }
      this.#offsetAt = now;
    }
    return time + this.#offset;
  }

  /** @param {number} volume From 0 to 1. */
  #setVolume(volume) {
    this.#volume = volume;
    // Half of the scale sounds about half as loud.
    this.#gain.gain.setTargetAtTime(volume ** 2, this.#context.currentTime, 0.02);
    try {
      localStorage.setItem(VOLUME_KEY, `${volume}`);
    } catch {
      // No storage: the volume lasts as long as the page.
    }
  }
}

/** @param {string} text */
function capitalized(text) {
  return `${text.slice(0, 1).toUpperCase()}${text.slice(1)}`;
}
