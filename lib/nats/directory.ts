import type { DiscoveredCamera } from "../camera/driver.ts";
import type { Clock } from "../clock.ts";
import { LogLimiter } from "../log_limiter.ts";
import type { Fields, Log } from "../log.ts";
import type { Bus, Message } from "./bus.ts";
import { decodeBeat } from "./decode.ts";
import type { KnownCamera } from "./nats_hub.ts";
import { type Beat, beatSubject, ORIGIN_TIMEOUT } from "./protocol.ts";
import { PublishedCamera } from "./published_camera.ts";

/** Maximum number of published cameras. */
const MAX_CAMERAS = 256;
/** Interval in which the directory looks for origins that are silent, in milliseconds. */
const CHECK_INTERVAL = 1_000;
/** Time for which an unpublished camera is remembered after its last use, in milliseconds. */
const RETENTION = 60_000;
/** Minimum time between two log lines about a second origin of a camera, in milliseconds. */
const REPORT_INTERVAL = 60_000;
/** Maximum number of lines of each kind in a minute: anyone at the hub can cause them. */
const MAX_LOG_LINES = 10;

/** Options of a {@link Directory}. */
export interface DirectoryOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** Whether a beat is of this server: it does not discover its own cameras. @default {none is} */
  readonly isOwn?: (beat: Beat) => boolean;
}

/** The cameras that origins publish, according to their beats. One subscription for all. */
export class Directory implements Disposable {
  readonly #bus: Bus;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #isOwn: (beat: Beat) => boolean;
  readonly #limiter: LogLimiter;
  readonly #cameras = new Map<string, PublishedCamera>();
  /** Names of the cameras in the list, by their names in lower case. */
  readonly #listed = new Map<string, string>();
  /** Listeners for the beats of one camera each, by its name. */
  readonly #followers = new Map<string, Set<(beat: Beat) => void>>();
  readonly #listeners = new Set<() => void>();
  readonly #subscriptions = new DisposableStack();
  readonly #disposed = new AbortController();
  #connectedAt = -Infinity;
  #isFull = false;

