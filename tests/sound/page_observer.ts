/** A flash that a page has shown. */
export interface Flash {
  /** When it was on the screen, as far as a page can know, in milliseconds since the Unix epoch. */
  readonly time: number;
  /** How long ago its second began then, in milliseconds. */
  readonly age: number;
}

/** The schedule of the sound was not continuous: a gap, or an overlap if `by` is negative. */
export interface Jump {
  /** When it was scheduled, in milliseconds since the Unix epoch. */
  readonly time: number;
  /** In milliseconds. */
  readonly by: number;
}

/** What a page has shown and played since it was asked the last time. */
export interface Observed {
  readonly flashes: readonly Flash[];
  readonly jumps: readonly Jump[];
  /** Number of pictures painted. */
  readonly pictures: number;
  /** Number of buffers of sound that were scheduled. */
  readonly buffers: number;
  /** When the first of them was scheduled, in milliseconds since the Unix epoch. */
  readonly firstBuffer: number | null;
}

/**
 * Script that observes the page: when pictures are on the screen that are white where the previous
 * one was black, and whether the buffers of sound follow one another. It must run before the page
 * plays sound.
 *
 * A picture that is painted outside of the callbacks of `requestAnimationFrame` belongs to the next
 * frame of the browser, and that is on the screen with the next but one.
 */
const OBSERVER = `(() => {
  const none = () => ({ flashes: [], jumps: [], pictures: 0, buffers: 0, firstBuffer: null });
  let observed = none();
  globalThis.takeObserved = () => {
    const taken = observed;
    observed = none();
    return taken;
  };
  const wallTime = () => performance.timeOrigin + performance.now();

  let inCallback = false;
  const request = globalThis.requestAnimationFrame.bind(globalThis);
  globalThis.requestAnimationFrame = (callback) => request((time) => {
    inCallback = true;
    try {
      callback(time);
    } finally {
      inCallback = false;
    }
  });

  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 1;
  const pixel = canvas.getContext("2d", { willReadFrequently: true });
  const isWhite = new WeakMap();
  const { transferFromImageBitmap } = ImageBitmapRenderingContext.prototype;
  ImageBitmapRenderingContext.prototype.transferFromImageBitmap = function (bitmap) {
    if (!bitmap) return transferFromImageBitmap.call(this, bitmap);
    pixel.drawImage(bitmap, bitmap.width >> 1, bitmap.height >> 1, 1, 1, 0, 0, 1, 1);
    transferFromImageBitmap.call(this, bitmap);
    observed.pictures++;
    const white = pixel.getImageData(0, 0, 1, 1).data[0] > 128;
    const begins = white && isWhite.get(this) === false;
    isWhite.set(this, white);
    if (!begins) return;
    const onScreen = () => {
      const time = wallTime();
      observed.flashes.push({ time, age: (time + 500) % 1000 - 500 });
    };
    if (inCallback) request(onScreen);
    else request(() => request(onScreen));
  };

  const ends = new WeakMap();
  const { start } = AudioBufferSourceNode.prototype;
  AudioBufferSourceNode.prototype.start = function (...args) {
    start.apply(this, args);
    const { context, buffer } = this, when = args[0] ?? context.currentTime;
    observed.buffers++;
    observed.firstBuffer ??= wallTime();
    const by = (when - (ends.get(context) ?? when)) * 1000;
    if (Math.abs(by) > 0.1) observed.jumps.push({ time: wallTime(), by });
    ends.set(context, when + buffer.duration);
  };
})()`;

/** Evaluates an expression in a page, and awaits it if it is a promise. */
export type Evaluate = <T>(expression: string) => Promise<T>;

/** Observes what a page shows and plays. */
export class PageObserver {
  readonly #evaluate: Evaluate;

  private constructor(evaluate: Evaluate) {
    this.#evaluate = evaluate;
  }

  /** Starts to observe a page that has loaded, and plays no sound yet. */
  static async start(evaluate: Evaluate): Promise<PageObserver> {
    await evaluate(OBSERVER);
    return new PageObserver(evaluate);
  }

  /** Returns what the page has shown and played since the previous call. */
  take(): Promise<Observed> {
    return this.#evaluate("takeObserved()");
  }
}
