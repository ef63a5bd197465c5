import type { Bytes } from "../bytes.ts";
import type { Clock } from "../clock.ts";
import type { Bus } from "./bus.ts";
import { ASK_INTERVAL, frameSubject, LANES, type Want, wantSubject } from "./protocol.ts";

/** Minimum interval between two wants that only renew the lease, in milliseconds. */
const MIN_RENEWAL_INTERVAL = ASK_INTERVAL / 4;
/** Maximum interval in which the wants of all lanes are repeated, in milliseconds. */
const MAX_REPEAT_INTERVAL = 8_000;

/** Options of {@link OpenLanes}. */
export interface OpenLanesOptions {
  /** Name of the camera at its origin. */
  readonly source: string;
  /** Identifies this server for the origins. */
  readonly edge: string;
  readonly bus: Bus;
  readonly clock: Clock;
  /** Returns the `epoch` of the origin for which the wants are; undefined for any. */
  readonly epoch: () => number | undefined;
  /** Whether no frame has arrived yet; see {@link Want.new}. */
  readonly isNew: () => boolean;
  /** Called for each message on a lane. @param openedAt When the lane was opened, monotonic. */
  readonly onMessage: (data: Bytes, openedAt: number) => void;
  /** Called when the hub answers that nobody has subscribed to the wants. */
  readonly onNoOrigin: () => void;
  /** Called when the hub denies a subscription. */
  readonly onDenied: () => void;
}

/**
 * The lanes on which an edge has room for a frame, and its wants for them. A lane is a subscription
 * for one message, so it is closed when a message has come.
 */
export class OpenLanes implements Disposable {
  readonly #options: OpenLanesOptions;
  readonly #subscriptions = new Array<Disposable | undefined>(LANES).fill(undefined);
  readonly #inbox: string;
  readonly #answers: Disposable;
  #wantedAt = -Infinity;
  #repeatedAt = -Infinity;
  /** Time without a frame after which all wants are repeated, in milliseconds. */
  #repeatInterval = ASK_INTERVAL;

  constructor(options: OpenLanesOptions) {
    this.#options = options;
    const { bus, onNoOrigin } = options;
    this.#inbox = bus.createInbox();
    this.#answers = bus.subscribe(this.#inbox, ({ noResponders }) => {
      if (noResponders) onNoOrigin();
    });
  }

  /** Opens the first `count` lanes, as far as they are not open, and closes the others. */
  open(count: number): void {
    if (!this.#options.bus.connected) return;
    for (let lane = 0; lane < LANES; lane++) {
      if (lane >= count) this.#close(lane);
      else if (!this.#subscriptions[lane]) this.#open(lane);
    }
  }

  /** Closes all lanes. */
  close(): void {
    for (let lane = 0; lane < LANES; lane++) this.#close(lane);
  }

  /** Sends a want. */
  want(want: Omit<Want, "edge" | "epoch" | "new"> = {}): void {
    const { bus, source, edge, clock, epoch, isNew } = this.#options;
    this.#wantedAt = clock.monotonic();
    const isFirst = want.lane === 0 && isNew();
    const message: Want = { edge, epoch: epoch(), new: isFirst || undefined, ...want };
    bus.publish(wantSubject(source), JSON.stringify(message), this.#inbox);
  }

  /**
   * Repeats the wants of all open lanes: they may be lost. While a slow link carries a frame, each
   * repetition makes the origin send another one to nobody, so the interval grows.
   */
  repeat(): void {
    this.#repeatedAt = this.#options.clock.monotonic();
    this.#repeatInterval = Math.min(2 * this.#repeatInterval, MAX_REPEAT_INTERVAL);
    for (const [lane, isOpen] of this.#subscriptions.entries()) if (isOpen) this.want({ lane });
  }

  /**
   * Repeats the wants if no frame has come for long; otherwise renews the lease if necessary.
   *
   * @param since Time from which frames are missing, monotonic.
   */
  keepAlive(since: number): void {
    const now = this.#options.clock.monotonic();
    if (now - Math.max(since, this.#repeatedAt) >= this.#repeatInterval) this.repeat();
    else if (now - this.#wantedAt >= MIN_RENEWAL_INTERVAL) this.want();
  }

  /** Sets the usual interval of repetitions. @param transfer Time that a frame takes on its way. */
  resetInterval(transfer = 0): void {
    this.#repeatInterval = ASK_INTERVAL + 2 * transfer;
  }

  /** Closes all lanes, without telling the origin. */
  [Symbol.dispose](): void {
    this.close();
    this.#answers[Symbol.dispose]();
  }

  #open(lane: number): void {
    const { bus, source, clock, onMessage, onDenied } = this.#options;
    const openedAt = clock.monotonic();
    const subscription = bus.subscribe(frameSubject(source, lane), ({ data }) => {
      if (this.#subscriptions[lane] !== subscription) return;
      this.#subscriptions[lane] = undefined;
      onMessage(data, openedAt);
    }, { max: 1, onDenied });
    this.#subscriptions[lane] = subscription;
    this.want({ lane }); // after the subscription, which it cannot overtake
  }

  #close(lane: number): void {
    this.#subscriptions[lane]?.[Symbol.dispose]();
    this.#subscriptions[lane] = undefined;
  }
}
