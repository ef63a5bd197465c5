// @ts-check
import { addressOf, cameraAddress } from "./addresses.js";
import { ClipPanel } from "./clip_panel.js";
import { element, field, list, messageOf, openDialog, setText, toast } from "./dom.js";
import { formatHash, parseHash } from "./moment.js";
import { describeRecording, Recordings } from "./recordings.js";
import { nextSpeed, Replay, SPEEDS } from "./replay.js";
import { formatBehind, formatClock, formatDay, formatDuration, formatLocal } from "./time_text.js";
import { formatOffset, formatSpeed, localOffset, MINUTE, momentsOf, SECOND } from "./time_text.js";
import { Timeline } from "./timeline.js";

/** After jumps in a row, playback goes on when there was none for this long. */
const JUMP_PAUSE = 250;
/** A jump to less than this before the present goes live. */
const LIVE_MARGIN = 500;
/** A picture whose time differs by more from the server's clock has its time from another clock. */
const MAX_LIVE_AGE = 5 * SECOND;
/** The recorder may have rounded a picture's time up by this much. */
const TIME_TOLERANCE = 3;
/** Interval between the updates of the slider for screen readers during playback. */
const ANNOUNCE_INTERVAL = 5 * SECOND;

/** @type {Record<string, string>} */
const ACTION_KEYS = {
  ...{ j: "backwards", k: "hold", l: "forwards", ",": "stepBack", ".": "stepForward" },
  ...{ "[": "clipFrom", "]": "clipTo", b: "mark", c: "clip", t: "jump" },
  ...{ Home: "oldest", End: "live" },
};
/** How far keys move the playhead; with Shift six times. @type {Record<string, number>} */
const JUMP_KEYS = { ArrowLeft: -10 * SECOND, ArrowRight: 10 * SECOND };
/** The keys while the timeline has the keyboard focus. @type {Record<string, number>} */
const TIMELINE_JUMP_KEYS = {
  ...{ ArrowUp: MINUTE, ArrowDown: -MINUTE, PageUp: 10 * MINUTE, PageDown: -10 * MINUTE },
};
/** @type {Record<string, string>} */
const TIMELINE_KEYS = { "+": "timelineIn", "=": "timelineIn", "-": "timelineOut" };

/** Plays recordings: the timeline below the pictures, its controls and its keys. */
export class Playback {
  replay;
  #page;
  recordings = new Recordings(this);
  clipPanel = new ClipPanel(this);
  #timeline = new Timeline(this);
  #speeds = list("#speed");
  /** Names of the cameras whose playhead the server knows. @type {string[]} */
  #replayed = [];
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #jumpTimer;
  /** The moment that the dialog marks. */
  #marked = 0;

  /** @param {import("./page.js").Page} page */
  constructor(page) {
    this.#page = page;
    this.replay = new Replay({
      send: (message) => page.link.send(message),
      cameras: () => this.#replayable(),
      onChange: () => {
        for (const tile of page.tiles()) tile.setReplaying(this.replay.isActive);
        if (!this.replay.isActive) this.#timeline.follow();
        page.refresh();
      },
      onGap: (from, to) => {
        const length = formatDuration(to - from);
        toast(`Nothing was recorded for ${length} from ${formatClock(from)}: skipped`);
        this.update();
      },
    });
    this.#speeds.append(...SPEEDS.map((speed) => new Option(formatSpeed(speed), `${speed}`)));
    this.#speeds.onchange = () => this.#chooseSpeed(Number(this.#speeds.value));
    element("#jump input").oninput = () => this.#offerMoments();
    element("#jump form + form").onsubmit = ({ submitter }) => {
      const moment = Number(submitter?.getAttribute("value"));
      if (moment) this.#seek(Math.min(this.newest, Math.max(this.oldest, moment)));
    };
    element("#mark form + form").onsubmit = () => void this.#addMark();
    // A click on a button leaves the keyboard focus where it is, so that the space bar still pauses.
    element("#transport").addEventListener("mousedown", (event) => {
      if (/** @type {Element} */ (event.target).closest("button")) event.preventDefault();
    });
  }

