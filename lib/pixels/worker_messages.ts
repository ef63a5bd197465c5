import type { Bytes } from "../bytes.ts";
import type { Size } from "../jpeg/segments.ts";
import type { PictureTask, Refused } from "./task.ts";

/** What a Worker of pictures is asked for. */
export type WorkerRequest =
  | { readonly type: "open"; readonly task: number; readonly options: PictureTask }
  | {
    readonly type: "process";
    readonly task: number;
    readonly call: number;
    readonly jpeg: Bytes;
    readonly capturedAt: number;
  }
  | { readonly type: "close"; readonly task: number };

/** The answer to a request of type `process`. */
export interface WorkerAnswer {
  readonly call: number;
  readonly result: RenderedMessage | Refused;
}

/** A picture that was processed. */
export interface RenderedMessage {
  /** In a new buffer, with headroom; undefined if the picture is unchanged. */
  readonly jpeg: Bytes | undefined;
  readonly size: Size;
}
