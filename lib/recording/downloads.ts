import type { Clock } from "../clock.ts";

/** Time without reading after which a client gives way to another one, in milliseconds. */
const MAX_STALL = 60_000;

/** A clip that a client downloads. It is disposed of when nothing more is sent. */
export interface Download extends Disposable {
  /** Aborts when the client gives way to another one, as it does not read. */
  readonly signal: AbortSignal;
  /** Notes that the client has read what was sent, and waits for more. */
  onRead(): void;
  /** Notes that something was sent that the client has not read yet. */
  onSend(): void;
}

interface Entry {
  /** Since when the client could have read; infinite while it waits. */
  unreadSince: number;
  readonly abort: AbortController;
}

/**
 * The clips that are being downloaded: each takes memory and an open file, also while its client
 * does not read, as with a download that is paused.
 */
export class Downloads {
  readonly #max: number;
  readonly #clock: Pick<Clock, "monotonic">;
  readonly #entries = new Set<Entry>();

  /** @param max Maximum number at the same time. */
  constructor(max: number, clock: Pick<Clock, "monotonic">) {
    this.#max = max;
    this.#clock = clock;
  }

  /**
   * Adds a download. If there are too many, the one whose client has not read for longest ends, if
   * that is a minute or more.
   *
   * @returns undefined if there are too many.
   */
  begin(): Download | undefined {
    if (this.#entries.size >= this.#max && !this.#makeRoom()) return undefined;
    const entry = { unreadSince: this.#clock.monotonic(), abort: new AbortController() };
    this.#entries.add(entry);
    return {
      signal: entry.abort.signal,
      onRead: () => void (entry.unreadSince = Infinity),
      onSend: () => void (entry.unreadSince = this.#clock.monotonic()),
      [Symbol.dispose]: () => void this.#entries.delete(entry),
    };
  }

  #makeRoom(): boolean {
    const [stalled] = [...this.#entries].sort((a, b) => a.unreadSince - b.unreadSince);
    if (!stalled || this.#clock.monotonic() - stalled.unreadSince < MAX_STALL) return false;
    this.#entries.delete(stalled);
    stalled.abort.abort(new Error("the client does not read, and others wait"));
    return true;
  }
}
