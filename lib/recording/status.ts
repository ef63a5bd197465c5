/** State of a camera's recorder. */
export interface RecorderStatus {
  /**
   * `recording`: frames are written. `waiting`: the camera delivers no frames. `paused`: they cannot
   * be written now, see `reason`; retried by itself. `off`: the camera is not recorded.
   */
  readonly state: "recording" | "waiting" | "paused" | "off";
  /** Why it is paused, for users: "The disk is full: 12 MB free; delete files or lower RECORD_MAX". */
  readonly reason?: string;
  /** Since when it has had this state, in milliseconds since the Unix epoch. */
  readonly since: number;
  /** Frames written since the start of the server. */
  readonly frames: number;
  /** Frames that could not be written. */
  readonly dropped: number;
  /** Missing if sound is not recorded. */
  readonly sound?: {
    /** Packets that could not be written. */
    readonly dropped: number;
  };
  /** Bytes written per second, over the last minute. */
  readonly bytesPerSecond: number;
}
