import type { Bytes } from "../bytes.ts";
import type { Frame } from "../frame.ts";

/** How many bytes stand in front of the JPEG in a message that holds a frame. */
export const FRAME_HEADER = 16;
/** A client's message of more characters is not read. */
export const MAX_MESSAGE = 4_096;

/** What a client may say. */
export type ClientMessage =
  /** These cameras, by name, and no others. Those that there are not are passed over. */
  | { readonly type: "watch"; readonly cameras: readonly string[] }
  /** The frame is on the screen, or not wanted any more: the next one may come. */
  | { readonly type: "painted"; readonly camera: number; readonly sequence: number }
  /** How is everything, and how late is it? */
  | { readonly type: "ping"; readonly id: number };

const messages = new WeakMap<Frame, Bytes>();

/**
 * The message that holds a frame, big-endian:
 *
 *     0  uint32   the camera's index in the server's list
 *     4  uint32   the frame's sequence number
 *     8  float64  when it was captured, in milliseconds since the Unix epoch
 *    16           the JPEG
 *
 * It is made once for all viewers, so do not write to it. (The room around a JPEG belongs to the
 * multipart encoder; one copy of a frame, however many watch, costs less than a second message to each.)
 *
 * @param camera The index: for one frame always the same.
 */
export function frameMessage(frame: Frame, camera: number): Bytes {
  let message = messages.get(frame);
  if (!message) messages.set(frame, message = build(frame, camera));
  return message;
}

function build({ jpeg, sequence, capturedAt }: Frame, camera: number): Bytes {
  const message = new Uint8Array(FRAME_HEADER + jpeg.length);
  const header = new DataView(message.buffer, 0, FRAME_HEADER);
  header.setUint32(0, camera);
  header.setUint32(4, sequence);
  header.setFloat64(8, capturedAt);
  message.set(jpeg, FRAME_HEADER);
  return message;
}

/** Reads what a client said; undefined if it is none of the messages that there are. */
export function readClientMessage(text: string): ClientMessage | undefined {
  const message = parse(text);
  switch (message?.type) {
    case "watch": {
      const { cameras } = message;
      if (!Array.isArray(cameras) || !cameras.every((one) => typeof one === "string")) return;
      return { type: "watch", cameras };
    }
    case "painted": {
      const { camera, sequence } = message;
      if (!isCount(camera) || !isCount(sequence)) return;
      return { type: "painted", camera, sequence };
    }
    case "ping":
      return isCount(message.id) ? { type: "ping", id: message.id } : undefined;
  }
}

function parse(text: string): Record<string, unknown> | undefined {
  try {
    const value = JSON.parse(text);
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    return undefined; // no JSON
  }
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && value as number >= 0;
}