  /** Whether the page shows the timeline. */
  get isAvailable() {
    const { link } = this.#page;
    if (!link.canReplay || link.state.kind === "plain") return false;
    return this.replay.isActive || this.cameras.length > 0;
  }

  /** The actions of the buttons and keys. @type {Record<string, () => void>} */
  actions = {
    back: () => this.#jump(-10 * SECOND),
    forward: () => this.#jump(10 * SECOND),
    stepBack: () => this.#step(-1),
    stepForward: () => this.#step(1),
    backwards: () => this.#faster(-1),
    forwards: () => this.#faster(1),
    hold: () => this.replay.isActive ? this.replay.setSpeed(0) : this.togglePaused(),
    oldest: () => this.#seek(this.oldest),
    live: () => this.#goLive(),
    timelineIn: () => this.#timeline.zoomBy(0.5),
    timelineOut: () => this.#timeline.zoomBy(2),
    jump: () => {
      field("#jump input").value = formatLocal(this.position);
      this.#offerMoments();
      openDialog("#jump");
    },
    mark: () => {
      this.#marked = Math.round(this.position);
      openDialog("#mark");
      field("#mark [name=label]").select();
    },
    clip: () => this.clipPanel.isOpen ? this.clipPanel.close() : this.#openClip(),
    clipFrom: () => this.#openClip(this.position),
    clipTo: () => this.#openClip(undefined, this.position),
    download: () => void this.clipPanel.download(),
    cancelDownload: () => this.clipPanel.cancel(),
    copyMoment: () => void this.#copyLink(),
  };

