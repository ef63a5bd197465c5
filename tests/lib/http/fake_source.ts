import { Camera } from "../../../lib/camera/camera.ts";
import type { AllowedOrigins } from "../../../lib/config.ts";
import type { Jpeg } from "../../../lib/frame.ts";
import { createServerApp } from "./server_app.ts";
import { FakeSource } from "../../fake_source.ts";
import { ManualClock, settle } from "../../manual_clock.ts";

/** A camera that gives an image whenever a test says so. */
class StillCamera extends FakeSource<Jpeg> {
  readonly #clock: ManualClock;

  constructor(clock: ManualClock) {
    super();
    this.#clock = clock;
  }

  /** Gives an image, and lets everybody take it. */
  override async push(jpeg: Jpeg): Promise<void> {
    await this.#clock.advance(0); // a camera that was asked for is open then
    super.push(jpeg);
    await settle();
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
  const source = new StillCamera(clock);
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
  const app = createServerApp({ cameras: [camera], allowOrigin, clock, log });
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
