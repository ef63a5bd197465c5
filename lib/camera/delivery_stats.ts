/** The upper ends of the ranges in which {@link Deliveries} counts how old frames were, in milliseconds. */
export const AGES: readonly number[] = [
  ...[1, 2, 5, 10, 20, 50, 100, 200, 500],
  ...[1_000, 2_000, 5_000, 10_000],
];

/** What a camera's viewers were given, in plain numbers: adding a frame costs a few additions. */
export class Deliveries {
  /** Frames that viewers have taken, each counted for each viewer. */
  frames = 0;
  bytes = 0;
  /** The sum of the frames' ages, in milliseconds. */
  totalAge = 0;
  /** How many frames were in each range of {@link AGES}; the last number is of those older than all. */
  readonly ages: number[] = Array(AGES.length + 1).fill(0);

  /** Counts a frame that a viewer has taken. @param age Since its capture, in milliseconds. */
  add(bytes: number, age: number): void {
    age = Math.max(0, age); // when the machine's time was set back meanwhile
    this.frames++;
    this.bytes += bytes;
    this.totalAge += age;
    let range = 0;
    while (range < AGES.length && age > AGES[range]!) range++;
    this.ages[range]!++;
  }
}
