/** A microphone of this machine. */
export interface FoundMicrophone {
  /** The value of `AUDIO` that selects it. */
  readonly audio: string;
  /** Its name, for people. */
  readonly name: string;
  /** Whether the sound server has muted it, if that is known. */
  readonly muted?: boolean;
}
