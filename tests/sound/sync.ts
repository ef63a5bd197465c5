import { systemClock } from "../../lib/clock.ts";
import { percentile } from "../faults/figures.ts";
import type { BeepListener, HeardBeep } from "./beep_processes.ts";
import type { Flash, Jump, Observed, PageObserver } from "./page_observer.ts";

/** Limits of the issue, in milliseconds: when sound is heard after its picture is seen. */
export const LIMITS = { p50: [-20, 80], p95: [-45, 125] } as const;
/** Jumps of the schedule are allowed during this time after the sound begins, in milliseconds. */
export const SETTLING_TIME = 5_000;

/** Interval between questions to the page, in milliseconds. */
const INTERVAL = 2_000;
const MINUTE = 60_000;

/** Sound and picture of one second. */
export interface Pair {
  /** When the second began, in milliseconds since the Unix epoch. */
  readonly second: number;
  /** How long after the picture the sound was heard, in milliseconds. */
  readonly sync: number;
}

/** Distribution of the times between picture and sound, in milliseconds. */
export interface Distribution {
  readonly n: number;
  readonly p5: number;
  readonly p50: number;
  readonly p95: number;
  /** Shares within the limits for the median and for the 95th percentile, in per cent. */
  readonly within: readonly [number, number];
}

/** What was seen and heard. Times are in milliseconds since the Unix epoch. */
export class SyncRecord {
  readonly flashes: Flash[] = [];
  readonly jumps: Jump[] = [];
  /** When the page began to play sound. */
  startedAt = Infinity;
  /** Number of pictures painted. */
  pictures = 0;
  readonly #beeps: readonly HeardBeep[];

  constructor(beeps: readonly HeardBeep[]) {
    this.#beeps = beeps;
  }

  add({ flashes, jumps, pictures, firstBuffer }: Observed): void {
    this.flashes.push(...flashes);
    this.jumps.push(...jumps);
    this.pictures += pictures;
    if (firstBuffer !== null) this.startedAt = Math.min(this.startedAt, firstBuffer);
  }

  /** Number of beeps heard in a period. */
  countBeeps(from: number, to = Infinity): number {
    return this.#beeps.filter(({ time }) => time >= from && time < to).length;
  }

  /** The seconds of a period of which both the flash was seen and the beep was heard. */
  pairs(from: number, to = Infinity): Pair[] {
    const flashes = new Map(this.flashes.map((flash) => [secondOf(flash), flash.age]));
    return this.#beeps.flatMap((beep) => {
      const second = secondOf(beep);
      const flash = flashes.get(second);
      const isIn = second >= from && second < to;
      return isIn && flash !== undefined ? [{ second, sync: beep.age - flash }] : [];
    });
  }

  /** The distribution of the times between picture and sound in a period. */
  distribution(from: number, to = Infinity): Distribution {
    const values = this.pairs(from, to).map(({ sync }) => sync);
    const within = ([min, max]: readonly [number, number]) =>
      100 * values.filter((value) => value >= min && value <= max).length / values.length;
    return {
      n: values.length,
      p5: percentile(values, 0.05),
      p50: percentile(values, 0.5),
      p95: percentile(values, 0.95),
      within: [within(LIMITS.p50), within(LIMITS.p95)],
    };
  }

  /** The jumps of the sound's schedule, without those while it settles. */
  jumpsAfterSettling(from = 0, to = Infinity): Jump[] {
    const settled = Math.max(from, this.startedAt + SETTLING_TIME);
    return this.jumps.filter(({ time }) => time >= settled && time < to);
  }

  /** Describes a period in one line. */
  describe(from: number, to = Infinity): string {
    const { n, p5, p50, p95, within } = this.distribution(from, to);
    const isIn = ({ time }: { time: number }) => time >= from && time < to;
    const pictureAge = percentile(this.flashes.filter(isIn).map(({ age }) => age), 0.5);
    const soundAge = percentile(this.#beeps.filter(isIn).map(({ age }) => age), 0.5);
    const jumps = this.jumps.filter(isIn);
    const sizes = jumps.slice(0, 8).map(({ by }) => Math.round(by)).join(", ");
    return `sync p5 ${ms(p5)}, p50 ${ms(p50)}, p95 ${ms(p95)}, n = ${n}; ` +
      `within ${LIMITS.p50.join("…")}: ${within[0].toFixed(1)} %, ` +
      `within ${LIMITS.p95.join("…")}: ${within[1].toFixed(1)} %; ` +
      `age of the picture ${ms(pictureAge)}, of the sound ${ms(soundAge)}; ` +
      `jumps: ${jumps.length}${sizes && ` (${sizes} ms)`}`;
  }
}

/** Options of {@link recordSync}. */
export interface SyncOptions {
  readonly observer: PageObserver;
  readonly listener: BeepListener;
  /** How long to record, in milliseconds. */
  readonly duration: number;
  /** Called after each minute with its number, from 1. */
  readonly onMinute?: (minute: number, record: SyncRecord, from: number) => void;
  /** The record to add to. @default {a new one} */
  readonly record?: SyncRecord;
}

/** Records what is seen and heard. */
export async function recordSync(options: SyncOptions): Promise<SyncRecord> {
  const { observer, listener, duration, onMinute } = options;
  const record = options.record ?? new SyncRecord(listener.beeps);
  const begun = Date.now();
  for (let minute = 1; Date.now() - begun < duration;) {
    await systemClock.sleep(Math.min(INTERVAL, duration - (Date.now() - begun)));
    record.add(await observer.take());
    if (Date.now() - begun < minute * MINUTE) continue;
    onMinute?.(minute, record, begun + (minute - 1) * MINUTE);
    minute++;
  }
  return record;
}

/** The second that a flash or a beep belongs to. */
function secondOf({ time, age }: Flash | HeardBeep): number {
  return Math.round((time - age) / 1_000) * 1_000;
}

function ms(value: number): string {
  return `${value.toFixed(1)} ms`;
}
