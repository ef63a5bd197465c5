import type { Bytes } from "../bytes.ts";

/** A message from the hub. Its sender is not trusted. */
export interface Message {
  /** The subject that it was published to: rights at the hub are those for subjects. */
  readonly subject: string;
  readonly data: Bytes;
  /** The subject for answers. */
  readonly reply: string | undefined;
  /** Whether it is the hub's answer that nobody has subscribed to the subject of a message. */
  readonly noResponders: boolean;
}

/** Options of {@link Bus.subscribe}. */
export interface SubscribeOptions {
  /** Number of messages after which the hub ends the subscription. */
  readonly max?: number;
  /** Called when the hub denies the subscription. */
  readonly onDenied?: () => void;
}

/**
 * The connection to the hub, as origins and edges use it. It is made, and made again, for as long
 * as it is open. After a loss of the connection, subscriptions without `max` continue; those with
 * `max` are gone, and their owner subscribes anew when `connected` is true again.
 */
export interface Bus {
  readonly connected: boolean;
  /** Maximum size of a message, in bytes; `Infinity` while it is unknown. */
  readonly maxPayload: number;
  /**
   * Sends a message. While there is no connection nothing is sent, and nothing is kept for later.
   *
   * @returns Whether it was sent.
   */
  publish(subject: string, data: Bytes | string, reply?: string): boolean;
  /**
   * Waits until the hub has received everything that was published before.
   *
   * @returns False if the connection was lost.
   */
  flush(): Promise<boolean>;
  /** Calls `onMessage` for each message, until the result is disposed of. It may throw. */
  subscribe(
    subject: string,
    onMessage: (message: Message) => void,
    options?: SubscribeOptions,
  ): Disposable;
  /** Returns a new subject for answers, which this client may subscribe to. */
  createInbox(): string;
  /** Calls `onChange` after each change of {@link connected}, until the result is disposed of. */
  onConnection(onChange: (connected: boolean) => void): Disposable;
}
