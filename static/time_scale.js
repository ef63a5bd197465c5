// @ts-check
import { formatClock, formatDay, formatOffset, localOffset } from "./time_text.js";
import { DAY, HOUR, MINUTE, SECOND } from "./time_text.js";

/** Shortest period, and shortest one of everything. */
export const MIN_SPAN = MINUTE;
const MIN_WHOLE = 10 * MINUTE;
/** Distances between ticks. */
const STEPS = [
  ...[1, 2, 5, 10, 15, 30].flatMap((count) => [count * SECOND, count * MINUTE]),
  ...[1, 2, 3, 6, 12].map((hours) => hours * HOUR),
  ...[1, 2, 7, 14, 28, 91, 364].map((days) => days * DAY),
].sort((a, b) => a - b);

/** @typedef {{ oldest: number, latest: number }} Extent The first and the last time to be shown. */

/** The period that the timeline shows, and its width in CSS pixels. Immutable. */
export class TimeScale {
  /** @param {number} from @param {number} to @param {number} width */
  constructor(from, to, width) {
    this.from = from;
    this.to = to;
    this.width = width;
  }

  /** Duration of the period. */
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

  /** @param {number} ms */
  movedBy(ms) {
    return new TimeScale(this.from + ms, this.to + ms, this.width);
  }

  /**
   * Changes the length of the period; the time at position `x` stays there.
   *
   * @param {number} factor Less than 1 to zoom in.
   * @param {number} x
   * @param {Extent} extent
   */
  zoomedBy(factor, x, extent) {
    const span = limitSpan(this.span * factor, extent);
    const from = this.timeAt(x) - x / Math.max(1, this.width) * span;
    return new TimeScale(from, from + span, this.width).clamp(extent);
  }

  /** Limits the period to the recordings, or so that they fill half of it. @param {Extent} extent */
  clamp({ oldest, latest }) {
    const span = limitSpan(this.span, { oldest, latest });
    const ends = span < latest - oldest
      ? [oldest - span / 2, latest - span / 2]
      : [latest - span, oldest];
    const [first = 0, last = 0] = ends;
    const from = Math.min(last, Math.max(first, (this.from + this.to - span) / 2));
    return new TimeScale(from, from + span, this.width);
  }
}

/** @param {number} span @param {Extent} extent */
function limitSpan(span, { oldest, latest }) {
  return Math.min(Math.max(MIN_WHOLE, 1.1 * (latest - oldest)), Math.max(MIN_SPAN, span));
}

/**
 * Returns the ticks at round local times; their labels contain the offset from UTC if it changes.
 *
 * @param {TimeScale} scale
 * @param {number} distance Minimum distance between two ticks, in CSS pixels.
 */
export function ticksOf(scale, distance, offsetOf = localOffset) {
  const step = STEPS.find((step) => step >= distance * scale.perPixel) ?? 364 * DAY;
  const hasTwoOffsets = step < DAY && offsetOf(scale.from) !== offsetOf(scale.to);
  const localOf = (/** @type {number} */ time) => time + offsetOf(time) * MINUTE;
  const ticks = [];
  for (let time = scale.from - localOf(scale.from) % step; time <= scale.to;) {
    const isDay = localOf(time) % DAY === 0;
    const clock = formatClock(time, offsetOf).slice(0, step < MINUTE ? 8 : 5);
    const offset = hasTwoOffsets ? ` ${formatOffset(offsetOf(time)).slice(3)}` : "";
    const label = (isDay ? formatDay(time, offsetOf) : clock) + offset;
    if (time >= scale.from) ticks.push({ time, label, isDay });
    // An hour that occurs twice has its ticks twice; longer steps end at a round local time.
    const next = time + step, change = localOf(next) - localOf(time) - step;
    time = step > HOUR && next - change > time ? next - change : next;
  }
  return ticks;
}
