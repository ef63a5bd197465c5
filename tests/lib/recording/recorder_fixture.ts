import type { Frame, Jpeg } from "../../../lib/frame.ts";
import type { Subscriber } from "../../../lib/hub/subscriber.ts";
import type { Fields } from "../../../lib/log.ts";
import { Recorder, type RecorderOptions } from "../../../lib/recording/recorder.ts";
import type { OpenSegment, Segment } from "../../../lib/recording/segment.ts";
import { PACKET_DURATION, type SoundPacket } from "../../../lib/sound_packet.ts";
import { ManualClock, settle } from "../../manual_clock.ts";
import { FaultyDisk, MemoryDisk } from "./faulty_disk.ts";
import { type FileContent, makeJpeg, numberOf, parseSegment } from "./segment_files.ts";

export const ROOT = "/recordings";

/** A manual clock whose wall clock can be set. */
export class SettableClock extends ManualClock {
  /** By how much the wall clock was set. */
  step = 0;

  override now(): number {
    return super.now() + this.step;
  }

  /** Without a timer, which would take a millisecond or more: everything here is in memory. */
  protected override async settle(): Promise<void> {
    for (let i = 0; i < 200; i++) await undefined;
  }
}

/** A camera that delivers the frames that a test makes. */
export class FakeCamera {
  readonly name = "front";
  readonly subscribers = new Set<Subscriber<Frame>>();
  latest: Frame | undefined;
  retries = 0;
  joins = 0;
  readonly #clock: ManualClock;
  #sequence = 0;

  constructor(clock: ManualClock) {
    this.#clock = clock;
  }

  join(subscriber: Subscriber<Frame>): void {
    this.joins++;
    this.subscribers.add(subscriber);
    if (this.latest) subscriber.offer(this.latest);
  }

  leave(subscriber: Subscriber<Frame>): void {
    this.subscribers.delete(subscriber);
  }

  retryNow(): void {
    this.retries++;
  }

  deliver(jpeg: Jpeg): void {
    const { latest } = this;
    const clock = this.#clock;
    this.latest = {
      jpeg,
      capturedAt: clock.now() - 123_456, // of another machine
      monotonic: clock.monotonic(),
      sequence: ++this.#sequence,
    };
    if (latest === this.latest) return;
    for (const subscriber of this.subscribers) subscriber.offer(this.latest);
  }
}

/** Samples per second of a {@link FakeSound}. */
export const RATE = 8_000;

/** A microphone that hears a ramp: each sample tells its number. */
export class FakeSound {
  rate = RATE;
  readonly subscribers = new Set<Subscriber<SoundPacket>>();
  joins = 0;
  retries = 0;
  /** Number of samples heard. */
  samples = 0;
  #sequence = 0;
  readonly #clock: ManualClock;

  constructor(clock: ManualClock) {
    this.#clock = clock;
  }

  join(subscriber: Subscriber<SoundPacket>): void {
    this.joins++;
    this.subscribers.add(subscriber);
  }

  leave(subscriber: Subscriber<SoundPacket>): void {
    this.subscribers.delete(subscriber);
  }

  retryNow(): void {
    this.retries++;
  }

  /** Delivers the sound of the last 20 ms. @param late Time that it took to get here, in ms. */
  deliver({ late = 0 }: { late?: number } = {}): void {
    const count = this.rate * PACKET_DURATION / 1000;
    const samples = Uint16Array.from({ length: count }, (_, i) => this.samples + i);
    this.samples += count;
    const packet = {
      samples: new Uint8Array(samples.buffer),
      heardAt: this.#clock.now() - 123_456 - PACKET_DURATION - late, // by the camera's clock
      sequence: ++this.#sequence,
    };
    for (const subscriber of this.subscribers) subscriber.offer(packet);
  }

  /** Loses the sound of 20 ms. */
  skip(): void {
    this.samples += this.rate * PACKET_DURATION / 1000;
    this.#sequence++;
  }
}

/** The part of the library that a recorder uses. */
export class FakeLibrary {
  readonly open: OpenSegment[] = [];
  readonly closed: Segment[] = [];
  readonly replaced: [Segment, Segment][] = [];
  #number = 0;

  nextNumber(): number {
    return ++this.#number;
  }

  add(segment: OpenSegment): void {
    this.open.push(segment);
  }

  replace(old: Segment, replacement: Segment): Promise<void> {
    this.replaced.push([old, replacement]);
    this.#delete(old);
    this.closed.push(replacement);
    return Promise.resolve();
  }

  remove(segment: Segment): Promise<void> {
    this.#delete(segment);
    return Promise.resolve();
  }

  segments(_camera: string, from: number, to: number): Promise<Segment[]> {
    return Promise.resolve(this.closed.filter(({ start, end }) => start <= to && end >= from));
  }

