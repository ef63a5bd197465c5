// @ts-check
import { element, wheelDelta } from "./dom.js";
import { ticksOf, TimeScale } from "./time_scale.js";
import { formatMoment, HOUR, MINUTE } from "./time_text.js";

/** Share of the timeline to the right of the present. */
const FUTURE = 0.03;
/** The playhead stays within this share of the timeline from its edges. */
const MARGIN = 0.06;
/** Minimum distance between two ticks, and height of the labels, in CSS pixels. */
const TICK_DISTANCE = 84;
const LABEL_HEIGHT = 18;
/** Zoom per pixel of the mouse wheel (exponential). */
const WHEEL_ZOOM = 0.002;
/** A pointer this close to a handle or a mark takes it, in CSS pixels: a mouse, a finger. */
const HANDLE_DISTANCE = 7;
const TOUCH_DISTANCE = 22;
const MARK_DISTANCE = 4;
/** A finger that moves less than this has not begun to drag, in CSS pixels. */
const DRAG_DISTANCE = 6;

/** @typedef {{ from: number, to: number }} Period In milliseconds since the Unix epoch. */

/** The strip with the recordings: a slider that can be zoomed and moved. */
export class Timeline {
  /** The period that is shown. */
  scale = new TimeScale(0, 1, 0);
  #playback;
  #element = element("#timeline");
  #canvas = document.createElement("canvas");
  #hover = element(".hover", this.#element);
  /** Whether the period follows the playhead, or the present. */
  #follows = true;
  /** What the pointer drags. @type {"playhead" | "from" | "to" | undefined} */
  #dragged;
  /** Positions of the pressed pointers. @type {Map<number, number>} */
  #pressed = new Map();
  /** Where a finger was put down that has not begun to drag. @type {number | undefined} */
  #touchedAt;
  #isDrawing = false;

