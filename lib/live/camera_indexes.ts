/** Number of indexes: messages have 16 bits for them. */
const MAX_INDEXES = 65_536;

/**
 * The numbers by which messages refer to cameras. A name has the same index in all sessions, so that
 * they can share messages, and keeps it, also while no camera has the name.
 */
export class CameraIndexes {
  readonly #byName = new Map<string, number>();

  /** Whether there are no more indexes. New sessions then need other {@link CameraIndexes}. */
  get isFull(): boolean {
    return this.#byName.size >= MAX_INDEXES;
  }

  /** Returns the index of a name: for a new one the next free index, undefined if there is none. */
  of(name: string): number | undefined {
    const known = this.#byName.get(name);
    if (known !== undefined || this.isFull) return known;
    const index = this.#byName.size;
    this.#byName.set(name, index);
    return index;
  }
}