  /** Handles a key, and returns whether it belongs to the playback. @param {KeyboardEvent} event */
  handleKey({ key, shiftKey, target }) {
    if (!this.isAvailable) return false;
    const isOnTimeline = target === element("#timeline");
    const isZoomed = (this.#page.singleTile()?.view.zoom ?? 1) > 1;
    if (/^Arrow/.test(key) && isZoomed && !isOnTimeline && !shiftKey) return false; // pans
    const jump = isOnTimeline && TIMELINE_JUMP_KEYS[key] || JUMP_KEYS[key];
    const action = isOnTimeline && TIMELINE_KEYS[key] || ACTION_KEYS[key] ||
      ACTION_KEYS[key.toLowerCase()];
    if (jump) this.#jump(shiftKey ? 6 * jump : jump);
    else if (action) this.actions[action]?.();
    else if (key === "Escape" && this.clipPanel.isOpen) this.clipPanel.close();
    else return false;
    return true;
  }

  togglePaused() {
    if (!this.replay.isActive) this.replay.show(this.position);
    else if (this.replay.isPaused) this.replay.resume();
    else this.replay.setSpeed(0);
    this.#timeline.follow();
  }

  /** Goes on after a reconnect, or plays from the moment of a link. @param {number} [at] */
  onConnected(at) {
    this.recordings.problem = undefined;
    if (at === undefined) this.replay.restore();
    else {
      this.#timeline.follow();
      this.replay.seek(at, 1);
    }
    this.#replayed = this.#replayable();
  }

  /** Replays the cameras that the page shows now. */
  onLayout() {
    const { kind } = this.#page.link.state;
    if (kind === "plain") this.replay.reset();
    const before = this.#replayed, cameras = this.#replayable();
    if (`${cameras}` === `${before}`) return;
    this.#replayed = cameras;
    if (kind === "live") {
      if (cameras.some((name) => before.includes(name))) this.replay.join();
      else this.replay.restore();
    }
    if (this.clipPanel.isOpen) this.#openClip();
  }

  /** Notes that a recorded frame is on the screen. @param {number} camera @param {number} at */
  onPainted(camera, at) {
    this.replay.onPainted(camera, at);
    this.update();
  }

  /**
   * Returns the state of a camera, unless the page is live.
   *
   * @param {import("./tile.js").Tile} tile
   * @returns {import("./state_text.js").ReplayState | undefined}
   */
  stateOf({ status }) {
    const { isActive, isPaused, position } = this.replay;
    if (!isActive) return;
    const isReplayed = this.#replayable().includes(status.name);
    if (!isReplayed) return { speed: 0, state: "none", waiting: 0 };
    const isGap = isPaused && this.recordings.isGap(status, position);
    return { ...this.replay.stateOf(status.index ?? -1), isGap };
  }

  /** Updates the timeline, the texts and the buttons. */
  update() {
    const { isAvailable } = this;
    const { isActive, speed } = this.replay;
    element("#playback").hidden = !isAvailable;
    document.body.classList.toggle("has-recordings", isAvailable);
    // The button is beside the others of the playback.
    const toolbar = element(isAvailable ? "#transport" : "#controls");
    const pause = element("[data-action=pause]");
    if (pause.parentElement !== toolbar) toolbar.prepend(pause);
    if (!isAvailable) return;
    const { position, latest } = this;
    const isLive = !isActive;
    this.#timeline.update(this.#describe());
    if (!document.hidden) this.recordings.show(this.#timeline.scale);

    element("#live").classList.toggle("is-live", isLive);
    setText(element("#live span"), isLive ? "" : formatBehind(latest - position));
    setText(element("#moment"), `${formatDay(position)}, ${formatClock(position)}`);
    if (document.activeElement !== this.#speeds) this.#speeds.value = `${isLive ? 1 : speed}`;
    const { problem, progress } = this.recordings;
    const shown = this.#page.shownTiles().map(({ status }) => status);
    const { text, isTrouble } = describeRecording(shown, progress);
    const state = element("#recording-state");
    setText(state, problem ?? text);
    state.classList.toggle("trouble", isTrouble || problem !== undefined);
  }

  /** Names of the cameras to replay. */
  #replayable() {
    const watched = this.#page.watchedTiles().map(({ status }) => status);
    const recorded = watched.filter(({ recording }) => recording?.oldest != null);
    return (recorded.length > 0 ? recorded : watched).map(({ name }) => name);
  }

  /** Status of the cameras on the page that are recorded, or have been. */
  get cameras() {
    return this.#page.shownTiles().map(({ status }) => status).filter(({ recording }) =>
      recording && (recording.state !== "off" || recording.oldest != null)
    );
  }

  /** The present time of the server. */
  get latest() {
    return this.#page.link.clock.ageOf(0, performance.now()) ?? Date.now();
  }

  get newest() {
    const times = this.cameras.flatMap(({ recording }) => recording?.newest ?? []);
    return times.length > 0 ? Math.max(...times) : this.latest;
  }

  get oldest() {
    const times = this.cameras.flatMap(({ recording }) => recording?.oldest ?? []);
    return Math.min(this.latest - SECOND, ...times);
  }

  /** Time of the playhead, or of the live picture. */
  get position() {
    if (this.replay.isActive) return this.replay.position;
    const latest = this.latest;
    const times = this.#page.shownTiles().flatMap(({ latest }) => latest?.capturedAt ?? []);
    const age = latest - Math.max(-Infinity, ...times);
    return age >= 0 && age < MAX_LIVE_AGE ? Math.ceil(latest - age) + TIME_TOLERANCE : latest;
  }

  /** Describes the playhead for screen readers. */
  #describe() {
    const { isActive, speed, isScrubbing } = this.replay;
    const interval = isActive && speed === 0 || isScrubbing ? 1 : ANNOUNCE_INTERVAL;
    const time = Math.floor(this.position / interval) * interval;
    const behind = Math.round((this.latest - this.position) / interval) * interval;
    const text = isActive ? `${formatDuration(behind)} ago` : "live";
    return `${formatDay(time)}, ${formatClock(time)}, ${text}`;
  }

