import type { Subscriber } from "./subscriber.ts";

/** Maximum number of items that are tracked: slow subscribers hold an item for some intervals. */
const MAX_ITEMS = 4;

/** An item and whether it must never be released. */
interface RecentItem<T> {
  readonly item: T;
  kept: boolean;
}

/**
 * Finds out which of the latest items of a hub are no longer used. An item is released only if every
 * subscriber that got it says by `holds` that it does not use it. Other items are left to the
 * garbage collector.
 */
export class RecentItems<T> {
  readonly #subscribers: Iterable<Subscriber<T>>;
  readonly #onReleased: (item: T) => void;
  /** The oldest first. */
  #items: RecentItem<T>[] = [];

  constructor(subscribers: Iterable<Subscriber<T>>, onReleased: (item: T) => void) {
    this.#subscribers = subscribers;
    this.#onReleased = onReleased;
  }

  /** Releases unused items, and adds an item that is about to be offered to all subscribers. */
  add(item: T): void {
    let count = 0;
    for (const recent of this.#items) {
      if (recent.kept) continue;
      if (this.#isHeld(recent.item)) this.#items[count++] = recent;
      else this.#onReleased(recent.item);
    }
    this.#items.length = count;
    if (count === MAX_ITEMS) this.#items.shift();
    this.#items.push({ item, kept: this.#isKept() });
  }

  /** Leaves the latest item to the garbage collector: it is used outside the subscribers. */
  keepLatest(): void {
    const latest = this.#items.at(-1);
    if (latest) latest.kept = true;
  }

  /** Records that the latest item is offered to a subscriber that has just joined. */
  offeredAgain({ holds }: Subscriber<T>): void {
    if (!holds) this.keepLatest();
  }

  /** Records that a subscriber leaves: its `holds` is called for the last time. */
  left(subscriber: Subscriber<T>): void {
    for (const recent of this.#items) recent.kept ||= subscriber.holds?.(recent.item) ?? true;
  }

  /** Forgets all items. */
  clear(): void {
    this.#items = [];
  }

  /** Whether a subscriber may keep the item that is about to be offered. */
  #isKept(): boolean {
    for (const { holds } of this.#subscribers) if (!holds) return true;
    return false;
  }

  #isHeld(item: T): boolean {
    for (const subscriber of this.#subscribers) {
      if (subscriber.holds?.(item) ?? true) return true;
    }
    return false;
  }
}
