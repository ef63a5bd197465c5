import { setImmediate } from "node:timers";
import type { Bytes } from "../lib/bytes.ts";
import type { Clock } from "../lib/clock.ts";
import type { Bus, Message, SubscribeOptions } from "../lib/nats/bus.ts";
import { ManualClock } from "./manual_clock.ts";

/** Bytes of a message on the wire besides its payload. */
const OVERHEAD = 60;

/** A {@link ManualClock} that advances fast: simulations take thousands of steps. */
export class FastClock extends ManualClock {
  protected override settle(): Promise<void> {
    return new Promise((resolve) => setImmediate(resolve));
  }
}

/** Options of {@link FakeHub.connect}. */
export interface FakeClientOptions {
  /** One-way delay of the link to the hub, in milliseconds. @default {0} */
  delay?: number;
  /** Bandwidth of the link in each direction, in bytes per second. @default {Infinity} */
  rate?: number;
  /** Subjects that the client may not publish to, with `*` and `>`. */
  denyPublish?: readonly string[];
  /** Subjects that the client may not subscribe to, with `*` and `>`. */
  denySubscribe?: readonly string[];
  /** Difference of its wall clock from that of the hub, in milliseconds. @default {0} */
  clockOffset?: number;
}

/**
 * A hub in memory, with links that have a delay and a bandwidth. It behaves as nats-server and
 * nats.js do, as far as origins and edges see it: it counts the messages of subscriptions with
 * `max`, answers that nobody has subscribed, and delivers in order; a link that is cut delivers late
 * what was sent before, as TCP does, unless the client has noticed the loss.
 *
 * Time passes only in {@link advance}.
 */
export class FakeHub {
  readonly clock: ManualClock;
  /** See `Bus.maxPayload`. */
  maxPayload = 8 * 1024 * 1024;
  /** Messages that the hub has received, by the first two tokens of the subject. */
  readonly received: Record<string, number> = {};
  /** What callbacks have thrown. */
  readonly thrown: unknown[] = [];
  readonly #clients = new Set<FakeClient>();
  #frozen: (() => void)[] | undefined;
  #running = true;

  constructor(clock: ManualClock = new FastClock()) {
    this.clock = clock;
  }

  /** Whether it accepts connections. */
  get running(): boolean {
    return this.#running;
  }

  /** Connects a client. */
  connect(options: FakeClientOptions = {}): FakeClient {
    const client = new FakeClient(this, options);
    this.#clients.add(client);
    return client;
  }

  /** Advances the clock. */
  async advance(ms: number): Promise<void> {
    await this.clock.advance(ms);
  }

  /**
   * Advances the clock in steps of 10 ms until a condition holds.
   *
   * @returns How long that took, in milliseconds.
   * @throws If it does not hold within `ms` milliseconds.
   */
  async until(condition: () => boolean, ms = 10_000): Promise<number> {
    const begun = this.clock.monotonic();
    await this.advance(0);
    while (!condition()) {
      if (this.clock.monotonic() - begun >= ms) {
        throw new Error(`Not within ${ms} ms: ${condition}`);
      }
      await this.advance(10);
    }
    return this.clock.monotonic() - begun;
  }

