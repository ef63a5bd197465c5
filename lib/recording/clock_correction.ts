import type { Clock } from "../clock.ts";
import { explain } from "../errors.ts";
import type { Log } from "../log.ts";
import { encodeHead, MAX_HEAD_SIZE, readHead } from "../matroska/mod.ts";
import type { Disk } from "./disk.ts";
import { codeOf } from "./file_system.ts";
import type { Library } from "./library.ts";
import type { Run } from "./recording_clock.ts";
import type { Segment, SegmentPlace } from "./segment.ts";
import { segmentPath, segmentPlace } from "./segment_name.ts";

/** How often it is checked whether the clock has been set, in milliseconds. */
const CHECK_INTERVAL = 10_000;
/** A smaller correction is left out, in milliseconds. */
const MIN_STEP = 500;
/** Maximum number of segments that are remembered: two days of minutes. */
const MAX_SEGMENTS = 3_000;
const MAX_ATTEMPTS = 1_000;

/** Options of a {@link ClockCorrection}. */
export interface ClockCorrectionOptions {
  readonly camera: string;
  /** Folder of the recordings. */
  readonly root: string;
  readonly disk: Disk;
  readonly library: Pick<Library, "segments" | "replace">;
  /** Returns whether the machine's clock has been set since its start. */
  readonly isClockSet: () => Promise<boolean>;
  readonly clock: Clock;
  readonly log: Log;
}

/** A segment, and the offset of the clock that it was recorded with. */
interface Recorded extends Pick<Segment, "day" | "name" | "start" | "end"> {
  readonly offset: number;
}

/**
 * Corrects the times of segments that were recorded before the machine's clock was set: renames
 * them, and changes the date in their heads. Does nothing where the clock was set from the start.
 */
export class ClockCorrection {
  readonly #options: ClockCorrectionOptions;
  /** Wall clock less the monotonic clock since it has been set; undefined before. */
  #offset: number | undefined;
  #checkedAt = -Infinity;
  #run: Run | undefined;
  /** The run in which the clock was set. */
  #lastRun: Run | undefined;
  #recorded: Recorded[] = [];
  #pending = Promise.resolve();

  constructor(options: ClockCorrectionOptions) {
    this.#options = options;
  }

  /** Records that the next segments belong to another run. */
  startRun(run: Run): void {
    this.#run = run;
  }

  /** Records that a segment is closed, and in the library. @param run Its run. */
  add({ day, name, start, end }: Segment, run: Run): void {
    if (this.#offset !== undefined && run !== this.#lastRun) return;
    if (this.#recorded.length === MAX_SEGMENTS) this.#recorded.shift();
    this.#recorded.push({ day, name, start, end, offset: run.offset });
    this.#correct();
  }

  /** Checks from time to time whether the clock has been set. Returns at once. */
  check(): void {
    const { clock, isClockSet } = this.#options;
    const now = clock.monotonic();
    if (this.#offset !== undefined || now - this.#checkedAt < CHECK_INTERVAL) return;
    this.#checkedAt = now;
    isClockSet().then((isSet) => {
      if (!isSet) return;
      this.#offset = clock.now() - clock.monotonic();
      this.#lastRun = this.#run;
      this.#correct();
    }, () => {}); // checked again
  }

  /** Resolves when no correction is in progress. */
  settled(): Promise<void> {
    return this.#pending;
  }

  /** Corrects what has been recorded, one segment after another. */
  #correct(): void {
    if (this.#offset === undefined) return;
    const recorded = this.#recorded;
    const offset = this.#offset;
    this.#recorded = [];
    if (recorded.length === 0) return;
    this.#pending = this.#pending.then(async () => {
      const { camera, log } = this.#options;
      let count = 0;
      let reason: string | undefined;
      for (const segment of recorded) {
        const step = Math.round(offset - segment.offset);
        if (step < MIN_STEP) continue;
        try {
          if (await this.#move(segment, step)) count++;
        } catch (error) {
          reason ??= explain(error);
        }
      }
      if (count > 0) log.info("recordings' times corrected", { camera, segments: count });
      if (reason) log.warn("recordings' times not corrected", { camera, reason });
    });
  }

  /** Moves a segment to another time. @returns Whether it still existed. */
  async #move({ day, name, start, end }: Recorded, step: number): Promise<boolean> {
    const { camera, root, disk, library } = this.#options;
    const found = (await library.segments(camera, start, end))
      .find((segment) => segment.day === day && segment.name === name);
    if (!found) return false; // deleted meanwhile
    const path = segmentPath(root, found);
    await this.#setDate(path, start + step);
    const place = await this.#freePlace(start + step);
    await disk.makeFolder(`${root}/${camera}/${place.day}`);
    await disk.rename(path, segmentPath(root, place));
    await disk.syncFolder(`${root}/${camera}/${place.day}`);
    await library.replace(found, {
      ...found,
      ...place,
      start: found.start + step,
      end: found.end + step,
    });
    return true;
  }

  async #setDate(path: string, date: number): Promise<void> {
    const file = await this.#options.disk.open(path, "append");
    try {
      const bytes = new Uint8Array(MAX_HEAD_SIZE);
      const head = readHead(bytes.subarray(0, await file.readAt(0, bytes)));
      if (!head) return;
      await file.writeAt(0, encodeHead({ ...head, date }));
      await file.sync();
    } finally {
      await file.close();
    }
  }

  async #freePlace(start: number): Promise<SegmentPlace> {
    const { camera, root, disk } = this.#options;
    for (let attempt = 1; attempt < MAX_ATTEMPTS; attempt++) {
      const place = segmentPlace(camera, start, attempt);
      try {
        await disk.stat(segmentPath(root, place)); // a rename would overwrite it
      } catch (error) {
        if (codeOf(error) === "ENOENT") return place;
        throw error;
      }
    }
    throw new Error(`Too many segments start at ${new Date(start).toISOString()}`);
  }
}
