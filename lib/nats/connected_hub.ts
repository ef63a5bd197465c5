import type { CameraList } from "../camera/camera_list.ts";
import type { DiscoveredCamera, Images } from "../camera/driver.ts";
import type { Clock } from "../clock.ts";
import type { Log } from "../log.ts";
import { NatsBus } from "./connection.ts";
import { EdgeLinks, type WatchOptions } from "./edge_links.ts";
import type { HubStatus, KnownCamera, LinkStats, NatsHub, PublicationStats } from "./nats_hub.ts";
import type { Beat } from "./protocol.ts";
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

/**
 * An origin, an edge, or both, at a hub. A server that publishes and receives has a connection for
 * each: on a slow link, frames for the edge would delay the answers that an origin needs to send its
 * next frame, and the origin's frames would delay the edge's wants.
 */
export class ConnectedHub implements NatsHub {
  readonly #bus: NatsBus;
  readonly #links: EdgeLinks;
  readonly #options: NatsHubOptions;
  readonly #settings: NatsHubSettings;
  #publisher: Publisher | undefined;
  /** The connection for publishing, if it is not {@link #bus}. */
  #publisherBus: NatsBus | undefined;
  /** Whether a camera of this server comes from the hub. */
  #receives = false;

  constructor(settings: NatsHubSettings, options: NatsHubOptions) {
    this.#bus = new NatsBus({ ca: undefined, ...settings, ...options });
    const isOwn = (beat: Beat) => this.#publisher?.owns(beat) ?? false;
    this.#links = new EdgeLinks(this.#bus, { ...options, isOwn });
    this.#options = options;
    this.#settings = settings;
  }

  /** See {@link NatsHub.publish}. */
  publish(cameras: CameraList): void {
    const { publish: published } = this.#settings;
    if (!published || this.#publisher) return;
    if (this.#receives) this.#publisherBus = this.#openPublisherBus();
    const bus = this.#publisherBus ?? this.#bus;
    this.#publisher = new Publisher({ ...this.#options, published, cameras, bus });
  }

  /** See {@link NatsHub.expect}. */
  expect(camera: WatchOptions): void {
    this.#receives = true;
    this.#links.expect(camera);
  }

  /** See {@link NatsHub.watch}. */
  watch(options: WatchOptions, signal: AbortSignal): Images {
    return this.#links.watch(options, signal);
  }

  /** See {@link NatsHub.discover}. */
  discover(signal: AbortSignal): AsyncIterable<readonly DiscoveredCamera[]> {
    this.#receives = true;
    return this.#links.discover(signal);
  }

  /** See {@link NatsHub.known}. */
  get known(): readonly KnownCamera[] {
    return this.#links.known;
  }

  /** See {@link NatsHub.status}. */
  get status(): HubStatus {
    const [one, other] = [this.#bus.status, this.#publisherBus?.status];
    if (!other) return one;
    if (one.connected !== other.connected) return one.connected ? other : one;
    return one.since > other.since ? one : other;
  }

  /** See {@link NatsHub.publication}. */
  publication(camera: string): PublicationStats | undefined {
    return this.#publisher?.publication(camera);
  }

  /** See {@link NatsHub.link}. */
  link(camera: string): LinkStats | undefined {
    return this.#links.link(camera);
  }

  /** Ends all publications and receptions, and closes the connections. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#options.onDispose?.();
    this.#publisher?.[Symbol.dispose]();
    this.#links[Symbol.dispose]();
    await Promise.all([
      this.#bus[Symbol.asyncDispose](),
      this.#publisherBus?.[Symbol.asyncDispose](),
    ]);
  }

  #openPublisherBus(): NatsBus {
    const { clock, log } = this.#options;
    const purpose = { for: "publishing" };
    return new NatsBus({
      ca: undefined,
      ...this.#settings,
      clock,
      log: {
        info: (event, fields) => log.info(event, { ...fields, ...purpose }),
        warn: (event, fields) => log.warn(event, { ...fields, ...purpose }),
        error: (event, fields) => log.error(event, { ...fields, ...purpose }),
      },
    });
  }
}