  #delete(segment: Segment): void {
    for (const list of [this.open, this.closed] as Segment[][]) {
      const index = list.indexOf(segment);
      if (index >= 0) list.splice(index, 1);
    }
  }
}

/** A storage without a limit, unless `answer` gives one. */
export class FakeStorage {
  maxSegment = 256e6;
  readonly capacity = Infinity;
  /** Bytes reserved and not released. */
  reserved = 0;
  answer: (bytes: number) => Promise<void> | undefined = () => undefined;

  reserve(bytes: number): Promise<void> | undefined {
    const answer = this.answer(bytes);
    this.reserved += bytes;
    return answer;
  }

  release(bytes: number): void {
    this.reserved -= bytes;
  }
}

/** A log that keeps its lines. */
export class FakeLog {
  readonly lines: string[] = [];
  readonly info = (event: string, fields?: Fields) => this.#add("info", event, fields);
  readonly warn = (event: string, fields?: Fields) => this.#add("warn", event, fields);
  readonly error = (event: string, fields?: Fields) => this.#add("error", event, fields);

  #add(level: string, event: string, fields?: Fields): void {
    this.lines.push(`${level} ${event} ${JSON.stringify(fields)}`);
  }
}

/** A recorder with everything around it. */
export class Fixture implements AsyncDisposable {
  readonly clock: SettableClock;
  readonly camera: FakeCamera;
  /** Recorded with the option `microphone`. */
  readonly sound: FakeSound;
  readonly memory = new MemoryDisk(ROOT);
  readonly disk = new FaultyDisk(this.memory);
  readonly library = new FakeLibrary();
  readonly storage = new FakeStorage();
  readonly log = new FakeLog();
  readonly recorder: Recorder;
  /** Number of frames delivered. */
  delivered = 0;

  constructor(
    { startedAt = Date.UTC(2026, 10, 27, 5, 43, 33, 123), microphone = false, ...options }:
      & { startedAt?: number; microphone?: boolean }
      & Partial<RecorderOptions> = {},
  ) {
    this.clock = new SettableClock(startedAt);
    this.camera = new FakeCamera(this.clock);
    this.sound = new FakeSound(this.clock);
    this.memory.files.set(`${ROOT}/.dinocam`, { bytes: new Uint8Array(0) } as never);
    const { camera, disk, library, storage, clock, log } = this;
    this.recorder = new Recorder({
      ...{ camera, root: ROOT, disk, library, storage, clock, log },
      isClockSet: () => Promise.resolve(true),
      sound: microphone ? this.sound : undefined,
      ...options,
    });
  }

  /** Lets the camera deliver frames, numbered from 1, at an interval in milliseconds. */
  async deliver(
    count: number,
    { interval = 100, ...jpeg }: { interval?: number; bytes?: number; width?: number } = {},
  ): Promise<void> {
    for (let i = 0; i < count; i++) {
      this.camera.deliver(makeJpeg({ ...jpeg, number: ++this.delivered }));
      await this.clock.advance(interval);
    }
  }

  /**
   * Lets the camera deliver a frame each 40 ms, and the microphone a packet each 20 ms.
   *
   * @param options.late Time that the sound takes longer to get here than the frames, in ms.
   */
  async deliverBoth(
    ms: number,
    { late = 0, frames = true, sound = true }: {
      late?: number;
      frames?: boolean;
      sound?: boolean;
    } = {},
  ): Promise<void> {
    for (let at = 0; at < ms; at += PACKET_DURATION) {
      if (frames && at % 40 === 0) this.camera.deliver(makeJpeg({ number: ++this.delivered }));
      if (sound) this.sound.deliver({ late });
      else this.sound.skip();
      await this.clock.advance(PACKET_DURATION);
    }
  }

  /** Paths of all segments, below the camera's folder, in the order of their creation. */
  get names(): string[] {
    return [...this.memory.files.keys()].filter((path) => path.endsWith(".mkv"))
      .map((path) => path.slice(`${ROOT}/front/`.length));
  }

  /** Contents of all segments, in the order of their creation. */
  get contents(): FileContent[] {
    return this.names.map((name) => parseSegment(this.memory.content(`${ROOT}/front/${name}`)));
  }

  /** Numbers of all frames in all segments. */
  get numbers(): number[] {
    return this.contents.flatMap(({ frames }) => frames.map(({ jpeg }) => numberOf(jpeg)));
  }

  /** The numbers of all frames that were delivered. */
  get all(): number[] {
    return Array.from({ length: this.delivered }, (_, i) => i + 1);
  }

  /** Ends recording. */
  async stop(): Promise<void> {
    const stopped = this.recorder[Symbol.asyncDispose]();
    await settle();
    await this.clock.advance(3_000); // for a disk that hangs
    await stopped;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.disk.recover();
    await this.stop();
    await settle();
  }
}
