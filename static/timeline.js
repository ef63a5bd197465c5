// @ts-check
/// <reference lib="dom" />
import { element } from "./dom.js";
import { ticksOf, TimeScale } from "./time_scale.js";
import { formatClock, formatDay, formatMoment } from "./time_text.js";

/** Period at first, in milliseconds. */
const FIRST_SPAN = 3_600_000;
/** Share of the timeline to the right of the present. */
const FUTURE = 0.03;
/** The playhead stays within this share of the timeline from its edges. */
const MARGIN = 0.06;
/** Minimum distance between two ticks, in CSS pixels. */
const TICK_DISTANCE = 84;
/** Height of the labels, in CSS pixels. */
const LABEL_HEIGHT = 18;
/** Zoom per pixel of the mouse wheel (exponential). */
const WHEEL_ZOOM = 0.002;
const PIXELS_PER_LINE = 30;
/** A pointer this close to a handle or a mark takes it, in CSS pixels: a mouse, a finger. */
const HANDLE_DISTANCE = 7;
const TOUCH_DISTANCE = 22;
const MARK_DISTANCE = 4;
/** While the user drags beyond this distance from an edge, the timeline moves, in CSS pixels. */
const EDGE = 20;
/** How fast it moves then, in its widths per second. */
const EDGE_SPEED = 0.5;
/** A finger that moves less than this has not begun to drag, in CSS pixels. */
const DRAG_DISTANCE = 6;
/** Zoom of a button or key. */
export const ZOOM_STEP = 2;

/** @typedef {{ from: number, to: number }} Period In milliseconds since the Unix epoch. */

/**
 * @typedef {object} TimelineState What the timeline shows.
 * @property {number} oldest Time of the oldest recorded frame, in milliseconds since the Unix epoch.
 * @property {number} latest The present time of the server.
 * @property {number} position Time of the playhead.
 * @property {boolean} isLive
 * @property {string[]} cameras Names of the cameras.
 * @property {Period | undefined} clip The part that has been chosen for a clip.
 */

/**
 * @typedef {object} TimelineEvents
 * @property {(time: number) => void} onScrub The user drags the playhead.
 * @property {() => void} onScrubEnd
 * @property {(clip: Period) => void} onClip The user drags an end of the clip.
 * @property {(time: number) => string} describe Describes a time for screen readers.
 */

/** The strip with the recordings: a slider that can be zoomed and moved. */
export class Timeline {
  #events;
  #recordings;
  #element = element("#timeline");
  #canvas = document.createElement("canvas");
  #hover = element(".hover", this.#element);
  /** @type {TimelineState | undefined} */
  #state;
  /** @type {TimeScale | undefined} */
  #scale;
  /** Whether the period follows the playhead, or the present. */
  #follows = true;
  /** What the pointer drags. @type {"playhead" | "from" | "to" | undefined} */
  #dragged;
  /** Positions of the pressed pointers. @type {Map<number, number>} */
  #pressed = new Map();
  /** Where a finger was put down that has not begun to drag. @type {number | undefined} */
  #touchedAt;
  #isDrawing = false;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #edgeTimer;