  /** @param {import("./playback.js").Playback} playback */
  constructor(playback) {
    this.#playback = playback;
    const target = this.#element;
    target.prepend(this.#canvas);
    target.addEventListener("wheel", (event) => this.#onWheel(event), { passive: false });
    target.addEventListener("pointerdown", (event) => this.#onDown(event));
    target.addEventListener("pointermove", (event) => this.#onMove(event));
    target.addEventListener("pointerup", (event) => this.#onUp(event));
    target.addEventListener("pointercancel", (event) => this.#onUp(event));
    target.addEventListener("pointerleave", () => this.#hover.hidden = true);
    new ResizeObserver(() => this.draw()).observe(target);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
  }

  /** Shows the present state. @param {string} text The time of the playhead in words. */
  update(text) {
    const { oldest, latest, position } = this.#playback;
    const isLive = !this.#playback.replay.isActive;
    const width = this.#element.clientWidth;
    if (width === 0) return;
    if (this.scale.width === 0) {
      const span = Math.min(HOUR, Math.max(10 * MINUTE, 1.1 * (latest - oldest)));
      this.scale = new TimeScale(latest - span, latest, width);
    }
    this.scale = new TimeScale(this.scale.from, this.scale.to, width);
    if (this.#follows && !this.#dragged) this.#follow(isLive ? latest : position, isLive);
    const values = { valuemin: oldest, valuemax: latest, valuenow: position };
    for (const [name, time] of Object.entries(values)) {
      this.#element.setAttribute(`aria-${name}`, `${Math.round(time / 1000)}`);
    }
    this.#element.setAttribute("aria-valuetext", text);
    this.draw();
  }

  /** Follows the playhead again, after the user has moved the timeline. */
  follow() {
    this.#follows = true;
  }

  /** Zooms around the playhead, or the middle if that is not visible. @param {number} factor */
  zoomBy(factor) {
    const { position, replay } = this.#playback;
    const isVisible = this.scale.shows(position);
    this.#zoom(factor, isVisible ? this.scale.xOf(position) : this.scale.width / 2);
    this.#follows ||= !replay.isActive && isVisible;
  }

  draw() {
    if (this.#isDrawing) return;
    this.#isDrawing = true;
    requestAnimationFrame(() => {
      this.#isDrawing = false;
      this.#paint();
    });
  }

  /** @param {number} factor @param {number} x The time at this position stays there. */
  #zoom(factor, x) {
    this.scale = this.scale.zoomedBy(factor, x, this.#playback);
    this.draw();
  }

  /** Moves the period so that it contains a time. @param {number} time @param {boolean} isLive */
  #follow(time, isLive) {
    const { from, to, span } = this.scale;
    const margin = (isLive ? FUTURE : MARGIN) * span;
    const right = time - (to - margin), left = time - (from + margin);
    if (right > 0 || isLive) this.scale = this.scale.movedBy(right);
    else if (left < 0) this.scale = this.scale.movedBy(left);
  }

  /** @param {{ clientX: number }} event */
  #xOf({ clientX }) {
    return clientX - this.#element.getBoundingClientRect().left;
  }

  /** @param {WheelEvent} event */
  #onWheel(event) {
    event.preventDefault();
    const { x: across, y: along } = wheelDelta(event);
    if (event.shiftKey || Math.abs(across) > Math.abs(along)) {
      this.#follows = false;
      const ms = (across || along) * this.scale.perPixel;
      this.scale = this.scale.movedBy(ms).clamp(this.#playback);
      return this.draw();
    }
    const { replay, latest } = this.#playback;
    const keepsPresent = !replay.isActive && this.#follows;
    const x = keepsPresent ? this.scale.xOf(latest) : this.#xOf(event);
    this.#zoom(Math.exp(along * WHEEL_ZOOM), x);
    this.#showHover(this.#xOf(event));
  }

  /** @param {PointerEvent} event */
  #onDown(event) {
    if (event.button !== 0) return;
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
    if (event.pointerType === "mouse" || before !== undefined) this.#showHover(x);
    if (before === undefined) return;
    this.#pressed.delete(event.pointerId);
    const [other] = this.#pressed.values();
    this.#pressed.set(event.pointerId, x);
    if (other !== undefined) {
      this.#follows = false;
      const factor = Math.max(1, Math.abs(before - other)) / Math.max(1, Math.abs(x - other));
      return this.#zoom(factor, other);
    }
    if (this.#touchedAt !== undefined && Math.abs(x - this.#touchedAt) > DRAG_DISTANCE) {
      this.#beginDrag(this.#touchedAt, false);
    }
    this.#drag(this.scale.timeAt(x));
  }

  /** @param {PointerEvent} event */
  #onUp(event) {
    this.#pressed.delete(event.pointerId);
    const isTap = event.type === "pointerup" && this.#touchedAt !== undefined;
    if (isTap) this.#beginDrag(this.#touchedAt ?? 0, false);
    this.#touchedAt = undefined;
    if (event.pointerType !== "mouse") this.#hover.hidden = true;
    this.#endDrag();
  }

  /** @param {number} x @param {boolean} isMouse */
  #beginDrag(x, isMouse) {
    this.#touchedAt = undefined;
    this.#dragged = this.#handleAt(x, isMouse) ?? "playhead";
    // An end of the clip moves with the pointer only: a click changes nothing.
    if (this.#dragged === "playhead") this.#drag(this.#markAt(x)?.at ?? this.scale.timeAt(x));
  }

  /** @param {number} time */
  #drag(time) {
    const { clipPanel, oldest, latest } = this.#playback;
    const { clip } = clipPanel;
    const { from, to } = this.scale;
    const [first, last] = [Math.max(oldest, from), Math.min(latest, to)];
    const limited = Math.round(Math.min(last, Math.max(first, time)));
    if (this.#dragged === "playhead") {
      this.#follows = true;
      this.#playback.scrub(limited);
    } else if (clip && this.#dragged === "from") {
      clipPanel.set({ ...clip, from: Math.min(limited, clip.to - 1) });
    } else if (clip && this.#dragged === "to") {
      clipPanel.set({ ...clip, to: Math.max(limited, clip.from + 1) });
    }
  }

  #endDrag() {
    const dragged = this.#dragged;
    this.#dragged = undefined;
    if (dragged === "playhead") this.#playback.replay.endScrub();
  }

  /** @param {number} x @param {boolean} isMouse */
  #handleAt(x, isMouse) {
    const { clip } = this.#playback.clipPanel;
    return clip && hitHandle(x, this.scale.xOf(clip.from), this.scale.xOf(clip.to), isMouse);
  }

  /** @param {number} x */
  #markAt(x) {
    return this.#playback.recordings.marks.find(({ at }) =>
      Math.abs(this.scale.xOf(at) - x) <= MARK_DISTANCE
    );
  }

