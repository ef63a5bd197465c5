import { Camera } from "../../../lib/camera/camera.ts";
import type { AllowedOrigins } from "../../../lib/config.ts";
import type { Jpeg } from "../../../lib/frame.ts";
import { createApp } from "../../../lib/http/app.ts";
import type { Open } from "../../../lib/hub/hub.ts";
import { ManualClock, settle } from "../../manual_clock.ts";

/** A camera that gives an image whenever a test says so. */
export class FakeSource {
  /** How often it was opened. */
  opened = 0;
  readonly #clock: ManualClock;
  #waiting: ((jpeg: Jpeg) => void) | undefined;
  readonly #images: Jpeg[] = [];

  constructor(clock: ManualClock) {
    this.#clock = clock;
  }

  readonly open: Open<Jpeg> = (signal) => {
    this.opened++;
    return this.#give(signal);
  };

  /** Gives an image, and lets everybody take it. */
  async push(jpeg: Jpeg): Promise<void> {
    await settle(); // a request that was just made has reached the camera
    await this.#clock.advance(0);
    if (this.#waiting) this.#waiting(jpeg);
    else this.#images.push(jpeg);
    await settle();
  }

  async *#give(signal: AbortSignal): AsyncGenerator<Jpeg> {
    const end = new Promise<undefined>((resolve) =>
      signal.addEventListener("abort", () => resolve(undefined))
    );
    for (;;) {
      const next = new Promise<Jpeg>((resolve) => this.#waiting = resolve);
      const jpeg = this.#images.shift() ?? await Promise.race([next, end]);
      this.#waiting = undefined;
      if (!jpeg) return;
      yield jpeg;
    }
  }
}

/**
 * A whole JPEG of 2 x 1 pixels as far as its headers tell, with `text` where the picture's data are.
 * Nothing here decodes it. It is a progressive one: others would be given the tables that it lacks.
 */
export function jpegWith(text: string): Jpeg {
  const head =
    "\xff\xd8\xff\xc0\x00\x0b\x08\x00\x01\x00\x02\x01\x01\x11\x00\xff\xc4\x00\x02\xff\xda\x00\x02";
  return Uint8Array.from(`${head}${text}\xff\xd9`, (letter) => letter.charCodeAt(0));
}

/** What a test can choose. */
interface SetUp {
  allowOrigin?: AllowedOrigins;
  /** How many frames a second the camera promises: the fewer, the later it is taken for dead. */
  fps?: number;
}

/** The app with one camera, called front, whose images and time a test gives. 2026 has just begun. */
export function setUp({ allowOrigin, fps }: SetUp = {}) {
  const clock = new ManualClock();
  const source = new FakeSource(clock);
  const log = { info() {}, warn() {}, error() {} };
  const camera = new Camera({
    name: "front",
    driver: "fake",
    open: source.open,
    fps,
    idleTimeout: 0,
    clock,
    log,
  });
  const app = createApp({ cameras: [camera], pages: new Map(), allowOrigin, clock, log });
  return { clock, source, camera, app };
}

/** What comes from a stream, as Latin-1: a character for each byte. */
export class Received implements AsyncDisposable {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #reading: Promise<void>;
  #text = "";

  constructor(body: ReadableStream<Uint8Array>) {
    this.#reader = body.getReader();
    this.#reading = this.#read();
  }

  /** All that came since the last call. */
  async take(): Promise<string> {
    await settle();
    const text = this.#text;
    this.#text = "";
    return text;
  }

  /** Goes away, as a client that closes its connection. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#reader.cancel();
    await this.#reading;
  }

  async #read(): Promise<void> {
    for (let next; !(next = await this.#reader.read()).done;) {
      this.#text += String.fromCharCode(...next.value);
    }
  }
}