  constructor(bus: Bus, { clock, log, isOwn = () => false }: DirectoryOptions) {
    this.#bus = bus;
    this.#clock = clock;
    this.#log = log;
    this.#isOwn = isOwn;
    this.#limiter = this.#subscriptions.use(
      new LogLimiter({
        clock,
        maxLines: MAX_LOG_LINES,
        onSuspend: (_, seconds) => log.warn("cameras of the hub not logged", { seconds }),
        onResume: (_, suppressed) => log.info("cameras of the hub logged again", { suppressed }),
      }),
    );
    this.#subscriptions.use(bus.subscribe(beatSubject(), (message) => this.#onBeat(message)));
    this.#subscriptions.use(bus.onConnection((connected) => this.#onConnection(connected)));
    this.#check().catch(() => {}); // aborted by dispose
  }

  /** The published cameras, sorted by name. */
  get known(): readonly KnownCamera[] {
    return [...this.#listed.values()].sort().flatMap((name) => {
      const beat = this.#cameras.get(name)?.current?.beat;
      return beat ? [{ name, driver: beat.driver, size: beat.size }] : [];
    });
  }

  /** Returns what is known of a camera, for as long as it is published or followed. */
  camera(name: string): PublishedCamera | undefined {
    return this.#cameras.get(name);
  }

  /**
   * Calls `onBeat` for each beat of a camera, after it was recorded, until the result is disposed of.
   *
   * @returns With the camera, even if nobody publishes one of that name.
   */
  follow(name: string, onBeat: (beat: Beat) => void): Disposable & { camera: PublishedCamera } {
    const camera = this.#cameras.get(name) ?? new PublishedCamera(name);
    this.#cameras.set(name, camera);
    const followers = this.#followers.get(name) ?? new Set();
    const follower = (beat: Beat) => onBeat(beat); // so that one function can follow twice
    this.#followers.set(name, followers.add(follower));
    const dispose = () => {
      camera.followedUntil = this.#clock.monotonic();
      followers.delete(follower);
      if (followers.size === 0 && this.#followers.get(name) === followers) {
        this.#followers.delete(name);
      }
    };
    return { camera, [Symbol.dispose]: dispose };
  }

  /** See `CameraDriver.discover`. */
  async *discover(signal: AbortSignal): AsyncGenerator<readonly DiscoveredCamera[]> {
    let { promise: changed, resolve: wake } = Promise.withResolvers<void>();
    const listener = () => wake();
    const until = AbortSignal.any([signal, this.#disposed.signal]);
    this.#listeners.add(listener);
    until.addEventListener("abort", listener);
    try {
      while (!until.aborted) {
        ({ promise: changed, resolve: wake } = Promise.withResolvers<void>());
        yield [...this.#listed.values()].sort().map((name) => ({ name, source: name }));
        if (!until.aborted) await changed;
      }
    } finally {
      this.#listeners.delete(listener);
      until.removeEventListener("abort", listener);
    }
  }

  /** Ends all discoveries. */
  [Symbol.dispose](): void {
    this.#disposed.abort();
    this.#subscriptions.dispose();
  }

  #onBeat(message: Message): void {
    const beat = decodeBeat(message);
    if (!beat) return;
    const camera = this.#cameras.get(beat.camera) ?? this.#add(beat);
    if (!camera) return;
    const now = this.#clock.monotonic();
    camera.recordBeat(beat, now);
    if (camera.isDuplicate(now) && now - camera.reportedAt >= REPORT_INTERVAL) {
      camera.reportedAt = now;
      this.#warn("camera published by two origins", { camera: beat.camera });
    }
    const isPublished = camera.beatAt > -Infinity;
    const key = beat.camera.toLowerCase();
    const listed = this.#listed.get(key);
    if (isPublished && !listed && !this.#isOwn(beat) && !this.#isAtLimit()) {
      this.#listed.set(key, beat.camera);
      this.#notify();
    } else if (!isPublished && listed === beat.camera) this.#unlist([beat.camera]);
    for (const onBeat of [...this.#followers.get(beat.camera) ?? []]) onBeat(beat);
  }

  /** Adds a camera that was not known. @returns Undefined if there are too many. */
  #add({ camera: name, gone }: Beat): PublishedCamera | undefined {
    if (gone || this.#cameras.size >= 2 * MAX_CAMERAS || this.#isAtLimit()) return undefined;
    const camera = new PublishedCamera(name);
    this.#cameras.set(name, camera);
    return camera;
  }

  #isAtLimit(): boolean {
    if (this.#listed.size < MAX_CAMERAS) return false;
    if (!this.#isFull) this.#warn("too many cameras at the hub", { max: MAX_CAMERAS });
    this.#isFull = true;
    return true;
  }

  #onConnection(connected: boolean): void {
    if (!connected) return;
    this.#connectedAt = this.#clock.monotonic();
    for (const camera of this.#cameras.values()) camera.recover();
  }

  /** Removes cameras whose origins are silent. */
  async #check(): Promise<void> {
    const { signal } = this.#disposed;
    while (!signal.aborted) {
      await this.#clock.sleep(CHECK_INTERVAL, signal);
      this.#forgetUnlisted();
      const silent = this.#silent();
      // A beat may be delayed by frames before it, or by a hub or an edge that was frozen; it arrives
      // before the answer to a flush.
      if (silent.length > 0 && await this.#bus.flush()) {
        const isSilent = new Set(this.#silent());
        this.#unlist(silent.filter((name) => isSilent.has(name)));
      }
    }
  }

  /** Returns the listed cameras whose origins are silent. */
  #silent(): string[] {
    const since = this.#clock.monotonic() - ORIGIN_TIMEOUT;
    if (!this.#bus.connected || this.#connectedAt > since) return [];
    return [...this.#listed.values()].filter((name) => this.#cameras.get(name)!.beatAt <= since);
  }

  #unlist(names: readonly string[]): void {
    for (const name of names) this.#listed.delete(name.toLowerCase());
    if (names.length === 0) return;
    this.#isFull = false;
    this.#notify();
  }

  #forgetUnlisted(): void {
    const since = this.#clock.monotonic() - RETENTION;
    for (const { name, followedUntil } of this.#cameras.values()) {
      const isListed = this.#listed.get(name.toLowerCase()) === name;
      if (isListed || this.#followers.has(name) || followedUntil > since) continue;
      this.#cameras.delete(name);
    }
  }

  #warn(event: string, fields: Fields): void {
    if (this.#limiter.allow(event)) this.#log.warn(event, fields);
  }

  #notify(): void {
    for (const listener of [...this.#listeners]) listener();
  }
}
