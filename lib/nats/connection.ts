import {
  createInbox,
  errors,
  type Msg,
  type NatsConnection,
  type Payload,
  type Subscription,
} from "@nats-io/nats-core";
import type { Bytes } from "../bytes.ts";
import { type Clock, settlesWithin } from "../clock.ts";
import { explain } from "../errors.ts";
import { LogLimiter } from "../log_limiter.ts";
import type { Log } from "../log.ts";
import { shorten } from "../quote.ts";
import type { Bus, Message, SubscribeOptions } from "./bus.ts";
import { connectHub, type ConnectOptions } from "./connect.ts";
import { explainHubError, type HubError, HubLogInError } from "./hub_error.ts";
import type { HubStatus } from "./nats_hub.ts";
import { deniedRights } from "./rights.ts";
import { type HubAddress, serverOf } from "./settings.ts";

/** Pause between two attempts to connect, in milliseconds. */
const RETRY_PAUSE = 500;
/** The pause after {@link LONG_OUTAGE}, in milliseconds. */
const LONG_RETRY_PAUSE = 2_000;
/** Time without a connection after which attempts are less frequent, in milliseconds. */
const LONG_OUTAGE = 60_000;
/** Duration of a connection after whose loss there is a pause, too, in milliseconds. */
const SHORT_CONNECTION = 5_000;
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
  /** See {@link ConnectOptions}. */
  readonly pingInterval?: number;
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
  readonly #connectOptions: Pick<ConnectOptions, "ca" | "pingInterval">;
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
  #status: HubStatus;
  /** Start of the time without a connection, by the monotonic clock, in milliseconds. */
  #downSince: number;

  constructor({ hubs, clock, log, ...connectOptions }: NatsBusOptions) {
    this.#hubs = hubs;
    this.#connectOptions = connectOptions;
    this.#clock = clock;
    this.#log = log;
    this.#status = { connected: false, since: clock.now(), reason: "connecting" };
    this.#downSince = clock.monotonic();
    this.#limiter = new LogLimiter({
      clock,
      maxLines: MAX_LOG_LINES,
      onSuspend: (_, seconds) => log.warn("hub events not logged", { seconds }),
      onResume: (_, suppressed) => log.info("hub events logged again", { suppressed }),
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
      if (connection && this.#connection === connection) this.#onLost(hub, reason);
    };
    let connection: NatsConnection | undefined;
    try {
      connection = await connectHub(hub, { ...this.#connectOptions, signal, onClose });
    } catch (error) {
      return signal.aborted ? 0 : this.#fail(error as HubError);
    }
    if (isClosed) return this.#fail(explainHubError(hub, await closed.promise));
    this.#adopt(connection!, hub);
    const connectedAt = this.#clock.monotonic();
    await closed.promise;
    this.#downSince = this.#clock.monotonic();
    return this.#downSince - connectedAt < SHORT_CONNECTION ? RETRY_PAUSE : 0;
  }

  #adopt(connection: NatsConnection, hub: HubAddress): void {
    this.#connection = connection;
    this.#status = { connected: true, since: this.#clock.now(), reason: undefined };
    this.#failures.clear();
    if (this.#limiter.allow("hub")) this.#log.info("hub connected", { hub: serverOf(hub) });
    this.#readErrors(connection).catch(() => {}); // ends with the connection
    for (const entry of [...this.#subscriptions]) this.#subscribe(entry);
    this.#notify(true);
  }

  #onLost(hub: HubAddress, reason: Error | undefined): void {
    this.#connection = undefined;
    for (const entry of [...this.#subscriptions]) {
      entry.current = undefined;
      if (entry.options.max !== undefined) this.#subscriptions.delete(entry);
    }
    for (const settle of [...this.#flushes]) settle(false);
    const isDisposed = this.#disposed.signal.aborted;
    const text = `Lost the connection to ${serverOf(hub)}: ${shorten(reason?.message ?? "closed")}`;
    this.#status = { connected: false, since: this.#clock.now(), reason: text };
    if (!isDisposed && this.#limiter.allow("hub")) {
      this.#log.warn("hub disconnected", { reason: text });
    }
    this.#notify(false);
  }

  /** Reports a failed attempt. @returns The pause before the next one, in milliseconds. */
  #fail(failure: HubError): number {
    const { message, hint } = failure;
    const reason = hint ? `${message} (${hint})` : message;
    this.#status = { ...this.#status, reason };
    if (this.#failures.size < MAX_REMEMBERED && !this.#failures.has(reason)) {
      this.#failures.add(reason);
      if (this.#limiter.allow("hub")) this.#log.warn("hub connection failed", { reason });
    }
    if (failure instanceof HubLogInError) return LOG_IN_PAUSE;
    const isLong = this.#clock.monotonic() - this.#downSince > LONG_OUTAGE;
    return isLong ? LONG_RETRY_PAUSE : RETRY_PAUSE;
  }

  #notify(connected: boolean): void {
    for (const listener of [...this.#listeners]) {
      this.#guard("hub listener failed", () => listener(connected));
    }
  }

  #subscribe(entry: Entry): void {
    if (!this.#connection) return;
    const { subject, onMessage, options: { max, onDenied } } = entry;
    const callback = (error: Error | null, message: Msg) => {
      if (error) {
        if (error instanceof errors.PermissionViolationError) {
          entry.current = undefined;
          if (onDenied) this.#guard("hub listener failed", onDenied);
        }
        return;
      }
      this.#guard("hub message failed", () => onMessage(toMessage(message)));
    };
    entry.current = this.#connection.subscribe(subject, { max, callback });
    if (max !== undefined) entry.current.closed.then(() => this.#subscriptions.delete(entry));
  }

  /** Calls a function: an exception in a callback would end the reader of nats.js. */
  #guard(event: string, call: () => void): void {
    try {
      call();
    } catch (error) {
      if (this.#limiter.allow(event)) this.#log.error(event, { reason: explain(error) });
    }
  }

  /** Reports denied rights, each once. */
  async #readErrors(connection: NatsConnection): Promise<void> {
    for await (const right of deniedRights(connection)) {
      if (this.#denied.has(right) || this.#denied.size >= MAX_REMEMBERED) continue;
      this.#denied.add(right);
      if (!this.#limiter.allow("denied")) continue;
      this.#log.error("hub permission denied", { reason: `the user needs: ${right}` });
    }
  }
}

function toMessage(message: Msg): Message {
  const { subject, data, reply, headers } = message;
  return {
    subject,
    data: data as Bytes,
    reply: reply || undefined,
    noResponders: data.length === 0 && headers?.code === 503,
  };
}
