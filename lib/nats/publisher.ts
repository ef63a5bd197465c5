import type { Camera } from "../camera/camera.ts";
import { type CameraList, followCameras } from "../camera/camera_list.ts";
import type { Clock } from "../clock.ts";
import { ConfigError } from "../errors.ts";
import type { Log } from "../log.ts";
import { quote } from "../quote.ts";
import type { Bus } from "./bus.ts";
import type { PublicationStats } from "./nats_hub.ts";
import { BEAT_INTERVAL } from "./protocol.ts";
import { Publication } from "./publication.ts";
import { Uplink } from "./uplink.ts";

/** Name of the driver for cameras that other origins publish: they are not published again. */
const NATS_DRIVER = "nats";
/** Interval in which publications are checked, in milliseconds. */
const CHECK_INTERVAL = 500;

/** Which cameras are published: the value of `PUBLISH`. */
export type Published = "all" | readonly string[];

/** Options of {@link checkPublished}. */
export interface CheckPublishedOptions {
  readonly cameras: readonly { readonly name: string; readonly driver: string }[];
  /** Whether a driver may discover further cameras. */
  readonly discovers: boolean;
}

/**
 * Checks that the cameras that `PUBLISH` names exist, and are this server's own.
 *
 * @throws {ConfigError}
 */
export function checkPublished(
  published: Published,
  { cameras, discovers }: CheckPublishedOptions,
): void {
  if (published === "all") return;
  for (const name of published) {
    const camera = cameras.find((camera) => camera.name === name);
    if (camera?.driver === NATS_DRIVER) {
      throw new ConfigError(
        `Cannot publish camera ${quote(name)} of PUBLISH, as it comes from the hub itself`,
      );
    }
    if (camera || discovers) continue;
    const names = cameras.filter(({ driver }) => driver !== NATS_DRIVER).map(({ name }) => name);
    const available = names.length === 0 ? "there are none" : `available are ${names.join(", ")}`;
    throw new ConfigError(`Cannot find camera ${quote(name)} of PUBLISH: ${available}`);
  }
}

/** Options of a {@link Publisher}. */
export interface PublisherOptions {
  readonly published: Published;
  readonly cameras: CameraList;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Publishes the cameras of a list that `PUBLISH` names, and those that appear later. Cameras of the
 * driver `nats` are never published. Disposal tells the edges that the cameras are gone.
 */
export class Publisher implements Disposable {
  readonly #options: PublisherOptions;
  readonly #uplink: Uplink;
  readonly #publications = new Map<string, Publication>();
  readonly #stack = new DisposableStack();
  #measuredAt = -Infinity;

  constructor(options: PublisherOptions) {
    this.#options = options;
    const { cameras, bus } = options;
    this.#uplink = new Uplink(options);
    this.#measure();
    this.#stack.use(bus.onConnection((connected) => this.#onConnection(connected)));
    const disposed = new AbortController();
    this.#stack.defer(() => disposed.abort());
    this.#checkRegularly(disposed.signal).catch(() => {}); // aborted by dispose
    this.#stack.defer(() => [...this.#publications.keys()].forEach((name) => this.#remove(name)));
    this.#stack.use(followCameras(cameras, {
      added: (camera) => this.#add(camera),
      removed: ({ name }) => this.#remove(name),
    }));
  }

  /** Returns the counters of a camera; undefined if it is not published. */
  publication(camera: string): PublicationStats | undefined {
    return this.#publications.get(camera)?.stats;
  }

  /** Ends all publications, and tells the edges. The connection must be open until then. */
  [Symbol.dispose](): void {
    this.#stack.dispose();
  }

  #add(camera: Camera): void {
    const { published, bus, clock, log } = this.#options;
    const { name, driver } = camera;
    if (driver === NATS_DRIVER) return;
    if (published !== "all" && !published.includes(name)) return;
    const uplink = this.#uplink;
    this.#publications.set(name, new Publication({ camera, bus, uplink, clock, log }));
  }

  #remove(name: string): void {
    this.#publications.get(name)?.[Symbol.dispose]();
    this.#publications.delete(name);
  }

  #onConnection(connected: boolean): void {
    if (connected) this.#measure(); // before anything else is on the way
    else this.#uplink.reset();
    for (const publication of this.#publications.values()) publication.onConnection(connected);
  }

  async #checkRegularly(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    while (true) {
      await clock.sleep(CHECK_INTERVAL, signal);
      if (clock.monotonic() - this.#measuredAt >= BEAT_INTERVAL) this.#measure();
      for (const publication of this.#publications.values()) publication.check();
    }
  }

  #measure(): void {
    this.#measuredAt = this.#options.clock.monotonic();
    this.#uplink.measure();
  }
}
