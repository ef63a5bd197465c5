import type { Clock } from "../clock.ts";

/** A camera that follows a playhead. */
export interface PlayheadMember {
  /** Called when the position has jumped, or another member has left. */
  wake(): void;
}

/** Options of a {@link Playhead}. */
export interface PlayheadOptions {
  /** Where it begins, in milliseconds since the Unix epoch. */
  at: number;
  /** Recorded seconds per second: negative backwards, 0 stands still. */
  speed: number;
  clock: Clock;
}

/**
 * The moment of a recording that is being played: it moves with the time, however slow a client is.
 * Several cameras may follow one playhead, so that they show the same moment.
 */
export class Playhead {
  readonly speed: number;
  readonly #clock: Clock;
  /** The position at the monotonic time `#since`. */
  #at: number;
  #since: number;
  readonly #members = new Set<PlayheadMember>();
  readonly #observers = new Set<PlayheadMember>();
  /** Where the gap ends that the playhead is in, for each member that has one. */
  readonly #gaps = new Map<PlayheadMember, number>();

  constructor({ at, speed, clock }: PlayheadOptions) {
    this.speed = speed;
    this.#clock = clock;
    this.#at = at;
    this.#since = clock.monotonic();
  }

  /** The present position, in milliseconds since the Unix epoch. */
  get position(): number {
    if (this.speed === 0) return this.#at;
    return this.#at + this.speed * (this.#clock.monotonic() - this.#since);
  }

  /** Moves to another position, and goes on from there. Wakes all members. */
  jump(at: number): void {
    this.#at = at;
    this.#since = this.#clock.monotonic();
    this.#gaps.clear();
    this.#wakeAll();
  }

  /** Adds a camera. */
  join(member: PlayheadMember): void {
    this.#members.add(member);
  }

  /** Removes a camera. The others may now jump over a gap that it did not have. */
  leave(member: PlayheadMember): void {
    this.#gaps.delete(member);
    if (this.#members.delete(member)) this.#wakeAll();
  }

  /** Adds an observer: it is woken like a camera, but has no part in where the playhead is. */
  observe(observer: PlayheadMember): void {
    this.#observers.add(observer);
  }

  /** Removes an observer. */
  unobserve(observer: PlayheadMember): void {
    this.#observers.delete(observer);
  }

  /**
   * Reports that a member has no frames before `to`, in the direction of play. Jumps to the nearest
   * frame of any member if no member has frames where the playhead is.
   *
   * @param to Time of its next frame; infinite if it has none.
   * @returns Whether the playhead has jumped.
   */
  skip(member: PlayheadMember, to: number): boolean {
    this.#gaps.set(member, to);
    if (this.#gaps.size < this.#members.size) return false;
    const ends = [...this.#gaps.values()];
    const nearest = this.speed > 0 ? Math.min(...ends) : Math.max(...ends);
    if (!Number.isFinite(nearest)) return false;
    this.jump(nearest);
    return true;
  }

  /** Reports that a member has frames where the playhead is. */
  resume(member: PlayheadMember): void {
    this.#gaps.delete(member);
  }

  #wakeAll(): void {
    for (const member of [...this.#members, ...this.#observers]) member.wake();
  }
}
