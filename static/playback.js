// @ts-check
/// <reference lib="dom" />
import { addressOf, copyText } from "./addresses.js";
import { ClipPanel } from "./clip_panel.js";
import { element, setText, toast } from "./dom.js";
import { formatHash, formatLocal, formatUtc, momentsOf, parseHash } from "./moment.js";
import { describeRecording } from "./recording_text.js";
import { Recordings } from "./recordings.js";
import { nextSpeed, Replay, SPEEDS } from "./replay.js";
import { formatBehind, formatClock, formatDay, formatDuration } from "./time_text.js";
import { formatMoment, formatOffset, formatSpeed, localOffset } from "./time_text.js";
import { Timeline, ZOOM_STEP } from "./timeline.js";

/** @typedef {import("./live.js").Link} Link */
/** @typedef {import("./tile.js").Tile} Tile */

const SECOND = 1_000;
const MINUTE = 60_000;
/** Jump of the arrow keys and buttons, with Shift, and of the keys PageUp and PageDown. */
const JUMP = 10 * SECOND;
const SHIFT_JUMP = MINUTE;
const PAGE_JUMP = 10 * MINUTE;
/** After jumps in a row, playback goes on when there was none for this long, in milliseconds. */
const JUMP_PAUSE = 250;
/** A jump to less than this before the present goes live, in milliseconds. */
const LIVE_MARGIN = 500;
/** A picture whose time differs by more from the server's clock has its time from another clock. */
const MAX_LIVE_AGE = 5 * SECOND;
/** The recorder may have rounded a picture's time up by this much, in milliseconds. */
const TIME_TOLERANCE = 3;
/** Length of a clip before the user has chosen one, in milliseconds. */
const CLIP_LENGTH = MINUTE;
/** How much a mark keeps before and after it, in seconds; the same as in `index.html`. */
const KEPT_SECONDS = 30;
/** State of a camera without recordings while others are replayed. */
const NOT_RECORDED = { speed: 0, state: /** @type {const} */ ("none"), waiting: 0 };
/** Interval between the updates of the slider for screen readers during playback. */
const ANNOUNCE_INTERVAL = 5 * SECOND;

/**
 * @typedef {object} PlaybackPage
 * @property {Link} link
 * @property {() => Tile[]} tiles All cameras.
 * @property {() => Tile[]} shownTiles The cameras on the page.
 * @property {() => Tile[]} watchedTiles The cameras in or near the visible part of the page.
 * @property {() => Tile | undefined} singleTile
 * @property {() => void} refresh
 */

/** Plays recordings: the timeline below the pictures, its controls and its keys. */
export class Playback {
  replay;
  #page;
  #recordings = new Recordings(() => this.#timeline.draw());
  #clip = new ClipPanel(() => this.update());
  #timeline;
  #element = element("#playback");
  #speeds = /** @type {HTMLSelectElement} */ (element("#speed"));
  /** The cameras whose playhead the server knows. */
  #replayed = "";
  #isShown = false;
  #describedAt = -Infinity;
  #described = "";
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #jumpTimer;
  /** The moment that the dialog marks. */
  #marked = 0;

