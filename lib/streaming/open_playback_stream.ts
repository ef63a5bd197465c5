import type { Bytes } from "../bytes.ts";
import type { Camera } from "../camera/camera.ts";
import type { Clock } from "../clock.ts";
import { explain } from "../errors.ts";
import type { Frame } from "../frame.ts";
import type { Subscriber } from "../hub/hub.ts";
import { limitFps } from "../limit_fps.ts";
import type { Log } from "../log.ts";
import { arrivalTime, type FrameSource, Playback, Playhead, shownUntil } from "../playback/mod.ts";
import type { OpenViewerStreamOptions } from "./open_viewer_stream.ts";
import { ViewerStream } from "./viewer_stream.ts";

/** Options of {@link openPlaybackStream}. */
export interface OpenPlaybackStreamOptions extends OpenViewerStreamOptions {
  /** Opens the camera's recordings. */
  openSource: () => FrameSource;
  /** Where to begin, in milliseconds since the Unix epoch. */
  at: number;
  /** Recorded seconds per second; negative backwards. Not 0. */
  speed: number;
  clock: Clock;
  log: Log;
}

/**
 * Opens a stream of a camera's recordings for a new viewer. When it has caught up with the camera,
 * it continues with the live frames. It ends when the client disconnects or stops reading, or when
 * the camera closes.
 *
 * @returns undefined if nothing is recorded.
 * @throws {TooManyViewers} If the viewer limit is reached.
 */
export async function openPlaybackStream(
  camera: Camera,
  options: OpenPlaybackStreamOptions,
): Promise<ReadableStream<Bytes> | undefined> {
  const { viewers, address } = options;
  const session = viewers.admit(address, camera.name);
  const stream = new PlaybackStream(camera, options, (viewer) => {
    session.end({ frames: viewer.sent, dropped: viewer.dropped, reason: viewer.endReason });
  });
  try {
    if (!await stream.start()) return undefined;
  } catch (error) {
    stream.viewer.end();
    throw error;
  }
  session.start();
  return stream.viewer.stream;
}

/** One viewer's stream, which shows recorded frames and then live ones. */
class PlaybackStream {
  readonly viewer: ViewerStream;
  readonly #camera: Camera;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #playback: Playback;
  readonly #shutdown: Shutdown;
  /** Number of recorded frames sent. */
  #sequence = 0;
  /** The recorded frame that the client shows; undefined when it shows live frames. */
  #frame: Frame | undefined;
  /** Sequence number of the last live frame that was shown as a recorded one. */
  #shownUntil = 0;

  constructor(
    camera: Camera,
    options: OpenPlaybackStreamOptions,
    onEnd: (viewer: ViewerStream) => void,
  ) {
    const { clock, log, keepAlive, format, fps, openDirect, openSource, at, speed } = options;
    this.#camera = camera;
    this.#clock = clock;
    this.#log = log;
    const direct = openDirect?.();
    const isWanted = fps === undefined ? () => true : limitFps(fps);
    const cleanup = new DisposableStack();
    const viewer = this.viewer = new ViewerStream({
      format,
      direct,
      wanted: (frame) =>
        frame === this.#frame || (frame.sequence > this.#shownUntil && isWanted(frame)),
      onDelivered: (frame, bytes) => this.#frame || camera.countDelivered(frame, bytes),
      onDropped: () => this.#frame || camera.countDropped("viewer"),
      onEnd: () => cleanup.dispose(),
    });
    this.#playback = new Playback({
      source: openSource(),
      playhead: new Playhead({ at, speed, clock }),
      clock,
      maxFps: fps,
      liveEdge: () => camera.latest && arrivalTime(camera.latest, clock),
    });
    this.#shutdown = new Shutdown(() => viewer.end());
    cleanup.defer(() => onEnd(viewer));
    cleanup.defer(() => direct?.close());
    cleanup.defer(() => keepAlive.delete(viewer));
    cleanup.defer(() => void this.#close());
    cleanup.defer(() => camera.leave(viewer));
    cleanup.defer(() => camera.leave(this.#shutdown));
    keepAlive.add(viewer, camera, () => this.#frame);
    camera.join(this.#shutdown);
  }

  /** Sends the first frame, and continues in the background. @returns Whether there is a frame. */
  async start(): Promise<boolean> {
    const goesOn = await this.#next();
    if (goesOn === undefined) return false;
    if (goesOn) void this.#run();
    return true;
  }

  async #run(): Promise<void> {
    try {
      do await this.viewer.whenReady(); while (await this.#next());
    } catch (error) {
      const { name: camera } = this.#camera;
      this.#log.warn("recording cannot be played", { camera, reason: explain(error) });
      this.viewer.disconnect("recording cannot be played");
    }
  }

  /** Handles what comes next. @returns Whether there is more; undefined if nothing is recorded. */
  async #next(): Promise<boolean | undefined> {
    const event = await this.#playback.next();
    switch (event.type) {
      case "frame":
        this.viewer.offer(
          this.#frame = {
            jpeg: event.jpeg,
            capturedAt: event.at,
            monotonic: this.#clock.monotonic(),
            sequence: ++this.#sequence,
          },
        );
        return true;
      case "live":
        this.#goLive(event.at);
        return false;
      case "none":
        this.viewer.end();
        return undefined;
      default:
        return event.type !== "end";
    }
  }

  /** Joins the camera. @param shown Time of the last recorded frame sent. */
  #goLive(shown: number | undefined): void {
    const camera = this.#camera;
    this.#shownUntil = shownUntil(camera.latest, shown, this.#clock);
    this.#frame = undefined;
    void this.#close();
    camera.join(this.viewer);
    camera.leave(this.#shutdown);
    camera.retryNow();
  }

  async #close(): Promise<void> {
    try {
      await this.#playback[Symbol.asyncDispose]();
    } catch (error) {
      const { name: camera } = this.#camera;
      this.#log.warn("recording cannot be closed", { camera, reason: explain(error) });
    }
  }
}

/** Learns that a camera closes, and does not keep it running. */
class Shutdown implements Subscriber<Frame> {
  readonly role = "background";
  readonly keepsRunning = false;

  constructor(readonly end: () => void) {}

  /** Called for each live frame, which a viewer of a recording does not need. */
  offer(): void {}
}
