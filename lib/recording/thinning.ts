import { explain } from "../errors.ts";
import type { Log } from "../log.ts";
import { codeOf } from "./file_system.ts";
import type { Library } from "./library.ts";
import type { Marks } from "./marks.ts";
import type { Tier } from "./retention_setting.ts";
import type { Segment } from "./segment.ts";
import { DAY, segmentPath } from "./segment_name.ts";
import { StorageError } from "./storage.ts";
import { thin, type ThinOptions } from "./thin.ts";

/** A segment is thinned only if this many times the frames of the tier are in it. */
const MIN_REDUCTION = 1.1;
/** A smaller step of the clock is left out, in milliseconds. */
const MIN_STEP = 1_000;
/** Number of segments after which others have their turn. */
const MANY = 100;

/** Options of {@link Thinning}. */
export interface ThinningOptions extends Omit<ThinOptions, "fps" | "library"> {
  readonly library: Pick<Library, "cameras" | "extent" | "segments" | "replace">;
  readonly marks: Pick<Marks, "keeps">;
  readonly tiers: readonly Tier[];
  readonly log: Log;
}

/** Reduces the frame rate of old segments, one after another. What a mark keeps stays as it is. */
export class Thinning {
  readonly #options: ThinningOptions;
  /** Time up to which all segments are thinned, by camera and tier. */
  readonly #doneUntil = new Map<string, number>();
  /** Segments that cannot be thinned, by path: damaged ones. */
  readonly #failed = new Set<string>();
  #lastRun = -Infinity;

  constructor(options: ThinningOptions) {
    this.#options = options;
  }

  /**
   * Thins all segments that are old enough. Rejects if its signal aborts.
   *
   * @param now Time that ages are counted by, in milliseconds since the Unix epoch.
   */
  async run(now: number): Promise<void> {
    const { library, tiers } = this.#options;
    // If the clock was set back, times occur again.
    if (now < this.#lastRun - MIN_STEP) this.#doneUntil.clear();
    this.#lastRun = now;
    for (const camera of library.cameras) {
      // The oldest segments first, so that none is thinned twice in one run.
      for (const tier of tiers.toReversed()) await this.#thinTier(camera, tier, now - tier.after);
    }
  }

  async #thinTier(camera: string, tier: Tier, until: number): Promise<void> {
    const { library } = this.#options;
    const key = `${camera} ${tier.fps}`;
    const { oldest } = library.extent(camera);
    if (oldest === undefined) return;
    let from = this.#doneUntil.get(key) ?? oldest;
    while (from <= until) {
      const to = Math.min(from + DAY, until);
      const segments = await library.segments(camera, from, to);
      for (const segment of segments) {
        if (!await this.#isDue(segment, tier, until)) continue;
        if (!await this.#thin(segment, tier)) return; // it is tried again in the next run
      }
      this.#doneUntil.set(key, to);
      if (to === until) return;
      from = to;
      if (segments.length >= MANY) await new Promise((resolve) => setTimeout(resolve, 0));
    }
  }

  async #isDue(segment: Segment, { fps }: Tier, until: number): Promise<boolean> {
    const { camera, start, end, frames, thinnedTo = Infinity } = segment;
    if (end > until || thinnedTo <= fps || "index" in segment) return false;
    const kept = Math.floor((end - start) * fps / 1000) + 1;
    if (frames <= kept * MIN_REDUCTION) return false;
    if (this.#failed.has(segmentPath(this.#options.root, segment))) return false;
    return !await this.#options.marks.keeps(camera, start, end);
  }

  /** Thins a segment. @returns Whether the next one can follow. */
  async #thin(segment: Segment, { fps }: Tier): Promise<boolean> {
    const { signal, root, log } = this.#options;
    try {
      await thin(segment, { ...this.#options, fps });
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof StorageError) return false;
      const path = segmentPath(root, segment);
      if (this.#failed.size < 10_000) this.#failed.add(path);
      if (codeOf(error) === "ENOENT") return true; // it has been deleted in the meantime
      log.warn("recording not thinned", { path, reason: explain(error) });
    }
    return true;
  }
}
