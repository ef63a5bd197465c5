import type { Camera } from "../camera/camera.ts";
import { type CameraList, followCameras } from "../camera/camera_list.ts";
import type { Clock } from "../clock.ts";
import type { Log } from "../log.ts";
import type { Bus } from "./bus.ts";
import type { PublicationStats } from "./nats_hub.ts";
import type { Beat } from "./protocol.ts";
import { Publication } from "./publication.ts";
import { NATS_DRIVER, type PublishValue } from "./settings.ts";
import { Uplink } from "./uplink.ts";

/** Interval in which publications are checked, in milliseconds. */
const CHECK_INTERVAL = 500;
/** Maximum number of names whose latest publication is remembered. */
const MAX_EPOCHS = 1_000;

/** Options of a {@link Publisher}. */
export interface PublisherOptions {
  readonly published: PublishValue;
  readonly cameras: CameraList;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Publishes the cameras of a list that `PUBLISH` names, and those that appear later. Cameras of the
 * driver `nats` are never published. Disposal sends the edges a last beat of each camera.
 */
export class Publisher implements Disposable {
  readonly #options: PublisherOptions;
  readonly #uplink: Uplink;
  readonly #publications = new Map<string, Publication>();
  /** The epoch of each camera's latest publication: its last beats can arrive after its end. */
  readonly #epochs = new Map<string, number>();
  readonly #stack = new DisposableStack();

  constructor(options: PublisherOptions) {
    this.#options = options;
    const { cameras, bus } = options;
    this.#uplink = new Uplink(options);
    this.#uplink.measure();
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

  /** Whether a beat is of this server. */
  owns({ camera, epoch }: Pick<Beat, "camera" | "epoch">): boolean {
    return this.#epochs.get(camera) === epoch;
  }

  /** Ends all publications, with a last beat. The connection must be open until then. */
  [Symbol.dispose](): void {
    this.#stack.dispose();
  }

  #add(camera: Camera): void {
    const { published, bus, clock, log } = this.#options;
    const { name, driver } = camera;
    if (driver === NATS_DRIVER) return;
    if (published !== "all" && !published.includes(name)) return;
    const uplink = this.#uplink;
    const publication = new Publication({ camera, bus, uplink, clock, log });
    this.#publications.set(name, publication);
    this.#epochs.delete(name);
    this.#epochs.set(name, publication.epoch);
    const [oldest] = this.#epochs.keys();
    if (this.#epochs.size > MAX_EPOCHS) this.#epochs.delete(oldest!);
  }

  #remove(name: string): void {
    this.#publications.get(name)?.[Symbol.dispose]();
    this.#publications.delete(name);
  }

  #onConnection(connected: boolean): void {
    if (connected) this.#uplink.measure(); // while the link is idle
    else this.#uplink.reset();
    for (const publication of this.#publications.values()) publication.onConnection(connected);
  }

  async #checkRegularly(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    while (true) {
      await clock.sleep(CHECK_INTERVAL, signal);
      this.#uplink.measure();
      for (const publication of this.#publications.values()) publication.check();
    }
  }
}
