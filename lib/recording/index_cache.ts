import { clusterCount } from "./completion.ts";
import type { Segment, SegmentIndex } from "./segment.ts";

/** Maximum number of indexes, and of clusters in all of them (12 bytes each, or 16 with sound). */
const MAX_INDEXES = 50;
const MAX_CLUSTERS = 500_000;

/** The indexes of the segments that were read last, for all readers together. */
export class IndexCache {
  readonly #indexes = new Map<string, SegmentIndex>();
  #clusters = 0;

  get(segment: Segment): SegmentIndex | undefined {
    const key = keyOf(segment);
    const index = this.#indexes.get(key);
    if (index) { // moves it to the end
      this.#indexes.delete(key);
      this.#indexes.set(key, index);
    }
    return index;
  }

  set(segment: Segment, index: SegmentIndex): void {
    this.delete(segment);
    this.#indexes.set(keyOf(segment), index);
    this.#clusters += clusterCount(index);
    for (const [key, oldest] of this.#indexes) {
      if (this.#indexes.size <= MAX_INDEXES && this.#clusters <= MAX_CLUSTERS) break;
      this.#indexes.delete(key);
      this.#clusters -= clusterCount(oldest);
    }
  }

  delete(segment: Segment): void {
    const key = keyOf(segment);
    const index = this.#indexes.get(key);
    if (index) this.#clusters -= clusterCount(index);
    this.#indexes.delete(key);
  }
}

/** A segment that was thinned has another size, and so another index. */
function keyOf({ camera, day, name, bytes }: Segment): string {
  return `${camera}/${day}/${name}/${bytes}`;
}
