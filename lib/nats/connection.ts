import {
  createInbox,
  errors,
  type Msg,
  type NatsConnection,
  type Payload,
  type Subscription,
} from "@nats-io/nats-core";
import { NatsConnectionImpl } from "@nats-io/nats-core/internal";
import type { Bytes } from "../bytes.ts";
import { type Clock, settlesWithin } from "../clock.ts";
import { explain } from "../errors.ts";
import { LogLimiter } from "../log_limiter.ts";
import type { Log } from "../log.ts";
import type { Bus, Message, SubscribeOptions } from "./bus.ts";
import { dialHub, HubError } from "./link.ts";
import type { HubStatus } from "./nats_hub.ts";
import { type HubAddress, serverOf } from "./settings.ts";
import type { LinkOptions } from "./transport.ts";

/** Time limit for an attempt to connect, up to the log-in, in milliseconds. */
const CONNECT_TIMEOUT = 3_000;
/**
 * Interval of the pings, in milliseconds. An answer stands behind a frame, which takes seconds on a
 * very slow link: shorter pings would interrupt it again and again.
 */
const PING_INTERVAL = 5_000;
/** Number of unanswered pings after which the connection is closed. */
const MAX_PINGS = 3;
/** Pause between two attempts to connect, in milliseconds. */
const RETRY_PAUSE = 500;
/** The pause after {@link PATIENCE} without a connection, in milliseconds. */
const LONG_RETRY_PAUSE = 2_000;
/** Time without a connection after which attempts are less frequent, in milliseconds. */
const PATIENCE = 60_000;
/** Pause after a failed log-in, in milliseconds. */
const LOG_IN_PAUSE = 5_000;
/** Maximum random time added to a pause, in milliseconds: all clients of a hub come back at once. */
const MAX_JITTER = 100;
/** Time limit for sending the last messages, in milliseconds. */
const CLOSE_TIMEOUT = 500;
/** Maximum number of log lines about the connection in a minute. */
const MAX_LOG_LINES = 10;
/** Maximum number of different failures and denied rights that are remembered. */
const MAX_REMEMBERED = 100;

/** Options of a {@link NatsBus}. */
export interface NatsBusOptions {
  /** At least one. They are tried in turn. */
  readonly hubs: readonly HubAddress[];
  /** PEM certificates to trust in addition. */
  readonly ca: string | undefined;
  readonly clock: Clock;
  readonly log: Log;
}

/** A subscription that continues on each new connection. */
interface Entry {
  readonly subject: string;
  readonly onMessage: (message: Message) => void;
  readonly options: SubscribeOptions;
  /** Its subscription on the present connection, if there is one. */
  current: Subscription | undefined;
}

/**
 * A connection to a hub by nats.js. Each connection of nats.js is used until it is lost, and then
 * replaced: its own reconnect forgets the limit of subscriptions, and sends what was published
 * while there was no connection.
 */
export class NatsBus implements Bus, AsyncDisposable {
  readonly #hubs: readonly HubAddress[];
  readonly #ca: string | undefined;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #limiter: LogLimiter;
  readonly #disposed = new AbortController();
  readonly #listeners = new Set<(connected: boolean) => void>();
  readonly #subscriptions = new Set<Entry>();
  readonly #flushes = new Set<(done: boolean) => void>();
  /** Failures that are in the log, since the last connection. */
  readonly #failures = new Set<string>();
  /** Denied rights that are in the log. */
  readonly #denied = new Set<string>();
  readonly #running: Promise<void>;
  #connection: NatsConnection | undefined;
  #lost = (_reason: Error | undefined) => {};
  #status: HubStatus;
  /** The hub's last error message: it says why the hub closes the connection. */
  #lastError: Error | undefined;