  /**
   * @param {import("./recordings.js").Recordings} recordings
   * @param {TimelineEvents} events
   */
  constructor(recordings, events) {
    this.#recordings = recordings;
    this.#events = events;
    this.#element.prepend(this.#canvas);
    this.#listen();
    new ResizeObserver(() => this.draw()).observe(this.#element);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
  }

  /** The period that is shown. */
  get period() {
    return this.#scale;
  }

  /** Shows a state. @param {TimelineState} state */
  update(state) {
    this.#state = state;
    const { oldest, latest, position, isLive } = state;
    const width = this.#element.clientWidth;
    if (width === 0) return;
    if (!this.#scale) {
      const span = Math.min(FIRST_SPAN, Math.max(600_000, 1.1 * (latest - oldest)));
      this.#scale = new TimeScale(latest - (1 - FUTURE) * span, latest + FUTURE * span, width);
    }
    this.#scale = this.#scale.withWidth(width);
    if (this.#follows && !this.#dragged) this.#follow(isLive ? latest : position, isLive);
    const set = (/** @type {string} */ name, /** @type {number | string} */ value) =>
      this.#element.setAttribute(`aria-${name}`, `${value}`);
    set("valuemin", Math.round(oldest / 1000));
    set("valuemax", Math.round(latest / 1000));
    set("valuenow", Math.round(position / 1000));
    set("valuetext", this.#events.describe(position));
    this.draw();
  }

  /** Follows the playhead again, after the user has moved the timeline. */
  follow() {
    this.#follows = true;
  }

  /** Zooms around the playhead, or the middle if that is not visible. @param {number} factor */
  zoomBy(factor) {
    if (!this.#scale || !this.#state) return;
    const { position, isLive } = this.#state;
    const x = this.#scale.shows(position) ? this.#scale.xOf(position) : this.#scale.width / 2;
    this.#setScale(this.#scale.zoomedBy(factor, x, this.#state));
    this.#follows ||= isLive && this.#scale.shows(position);
  }

  /** Draws the timeline when the browser renders the page next. */
  draw() {
    if (this.#isDrawing) return;
    this.#isDrawing = true;
    requestAnimationFrame(() => {
      this.#isDrawing = false;
      if (this.#state && this.#scale) this.#paint(this.#state, this.#scale);
    });
  }

  /** @param {TimeScale} scale */
  #setScale(scale) {
    this.#scale = scale;
    this.draw();
  }

  /** Moves the period so that it contains a time. @param {number} time @param {boolean} isLive */
  #follow(time, isLive) {
    const scale = this.#scale;
    if (!scale) return;
    const margin = (isLive ? FUTURE : MARGIN) * scale.span;
    const right = time - (scale.to - margin), left = time - (scale.from + margin);
    if (right > 0 || isLive) this.#scale = scale.movedBy(right);
    else if (left < 0) this.#scale = scale.movedBy(left);
  }

  #listen() {
    const target = this.#element;
    target.addEventListener("wheel", (event) => this.#onWheel(event), { passive: false });
    target.addEventListener("pointerdown", (event) => this.#onDown(event));
    target.addEventListener("pointermove", (event) => this.#onMove(event));
    for (const type of /** @type {const} */ (["pointerup", "pointercancel"])) {
      target.addEventListener(type, (event) => this.#onUp(event));
    }
    target.addEventListener("pointerleave", () => this.#hover.hidden = true);
  }

  /** @param {{ clientX: number }} event */
  #xOf({ clientX }) {
    return clientX - this.#element.getBoundingClientRect().left;
  }

  /** @param {WheelEvent} event */
  #onWheel(event) {
    if (!this.#scale || !this.#state) return;
    event.preventDefault();
    const pixels = event.deltaMode === 1 ? PIXELS_PER_LINE : 1;
    const across = event.shiftKey && !event.deltaX ? event.deltaY : event.deltaX;
    if (Math.abs(across) > Math.abs(event.shiftKey ? 0 : event.deltaY)) {
      return this.#pan(across * pixels * this.#scale.perPixel);
    }
    const factor = Math.exp(event.deltaY * pixels * WHEEL_ZOOM);
    const { isLive, latest } = this.#state;
    const keepsPresent = isLive && this.#follows;
    const x = keepsPresent ? this.#scale.xOf(latest) : this.#xOf(event);
    this.#setScale(this.#scale.zoomedBy(factor, x, this.#state));
    this.#showHover(this.#xOf(event));
  }

  /** Moves the period; it does not follow the playhead until the user moves that. @param {number} ms */
  #pan(ms) {
    if (!this.#scale || !this.#state) return;
    this.#follows = false;
    this.#setScale(this.#scale.movedBy(ms).clamp(this.#state));
  }

  /** @param {PointerEvent} event */
  #onDown(event) {
    if (!this.#scale || !this.#state || event.button !== 0) return;
    const x = this.#xOf(event);
    this.#pressed.set(event.pointerId, x);
    this.#element.setPointerCapture(event.pointerId);
    if (this.#pressed.size > 1) { // two fingers zoom
      this.#touchedAt = undefined;
      return this.#endDrag();
    }
    this.#element.focus({ preventScroll: true });
    if (event.pointerType === "touch") this.#touchedAt = x;
    else this.#beginDrag(x, true);
  }

  /** @param {PointerEvent} event */
  #onMove(event) {
    const x = this.#xOf(event);
    const before = this.#pressed.get(event.pointerId);
    if (before !== undefined) this.#pressed.set(event.pointerId, x);
    if (event.pointerType === "mouse" || before !== undefined) this.#showHover(x);
    if (before === undefined) {
      const handle = this.#handleAt(x, true);
      this.#element.classList.toggle("on-handle", handle !== undefined);
      return;
    }
    const [other] = [...this.#pressed].flatMap(([id, x]) => id === event.pointerId ? [] : [x]);
    if (other !== undefined) return this.#pinch(before, x, other);
    if (this.#touchedAt !== undefined && Math.abs(x - this.#touchedAt) > DRAG_DISTANCE) {
      this.#beginDrag(this.#touchedAt, false);
    }
    if (this.#dragged) this.#drag(x, false);
  }

  /** @param {number} x @param {boolean} isMouse */
  #beginDrag(x, isMouse) {
    this.#touchedAt = undefined;
    this.#dragged = this.#handleAt(x, isMouse) ?? "playhead";
    this.#drag(x, true);
  }

  /** @param {PointerEvent} event */
  #onUp(event) {
    this.#pressed.delete(event.pointerId);
    if (this.#touchedAt !== undefined && event.type === "pointerup") {
      this.#beginDrag(this.#touchedAt, false);
    }
    this.#touchedAt = undefined;
    if (event.pointerType !== "mouse") this.#hover.hidden = true;
    this.#endDrag();
  }

  #endDrag() {
    clearInterval(this.#edgeTimer);
    this.#edgeTimer = undefined;
    const dragged = this.#dragged;
    this.#dragged = undefined;
    if (dragged === "playhead") this.#events.onScrubEnd();
  }

  /**
   * Zooms and moves the period with two fingers.
   *
   * @param {number} before
   * @param {number} now
   * @param {number} other Position of the other finger.
   */
  #pinch(before, now, other) {
    if (!this.#scale || !this.#state) return;
    const factor = Math.max(1, Math.abs(before - other)) / Math.max(1, Math.abs(now - other));
    this.#follows = false;
    this.#setScale(this.#scale.zoomedBy(factor, other, this.#state));
  }

  /** @param {number} x @param {boolean} isStart */
  #drag(x, isStart) {
    if (!this.#scale || !this.#state) return;
    const { clip, oldest, latest } = this.#state;
    const mark = isStart ? this.#markAt(x) : undefined;
    const time = mark?.at ?? this.#scale.timeAt(Math.min(this.#scale.width, Math.max(0, x)));
    const limited = Math.round(Math.min(latest, Math.max(oldest, time)));
    if (this.#dragged === "playhead") {
      this.#follows = true;
      this.#state.position = limited;
      this.#events.onScrub(limited);
    } else if (clip && this.#dragged === "from" && !isStart) {
      this.#events.onClip({ from: Math.min(limited, clip.to - 1), to: clip.to });
    } else if (clip && this.#dragged === "to" && !isStart) {
      this.#events.onClip({ from: clip.from, to: Math.max(limited, clip.from + 1) });
    }
    this.#moveAtEdge(x);
    this.draw();
  }

  /** Moves the period while the pointer is at an edge. @param {number} x */
  #moveAtEdge(x) {
    const width = this.#scale?.width ?? 0;
    const direction = x < EDGE ? -1 : x > width - EDGE ? 1 : 0;
    clearInterval(this.#edgeTimer);
    this.#edgeTimer = undefined;
    if (direction === 0 || !this.#dragged) return;
    const interval = 50;
    this.#edgeTimer = setInterval(() => {
      if (!this.#scale || !this.#state) return;
      const by = direction * EDGE_SPEED * this.#scale.span * interval / 1000;
      const { oldest, latest } = this.#state;
      const isAtEnd = direction < 0 ? this.#scale.from <= oldest : this.#scale.to >= latest;
      if (isAtEnd) return;
      this.#scale = this.#scale.movedBy(by);
      this.#drag(x, false);
    }, interval);
  }

  /** @param {number} x @param {boolean} isMouse */
  #handleAt(x, isMouse) {
    const clip = this.#state?.clip;
    if (!clip || !this.#scale) return;
    return hitHandle(x, this.#scale.xOf(clip.from), this.#scale.xOf(clip.to), isMouse);
  }

  /** @param {number} x */
  #markAt(x) {
    const scale = this.#scale;
    if (!scale || !this.#state) return;
    return this.#recordings.marks(this.#state.cameras)
      .find(({ at }) => Math.abs(scale.xOf(at) - x) <= MARK_DISTANCE);
  }

  /** Shows the time at a position. @param {number} x */
  #showHover(x) {
    const scale = this.#scale;
    if (!scale) return;
    const mark = this.#markAt(x);
    const time = mark?.at ?? scale.timeAt(x);
    const label = mark ? `${mark.label}, ` : "";
    const isPrecise = scale.perPixel < 1_000;
    const text = isPrecise ? formatMoment(time) : `${formatDay(time)}, ${formatClock(time)}`;
    this.#hover.textContent = label + text;
    this.#hover.hidden = false;
    const half = this.#hover.offsetWidth / 2;
    const left = Math.min(scale.width - half, Math.max(half, x));
    this.#hover.style.left = `${left}px`;
  }

  /** @param {TimelineState} state @param {TimeScale} scale */
  #paint(state, scale) {
    const { clientHeight: height } = this.#element;
    const { width } = scale;
    const ratio = devicePixelRatio;
    if (width === 0 || height === 0) return;
    const canvas = this.#canvas;
    if (
      canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)
    ) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
    }
    const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    const style = getComputedStyle(this.#element);
    const color = (/** @type {string} */ name) => style.getPropertyValue(`--${name}`).trim();
    const top = LABEL_HEIGHT, band = height - LABEL_HEIGHT;
    /**
     * Fills a rectangle of the strip with a colour of the style sheet.
     *
     * @param {string} name
     * @param {number} opacity
     * @param {[x: number, y: number, width: number, height: number]} rectangle
     */
    const fill = (name, opacity, ...rectangle) => {
      context.fillStyle = color(name);
      context.globalAlpha = opacity;
      context.fillRect(...rectangle);
      context.globalAlpha = 1;
    };

    const present = Math.min(width, Math.max(0, scale.xOf(state.latest)));
    fill("text", 0.09, 0, top, present, band);

    // Recorded: solid; activity: higher.
    const quiet = Math.round(band * 0.4);
    for (const { start, end } of this.#recordings.spans(state.cameras)) {
      const from = Math.max(0, scale.xOf(start)), to = Math.min(width, scale.xOf(end));
      if (to < 0 || from > width) continue;
      fill("accent", 0.36, from, top, Math.max(1, to - from), band);
      context.fillStyle = color("accent");
      for (let x = Math.floor(from); x < to; x += 2) {
        const activity = this.#recordings.activity(
          state.cameras,
          scale.timeAt(x),
          scale.timeAt(x + 2),
        );
        if (!activity) continue;
        const bar = quiet / 3 + activity / 9 * (band - quiet / 3 - 3);
        context.fillRect(x, height - bar, 2, bar);
      }
    }

    context.font = `11px ${style.fontFamily}`;
    context.textBaseline = "middle";
    let free = 0;
    for (const { time, label, isDay } of ticksOf(scale, TICK_DISTANCE)) {
      const x = Math.round(scale.xOf(time));
      fill("text", isDay ? 0.7 : 0.45, x, top, 1, isDay ? band : 5);
      const left = x - context.measureText(label).width / 2;
      const right = left + context.measureText(label).width;
      if (left < free || right > width) continue;
      context.fillStyle = color(isDay ? "text" : "muted");
      context.fillText(label, left, LABEL_HEIGHT / 2);
      free = right + 6;
    }

    for (const { at } of this.#recordings.marks(state.cameras)) {
      const x = Math.round(scale.xOf(at));
      if (x < 0 || x > width) continue;
      context.fillStyle = color("warning");
      context.beginPath();
      context.moveTo(x - 4, top);
      context.lineTo(x + 5, top);
      context.lineTo(x + 0.5, top + 7);
      context.fill();
      context.fillRect(x, top, 1, band);
    }

    if (state.clip) {
      const from = scale.xOf(state.clip.from), to = scale.xOf(state.clip.to);
      fill("warning", 0.35, from, top, to - from, band);
      fill("warning", 1, from - 3, top, 3, band);
      fill("warning", 1, to, top, 3, band);
    }

    fill("error", 1, Math.round(present), top, 2, band);
    const x = Math.round(scale.xOf(state.position));
    if (!state.isLive && x >= -6 && x <= width + 6) {
      fill("surface", 1, x - 2, top - 4, 5, band + 4);
      fill("text", 1, x - 1, top - 4, 3, band + 4);
      context.beginPath();
      context.arc(x + 0.5, top - 2, 5, 0, 2 * Math.PI);
      context.fill();
    }
  }
}

/**
 * Returns the handle of the clip at a position.
 *
 * @param {number} x
 * @param {number} from Position of the clip's start.
 * @param {number} to Position of its end.
 * @param {boolean} isMouse Whether the pointer is as precise as a mouse.
 * @returns {"from" | "to" | undefined}
 */
export function hitHandle(x, from, to, isMouse) {
  const limit = isMouse ? HANDLE_DISTANCE : TOUCH_DISTANCE;
  const before = Math.abs(x - from), after = Math.abs(x - to);
  if (Math.min(before, after) > limit) return;
  return before < after || before === after && x < from ? "from" : "to";
}