  /** Removes the moment of a link from the page's address: the page no longer shows it. */
  #forgetLink() {
    const { camera, at } = parseHash(location.hash);
    if (at !== undefined) history.replaceState(null, "", formatHash(camera));
  }

  /** Shows a time while the user drags the playhead. @param {number} time */
  scrub(time) {
    this.#forgetLink();
    this.replay.scrub(time);
    this.update();
  }

  /** Moves the playhead. @param {number} time */
  #seek(time) {
    this.#timeline.follow();
    if (!this.replay.isPaused || this.replay.isScrubbing) {
      // Jumps in a row are one drag: at most one request is in flight.
      clearTimeout(this.#jumpTimer);
      this.#jumpTimer = setTimeout(() => this.replay.endScrub(), JUMP_PAUSE);
      return this.scrub(time);
    }
    this.#forgetLink();
    this.replay.show(time);
    this.update();
  }

  /** @param {number} ms */
  #jump(ms) {
    const { isActive, isPaused, isScrubbing } = this.replay;
    const time = this.position + ms;
    if (time < this.latest - LIVE_MARGIN) this.#seek(Math.max(this.oldest, time));
    else if (isPaused && !isScrubbing) this.#seek(this.newest);
    else if (isActive) this.#goLive();
  }

  /** @param {1 | -1} direction */
  #faster(direction) {
    this.#timeline.follow();
    if (this.replay.isActive) this.replay.setSpeed(nextSpeed(this.replay.speed, direction));
    else if (direction < 0) this.replay.seek(this.position, -1);
  }

  /** @param {number} speed */
  #chooseSpeed(speed) {
    // After a mouse click, the keys are those of the page again.
    if (!this.#speeds.matches(":focus-visible")) this.#speeds.blur();
    if (this.replay.isActive) this.replay.setSpeed(speed);
    else if (speed < 1) this.replay.seek(this.position, speed);
    else if (speed > 1) toast("Live: go back before you play faster");
    this.update();
  }

  /** @param {number} by */
  #step(by) {
    this.#timeline.follow();
    if (!this.replay.isActive) this.replay.show(this.position);
    this.replay.step(by);
  }

  #goLive() {
    this.#forgetLink();
    clearTimeout(this.#jumpTimer);
    this.replay.goLive();
    this.update();
  }

  /** Opens the panel for a clip; one end moves the other if that is necessary. @param {number} [from] @param {number} [to] */
  #openClip(from, to) {
    const { clip } = this.clipPanel;
    const middle = from ?? to ?? this.position;
    const chosen = {
      from: from ?? clip?.from ?? Math.max(this.oldest, middle - MINUTE / 2),
      to: to ?? clip?.to ?? Math.min(this.newest, middle + MINUTE / 2),
    };
    if (chosen.from >= chosen.to && to === undefined) {
      chosen.to = Math.min(this.newest, chosen.from + MINUTE);
    }
    if (chosen.from >= chosen.to) chosen.from = Math.max(this.oldest, chosen.to - MINUTE);
    this.clipPanel.open(chosen);
  }

  /** Offers the moments of a local time: two in the hour that is repeated. */
  #offerMoments() {
    const moments = momentsOf(field("#jump input").value);
    element("#jump .moments").replaceChildren(...moments.map((moment) => {
      const button = document.createElement("button");
      const offset = formatOffset(localOffset(moment));
      button.className = "text";
      button.value = `${moment}`;
      button.textContent = moments.length > 1 ? `Go (${offset})` : "Go";
      return button;
    }));
  }

  /** Adds a mark to each camera on the page. */
  async #addMark() {
    const at = this.#marked;
    const label = field("#mark [name=label]").value.trim();
    const isKept = field("#mark [name=keep]").checked;
    const query = new URLSearchParams({ label, at: new Date(at).toISOString() }) +
      (isKept ? "&before=30&after=30&keep=1" : "");
    try {
      for (const { name } of this.cameras) {
        const response = await fetch(cameraAddress(name, `marks?${query}`), { method: "POST" });
        if (!response.ok) throw new Error((await response.text()).trim());
        this.recordings.addMark(name, { at, label });
      }
      toast(`Marked ${formatClock(at)}: ${label}`);
    } catch (error) {
      toast(`Cannot add the mark: ${messageOf(error)}`);
    }
  }

  /** Copies a link to the moment that is shown. */
  async #copyLink() {
    const camera = this.#page.singleTile()?.status.name ?? "";
    const link = addressOf(".").href + formatHash(camera, Math.round(this.position));
    try {
      await navigator.clipboard.writeText(link);
      toast("Link to this moment copied");
    } catch {
      prompt("Link to this moment:", link); // without HTTPS, a page has no clipboard
    }
  }
}
