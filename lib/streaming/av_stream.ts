import type { Bytes } from "../bytes.ts";
import type { Frame } from "../frame.ts";
import type { Subscriber } from "../hub/hub.ts";
import { LatestQueue } from "../hub/latest_queue.ts";
import { sizeOf } from "../jpeg/segments.ts";
import { CLUSTER_HEADER, clusterHeader, encodeHead, TRACK, type Track } from "../matroska/mod.ts";
import { PACKET_DURATION, type SoundPacket } from "../sound_packet.ts";
import { avTimes, type TrackTimes } from "./av_times.ts";
import { ChunkStream } from "./chunk_stream.ts";
import type { FrameStream } from "./keep_alive.ts";
import { MAX_CLUSTER_TIME } from "./sound_format.ts";
import { MAX_WAITING_PACKETS } from "./sound_stream.ts";

/** Gap between two packets that is filled with silence, in milliseconds. */
const MIN_GAP = 2 * PACKET_DURATION;
/** Time without a packet until silence is sent in its place, in milliseconds. */
const MAX_SILENT_WAIT = 500;
/** How far the silence stays behind, so that a late packet still has its place, in milliseconds. */
const SILENCE_DELAY = 200;

/** Options of an {@link AvStream}. */
export interface AvStreamOptions {
  /** Samples per second. */
  rate: number;
  /** Returns the frames per second, as far as they are known. */
  frameRate?: () => number;
  /** Returns the monotonic time, in milliseconds. */
  now: () => number;
  /** Decides whether this viewer gets a frame; see `limitFps`. @default {all frames} */
  wanted?: (frame: Frame) => boolean;
  /** Called when the client has received a new frame, with its size on the wire in bytes. */
  onDelivered: (frame: Frame, bytes: number) => void;
  /** Called for each frame that the client was too slow to receive. */
  onDropped: () => void;
  /** Called for each packet that the client was too slow to receive. */
  onSoundDropped: () => void;
  /** Called once, when the client has disconnected or there are no more frames. */
  onEnd: () => void;
}

/** A cluster of the file. */
interface Block {
  readonly track: Track;
  /** Milliseconds since the start of the file. */
  readonly time: number;
  /** Size of the data, in bytes. */
  readonly size: number;
  /** The JPEG or the samples; undefined for silence. */
  readonly data?: Bytes;
  /** Undefined for sound, and for a frame that is sent again. */
  readonly frame?: Frame;
}

/**
 * The response body for one viewer with sound: a live Matroska file. A slow client
 * receives the latest frame; packets of sound wait for a slow client, up to 200 ms of them.
 *
 * The file has silence where the microphone delivers nothing, because players wait for sound. It
 * begins with {@link start}; what comes before is left out. If the size of the pictures changes, it
 * goes on: ffmpeg, mpv, VLC and GStreamer read the size of each JPEG.
 */
export class AvStream implements FrameStream {
  /** Receives the camera's frames. */
  readonly frames: Subscriber<Frame>;
  /** Receives the packets of the camera's sound. */
  readonly sound: Subscriber<SoundPacket>;
  /** Number of frames sent, including repeated frames. */
  sent = 0;
  lastSentAt = 0;

  readonly #options: AvStreamOptions;
  readonly #chunks: ChunkStream;
  readonly #frameQueue: LatestQueue<Block>;
  readonly #soundQueue: LatestQueue<Block>;
  #isStarted = false;
  #head: Bytes[] = [];
  #times: { frames: TrackTimes; sound: TrackTimes } | undefined;
  /** Time of the end of the sound in the file, and the monotonic time at which it was that. */
  #soundEnd = 0;
  #soundEndAt = 0;
  /** The new frame that the client is receiving, and its size in bytes. */
  #inFlight: Frame | undefined;
  #size = 0;

