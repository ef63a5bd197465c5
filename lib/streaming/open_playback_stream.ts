import type { Bytes } from "../bytes.ts";
import type { Camera } from "../camera/camera.ts";
import type { CameraFeed } from "../camera/camera_feed.ts";
import type { Clock } from "../clock.ts";
import { CameraError, explain } from "../errors.ts";
import type { Frame } from "../frame.ts";
import type { Subscriber } from "../hub/hub.ts";
import { limitFps } from "../limit_fps.ts";
import type { Log } from "../log.ts";
import type { ProcessPicture } from "../pixels/task.ts";
import {
  arrivalTime,
  type FrameSource,
  Playback,
  type PlaybackEvent,
  Playhead,
  shownUntil,
} from "../playback/mod.ts";
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
  /** Converts recorded frames. Those that cannot be converted are left out. */
  render?: ProcessPicture;
  /** Opens the feed whose frames follow when it has caught up. @default {the camera} */
  openLive?: () => Promise<CameraFeed>;
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
 * @throws {CameraError} If the first frame cannot be converted.
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
  readonly #render: ProcessPicture | undefined;
  readonly #openLive: () => Promise<CameraFeed>;
  /** The camera, or a rendition of it that the viewer has joined. */
  #feed: CameraFeed;
  #ended = false;
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
    this.#camera = this.#feed = camera;
    this.#render = options.render;
    this.#openLive = options.openLive ?? (() => Promise.resolve(camera));
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
      onDelivered: (frame, bytes) => this.#frame || this.#feed.countDelivered(frame, bytes),
      onDropped: () => this.#frame || this.#feed.countDropped("viewer"),
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
    cleanup.defer(() => this.#feed.leave(viewer));
    cleanup.defer(() => camera.leave(this.#shutdown));
    cleanup.defer(() => void (this.#ended = true));
    keepAlive.add(viewer, camera, () => this.#frame ?? this.#feed.latest);
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
        await this.#show(event);
        return true;
      case "live":
        await this.#goLive(event.at);
        return false;
      case "none":
        this.viewer.end();
        return undefined;
      default:
        return event.type !== "end";
    }
  }

  /** Sends a recorded frame. @throws {CameraError} If it is the first one and cannot be converted. */
  async #show({ jpeg, at }: PlaybackEvent & { type: "frame" }): Promise<void> {
    const shown = await this.#render?.(jpeg, at) ?? { jpeg };
    if ("refused" in shown) {
      if (this.#sequence > 0) return;
      throw new CameraError(`The recorded pictures cannot be converted: ${shown.refused}`);
    }
    this.viewer.offer(
      this.#frame = {
        jpeg: shown.jpeg,
        capturedAt: at,
        monotonic: this.#clock.monotonic(),
        sequence: ++this.#sequence,
      },
    );
  }

  /** Joins the live frames. @param shown Time of the last recorded frame sent. */
  async #goLive(shown: number | undefined): Promise<void> {
    const camera = this.#camera;
    const feed = await this.#openLive();
    if (this.#ended) return;
    this.#shownUntil = shownUntil(camera.latest, shown, this.#clock);
    this.#frame = undefined;
    this.#feed = feed;
    void this.#close();
    feed.join(this.viewer);
    camera.leave(this.#shutdown);
    feed.retryNow();
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