  constructor({ hubs, ca, clock, log }: NatsBusOptions) {
    this.#hubs = hubs;
    this.#ca = ca;
    this.#clock = clock;
    this.#log = log;
    this.#status = { connected: false, since: clock.now(), reason: "connecting" };
    this.#limiter = new LogLimiter({
      clock,
      maxLines: MAX_LOG_LINES,
      onSuspend: (_, seconds) => log.warn("hub log suspended", { seconds }),
      onResume: (_, suppressed) => log.info("hub log resumed", { suppressed }),
    });
    this.#running = this.#run();
  }

  /** State of the connection, with the reason why there is none. */
  get status(): HubStatus {
    return this.#status;
  }

  /** See {@link Bus.connected}. */
  get connected(): boolean {
    return this.#connection !== undefined;
  }

  /** See {@link Bus.maxPayload}. */
  get maxPayload(): number {
    return this.#connection?.info?.max_payload ?? Infinity;
  }

  /** The hub's address, as `host:port`, and its version; undefined while there is no connection. */
  get server(): { address: string; version: string; tls: boolean } | undefined {
    const info = this.#connection?.info;
    if (!info) return undefined;
    return { address: this.#connection!.getServer(), version: info.version, tls: this.#isSecure };
  }

  #isSecure = false;

  /** See {@link Bus.publish}. */
  publish(subject: string, data: Bytes | string, reply?: string): boolean {
    const connection = this.#connection;
    if (!connection) return false;
    try {
      connection.publish(subject, data as Payload, { reply });
      return true;
    } catch {
      return false; // larger than the hub's max_payload, or closed in this moment
    }
  }

  /** See {@link Bus.flush}. */
  flush(): Promise<boolean> {
    const connection = this.#connection;
    if (!connection) return Promise.resolve(false);
    return new Promise((resolve) => {
      // nats.js never settles it if the connection is lost.
      const settle = (done: boolean) => {
        this.#flushes.delete(settle);
        resolve(done);
      };
      this.#flushes.add(settle);
      connection.flush().then(() => settle(true), () => settle(false));
    });
  }

  /** See {@link Bus.subscribe}. */
  subscribe(
    subject: string,
    onMessage: (message: Message) => void,
    options: SubscribeOptions = {},
  ): Disposable {
    const entry: Entry = { subject, onMessage, options, current: undefined };
    if (options.max === undefined || this.#connection) this.#subscriptions.add(entry);
    this.#subscribe(entry);
    return {
      [Symbol.dispose]: () => {
        this.#subscriptions.delete(entry);
        if (this.#connection) entry.current?.unsubscribe();
        entry.current = undefined;
      },
    };
  }

  /** See {@link Bus.createInbox}. */
  createInbox(): string {
    return createInbox();
  }

  /** See {@link Bus.onConnection}. */
  onConnection(onChange: (connected: boolean) => void): Disposable {
    const listener = (connected: boolean) => onChange(connected);
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  /** Sends what was published, for at most {@link CLOSE_TIMEOUT}, and closes the connection. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#connection) await settlesWithin(this.flush(), CLOSE_TIMEOUT, this.#clock);
    this.#disposed.abort(new Error("closed"));
    this.#limiter[Symbol.dispose]();
    await settlesWithin(this.#running, CLOSE_TIMEOUT, this.#clock);
    this.#listeners.clear();
    this.#subscriptions.clear();
  }

  /** Connects, and again after each loss of the connection. */
  async #run(): Promise<void> {
    const { signal } = this.#disposed;
    for (let i = 0; !signal.aborted; i++) {
      const pause = await this.#connect(this.#hubs[i % this.#hubs.length]!);
      const isRoundDone = (i + 1) % this.#hubs.length === 0;
      if (signal.aborted || (pause === RETRY_PAUSE && !isRoundDone)) continue;
      await this.#clock.sleep(pause + Math.random() * MAX_JITTER, signal).catch(() => {});
    }
  }

  /**
   * Connects to a hub and waits until the connection is lost.
   *
   * @returns The pause before the next attempt, in milliseconds.
   */
  async #connect(hub: HubAddress): Promise<number> {
    const { signal } = this.#disposed;
    const closed = Promise.withResolvers<Error | undefined>();
    let isClosed = false;
    const onClose = (reason: Error | undefined) => {
      isClosed = true;
      closed.resolve(reason);
      if (this.#connection === connection) this.#lost(reason);
    };
    let connection: NatsConnection | undefined;
    this.#lastError = undefined;
    try {
      connection = await NatsConnectionImpl.connect(this.#optionsFor(hub, onClose)) as never;
    } catch (error) {
      if (!signal.aborted) this.#fail(hub, error);
      return this.#pauseAfter(error);
    }
    this.#readErrors(connection!);
    if (isClosed) {
      this.#fail(hub, await closed.promise);
      return RETRY_PAUSE;
    }
    this.#adopt(connection!, hub);
    await closed.promise;
    await connection!.closed();
    return 0;
  }

  #optionsFor(hub: HubAddress, onClose: LinkOptions["onClose"]): LinkOptions {
    const { credentials, host } = hub;
    return {
      servers: [serverOf(hub)],
      ...credentials && "token" in credentials
        ? { token: credentials.token }
        : { user: credentials?.user, pass: credentials?.password },
      name: "dinocam",
      resolve: false, // Deno looks the host up itself
      reconnect: false,
      ignoreClusterUpdates: true,
      noAsyncTraces: true,
      timeout: CONNECT_TIMEOUT,
      pingInterval: PING_INTERVAL,
      maxPingOut: MAX_PINGS,
      dial: (signal) => dialHub({ ...hub, host }, this.#ca, signal),
      onClose,
      signal: this.#disposed.signal,
    };
  }

  #adopt(connection: NatsConnection, hub: HubAddress): void {
    this.#connection = connection;
    this.#isSecure = hub.scheme === "tls" || hub.scheme === "wss";
    this.#lost = (reason) => this.#onLost(connection, reason);
    this.#setStatus(undefined);
    this.#failures.clear();
    if (this.#limiter.allow("hub")) this.#log.info("hub connected", { hub: serverOf(hub) });
    for (const entry of [...this.#subscriptions]) this.#subscribe(entry);
    this.#notify(true);
  }

  #onLost(connection: NatsConnection, reason: Error | undefined): void {
    if (this.#connection !== connection) return;
    this.#connection = undefined;
    for (const entry of [...this.#subscriptions]) {
      entry.current = undefined;
      if (entry.options.max !== undefined) this.#subscriptions.delete(entry);
    }
    for (const settle of [...this.#flushes]) settle(false);
    const isDisposed = this.#disposed.signal.aborted;
    const text = isDisposed ? "closed" : this.#describe(this.#lastError ?? reason);
    this.#setStatus(text);
    if (!isDisposed && this.#limiter.allow("hub")) {
      this.#log.warn("hub disconnected", { reason: text });
    }
    this.#notify(false);
  }

  #fail(hub: HubAddress, error: unknown): void {
    const failure = this.#explain(hub, error);
    const reason = failure.hint ? `${failure.message} (${failure.hint})` : failure.message;
    this.#status = { ...this.#status, reason };
    if (this.#failures.size >= MAX_REMEMBERED || this.#failures.has(reason)) return;
    this.#failures.add(reason);
    if (this.#limiter.allow("hub")) this.#log.warn("hub connection failed", { reason });
  }

  /** Describes a failed attempt to connect, without secrets. */
  #explain(hub: HubAddress, error: unknown): HubError {
    return explainHubError(hub, this.#lastError ?? error);
  }
}
