// @ts-check
import { formatClock, formatDay, formatOffset, localOffset } from "./time_text.js";

const MINUTE = 60_000;
const HOUR = 3_600_000;
const DAY = 86_400_000;
/** Shortest period that the timeline shows, in milliseconds. */
export const MIN_SPAN = MINUTE;
/** Shortest period when everything is shown, in milliseconds. */
const MIN_WHOLE = 10 * MINUTE;
/** Distances between ticks, in milliseconds. */
const STEPS = [
  ...[1_000, 2_000, 5_000, 10_000, 15_000, 30_000],
  ...[1, 2, 5, 10, 15, 30].map((minutes) => minutes * MINUTE),
  ...[1, 2, 3, 6, 12].map((hours) => hours * HOUR),
  ...[1, 2, 7, 14, 28, 91, 364].map((days) => days * DAY),
];

/**
 * @typedef {object} Tick
 * @property {number} time In milliseconds since the Unix epoch.
 * @property {string} label
 * @property {boolean} isDay Whether a local day begins.
 */

/** The period that the timeline shows, and its width. Immutable. */
export class TimeScale {
  /**
   * @param {number} from In milliseconds since the Unix epoch.
   * @param {number} to
   * @param {number} width In CSS pixels.
   */
  constructor(from, to, width) {
    this.from = from;
    this.to = to;
    this.width = width;
  }

  /** Duration of the period, in milliseconds. */
  get span() {
    return this.to - this.from;
  }

  /** Milliseconds per pixel. */
  get perPixel() {
    return this.span / Math.max(1, this.width);
  }

  /** @param {number} time */
  xOf(time) {
    return (time - this.from) / this.perPixel;
  }

  /** @param {number} x */
  timeAt(x) {
    return this.from + x * this.perPixel;
  }

  /** @param {number} time */
  shows(time) {
    return time >= this.from && time <= this.to;
  }

  /** Moves the period by a time. @param {number} ms */
  movedBy(ms) {
    return new TimeScale(this.from + ms, this.to + ms, this.width);
  }

  /** @param {number} width */
  withWidth(width) {
    return new TimeScale(this.from, this.to, width);
  }

  /**
   * Changes the length of the period around a position, within the limits of `clamp`.
   *
   * @param {number} factor Less than 1 to zoom in.
   * @param {number} x The time at this position stays where it is.
   * @param {{ oldest: number, latest: number }} extent
   */
  zoomedBy(factor, x, extent) {
    const time = this.timeAt(x);
    const span = limitSpan(this.span * factor, extent);
    const from = time - x / Math.max(1, this.width) * span;
    return new TimeScale(from, from + span, this.width).clamp(extent);
  }

  /**
   * Limits the period: to all of the recordings if they fit, else so that they fill half of it.
   *
   * @param {{ oldest: number, latest: number }} extent
   */
  clamp({ oldest, latest }) {
    const span = limitSpan(this.span, { oldest, latest });
    const ends = [oldest - span / 2, latest - span / 2];
    // All of the recordings, if they fit.
    const [first = 0, last = 0] = span < latest - oldest ? ends : [latest - span, oldest];
    const from = Math.min(last, Math.max(first, (this.from + this.to - span) / 2));
    return new TimeScale(from, from + span, this.width);
  }
}

/** @param {number} span @param {{ oldest: number, latest: number }} extent */
function limitSpan(span, { oldest, latest }) {
  const whole = Math.max(MIN_WHOLE, 1.1 * (latest - oldest));
  return Math.min(whole, Math.max(MIN_SPAN, span));
}

/**
 * Returns the ticks of a period at round local times. Where two offsets from UTC are in use, the
 * labels contain them.
 *
 * @param {TimeScale} scale
 * @param {number} distance Minimum distance between two ticks, in CSS pixels.
 * @param {(time: number) => number} [offsetOf] Offset of local time from UTC, in minutes.
 * @returns {Tick[]}
 */
export function ticksOf(scale, distance, offsetOf = localOffset) {
  const wanted = distance * scale.perPixel;
  const step = STEPS.find((step) => step >= wanted) ?? STEPS[STEPS.length - 1] ?? DAY;
  const hasTwoOffsets = offsetOf(scale.from) !== offsetOf(scale.to);
  /** @type {Tick[]} */
  const ticks = [];
  for (let time = align(scale.from, step, offsetOf); time <= scale.to;) {
    if (time >= scale.from) {
      const local = time + offsetOf(time) * MINUTE;
      const isDay = local % DAY === 0;
      const clock = formatClock(time, offsetOf);
      const name = isDay ? formatDay(time, offsetOf) : step < MINUTE ? clock : clock.slice(0, 5);
      const offset = hasTwoOffsets && step < DAY ? ` ${formatOffset(offsetOf(time)).slice(3)}` : "";
      ticks.push({ time, label: name + offset, isDay });
    }
    time = next(time, step, offsetOf);
  }
  return ticks;
}

/**
 * Returns the last round local time at or before a time.
 *
 * @param {number} time
 * @param {number} step
 * @param {(time: number) => number} offsetOf
 */
function align(time, step, offsetOf) {
  const local = time + offsetOf(time) * MINUTE;
  return time - modulo(local, step);
}

/**
 * Returns the next round local time. An hour that occurs twice has its ticks twice.
 *
 * @param {number} time
 * @param {number} step
 * @param {(time: number) => number} offsetOf
 */
function next(time, step, offsetOf) {
  const naive = time + step;
  const change = (offsetOf(naive) - offsetOf(time)) * MINUTE;
  if (change === 0 || step <= HOUR) return naive;
  // The local clock was set in between: the tick moves with it.
  const moved = naive - change;
  return moved > time ? moved : naive;
}

/** @param {number} value @param {number} by */
function modulo(value, by) {
  return ((value % by) + by) % by;
}
