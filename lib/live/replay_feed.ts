import type { Clock } from "../clock.ts";
import type { Jpeg } from "../frame.ts";
import {
  type FrameSource,
  Playback,
  type PlaybackEvent,
  type Playhead,
  type RecordedSound,
  type RecordedSoundSource,
} from "../playback/mod.ts";
import type { ProcessPicture } from "../pixels/task.ts";
import { ReplaySound } from "./replay_sound.ts";
import type { Transfers } from "./transfers.ts";

/** Transfer time from which a link is slow, in milliseconds. */
const SLOW_TRANSFER = 100;

/** State of a replay, as it is sent to the client. Times are milliseconds since the Unix epoch. */
export interface ReplayState {
  readonly state: "playing" | "paused" | "gap" | "start" | "live" | "none";
  /** Position of the playhead; for `paused` and `start`, time of the frame shown. */
  readonly at?: number;
  readonly speed?: number;
  /** Begin and end of a gap. */
  readonly from?: number;
  readonly to?: number;
}

/** A recorded frame to send. */
export interface RecordedImage {
  readonly at: number;
  /** Number of the delivery, from 1. */
  readonly sequence: number;
  readonly jpeg: Jpeg;
}

/** Options of a {@link ReplayFeed}. */
export interface ReplayFeedOptions {
  openSource: () => FrameSource;
  clock: Clock;
  /** Returns the time of arrival of the newest live frame. */
  liveEdge: () => number | undefined;
  /** Sends a frame. @returns Size of the message, in bytes. */
  send: (image: RecordedImage) => number;
  transfers: Transfers;
  /** Opens the camera's recorded sound; undefined if there is none. */
  openSound?: () => RecordedSoundSource;
  /** Sends sound, unless too much is waiting for the client. */
  sendSound?: (sound: RecordedSound) => void;
  /** Sends a state. @param id Number of the client's latest request. */
  report: (state: ReplayState, id: number | undefined) => void;
  /** Called when playback has caught up. @param shown Time of the last recorded frame sent. */
  onLive: (shown: number | undefined) => void;
  /** Called when the recording cannot be read. */
  onError: (error: unknown) => void;
}

/**
 * One client's replay of one camera. At most one recorded frame is in flight: when the client
 * acknowledges it, the frame at the playhead follows. A new request replaces one that waits.
 */
export class ReplayFeed {
  /** Size of the last message sent, in bytes. */
  size = 0;
  /** Number of frames sent. */
  sent = 0;

  readonly #options: ReplayFeedOptions;
  #playback: Playback | undefined;
  #playhead: Playhead | undefined;
  #id: number | undefined;
  #isAnswered = true;
  #inFlight: PromiseWithResolvers<void> | undefined;
  #render: ProcessPicture | undefined;
  /** Whether the frame in flight is as it was recorded. */
  #isOwn = true;
  /** Whether frames as they were recorded take long to the client. */
  #isSlow = false;
  readonly #sound: ReplaySound | undefined;
  #isListening = false;
  /** Rate of the sound sent last. */
  #rate = 0;

