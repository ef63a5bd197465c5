import type { Clock } from "../clock.ts";
import type { Bytes } from "../bytes.ts";
import {
  arrivalTime,
  type FrameSource,
  type RecordedSoundSource,
  shownUntil,
} from "../playback/mod.ts";
import type { ProcessPicture } from "../pixels/task.ts";
import type { CameraSound } from "../sound_packet.ts";
import { LiveFeed } from "./feed.ts";
import type { FeedCamera } from "./feed_camera.ts";
import {
  frameMessage,
  recordedFrameMessage,
  recordedSoundMessage,
  soundMessage,
} from "./message.ts";
import { ReplayFeed, type ReplayState } from "./replay_feed.ts";
import { SoundFeed } from "./sound_feed.ts";
import type { OpenFeed } from "./sized_source.ts";
import type { Transfers } from "./transfers.ts";

/** Options of {@link CameraFeeds}. */
export interface CameraFeedsOptions<C extends FeedCamera> {
  camera: C;
  /** Number by which messages refer to the camera. */
  index: number;
  /** Opens the camera's recordings; undefined if the server has none. */
  replay: (() => FrameSource) | undefined;
  /** Opens the camera's recorded sound; undefined if the server has no recordings. */
  replaySound: (() => RecordedSoundSource) | undefined;
  /** The camera's sound; undefined if it has none. */
  sound: CameraSound | undefined;
  transfers: Transfers;
  clock: Clock;
  /** Opens the camera's pictures of another height; undefined: there are only its own. */
  openFeed: OpenFeed | undefined;
  /** Returns what converts recorded pictures; undefined if they stay as they were recorded. */
  rendererOf: ((height: number) => ProcessPicture | undefined) | undefined;
  /** Called when a height is not available. */
  onSizeError: (height: number, error: unknown) => void;
  /** Whether the camera's last frame message has left this process. */
  hasLeft: () => boolean;
  /** Sends a frame. @returns The size of the message, in bytes. */
  sendFrame: (message: Bytes) => number;
  /** Sends sound, unless too much is waiting for the client. @returns Whether it was sent. */
  sendSound: (message: Bytes) => boolean;
  /** Sends a state of the replay. @param id Number of the client's latest request. */
  report: (state: ReplayState, id: number | undefined) => void;
  /** Called when a replay has caught up, and the live frames follow. */
  onLive: () => void;
  /** Called by the camera when there will be no more frames. */
  onEnd: () => void;
  /** Called when the recordings cannot be read. */
  onReplayError: (error: unknown) => void;
  /** Called for each packet of sound that the client was too slow to receive. */
  onSoundDropped: () => void;
}

/** What one client receives of one camera: the live frames, the recordings and the sound. */
export class CameraFeeds<C extends FeedCamera> {
  readonly camera: C;
  readonly index: number;
  readonly live: LiveFeed;
  /** Undefined without recordings. */
  readonly replay: ReplayFeed | undefined;
  /** Undefined for a camera without sound. */
  readonly sound: SoundFeed | undefined;
  readonly #transfers: Transfers;
  readonly #rendererOf: CameraFeedsOptions<C>["rendererOf"];
  #height: number | undefined;

  constructor(options: CameraFeedsOptions<C>) {
    const { camera, index, transfers, clock, sendFrame, sendSound } = options;
    this.camera = camera;
    this.index = index;
    this.#transfers = transfers;
    this.#rendererOf = options.rendererOf;
    this.live = new LiveFeed({
      camera,
      openFeed: options.openFeed,
      onSizeError: options.onSizeError,
      send: (frame) => sendFrame(frameMessage(frame, index)),
      hasLeft: options.hasLeft,
      transfers,
      monotonic: () => clock.monotonic(),
      onEnd: options.onEnd,
    });
    this.replay = options.replay && new ReplayFeed({
      openSource: options.replay,
      clock,
      liveEdge: () => camera.latest && arrivalTime(camera.latest, clock),
      send: (image) => sendFrame(recordedFrameMessage(image, index)),
      transfers,
      openSound: options.replaySound,
      sendSound: (sound) => void sendSound(recordedSoundMessage(sound, index)),
      report: options.report,
      onLive: (shown) => {
        this.live.join(false, shownUntil(camera.latest, shown, clock));
        options.onLive();
      },
      onError: options.onReplayError,
    });
    this.sound = options.sound && new SoundFeed({
      sound: options.sound,
      send: (packet) => sendSound(soundMessage(packet, index)),
      onDropped: options.onSoundDropped,
    });
  }

  get name(): string {
    return this.camera.name;
  }

  /** Number of frames sent. */
  get sent(): number {
    return this.live.sent + (this.replay?.sent ?? 0);
  }

  /** Size of the messages with a live and a recorded frame that may wait for the client, in bytes. */
  get size(): number {
    return this.live.size + (this.replay?.size ?? 0);
  }

  /** Bytes per second of the sound that is being sent. */
  get soundRate(): number {
    return 2 * ((this.sound?.rate ?? 0) + (this.replay?.soundRate ?? 0));
  }

  /**
   * Shows the live frames, unless the client watches a replay.
   *
   * @param height See `LiveFeed.select`; also that of a replay.
   * @param retry See `LiveFeed.join`.
   */
  watch(height: number | undefined, retry = false): void {
    this.live.select(height);
    if (height !== this.#height) {
      this.#height = height;
      this.replay?.select(height === undefined ? undefined : this.#rendererOf?.(height));
    }
    if (!this.replay?.playhead) this.live.join(retry);
  }

  /** Ends the live frames and the replay. The sound is independent of them. */
  unwatch(): void {
    this.live.leave();
    this.replay?.stop();
  }

  /**
   * Starts or ends the sound: that of the replay, or the live one.
   *
   * @param retry Whether to retry without the usual delay; undefined if the client requests nothing.
   */
  listen(isListening: boolean, retry?: boolean): void {
    this.replay?.listen(isListening);
    if (!isListening || this.replay?.playhead) this.sound?.leave();
    else if (retry !== undefined || !this.sound?.joined) this.sound?.join(retry);
  }

  /** Ends everything. A frame in flight is forgotten. */
  end(): void {
    this.unwatch();
    this.live.end();
    this.sound?.leave();
    this.#transfers.forget(this.replay);
  }
}