  /** Ends the hub, as `kill -9` does: all clients notice it. */
  stop(): void {
    this.#running = false;
    this.#frozen = undefined;
    for (const client of this.#clients) client.disconnect();
  }

  /** Starts it again. Clients connect again by {@link FakeClient.reconnect}. */
  start(): void {
    this.#running = true;
  }

  /** Stops the hub's work, as SIGSTOP does: what arrives is handled after {@link thaw}. */
  freeze(): void {
    this.#frozen ??= [];
  }

  /** Continues after {@link freeze}. */
  thaw(): void {
    const work = this.#frozen ?? [];
    this.#frozen = undefined;
    for (const each of work) each();
  }

  /** Does something in the hub. */
  handle(work: () => void): void {
    if (this.#frozen) this.#frozen.push(work);
    else work();
  }

  /** Distributes a message. @returns Number of receivers. */
  route(subject: string, data: Bytes, reply?: string): number {
    const kind = subject.split(".").slice(0, 2).join(".");
    this.received[kind] = (this.received[kind] ?? 0) + 1;
    let receivers = 0;
    for (const client of this.#clients) receivers += client.session.deliver(subject, data, reply);
    return receivers;
  }
}

/** A client of a {@link FakeHub}. */
export class FakeClient implements Bus {
  /** Its clock: it stops in {@link freeze}, and its wall clock can be set. */
  readonly clock: FakeClientClock;
  /** Messages that it has received, by the first two tokens of the subject. */
  readonly received: Record<string, number> = {};
  /** What the hub knows of its connection. */
  session: Session;
  readonly #hub: FakeHub;
  readonly #options: FakeClientOptions;
  #subscriptions = new Map<number, LocalSubscription>();
  readonly #listeners = new Set<(connected: boolean) => void>();
  #connected = true;
  #nextId = 1;
  #inboxes = 0;
  #flushes = new Set<(received: boolean) => void>();
  #frozen: (() => void)[] | undefined;
  #dead = false;

  constructor(hub: FakeHub, options: FakeClientOptions) {
    this.#hub = hub;
    this.#options = { ...options };
    this.clock = new FakeClientClock(hub.clock, options.clockOffset);
    this.session = new Session(hub, this, this.#options);
  }

  get connected(): boolean {
    return this.#connected && !this.#dead;
  }

  get maxPayload(): number {
    return this.connected ? this.#hub.maxPayload : Infinity;
  }

  publish(subject: string, data: Bytes | string, reply?: string): boolean {
    if (!this.connected) return false;
    const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data.slice();
    if (bytes.length > this.maxPayload) throw new RangeError("max_payload size exceeded");
    const { session } = this;
    session.up.send(
      bytes.length + OVERHEAD,
      () => this.#hub.handle(() => session.publish(subject, bytes, reply)),
    );
    return true;
  }

  flush(): Promise<boolean> {
    if (!this.connected) return Promise.resolve(false);
    return new Promise((resolve) => {
      const { session } = this;
      const done = (received: boolean) => {
        this.#flushes.delete(done);
        resolve(received);
      };
      this.#flushes.add(done);
      session.up.send(
        6,
        () =>
          this.#hub.handle(() =>
            session.down.send(6, () => this.#handle(() => this.session === session && done(true)))
          ),
      );
    });
  }

  subscribe(
    subject: string,
    onMessage: (message: Message) => void,
    { max, onDenied }: SubscribeOptions = {},
  ): Disposable {
    const id = this.#nextId++;
    const subscription = { subject, onMessage, max, onDenied, count: 0 };
    this.#subscriptions.set(id, subscription);
    if (this.connected) this.#sendSubscription(id, subscription);
    return {
      [Symbol.dispose]: () => {
        if (!this.#subscriptions.delete(id) || !this.connected) return;
        const { session } = this;
        session.up.send(12, () => this.#hub.handle(() => session.subscriptions.delete(id)));
      },
    };
  }

  createInbox(): string {
    return `_INBOX.${this.session.name}.${++this.#inboxes}`;
  }

  onConnection(onChange: (connected: boolean) => void): Disposable {
    const listener = (connected: boolean) => onChange(connected);
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  /** Number of subscriptions that it has. */
  get subscriptions(): number {
    return this.#subscriptions.size;
  }

  /** Changes the link. What is on its way already keeps its times. */
  setLink(link: Pick<FakeClientOptions, "delay" | "rate">): void {
    for (const target of [this.session.up, this.session.down, this.#options]) {
      Object.assign(target, link);
    }
  }

  /** Cuts the link: neither side notices anything, and what is sent waits. */
  cut(): void {
    this.session.up.cut();
    this.session.down.cut();
  }

  /** Restores the link after {@link cut}: what waits arrives, in order. */
  restore(): void {
    this.session.up.restore();
    this.session.down.restore();
  }

  /**
   * Makes the client notice the loss of its connection.
   *
   * @param options.hubNotices Whether the hub notices it, too. If not, the subscriptions of the old
   * connection remain there, until {@link forgetOldSessions}.
   */
  disconnect({ hubNotices = true } = {}): void {
    if (!this.#connected) return;
    this.#connected = false;
    if (hubNotices) this.session.close();
    else this.session.abandon();
    // As nats.js does at a disconnect, when its user ends the subscriptions with a maximum then.
    for (const [id, { max }] of this.#subscriptions) if (max) this.#subscriptions.delete(id);
    for (const done of [...this.#flushes]) done(false);
    this.#tell(false);
  }

  /** Connects again, over a link that works. */
  reconnect(): void {
    if (this.#connected || this.#dead) return;
    if (!this.#hub.running) throw new Error("The hub does not run");
    this.session.close();
    this.session = new Session(this.#hub, this, this.#options);
    this.#connected = true;
    for (const [id, subscription] of this.#subscriptions) this.#sendSubscription(id, subscription);
    this.#tell(true);
  }

  /** Ends the client, as `kill -9` does: the hub notices it, its callbacks are not called again. */
  kill(): void {
    this.#dead = true;
    this.session.close();
    this.clock.freeze();
  }

  /** Stops the client, as SIGSTOP does: its clock stands, what arrives is handled after {@link thaw}. */
  freeze(): void {
    this.#frozen ??= [];
    this.clock.freeze();
  }

  /** Continues after {@link freeze}. */
  thaw(): void {
    const work = this.#frozen ?? [];
    this.#frozen = undefined;
    this.clock.thaw();
    for (const each of work) each();
  }

  /** Receives a message. Called by the hub's side of the connection. */
  receive(id: number, message: Message): void {
    this.#handle(() => {
      const subscription = this.#subscriptions.get(id);
      if (!subscription) return;
      const kind = message.subject.split(".").slice(0, 2).join(".");
      this.received[kind] = (this.received[kind] ?? 0) + 1;
      subscription.count++;
      if (subscription.count === subscription.max) this.#subscriptions.delete(id);
      try {
        subscription.onMessage(message);
      } catch (error) {
        this.#hub.thrown.push(error);
      }
    });
  }

  /** Reports that a subscription was denied. Called by the hub's side of the connection. */
  deny(id: number): void {
    this.#handle(() => {
      const subscription = this.#subscriptions.get(id);
      this.#subscriptions.delete(id);
      subscription?.onDenied?.();
    });
  }

  #sendSubscription(id: number, { subject, max }: LocalSubscription): void {
    const { session } = this;
    session.up.send(
      40 + subject.length,
      () => this.#hub.handle(() => session.subscribe(id, { subject, max, count: 0 })),
    );
  }

  #tell(connected: boolean): void {
    for (const listener of [...this.#listeners]) this.#handle(() => listener(connected));
  }

  #handle(work: () => void): void {
    if (this.#dead) return;
    if (this.#frozen) this.#frozen.push(work);
    else work();
  }
}

interface LocalSubscription {
  readonly subject: string;
  readonly max: number | undefined;
  readonly onMessage: (message: Message) => void;
  readonly onDenied: (() => void) | undefined;
  count: number;
}

interface HubSubscription {
  readonly subject: string;
  readonly max: number | undefined;
  count: number;
}

let sessions = 0;

/** The hub's side of a connection. */
class Session {
  readonly name = `client${++sessions}`;
  readonly up: Pipe;
  readonly down: Pipe;
  readonly subscriptions = new Map<number, HubSubscription>();
  readonly #hub: FakeHub;
  readonly #client: FakeClient;
  readonly #options: FakeClientOptions;
  #closed = false;

  constructor(hub: FakeHub, client: FakeClient, options: FakeClientOptions) {
    this.#hub = hub;
    this.#client = client;
    this.#options = options;
    this.up = new Pipe(hub.clock, options);
    this.down = new Pipe(hub.clock, options);
  }

  /** Ends the connection: what is on its way in either direction is lost. */
  close(): void {
    this.#closed = true;
    this.subscriptions.clear();
    this.up.close();
    this.down.close();
  }

  /** Loses what is on its way, though the hub keeps the subscriptions. */
  abandon(): void {
    this.up.close();
    this.down.close();
  }

  subscribe(id: number, subscription: HubSubscription): void {
    if (this.#closed) return;
    const isInbox = subscription.subject.startsWith("_INBOX.");
    if (!isInbox && isDenied(this.#options.denySubscribe, subscription.subject)) {
      this.down.send(OVERHEAD, () => this.#client.deny(id));
    } else this.subscriptions.set(id, subscription);
  }

  publish(subject: string, data: Bytes, reply: string | undefined): void {
    if (this.#closed || isDenied(this.#options.denyPublish, subject)) return;
    const receivers = this.#hub.route(subject, data, reply);
    if (reply && receivers === 0) this.deliver(reply, new Uint8Array(0), undefined, true);
  }

  /** Sends a message to those of the client's subscriptions that it matches. @returns Their number. */
  deliver(subject: string, data: Bytes, reply?: string, noResponders = false): number {
    let receivers = 0;
    for (const [id, subscription] of this.subscriptions) {
      if (!matches(subscription.subject, subject)) continue;
      receivers++;
      if (++subscription.count === subscription.max) this.subscriptions.delete(id);
      const message = { subject, data: data.slice(), reply, noResponders };
      const client = this.#client;
      this.down.send(data.length + OVERHEAD, () => client.receive(id, message));
    }
    return receivers;
  }
}

/** One direction of a link: messages follow one another at its bandwidth, then take its delay. */
class Pipe {
  delay: number;
  rate: number;
  readonly #clock: Clock;
  #packets: Packet[] = [];
  #busyUntil = 0;
  #isCut = false;
  #closed = false;

  constructor(clock: Clock, { delay = 0, rate = Infinity }: FakeClientOptions) {
    this.#clock = clock;
    this.delay = delay;
    this.rate = rate;
  }

  send(size: number, deliver: () => void): void {
    if (!this.#closed) this.#schedule({ size, deliver, arrivesAt: 0 });
  }

  cut(): void {
    this.#isCut = true;
  }

  restore(): void {
    this.#isCut = false;
    const packets = this.#packets;
    this.#packets = [];
    this.#busyUntil = 0;
    for (const packet of packets) this.#schedule({ ...packet }); // sent again
  }

  close(): void {
    this.#closed = true;
    this.#packets = [];
  }

  #schedule(packet: Packet): void {
    const now = this.#clock.monotonic();
    this.#busyUntil = Math.max(now, this.#busyUntil) + packet.size / this.rate * 1000;
    const last = this.#packets.at(-1)?.arrivesAt ?? 0;
    packet.arrivesAt = Math.max(last, this.#busyUntil + this.delay);
    this.#packets.push(packet);
    this.#clock.sleep(packet.arrivesAt - now).then(() => {
      if (this.#isCut || this.#packets[0] !== packet) return;
      this.#packets.shift();
      packet.deliver();
    });
  }
}

interface Packet {
  readonly size: number;
  readonly deliver: () => void;
  arrivesAt: number;
}

/** The clock of a client. */
export class FakeClientClock implements Clock {
  /** Difference of its wall clock from the hub's, in milliseconds. */
  offset: number;
  readonly #clock: Clock;
  #frozen: PromiseWithResolvers<void> | undefined;

  constructor(clock: Clock, offset = 0) {
    this.#clock = clock;
    this.offset = offset;
  }

  now(): number {
    return this.#clock.now() + this.offset;
  }

  monotonic(): number {
    return this.#clock.monotonic();
  }

  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    await this.#clock.sleep(ms, signal);
    await this.#frozen?.promise;
  }

  freeze(): void {
    this.#frozen ??= Promise.withResolvers();
  }

  thaw(): void {
    this.#frozen?.resolve();
    this.#frozen = undefined;
  }
}

function isDenied(patterns: readonly string[] = [], subject: string): boolean {
  return patterns.some((pattern) => matches(pattern, subject));
}

/** Whether a subject matches a pattern: `*` stands for one token, `>` for all others. */
function matches(pattern: string, subject: string): boolean {
  const [wanted, tokens] = [pattern.split("."), subject.split(".")];
  for (const [i, token] of wanted.entries()) {
    if (token === ">") return tokens.length > i;
    if (token !== "*" && token !== tokens[i]) return false;
  }
  return wanted.length === tokens.length;
}
