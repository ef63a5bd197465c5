import type { Jpeg } from "../../../lib/frame.ts";
import type { FrameSource, RecordedFrame } from "../../../lib/playback/mod.ts";

/** Recorded frames of a camera, in memory. An image contains its frame's number and time. */
export class RecordedCamera {
  /** Times of the frames, rising. */
  readonly times: number[] = [];
  /** Times of frames that are found, but whose images cannot be read any more. */
  readonly deleted = new Set<number>();
  /** Number of sources that are open. */
  open = 0;
  /** Number of images read. */
  reads = 0;
  /** Size of the images, in bytes; at least what their text needs. */
  imageSize = 0;
  /** Called before each call ends, such as to delay it. */
  delay: () => Promise<void> = () => Promise.resolve();
  /** Numbers of the frames by their times. */
  readonly #numbers = new Map<number, number>();

  /** Adds frames at an interval. @param interval In milliseconds. */
  record(from: number, count: number, interval: number): this {
    for (let index = 0; index < count; index++) this.add(from + Math.round(index * interval));
    return this;
  }

  /** Adds a frame. */
  add(at: number): void {
    this.#numbers.set(at, this.#numbers.size);
    this.times.push(at);
  }

  /** Deletes the frames before a time. */
  deleteBefore(time: number): void {
    while (this.times.length > 0 && this.times[0]! < time) this.times.shift();
  }

  /** Opens a source. */
  source(): FrameSource {
    return new Source(this);
  }

  /** Returns the image of a frame. */
  image(at: number): Jpeg {
    const content = `${this.#numbers.get(at)} ${at}`;
    const text = new TextEncoder().encode(content.padEnd(this.imageSize - 4));
    return Uint8Array.of(0xff, 0xd8, ...text, 0xff, 0xd9);
  }
}

/** Returns the number and the time in a frame's image. */
export function readImage(jpeg: Uint8Array): { number: number; at: number } {
  const [number, at] = new TextDecoder().decode(jpeg.subarray(2, -2)).split(" ").map(Number);
  return { number: number!, at: at! };
}

class Source implements FrameSource {
  readonly #camera: RecordedCamera;
  #at: number | undefined;
  #busy = false;
  #closed = false;

  constructor(camera: RecordedCamera) {
    this.#camera = camera;
    camera.open++;
  }

  seek(at: number, edge: "before" | "after"): Promise<RecordedFrame | undefined> {
    return this.#call(() => {
      const { times } = this.#camera;
      const after = search(times, at);
      return this.#move(edge === "after" || times[after] === at ? after : after - 1);
    });
  }

  step(by: 1 | -1): Promise<RecordedFrame | undefined> {
    return this.#call(() => {
      const { times } = this.#camera;
      if (this.#at === undefined) return by === 1 ? this.#move(0) : undefined;
      const here = search(times, this.#at);
      return this.#move(by === -1 ? here - 1 : times[here] === this.#at ? here + 1 : here);
    });
  }

  read(): Promise<Jpeg | undefined> {
    return this.#call(() => {
      this.#camera.reads++;
      const at = this.#at!;
      const exists = this.#camera.times.includes(at) && !this.#camera.deleted.has(at);
      return exists ? this.#camera.image(at) : undefined;
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) throw new Error("closed twice");
    if (this.#busy) throw new Error("closed during a call");
    this.#closed = true;
    this.#camera.open--;
    return Promise.resolve();
  }

  #move(index: number): RecordedFrame | undefined {
    const { times } = this.#camera;
    const at = times[index];
    if (at === undefined) return undefined;
    this.#at = at;
    return { at, segment: segmentAround(times, index) };
  }

  async #call<T>(call: () => T): Promise<T> {
    if (this.#busy) throw new Error("calls overlap");
    if (this.#closed) throw new Error("call after closing");
    this.#busy = true;
    try {
      await this.#camera.delay();
      return call();
    } finally {
      this.#busy = false;
    }
  }
}

/** Returns the index of the first time at or after `at`. */
function search(times: readonly number[], at: number): number {
  let low = 0, high = times.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (times[middle]! < at) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Returns a segment of the frames around one, up to the next gap of 5 s. */
function segmentAround(
  times: readonly number[],
  index: number,
): { start: number; end: number; frames: number } {
  let [first, last] = [index, index];
  while (first > 0 && index - first < 20 && times[first]! - times[first - 1]! < 5_000) first--;
  while (last < times.length - 1 && last - index < 20 && times[last + 1]! - times[last]! < 5_000) {
    last++;
  }
  return { start: times[first]!, end: times[last]!, frames: last - first + 1 };
}
