import type { Camera } from "../camera/camera.ts";
import type { CameraSound } from "../sound_packet.ts";
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

/** How a camera is recorded. */
export interface RecordOptions {
  /** Maximum number of frames per second; all without it. */
  readonly fps?: number;
  /** Its sound, if that is recorded too: the microphone then runs all the time. */
  readonly sound?: CameraSound;
}

/** {@link Recording} for its owner, who decides which cameras are recorded. */
export interface MutableRecording extends Recording {
  /**
   * Records a camera from now on, or when the folder has been read. The camera then runs all the
   * time. Replaces another camera of its name. Does nothing for one that is recorded already, and
   * after the disposal.
   */
  add(camera: Camera, options?: RecordOptions): void;
  /**
   * Ends the recording of a camera; what has been recorded stays. Resolves when its last segment is
   * closed. Does nothing for a camera that is not recorded.
   */
  remove(camera: Camera): Promise<void>;
  /**
   * Whether a camera is recorded, or will be when the folder has been read; also while its last
   * segment is being closed.
   */
  records(camera: string): boolean;
  /** Adds a resource that is disposed of at shutdown, before recording ends. */
  use(resource: AsyncDisposable | Disposable): void;
}