  /** @param {PlaybackPage} page */
  constructor(page) {
    this.#page = page;
    this.replay = new Replay({
      send: (message) => page.link.send(message),
      cameras: () => this.#cameras(),
      onChange: () => this.#onChange(),
      onGap: (from, to) => {
        const length = formatDuration(to - from);
        toast(`Nothing was recorded for ${length} from ${formatClock(from)}: skipped`);
        this.update();
      },
    });
    this.#timeline = new Timeline(this.#recordings, {
      onScrub: (time) => this.#scrub(time),
      onScrubEnd: () => this.replay.endScrub(),
      onClip: (clip) => this.#clip.set(clip),
      describe: (time) => this.#describe(time),
    });
    this.#fillSpeeds();
    this.#connectDialogs();
    // A click on a button leaves the keyboard focus where it is, so that the space bar still pauses.
    element("#transport").addEventListener("mousedown", (event) => {
      if (/** @type {Element} */ (event.target).closest("button")) event.preventDefault();
    });
  }

  /** Whether the page shows the timeline. */
  get isAvailable() {
    const { link } = this.#page;
    if (!link.canReplay || link.state.kind === "plain") return false;
    return this.replay.isActive || this.#recorded.length > 0;
  }

  /** The actions of the buttons. @type {Record<string, () => void>} */
  actions = {
    back: () => this.#jump(-JUMP),
    forward: () => this.#jump(JUMP),
    stepBack: () => this.#step(-1),
    stepForward: () => this.#step(1),
    live: () => this.#goLive(),
    timelineIn: () => this.#timeline.zoomBy(1 / ZOOM_STEP),
    timelineOut: () => this.#timeline.zoomBy(ZOOM_STEP),
    jump: () => this.#openJump(),
    mark: () => this.#openMark(),
    clip: () => this.#toggleClip(),
    clipFrom: () => this.#openClip({ from: this.#position }),
    clipTo: () => this.#openClip({ to: this.#position }),
    download: () => void this.#clip.download(),
    cancelDownload: () => this.#clip.cancel(),
    copyMoment: () => void this.#copyLink(),
  };

  /** What the keys do. @type {Record<string, (shift: boolean) => void>} */
  #keys = {
    k: () => this.replay.isActive ? this.replay.setSpeed(0) : this.togglePaused(),
    j: () => this.#faster(-1),
    l: () => this.#faster(1),
    ",": () => this.#step(-1),
    ".": () => this.#step(1),
    "[": () => this.#openClip({ from: this.#position }),
    "]": () => this.#openClip({ to: this.#position }),
    b: () => this.#openMark(),
    c: () => this.#toggleClip(),
    t: () => this.#openJump(),
    ArrowLeft: (shift) => this.#jump(shift ? -SHIFT_JUMP : -JUMP),
    ArrowRight: (shift) => this.#jump(shift ? SHIFT_JUMP : JUMP),
    Home: () => this.#seek(this.#oldest),
    End: () => this.#goLive(),
  };

  /** What the keys do while the timeline has the keyboard focus. @type {Record<string, () => void>} */
  #timelineKeys = {
    ArrowUp: () => this.#jump(SHIFT_JUMP),
    ArrowDown: () => this.#jump(-SHIFT_JUMP),
    PageUp: () => this.#jump(PAGE_JUMP),
    PageDown: () => this.#jump(-PAGE_JUMP),
    "+": () => this.#timeline.zoomBy(1 / ZOOM_STEP),
    "=": () => this.#timeline.zoomBy(1 / ZOOM_STEP),
    "-": () => this.#timeline.zoomBy(ZOOM_STEP),
  };

  /**
   * Handles a key.
   *
   * @param {KeyboardEvent} event
   * @returns {boolean} Whether the key belongs to the playback.
   */
  handleKey({ key, shiftKey, target }) {
    if (!this.isAvailable) return false;
    const isOnTimeline = target === element("#timeline");
    const isZoomed = (this.#page.singleTile()?.view.zoom ?? 1) > 1;
    const onTimeline = isOnTimeline ? this.#timelineKeys[key] : undefined;
    if (onTimeline) onTimeline();
    else if (/^Arrow/.test(key) && isZoomed && !isOnTimeline && !shiftKey) return false;
    else if (key === "Escape" && this.#clip.isOpen) this.#clip.close();
    else {
      const action = this.#keys[key] ?? this.#keys[key.toLowerCase()];
      if (!action) return false;
      action(shiftKey);
    }
    return true;
  }

  /** Pauses at the present moment, or plays on. */
  togglePaused() {
    if (!this.replay.isActive) this.replay.show(this.#position);
    else if (this.replay.isPaused) this.replay.resume();
    else this.replay.setSpeed(0);
    this.#timeline.follow();
  }

  /**
   * Goes on after a reconnect.
   *
   * @param {number} [at] The moment of a link, to play from there.
   */
  onConnected(at) {
    if (at !== undefined) {
      this.#timeline.follow();
      this.replay.seek(at, 1);
    } else this.replay.restore();
    this.#replayed = `${this.#cameras()}`;
  }

  /** Replays the cameras that the page shows now. */
  onLayout() {
    if (this.#page.link.state.kind === "plain") this.replay.reset();
    const cameras = `${this.#cameras()}`;
    if (cameras === this.#replayed) return;
    this.#replayed = cameras;
    if (this.#page.link.state.kind === "live") this.replay.restore();
  }

  /** Notes that a recorded frame is on the screen. @param {number} camera @param {number} at */
  onPainted(camera, at) {
    this.replay.onPainted(camera, at);
    this.update();
  }

  /**
   * Returns the state of a camera for its texts; undefined while the page is live.
   *
   * @param {Tile} tile
   * @param {number} index
   */
  stateOf({ status }, index) {
    if (!this.replay.isActive) return;
    if (!this.#cameras().includes(status.name)) return NOT_RECORDED;
    const isGap = this.replay.isPaused && this.#recordings.isGap(status.name, this.replay.position);
    return { ...this.replay.stateOf(index), isGap };
  }

  /** Updates the timeline, the texts and the buttons. */
  update() {
    const { isAvailable, replay } = this;
    this.#element.hidden = !isAvailable;
    if (document.body.classList.toggle("has-recordings", isAvailable) !== this.#isShown) {
      this.#isShown = isAvailable;
      // The button is beside the others of the playback.
      element(isAvailable ? "#transport" : "#controls").prepend(element("[data-action=pause]"));
    }
    if (!isAvailable) return;
    const statuses = this.#page.shownTiles().map(({ status }) => status);
    const names = this.#recorded.map(({ name }) => name);
    const position = this.#position, latest = this.#latest;
    this.#recordings.update(statuses);
    this.#timeline.update({
      ...{ oldest: this.#oldest, latest, position, isLive: !replay.isActive },
      ...{ cameras: names, clip: this.#clip.clip },
    });
    const period = this.#timeline.period;
    if (period && !document.hidden) this.#recordings.show(names, period, latest);
    if (this.#clip.isOpen) this.#clip.setCameras(names);

    const live = element("#live");
    const behind = formatBehind(latest - position);
    live.classList.toggle("is-live", !replay.isActive);
    setText(element(".behind", live), replay.isActive ? behind : "");
    const label = replay.isActive ? `Go live: ${formatDuration(latest - position)} behind` : "Live";
    if (live.getAttribute("aria-label") !== label) live.setAttribute("aria-label", label);
    setText(element("#moment .day"), `${formatDay(position)}, `);
    setText(element("#moment .time"), formatClock(position));
    setText(element("#moment .offset"), ` ${formatOffset(localOffset(position))}`);
    const shown = `${replay.speed || (replay.isPaused ? 0 : 1)}`;
    if (document.activeElement !== this.#speeds) this.#speeds.value = shown;
    const { text, isTrouble } = describeRecording(statuses, this.#recordings.progress(names));
    const state = element("#recording-state");
    setText(state, this.#recordings.problem ?? text);
    state.classList.toggle("trouble", isTrouble || this.#recordings.problem !== undefined);
  }

  /** Names of the cameras to replay. */
  #cameras() {
    const watched = this.#page.watchedTiles();
    const recorded = watched.filter(({ status: { recording } }) => recording?.oldest != null);
    return (recorded.length > 0 ? recorded : watched).map(({ status }) => status.name);
  }

  /** Status of the cameras on the page that are recorded, or have been. */
  get #recorded() {
    return this.#page.shownTiles().map(({ status }) => status).filter(({ recording }) =>
      recording && (recording.state !== "off" || recording.oldest != null)
    );
  }

  /** The present time of the server. */
  get #latest() {
    return this.#page.link.clock.ageOf(0, performance.now()) ?? this.#newest ?? Date.now();
  }

  get #newest() {
    const times = this.#extents("newest");
    return times.length > 0 ? Math.max(...times) : undefined;
  }

  get #oldest() {
    return Math.min(this.#latest - SECOND, ...this.#extents("oldest"));
  }

  /** @param {"oldest" | "newest"} end @returns {number[]} */
  #extents(end) {
    return this.#page.shownTiles().flatMap(({ status }) => status.recording?.[end] ?? []);
  }

  /** Time of the playhead, or of the live picture. */
  get #position() {
    if (this.replay.isActive) return this.replay.position;
    const latest = this.#latest;
    const times = this.#page.shownTiles().flatMap(({ latest }) => latest?.capturedAt ?? []);
    const captured = Math.max(-Infinity, ...times);
    return latest - captured < MAX_LIVE_AGE && captured <= latest
      ? Math.ceil(captured) + TIME_TOLERANCE
      : latest;
  }

  #onChange() {
    for (const tile of this.#page.tiles()) tile.setReplaying(this.replay.isActive);
    if (!this.replay.isActive) this.#timeline.follow();
    this.#page.refresh();
  }

  /** @param {number} time */
  #describe(time) {
    const now = performance.now();
    const { isActive, speed, isScrubbing } = this.replay;
    const isMoving = (!isActive || speed !== 0) && !isScrubbing;
    if (isMoving && now - this.#describedAt < ANNOUNCE_INTERVAL) return this.#described;
    this.#describedAt = now;
    const behind = isActive ? `${formatDuration(this.#latest - time)} ago` : "live";
    return this.#described = `${formatDay(time)}, ${formatClock(time)}, ${behind}`;
  }

  /** Removes the moment of a link from the page's address: the page no longer shows it. */
  #forgetLink() {
    const { camera, at } = parseHash(location.hash);
    if (at !== undefined) history.replaceState(null, "", formatHash(camera));
  }

  /** @param {number} time */
  #scrub(time) {
    this.#forgetLink();
    this.replay.scrub(time);
    this.update();
  }

  /** Moves the playhead. @param {number} time */
  #seek(time) {
    this.#forgetLink();
    this.#timeline.follow();
    this.#describedAt = -Infinity;
    if (this.replay.isPaused && !this.replay.isScrubbing) this.replay.show(time);
    else {
      // Jumps in a row are one drag: at most one request is in flight.
      this.replay.scrub(time);
      clearTimeout(this.#jumpTimer);
      this.#jumpTimer = setTimeout(() => this.replay.endScrub(), JUMP_PAUSE);
    }
    this.update();
  }

  /** @param {number} ms */
  #jump(ms) {
    const time = this.#position + ms;
    if (time < this.#latest - LIVE_MARGIN) return this.#seek(Math.max(this.#oldest, time));
    if (!this.replay.isActive) return;
    if (this.replay.isPaused && !this.replay.isScrubbing) this.#seek(this.#newest ?? this.#latest);
    else this.#goLive();
  }

  /** @param {1 | -1} direction */
  #faster(direction) {
    this.#timeline.follow();
    if (this.replay.isActive) this.replay.setSpeed(nextSpeed(this.replay.speed, direction));
    else if (direction < 0) this.replay.seek(this.#position, -1);
  }

  /** @param {number} by */
  #step(by) {
    this.#timeline.follow();
    if (!this.replay.isActive) this.replay.show(this.#position);
    this.replay.step(by);
  }

  #goLive() {
    this.#forgetLink();
    clearTimeout(this.#jumpTimer);
    this.replay.goLive();
    this.update();
  }

  #fillSpeeds() {
    const options = SPEEDS.map((speed) => new Option(formatSpeed(speed), `${speed}`));
    const paused = new Option("Paused", "0");
    paused.hidden = true;
    this.#speeds.replaceChildren(paused, ...options);
    let isByPointer = false;
    this.#speeds.addEventListener("pointerdown", () => isByPointer = true);
    this.#speeds.addEventListener("keydown", () => isByPointer = false);
    this.#speeds.addEventListener("change", () => {
      const speed = Number(this.#speeds.value);
      if (isByPointer) this.#speeds.blur(); // the keys are those of the page again
      if (this.replay.isActive) this.replay.setSpeed(speed);
      else if (speed < 1) this.replay.seek(this.#position, speed);
      else if (speed > 1) toast("Live: go back before you play faster");
      this.update();
    });
  }

  #toggleClip() {
    if (this.#clip.isOpen) this.#clip.close();
    else this.#openClip({});
  }

  /** Opens the panel for a clip. @param {{ from?: number, to?: number }} ends */
  #openClip({ from, to }) {
    const newest = this.#newest ?? this.#latest, oldest = this.#oldest;
    const { clip } = this.#clip;
    const position = this.#position;
    const first = clip?.from ?? Math.max(oldest, (to ?? position) - CLIP_LENGTH / 2);
    const last = clip?.to ?? Math.min(newest, (from ?? position) + CLIP_LENGTH / 2);
    const chosen = { from: from ?? first, to: to ?? last };
    // An end beyond the other one moves that, too.
    if (chosen.from >= chosen.to && from !== undefined) {
      chosen.to = Math.min(newest, from + CLIP_LENGTH);
    }
    if (chosen.from >= chosen.to) chosen.from = Math.max(oldest, chosen.to - CLIP_LENGTH);
    this.#clip.open(chosen, this.#recorded.map(({ name }) => name));
  }

  #connectDialogs() {
    const field = /** @type {HTMLInputElement} */ (element("#jump input"));
    const buttons = element("#jump .moments");
    const offer = () => {
      const moments = momentsOf(field.value);
      buttons.replaceChildren(...moments.map((moment) => {
        const button = document.createElement("button");
        button.type = "button";
        const offset = moments.length > 1 ? ` (${formatOffset(localOffset(moment))})` : "";
        button.textContent = `Go${offset}`;
        button.onclick = () => this.#jumpTo(moment);
        return button;
      }));
      setText(
        element("#jump .note"),
        moments.length > 1 ? "The clocks showed this time twice." : "",
      );
    };
    field.addEventListener("input", offer);
    field.addEventListener("keydown", ({ key }) => {
      const [moment] = momentsOf(field.value);
      if (key === "Enter" && moment !== undefined) this.#jumpTo(moment);
    });
    const label = /** @type {HTMLInputElement} */ (element("#mark input[name=label]"));
    label.addEventListener("keydown", (event) => event.key === "Enter" && this.#addMark(event));
    element("#mark .add").addEventListener("click", (event) => this.#addMark(event));
  }

  #openJump() {
    const field = /** @type {HTMLInputElement} */ (element("#jump input"));
    field.value = formatLocal(this.#position);
    field.min = formatLocal(this.#oldest);
    field.max = formatLocal(this.#latest + MINUTE);
    field.dispatchEvent(new Event("input"));
    /** @type {HTMLDialogElement} */ (element("#jump")).showModal();
    field.focus();
  }

  /** @param {number} moment */
  #jumpTo(moment) {
    /** @type {HTMLDialogElement} */ (element("#jump")).close();
    this.#seek(Math.min(this.#newest ?? this.#latest, Math.max(this.#oldest, moment)));
  }

  #openMark() {
    this.#marked = Math.round(this.#position);
    setText(element("#mark .note"), formatMoment(this.#marked));
    /** @type {HTMLDialogElement} */ (element("#mark")).showModal();
    const label = /** @type {HTMLInputElement} */ (element("#mark input[name=label]"));
    label.focus();
    label.select();
  }

  /** Adds a mark to each camera on the page. @param {Event} event */
  async #addMark(event) {
    event.preventDefault();
    const label = /** @type {HTMLInputElement} */ (element("#mark input[name=label]")).value.trim();
    const keep = /** @type {HTMLInputElement} */ (element("#mark input[name=keep]")).checked;
    if (!/^[\p{L}\p{N} _.:-]{1,64}$/u.test(label)) {
      return setText(
        element("#mark .note"),
        "Use 1 to 64 letters, digits, spaces and - _ . : for the label",
      );
    }
    /** @type {HTMLDialogElement} */ (element("#mark")).close();
    const at = this.#marked;
    const cameras = this.#recorded.map(({ name }) => name);
    const query = new URLSearchParams({ label, at: formatUtc(at) });
    if (keep) { for (const name of ["before", "after"]) query.set(name, `${KEPT_SECONDS}`); }
    if (keep) query.set("keep", "1");
    try {
      for (const name of cameras) {
        const path = `cameras/${encodeURIComponent(name)}/marks?${query}`;
        const response = await fetch(addressOf(path), { method: "POST" });
        if (!response.ok) throw new Error((await response.text()).trim());
      }
      this.#recordings.addMark(cameras, { at, label, keep });
      toast(`Marked ${formatClock(at)}: ${label}`);
    } catch (error) {
      toast(`Cannot add the mark: ${error instanceof Error ? error.message : error}`);
    }
  }

  /** Copies a link to the moment that is shown. */
  async #copyLink() {
    const camera = this.#page.singleTile()?.status.name ?? "";
    const base = addressOf(".");
    base.hash = base.search = "";
    const link = `${base.href}${formatHash(camera, this.#position)}`;
    const field = document.createElement("input");
    field.value = link;
    field.className = "visually-hidden";
    document.body.append(field);
    try {
      await copyText(link, field);
      toast("Link to this moment copied");
    } catch {
      prompt("Link to this moment:", link);
    }
    field.remove();
  }
}
