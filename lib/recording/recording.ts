import type { Clips } from "./clip.ts";
import type { Library } from "./library.ts";
import type { Marks } from "./marks.ts";
import type { RecorderStatus } from "./status.ts";

/** The recordings of all cameras, for routes and players. */
export interface Recording extends AsyncDisposable {
  readonly library: Library;
  readonly marks: Marks;
  readonly clips: Clips;
  /** State of a camera's recorder. */
  status(camera: string): RecorderStatus;
  /** How long recordings are kept at the present rate, in milliseconds; undefined if unknown. */
  readonly holds: number | undefined;
  /** What is recorded and where, for users: "Recording front, back in /srv: at most 10 GB". */
  readonly summary: string;
}
