import type { CameraList } from "../camera/camera_list.ts";
import type { DiscoveredCamera, Images } from "../camera/driver.ts";
import type { Clock } from "../clock.ts";
import type { Log } from "../log.ts";
import { NatsBus } from "./connection.ts";
import { EdgeLinks, type WatchOptions } from "./edge_links.ts";
import type { HubStatus, KnownCamera, LinkStats, NatsHub, PublicationStats } from "./nats_hub.ts";
import { Publisher } from "./publisher.ts";
import type { HubAddress, PublishValue } from "./settings.ts";

/** Settings of a {@link ConnectedHub}. */
export interface NatsHubSettings {
  /** At least one. */
  readonly hubs: readonly HubAddress[];
  /** PEM certificates to trust in addition. */
  readonly ca?: string;
  /** Which cameras are published. */
  readonly publish?: PublishValue;
}

/** Options of a {@link ConnectedHub}. */
export interface NatsHubOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** Called at the beginning of the disposal. */
  readonly onDispose?: () => void;
}

/** A server's part in a network of origins and edges, by one connection. */
export class ConnectedHub implements NatsHub {
  readonly #bus: NatsBus;
  readonly #links: EdgeLinks;
  readonly #options: NatsHubOptions;
  readonly #published: PublishValue | undefined;
  #publisher: Publisher | undefined;

  constructor({ hubs, ca, publish }: NatsHubSettings, options: NatsHubOptions) {
    this.#bus = new NatsBus({ ...options, hubs, ca });
    this.#links = new EdgeLinks(this.#bus, options);
    this.#options = options;
    this.#published = publish;
  }

  /** See {@link NatsHub.publish}. */
  publish(cameras: CameraList): void {
    if (!this.#published || this.#publisher) return;
    this.#publisher = new Publisher({
      ...this.#options,
      published: this.#published,
      cameras,
      bus: this.#bus,
    });
  }

  /** See {@link NatsHub.expect}. */
  expect(options: WatchOptions): void {
    this.#links.expect(options);
  }

  /** See {@link NatsHub.watch}. */
  watch(options: WatchOptions, signal: AbortSignal): Images {
    return this.#links.watch(options, signal);
  }

  /** See {@link NatsHub.discover}. */
  discover(signal: AbortSignal): AsyncIterable<readonly DiscoveredCamera[]> {
    return this.#links.discover(signal);
  }

  /** See {@link NatsHub.known}. */
  get known(): readonly KnownCamera[] {
    return this.#links.known;
  }

  /** See {@link NatsHub.status}. */
  get status(): HubStatus {
    return this.#bus.status;
  }

  /** See {@link NatsHub.publication}. */
  publication(camera: string): PublicationStats | undefined {
    return this.#publisher?.publication(camera);
  }

  /** See {@link NatsHub.link}. */
  link(camera: string): LinkStats | undefined {
    return this.#links.link(camera);
  }

  /** Tells origins and edges that this server leaves, and closes the connection. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#options.onDispose?.();
    this.#publisher?.[Symbol.dispose]();
    this.#links[Symbol.dispose]();
    await this.#bus[Symbol.asyncDispose]();
  }
}
