import type { Bytes } from "../bytes.ts";
import type { Clock } from "../clock.ts";
import type { Bus } from "./bus.ts";

/**
 * Maximum time that frames wait for each other on their way to the hub, in milliseconds. A frame
 * that takes longer by itself is sent when the one before it has arrived.
 */
const MAX_QUEUE = 200;
/** Number of frames whose shortest transfer counts: a later answer can have other reasons. */
const TRANSFERS = 4;
/** Number of round-trip times whose shortest counts. */
const ROUND_TRIPS = 8;
/** Minimum time between two measurements of the round-trip time, in milliseconds: while idle, between frames. */
const MEASURE_INTERVALS = { idle: 8_000, busy: 500 };
/**
 * Age at which a round-trip time may be outdated, in milliseconds: if there then seems to be no room,
 * no frame is sent until it has been measured again.
 */
const MAX_ROUND_TRIP_AGE = 10_000;
/** A transfer cannot be measured more precisely, in milliseconds. */
const MIN_TRANSFER = 0.1;

/** Sends a frame, if it has one. @returns Whether it has sent one. */
export type Sender = () => boolean;

/**
 * The link to the hub, which all published cameras share. Frames do not queue on it: it measures how
 * long one takes, and has room for those that are on their way at a time. The cameras take turns.
 */
export class Uplink {
  readonly #bus: Bus;
  readonly #clock: Clock;
  /** In the order of their turns. */
  readonly #senders = new Set<Sender>();
  /** Replaced when the connection is lost, with all frames on their way. */
  #connection = {};
  #inFlight = 0;
  /** Whether no frame is sent, so that the round-trip time can be measured. */
  #isDraining = false;
  #arrivedAt = -Infinity;
  #measuredAt = -Infinity;
  #roundTrips: number[] = [];
  #transfers: number[] = [];

  constructor({ bus, clock }: { bus: Bus; clock: Clock }) {
    this.#bus = bus;
    this.#clock = clock;
  }

  /** The round-trip time without frames, in milliseconds; 0 while it is unknown. */
  get roundTrip(): number {
    return this.#roundTrips.length === 0 ? 0 : Math.min(...this.#roundTrips);
  }

  /** Time that a frame occupies the uplink, in milliseconds; `Infinity` while it is unknown. */
  get transfer(): number {
    return Math.min(...this.#transfers);
  }

  /** Whether a frame can be sent now, without waiting for others on the way. */
  get hasRoom(): boolean {
    return !this.#isDraining && this.#inFlight < this.#maxInFlight();
  }

  /** Adds a camera, which is called when there is room, until the result is disposed of. */
  add(sender: Sender): Disposable {
    this.#senders.add(sender);
    return { [Symbol.dispose]: () => void this.#senders.delete(sender) };
  }

  /**
   * Sends a frame's message.
   *
   * @param onArrived Called when the hub has it, unless the connection is lost.
   * @returns Whether it was sent.
   */
  send(subject: string, data: Bytes, onArrived: () => void): boolean {
    if (!this.#bus.publish(subject, data)) return false;
    const connection = this.#connection;
    const sentAt = this.#clock.monotonic();
    this.#inFlight++;
    const isOld = sentAt - this.#measuredAt > MAX_ROUND_TRIP_AGE;
    if (isOld && this.#inFlight >= this.#maxInFlight()) this.#isDraining = true;
    this.#bus.flush().then((arrived) => {
      if (connection !== this.#connection) return;
      this.#inFlight--;
      if (arrived) this.#measureTransfer(sentAt);
      if (this.#inFlight === 0) this.#isDraining = false;
      this.#measureRoundTrip(MEASURE_INTERVALS.busy); // between two frames
      onArrived();
      this.#callSenders();
    });
    return true;
  }

  /** Measures the round-trip time, if no frame is on its way; at most every 8 s. */
  measure(): void {
    this.#measureRoundTrip(MEASURE_INTERVALS.idle);
  }

  /** Forgets what was sent and measured, as the connection is lost: all frames on their way are gone. */
  reset(): void {
    this.#connection = {};
    this.#inFlight = 0;
    this.#isDraining = false;
    this.#measuredAt = -Infinity;
    this.#roundTrips = [];
    this.#transfers = [];
  }

  #maxInFlight(): number {
    if (this.#transfers.length === 0) return 1; // until the first one has shown how long it takes
    const { transfer } = this;
    return Math.round(this.roundTrip / transfer) + Math.max(1, Math.floor(MAX_QUEUE / transfer));
  }

  #measureRoundTrip(interval: number): void {
    if (this.#inFlight > 0 || !this.#bus.connected) return;
    const connection = this.#connection;
    const start = this.#clock.monotonic();
    const age = start - this.#measuredAt;
    if (age < interval) return;
    this.#measuredAt = start;
    this.#bus.flush().then((arrived) => {
      if (!arrived || connection !== this.#connection) return;
      if (age > MAX_ROUND_TRIP_AGE) this.#roundTrips = [];
      this.#roundTrips.push(this.#clock.monotonic() - start);
      if (this.#roundTrips.length > ROUND_TRIPS) this.#roundTrips.shift();
    });
  }

  #measureTransfer(sentAt: number): void {
    const now = this.#clock.monotonic();
    const start = Math.max(sentAt + this.roundTrip, this.#arrivedAt);
    this.#arrivedAt = now;
    this.#transfers.push(Math.max(MIN_TRANSFER, now - start));
    if (this.#transfers.length > TRANSFERS) this.#transfers.shift();
  }

  #callSenders(): void {
    for (const sender of [...this.#senders]) {
      if (!this.hasRoom) return;
      if (!sender() || !this.#senders.delete(sender)) continue;
      this.#senders.add(sender); // after the others
    }
  }
}
