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

/** The marks of all cameras: files `marks.jsonl` in the folders of the days. */
export interface Marks {
  /** Adds a mark; resolves when it is on the disk. */
  add(camera: string, mark: Mark): Promise<void>;
  /** Returns the marks in a period, by time; only those with this label, if it is given. */
  list(camera: string, from: number, to: number, label?: string): Promise<readonly Mark[]>;
  /** Returns whether a mark keeps something between two times. */
  keeps(camera: string, start: number, end: number): Promise<boolean>;
}
