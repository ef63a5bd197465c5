/** A named moment of a camera. */
export interface Mark {
  /** In milliseconds since the Unix epoch. */
  readonly at: number;
  /** Letters, digits, spaces and `-_.:`, at most 64 characters. */
  readonly label: string;
  /** What belongs to the mark: this many milliseconds before and after it. */
  readonly before: number;
  readonly after: number;
  /** Whether retention keeps what belongs to the mark. */
  readonly keep: boolean;
}
