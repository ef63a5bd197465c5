import type { Library } from "../../../lib/recording/library.ts";
import type { OpenSegment, Segment } from "../../../lib/recording/segment.ts";

/** Size of a segment's line in the index of its day, in bytes. */
const LINE = 150;

type Parts = Pick<
  Library,
  | "loaded"
  | "totalBytes"
  | "cameras"
  | "extent"
  | "segments"
  | "add"
  | "replace"
  | "remove"
  | "oldest"
>;

/** A library without files. */
export class FakeLibrary implements Parts {
  loaded = Promise.resolve();
  /** Size of files other than segments. */
  otherBytes = 0;
  closed: Segment[] = [];
  readonly open = new Set<OpenSegment>();
  /** Segments that were removed, in order. */
  readonly removed: Segment[] = [];
  /** Called before a segment is removed. */
  onRemove: (segment: Segment) => void = () => {};
  /** Number of calls that list segments. */
  listings = 0;

  get totalBytes(): number {
    let bytes = this.otherBytes + this.closed.length * LINE;
    for (const segment of this.closed) bytes += segment.bytes;
    for (const segment of this.open) bytes += segment.bytes;
    return bytes;
  }

  get cameras(): string[] {
    return [...new Set([...this.closed, ...this.open].map(({ camera }) => camera))];
  }

  extent(camera: string) {
    const own = this.#of(camera);
    return {
      oldest: own.length === 0 ? undefined : Math.min(...own.map(({ start }) => start)),
      newest: own.length === 0 ? undefined : Math.max(...own.map(({ end }) => end)),
      bytes: own.reduce((sum, { bytes }) => sum + bytes, 0),
    };
  }

  async segments(camera: string, from: number, to: number): Promise<Segment[]> {
    await Promise.resolve();
    this.listings++;
    return this.#of(camera).filter(({ start, end }) => start <= to && end >= from)
      .sort((a, b) => a.start - b.start);
  }

  add(segment: OpenSegment): void {
    this.open.add(segment);
  }

  async replace(old: Segment, replacement: Segment): Promise<void> {
    await Promise.resolve();
    if (!this.open.delete(old as OpenSegment)) {
      this.closed = this.closed.filter((segment) => segment !== old);
    }
    this.closed.push(replacement);
  }

  async remove(segment: Segment): Promise<void> {
    await Promise.resolve();
    this.onRemove(segment);
    this.closed = this.closed.filter((other) => other !== segment);
    this.removed.push(segment);
  }

  async oldest(count: number): Promise<Segment[]> {
    await Promise.resolve();
    this.listings++;
    return this.closed.toSorted((a, b) => a.end - b.end).slice(0, count);
  }

  #of(camera: string): Segment[] {
    return [...this.closed, ...this.open].filter((segment) => segment.camera === camera);
  }
}
