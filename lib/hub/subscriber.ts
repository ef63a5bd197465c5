/** Why a source has ended. */
export interface Failure {
  readonly reason: unknown;
}

/**
 * Kind of a subscriber: a client that shows frames to a person, or a part of the server that works on them
 * (recorder, publisher, detector). Background subscribers are not counted as viewers.
 */
export type Role = "viewer" | "background";

/** Receives the items of a hub. The hub calls it for each item, so it must be quick and must not throw. */
export interface Subscriber<T> {
  readonly role: Role;
  /**
   * Whether the source runs for this subscriber. With `false` it receives items while the source runs for
   * others. @default {true}
   */
  readonly keepsRunning?: boolean;
  /** Called for each new item, and with the latest one on joining. */
  offer(item: T): void;
  /**
   * Called once when there will be no more items, with the reason if the source has failed. A camera retries
   * its source forever, so it ends its subscribers only at shutdown.
   */
  end(failure?: Failure): void;
}