  constructor(options: AvStreamOptions) {
    this.#options = options;
    this.#frameQueue = new LatestQueue({ onDropped: options.onDropped });
    this.#soundQueue = new LatestQueue({
      depth: MAX_WAITING_PACKETS,
      onDropped: options.onSoundDropped,
    });
    this.#chunks = new ChunkStream({
      onReady: () => this.#onReady(),
      onEnd: options.onEnd,
    });
    const end = () => this.end();
    this.frames = { role: "viewer", offer: (frame) => this.#offerFrame(frame), end };
    // Pictures go on without sound.
    this.sound = { role: "viewer", offer: (packet) => this.#offerSound(packet), end: () => {} };
  }

  /** The body, for a `Response`. */
  get body(): ReadableStream<Bytes> {
    return this.#chunks.body;
  }

  /** Number of frames that the client was too slow to receive. */
  get dropped(): number {
    return this.#frameQueue.dropped;
  }

  /** Number of packets that the client was too slow to receive. */
  get soundDropped(): number {
    return this.#soundQueue.dropped;
  }

  /** Why the server disconnected the viewer; undefined if it did not. */
  get endReason(): string | undefined {
    return this.#chunks.endReason;
  }

  /** Begins the file with a frame, or with the next one. */
  start(latest: Frame | undefined): void {
    this.#isStarted = true;
    if (latest) this.#offerFrame(latest);
  }

  /** Sends a frame again, unless the client is still receiving one. @param now Monotonic time. */
  repeat(frame: Frame, now: number): void {
    if (!this.#isStarted || !this.#chunks.isReady) return;
    if (!this.#times) this.#begin(frame, now);
    else this.#addFrame(frame, { time: this.#times.frames.timeAt(now), now, isNew: false });
  }

  blockedFor(now: number): number | undefined {
    return this.#chunks.blockedFor(now);
  }

  disconnect(reason: string): void {
    this.#chunks.end(reason);
  }

  /** Ends the file. */
  end(): void {
    this.#chunks.end();
  }

  #offerFrame(frame: Frame): void {
    if (!this.#isStarted || this.#chunks.isEnded) return;
    const { wanted } = this.#options;
    if (wanted && !wanted(frame)) return;
    const now = this.#options.now();
    if (!this.#times) return this.#begin(frame, now);
    const time = this.#times.frames.timeOf(frame.capturedAt, frame.monotonic);
    this.#addFrame(frame, { time, now: frame.monotonic, isNew: true });
  }

  /** Begins the file now, with a frame that may have been captured a while ago. */
  #begin(frame: Frame, now: number): void {
    const size = sizeOf(frame.jpeg);
    if (!size) return;
    const zero = frame.capturedAt + now - frame.monotonic;
    const { rate, frameRate } = this.#options;
    this.#head = [encodeHead({ date: zero, size, sound: { rate }, frameRate: frameRate?.() })];
    this.#times = avTimes(zero);
    this.#soundEndAt = now;
    this.#addFrame(frame, { time: 0, now, isNew: true });
  }

  #addFrame(
    frame: Frame,
    { time, now, isNew }: { time: number; now: number; isNew: boolean },
  ): void {
    const { jpeg: data } = frame;
    const { frames } = this.#times!;
    time = Math.max(time, frames.last + 1);
    frames.set(time, now);
    this.lastSentAt = now;
    this.#fillSilence(now);
    const block = { track: TRACK.VIDEO, time, size: data.length, data };
    this.#frameQueue.offer(isNew ? { ...block, frame } : block);
    this.#sendNext();
  }

  #offerSound({ samples: data, heardAt }: SoundPacket): void {
    if (!this.#times || this.#chunks.isEnded) return;
    const now = this.#options.now();
    const { sound } = this.#times;
    const time = sound.timeOf(heardAt, now);
    if (time <= Math.max(sound.last, this.#soundEnd - PACKET_DURATION)) return; // the file has sound up to this time
    if (time - this.#soundEnd >= MIN_GAP) this.#addSilence(time - this.#soundEnd);
    sound.set(time, now);
    this.#soundQueue.offer({ track: TRACK.SOUND, time, size: data.length, data });
    this.#soundEnd = time + data.length / this.#options.rate * 500;
    this.#soundEndAt = now;
    this.#sendNext();
  }

  /** Adds silence in the place of sound that does not come. */
  #fillSilence(now: number): void {
    const missing = now - this.#soundEndAt;
    if (missing > MAX_SILENT_WAIT) this.#addSilence(missing - SILENCE_DELAY);
  }

  /** @param duration In milliseconds. */
  #addSilence(duration: number): void {
    const samples = Math.round(duration * this.#options.rate / 1000);
    const time = Math.round(this.#soundEnd);
    this.#soundQueue.offer({ track: TRACK.SOUND, time, size: samples * 2 });
    this.#soundEnd += duration;
    this.#soundEndAt += duration;
  }

  #onReady(): void {
    const frame = this.#inFlight;
    this.#inFlight = undefined;
    if (frame) this.#options.onDelivered(frame, this.#size);
    this.#sendNext();
  }

  /** Sends the oldest frame or sound that waits, if the client can receive it. */
  #sendNext(): void {
    if (!this.#chunks.isReady) return;
    const [frame, sound] = [this.#frameQueue.first, this.#soundQueue.first];
    const queue = !sound || frame && frame.time <= sound.time ? this.#frameQueue : this.#soundQueue;
    const block = queue.take();
    if (block) this.#send(block);
  }

  #send({ track, time, size, data = new Uint8Array(size), frame }: Block): void {
    if (time > MAX_CLUSTER_TIME) return this.disconnect("the file is too long");
    if (track === TRACK.VIDEO) this.sent++;
    this.#inFlight = frame;
    this.#size = CLUSTER_HEADER + size;
    const head = this.#head;
    this.#head = [];
    this.#chunks.send(...head, clusterHeader(time, size, track), data);
  }
}
