import { type Access, Authenticator } from "../../../lib/auth/mod.ts";
import { Camera } from "../../../lib/camera/camera.ts";
import type { AllowedOrigins } from "../../../lib/config.ts";
import type { Jpeg } from "../../../lib/frame.ts";
import type { Recording } from "../../../lib/recording/mod.ts";
import { type Engine, openRenditions } from "../../../lib/renditions/mod.ts";
import { createServerApp } from "./server_app.ts";
import { FakeSource } from "../../fake_source.ts";
import { ManualClock, settle } from "../../manual_clock.ts";
import { noEvents } from "../../silent.ts";

/** A source of images that a test pushes. */
class ImageSource extends FakeSource<Jpeg> {
  readonly #clock: ManualClock;

  constructor(clock: ManualClock) {
    super();
    this.#clock = clock;
  }

  /** Yields an image and waits until it has been delivered. */
  override async push(jpeg: Jpeg): Promise<void> {
    await this.#clock.advance(0); // opens the source, if a client has just requested it
    super.push(jpeg);
    await settle();
  }
}

/**
 * A JPEG with the headers of 2 x 1 pixels and `text` as its data; no test decodes it. It is
 * progressive, as the server would add Huffman tables to a baseline JPEG.
 */
export function jpegWith(text: string): Jpeg {
  const head =
    "\xff\xd8\xff\xc0\x00\x0b\x08\x00\x01\x00\x02\x01\x01\x11\x00\xff\xc4\x00\x02\xff\xda\x00\x02";
  return Uint8Array.from(`${head}${text}\xff\xd9`, (letter) => letter.charCodeAt(0));
}

/** Options of {@link setUp}. */
interface SetUpOptions {
  allowOrigin?: AllowedOrigins;
  access?: Access;
  maxViewers?: number;
  /** The camera's nominal frame rate: the lower, the later the camera counts as stalled. */
  fps?: number;
  recording?: Recording;
  /** What makes renditions. @default {the server's own} */
  engine?: Engine;
}

/** Creates the app with one camera, "front", and a clock that starts at the beginning of 2026. */
export function setUp(
  { allowOrigin, access, maxViewers, fps, recording, engine }: SetUpOptions = {},
) {
  const clock = new ManualClock();
  const source = new ImageSource(clock);
  const log = { info() {}, warn() {}, error() {} };
  const camera = new Camera({
    name: "front",
    driver: "fake",
    open: source.open,
    fps,
    idleTimeout: 0,
    clock,
    events: noEvents,
  });
  const renditions = openRenditions({ clock, log, engine, eighths: [1, 2, 3, 4] });
  const app = createServerApp({
    cameras: [camera],
    authenticator: access && new Authenticator(access, { clock, log }),
    allowOrigin,
    maxViewers,
    recording,
    renditions,
    clock,
    log,
  });
  return { clock, source, camera, app, renditions };
}

/** Reads a stream as Latin-1. */
export class Received implements AsyncDisposable {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #reading: Promise<void>;
  #text = "";

  constructor(body: ReadableStream<Uint8Array>) {
    this.#reader = body.getReader();
    this.#reading = this.#read();
  }

  /** Returns what was received since the last call. */
  async take(): Promise<string> {
    await settle();
    const text = this.#text;
    this.#text = "";
    return text;
  }

  /** Cancels the stream, like a client that closes its connection. */
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
