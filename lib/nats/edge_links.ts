import { copyWithHeadroom } from "../bytes.ts";
import type { DiscoveredCamera, TimedJpeg } from "../camera/driver.ts";
import type { Clock } from "../clock.ts";
import type { CameraError } from "../errors.ts";
import type { Jpeg } from "../frame.ts";
import type { Bus } from "./bus.ts";
import { Directory, type DirectoryOptions } from "./directory.ts";
import { EdgeLink, type ReceivedFrame, type Receiver } from "./edge_link.ts";
import type { KnownCamera, LinkStats } from "./nats_hub.ts";
import { RoundTrip } from "./round_trip.ts";

/** Maximum time by which a capture time may be in the future, in milliseconds. */
const MAX_AHEAD = 86_400_000;
/** Maximum time for which a frame waits for its reader, in milliseconds. */
const MAX_WAIT = 400;
/** Maximum number of cameras whose counters are kept: the names are an origin's. */
const MAX_COUNTERS = 1_000;

/** A camera that is to be received. */
export interface WatchOptions {
  /** Its name at its origin. */
  readonly source: string;
  /** Its name at this server. */
  readonly camera: string;
  /** See `CommonSettings.fps`. */
  readonly fps?: number;
}

/** The cameras that this server receives from the hub. Nothing is subscribed to until it is used. */
export class EdgeLinks implements Disposable {
  readonly #bus: Bus;
  readonly #clock: Clock;
  readonly #options: DirectoryOptions;
  readonly #edge = crypto.randomUUID().replaceAll("-", "").slice(0, 16);
  readonly #links = new Map<string, EdgeLink>();
  readonly #counters = new Map<string, Counters>();
  readonly #roundTrip: RoundTrip;
  readonly #disposed = new AbortController();
  #directory: Directory | undefined;

  constructor(bus: Bus, options: DirectoryOptions) {
    const { clock } = options;
    this.#bus = bus;
    this.#clock = clock;
    this.#options = options;
    this.#roundTrip = new RoundTrip(bus, clock);
  }

  /** See `NatsHub.expect`. */
  expect({ source, camera }: WatchOptions): void {
    this.#countersOf(camera, source);
    this.#openDirectory();
  }

  /** See `NatsHub.watch`. */
  async *watch(options: WatchOptions, signal: AbortSignal): AsyncGenerator<Jpeg | TimedJpeg> {
    const { source, camera, fps } = options;
    const until = AbortSignal.any([signal, this.#disposed.signal]);
    if (until.aborted) return;
    const counters = this.#countersOf(camera, source);
    const newest = new NewestFrame({ fps, clock: this.#clock, counters });
    const link = counters.link = this.#linkTo(source);
    link.add(newest);
    const onAbort = () => newest.wake();
    until.addEventListener("abort", onAbort);
    try {
      while (!until.aborted) {
        const image = newest.take();
        if (image) yield image;
        else await newest.change;
      }
    } finally {
      until.removeEventListener("abort", onAbort);
      link.remove(newest);
      if (counters.link === link) counters.link = undefined;
      if (link.size === 0) this.#close(link, source);
    }
  }

  /** See `CameraDriver.discover`. */
  discover(signal: AbortSignal): AsyncIterable<readonly DiscoveredCamera[]> {
    return this.#openDirectory().discover(AbortSignal.any([signal, this.#disposed.signal]));
  }

  /** The published cameras, as far as they are known. */
  get known(): readonly KnownCamera[] {
    return this.#openDirectory().known;
  }

  /** Returns the counters of a camera; undefined if it was not announced. */
  link(camera: string): LinkStats | undefined {
    const counters = this.#counters.get(camera);
    if (!counters) return undefined;
    const { source, link, frames, bytes, late } = counters;
    const published = this.#directory?.camera(source);
    return {
      ...{ lanes: link?.lanes ?? 0, frames, bytes, late },
      duplicate: published?.isDuplicate(this.#clock.monotonic()) ?? false,
    };
  }

  /** Ends all receptions and discoveries. */
  [Symbol.dispose](): void {
    this.#disposed.abort();
    for (const [source, link] of [...this.#links]) this.#close(link, source);
    this.#directory?.[Symbol.dispose]();
  }

  #openDirectory(): Directory {
    return this.#directory ??= new Directory(this.#bus, this.#options);
  }

  /** Returns the link to a camera: one for all that receive it. */
  #linkTo(source: string): EdgeLink {
    const open = this.#links.get(source);
    if (open && !open.isClosed) return open;
    const link = new EdgeLink({
      ...{ source, edge: this.#edge, bus: this.#bus, clock: this.#clock },
      ...{ directory: this.#openDirectory(), roundTrip: this.#roundTrip },
    });
    this.#links.set(source, link);
    return link;
  }

  #close(link: EdgeLink, source: string): void {
    link[Symbol.dispose]();
    if (this.#links.get(source) === link) this.#links.delete(source);
  }

  #countersOf(camera: string, source: string): Counters {
    const counters = this.#counters.get(camera) ??
      { source, link: undefined, frames: 0, bytes: 0, late: 0 };
    counters.source = source;
    this.#counters.delete(camera); // the least recently watched one is the first
    this.#counters.set(camera, counters);
    if (this.#counters.size > MAX_COUNTERS) this.#forgetOldest();
    return counters;
  }

  #forgetOldest(): void {
    for (const [camera, { link }] of this.#counters) {
      if (link) continue; // it is being watched
      this.#counters.delete(camera);
      return;
    }
  }
}

interface Counters {
  source: string;
  /** While the camera is watched. */
  link: EdgeLink | undefined;
  frames: number;
  bytes: number;
  late: number;
}

/** Keeps the newest frame for a reader. */
class NewestFrame implements Receiver {
  readonly fps: number | undefined;
  readonly #clock: Clock;
  readonly #counters: Counters;
  #frame: { image: Jpeg | TimedJpeg; arrivedAt: number } | undefined;
  #error: CameraError | undefined;
  #change = Promise.withResolvers<void>();

  constructor(
    { fps, clock, counters }: { fps: number | undefined; clock: Clock; counters: Counters },
  ) {
    this.fps = fps;
    this.#clock = clock;
    this.#counters = counters;
  }

  /** Resolves when there may be something to {@link take}. */
  get change(): Promise<void> {
    return this.#change.promise;
  }

  /** Resolves {@link change}. */
  wake(): void {
    this.#change.resolve();
  }

  /** Returns the newest frame, once. @throws The failure of the link. */
  take(): Jpeg | TimedJpeg | undefined {
    if (this.#error) throw this.#error;
    this.#change = Promise.withResolvers();
    const frame = this.#frame;
    this.#frame = undefined;
    // The reader may be slow, or the whole process was frozen.
    if (frame && this.#clock.monotonic() - frame.arrivedAt <= MAX_WAIT) return frame.image;
    if (frame) this.#counters.late++;
    return undefined;
  }

  onFrame({ jpeg, capturedAt }: ReceivedFrame): void {
    const copy = copyWithHeadroom(jpeg);
    const isPlausible = capturedAt >= 0 && capturedAt < this.#clock.now() + MAX_AHEAD;
    this.#frame = {
      image: isPlausible ? { jpeg: copy, capturedAt } : copy,
      arrivedAt: this.#clock.monotonic(),
    };
    this.#counters.frames++;
    this.#counters.bytes += jpeg.length;
    this.wake();
  }

  onLate(bytes: number): void {
    this.#counters.late++;
    this.#counters.bytes += bytes;
  }

  onFailure(error: CameraError): void {
    this.#error = error;
    this.wake();
  }
}
