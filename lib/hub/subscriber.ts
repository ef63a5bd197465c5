/** Why a source has ended. */
export interface Failure {
  readonly reason: unknown;
}

/**
 * Role of a subscriber. A viewer is a client that shows frames to a person; a background subscriber
 * is a module of the server that processes frames, such as a recorder. Background subscribers do
 * not count as viewers.
 */
export type Role = "viewer" | "background";

/**
 * Receives the items of a hub. The hub calls it for each item: it must return quickly and must not
 * throw.
 */
export interface Subscriber<T> {
  readonly role: Role;
  /**
   * Whether the source runs for this subscriber. With `false` it receives items while the source
   * runs for others. @default {true}
   */
  readonly keepsRunning?: boolean;
  /**
   * Whether it may still use an item, which was offered to it, or any part of it. A subscriber
   * without this method may keep every item for as long as it likes.
   */
  holds?(item: T): boolean;
  /** Called for each new item, and with the latest one on joining. */
  offer(item: T): void;
  /**
   * Called once when there will be no more items, with the reason if the source has failed. A
   * camera retries its source forever, so it ends its subscribers only at shutdown.
   */
  end(failure?: Failure): void;
}
