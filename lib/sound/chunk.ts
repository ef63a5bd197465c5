import type { Bytes } from "../bytes.ts";
import type { Open } from "../hub/source.ts";

/** Samples as a source delivers them: 16 bits, little-endian, mono. */
export interface SoundChunk {
  /** May end within a sample. Valid until the next chunk is read. */
  readonly bytes: Bytes;
  /**
   * When the first sample that begins in it was heard, in milliseconds since the Unix epoch, by the
   * clock that stamps the camera's frames. Missing if only the time of arrival is known.
   */
  readonly heardAt?: number;
}

/** Starts the capture of a microphone. It ends when its signal aborts. */
export type OpenSound = Open<SoundChunk>;