  /** Shows the time at a position. @param {number} x */
  #showHover(x) {
    const mark = this.#markAt(x);
    this.#hover.textContent = (mark ? `${mark.label}, ` : "") +
      formatMoment(mark?.at ?? this.scale.timeAt(x));
    this.#hover.hidden = false;
    const half = this.#hover.offsetWidth / 2;
    this.#hover.style.left = `${Math.min(this.scale.width - half, Math.max(half, x))}px`;
  }

  #paint() {
    const { scale } = this;
    const { recordings, cameras, latest, position, replay, clipPanel } = this.#playback;
    const { clip } = clipPanel;
    const { width } = scale, height = this.#element.clientHeight;
    const top = LABEL_HEIGHT, band = height - LABEL_HEIGHT;
    const context = this.#canvas.getContext("2d");
    if (width === 0 || !context) return;
    this.#canvas.width = Math.round(width * devicePixelRatio); // clears the canvas
    this.#canvas.height = Math.round(height * devicePixelRatio);
    context.scale(devicePixelRatio, devicePixelRatio);
    const style = getComputedStyle(this.#element);
    /** Takes a colour of the style sheet. @param {string} name */
    const paintWith = (name, opacity = 1) => {
      context.fillStyle = style.getPropertyValue(`--${name}`);
      context.globalAlpha = opacity;
    };
    /** Fills a part of the strip. @param {number} from @param {number} to @param {number} [above] */
    const fill = (from, to, above = 0) =>
      context.fillRect(from, top - above, to - from, band + above);

    const present = Math.min(width, Math.max(0, scale.xOf(latest)));
    paintWith("text", 0.09);
    fill(0, present);

    // Recorded: solid; activity: higher.
    const lowest = band * 0.13;
    for (const { start, end } of recordings.spans()) {
      const from = Math.max(0, scale.xOf(start)), to = Math.min(width, scale.xOf(end));
      if (to < 0 || from > width) continue;
      paintWith("accent", 0.36);
      fill(from, Math.max(to, from + 1));
      paintWith("accent");
      for (let x = Math.floor(from); x < to; x += 2) {
        const activity = recordings.activity(cameras, scale.timeAt(x), scale.timeAt(x + 2));
        const bar = lowest + activity / 9 * (band - lowest - 3);
        if (activity > 0) context.fillRect(x, height - bar, 2, bar);
      }
    }

    context.font = `11px ${style.fontFamily}`;
    context.textBaseline = "middle";
    let free = 0;
    for (const { time, label, isDay } of ticksOf(scale, TICK_DISTANCE)) {
      const x = Math.round(scale.xOf(time));
      paintWith(isDay ? "text" : "muted", 0.7);
      context.fillRect(x, top, 1, isDay ? band : 5);
      const half = context.measureText(label).width / 2;
      if (x - half < free || x + half > width) continue;
      paintWith(isDay ? "text" : "muted");
      context.fillText(label, x - half, top / 2);
      free = x + half + 6;
    }

    paintWith("warning");
    for (const { at } of recordings.marks) {
      const x = Math.round(scale.xOf(at));
      fill(x, x + 1);
      context.fill(new Path2D(`M${x - 4} ${top}h9l-4.5 7z`));
    }
    if (clip) {
      const from = scale.xOf(clip.from), to = scale.xOf(clip.to);
      fill(from - 3, from);
      fill(to, to + 3);
      paintWith("warning", 0.35);
      fill(from, to);
    }

    paintWith("error");
    fill(present, present + 2);
    if (!replay.isActive) return;
    const x = Math.round(scale.xOf(position));
    paintWith("surface");
    fill(x - 2, x + 3, 4);
    paintWith("text");
    fill(x - 1, x + 2, 4);
    context.arc(x + 0.5, top - 2, 5, 0, 2 * Math.PI);
    context.fill();
  }
}

/**
 * Returns the end of a clip at a position.
 *
 * @param {number} x
 * @param {number} from
 * @param {number} to
 * @param {boolean} isMouse Whether the pointer is as precise as a mouse.
 * @returns {"from" | "to" | undefined}
 */
export function hitHandle(x, from, to, isMouse) {
  const before = Math.abs(x - from), after = Math.abs(x - to);
  if (Math.min(before, after) > (isMouse ? HANDLE_DISTANCE : TOUCH_DISTANCE)) return;
  return before < after || before === after && x < from ? "from" : "to";
}