  constructor(options: ReplayFeedOptions) {
    this.#options = options;
    const { openSound, sendSound, clock, onError } = options;
    if (!openSound) return;
    this.#sound = new ReplaySound({
      openSource: openSound,
      clock,
      send: (sound) => {
        this.#rate = sound.rate;
        sendSound?.(sound);
      },
      onError,
    });
  }

  /** Samples per second of the sound that is being sent; 0: none. */
  get soundRate(): number {
    return this.#sound?.isPlaying ? this.#rate : 0;
  }

  /** The playhead; undefined while the client watches the live camera, or does not watch it. */
  get playhead(): Playhead | undefined {
    return this.#playhead;
  }

  /** Where a change of speed goes on; undefined without a replay. */
  get position(): number | undefined {
    return this.#playback?.position ?? this.#playhead?.position;
  }

  /** Time of the frame sent last; undefined if none has been sent since the playhead was moved. */
  get shownAt(): number | undefined {
    return this.#playback?.shownAt;
  }

  /** Whether there was nothing to replay. */
  get isEmpty(): boolean {
    return this.#playhead !== undefined && this.#playback === undefined;
  }

  /**
   * Replays along a playhead from now on. For the same playhead, it only answers the request `id`.
   *
   * @param moved Whether it is at another position than the one before.
   */
  follow(playhead: Playhead, moved: boolean, id: number | undefined): void {
    const { openSource, clock, liveEdge } = this.#options;
    this.#id = id;
    if (playhead === this.#playhead && !moved) return;
    this.#playhead = playhead;
    this.#isAnswered = false;
    this.#updateSound();
    if (this.#playback) {
      this.#playback.follow(playhead, moved);
      return;
    }
    const playback = new Playback({ source: openSource(), playhead, clock, liveEdge });
    this.#playback = playback;
    void this.#run(playback);
  }

  /**
   * Converts the frames from now on; undefined: they are sent as they were recorded. At speed 0, as
   * while a user drags the playhead, they are converted only if the client has a slow link: otherwise
   * that would take longer. A frame that cannot be converted is sent as it was recorded.
   */
  select(render: ProcessPicture | undefined): void {
    if (render === this.#render) return;
    this.#render = render;
    if (this.#playhead?.speed === 0) this.#playback?.follow(this.#playhead, true);
  }

  /** Reports the new speed at once, if a frame of this position is shown. */
  confirm(): void {
    const { shownAt } = this;
    if (shownAt === undefined || !this.#playhead) return;
    const { speed, position } = this.#playhead;
    if (speed === 0) this.#report({ state: "paused", at: shownAt, speed });
    else this.#report({ state: "playing", at: position, speed });
    this.#isAnswered = true;
    this.#updateSound();
  }

  /** Sends the sound of the replay at speed 1 from now on, or no longer. */
  listen(isListening: boolean): void {
    this.#isListening = isListening;
    this.#updateSound();
  }

  /** Steps by this number of frames; the playhead must stand still. */
  step(by: number): void {
    this.#playback?.step(by);
  }

  /** Takes the client's acknowledgement of a frame. Ignores other sequence numbers. */
  acknowledge(sequence: number): void {
    if (sequence !== this.sent) return;
    const time = this.#options.transfers.end(this);
    if (this.#isOwn && time !== undefined) this.#isSlow = time > SLOW_TRANSFER;
    this.#inFlight?.resolve();
    this.#inFlight = undefined;
  }

  /** Ends the replay. A frame in flight still has to be acknowledged. */
  stop(): void {
    this.#close();
    this.#playhead = undefined;
  }

  /** Ends the replay, if there is one, and reports that the live frames follow. */
  goLive(id: number | undefined): void {
    this.#id = id ?? this.#id;
    this.stop();
    this.#report({ state: "live" });
  }

  #close(): void {
    const playback = this.#playback;
    this.#playback = undefined;
    this.#updateSound();
    playback?.[Symbol.asyncDispose]().catch(this.#options.onError);
  }

  async #run(playback: Playback): Promise<void> {
    try {
      while (this.#playback === playback) {
        await this.#inFlight?.promise;
        if (this.#playback !== playback) break;
        const event = await playback.next();
        const image = event.type === "frame" ? await this.#convert(event) : undefined;
        if (this.#playback === playback) this.#handle(event, image);
      }
    } catch (error) {
      this.#options.onError(error);
      if (this.#playback !== playback) return;
      this.#close();
      this.#report({ state: "none" });
    }
  }

  /** Returns the picture to send. */
  async #convert({ jpeg, at, playhead }: PlaybackEvent & { type: "frame" }): Promise<Jpeg> {
    if (!this.#render || playhead.speed === 0 && !this.#isSlow) return jpeg;
    try {
      const rendered = await this.#render(jpeg, at);
      return "jpeg" in rendered ? rendered.jpeg : jpeg;
    } catch {
      return jpeg; // too many pictures are being converted
    }
  }

  /** @param image The picture of a frame. */
  #handle(event: PlaybackEvent, image: Jpeg | undefined): void {
    const { position, speed } = this.#playhead!;
    switch (event.type) {
      case "frame":
        this.#isOwn = image === event.jpeg;
        return this.#transmit({ ...event, jpeg: image ?? event.jpeg });
      case "paused":
        if (!this.#isAnswered) this.#answer({ state: "paused", at: event.at, speed });
        return;
      case "gap":
        return this.#report({ state: "gap", at: position, speed, from: event.from, to: event.to });
      case "start":
        return this.#answer({ state: "start", at: event.at, speed });
      case "live":
        this.goLive(undefined);
        return this.#options.onLive(event.at);
      case "none":
        this.#close();
        return this.#answer({ state: "none" });
    }
  }

  #transmit({ at, jpeg, playhead }: PlaybackEvent & { type: "frame" }): void {
    const { position, speed } = playhead;
    if (!this.#isAnswered && playhead === this.#playhead) {
      if (speed === 0) this.#answer({ state: "paused", at, speed });
      else this.#answer({ state: "playing", at: position, speed });
    }
    this.#inFlight = Promise.withResolvers();
    this.size = this.#options.send({ at, sequence: ++this.sent, jpeg });
    this.#options.transfers.begin(this);
  }

  #answer(state: ReplayState): void {
    this.#isAnswered = true;
    this.#report(state);
    this.#updateSound();
  }

  /** Plays the sound if the client listens and knows that the playhead has speed 1. */
  #updateSound(): void {
    const isHeard = this.#isListening && this.#playback && this.#isAnswered &&
      this.#playhead?.speed === 1;
    this.#sound?.follow(isHeard ? this.#playhead : undefined);
  }

  #report({ at, from, to, ...state }: ReplayState): void {
    const times = { at: rounded(at), from: rounded(from), to: rounded(to) };
    this.#options.report({ ...state, ...times }, this.#id);
  }
}

/** Returns whole milliseconds. */
function rounded(time: number | undefined): number | undefined {
  return time === undefined ? undefined : Math.round(time);
}
