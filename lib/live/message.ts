import type { Bytes } from "../bytes.ts";
import type { Frame } from "../frame.ts";

/**
 * Version of the live protocol. Increase it when a page of the previous version cannot read the
 * messages.
 */
export const PROTOCOL_VERSION = 2;

/** The first byte of each binary message. Clients ignore kinds that they do not know. */
export const MESSAGE_KIND = { FRAME: 1 } as const;

/** Size of the header before the JPEG in a frame message, in bytes. */
export const FRAME_HEADER = 16;

/** Maximum length of a client's message, in characters. */
export const MAX_MESSAGE = 4_096;

/** The messages that a client may send. */
export type ClientMessage =
  /**
   * Selects the cameras to watch, by name. Unknown names are ignored. With `retry`, failed cameras
   * are retried without the usual delay, because the user has requested it.
   */
  | { readonly type: "watch"; readonly cameras: readonly string[]; readonly retry: boolean }
  /** Acknowledges a frame: it was painted or discarded, and the server may send the next frame. */
  | { readonly type: "painted"; readonly camera: number; readonly sequence: number }
  /** Requests the cameras' status and the server's time. */
  | { readonly type: "ping"; readonly id: number };

const messages = new WeakMap<Frame, Bytes>();

/**
 * Encodes a frame as a binary message, big-endian:
 *
 *     0  uint8    kind: 1
 *     1  uint8    reserved: 0
 *     2  uint16   index of the camera in the server's list
 *     4  uint32   sequence number of the frame
 *     8  float64  capture time, in milliseconds since the Unix epoch
 *    16           the JPEG
 *
 * All viewers share one message per frame: do not write to it. (The headroom around a JPEG belongs
 * to the multipart encoder. One copy per frame, for any number of viewers, costs less than two
 * messages per viewer.)
 *
 * @param camera Index of the camera: always the same for one frame.
 */
export function frameMessage(frame: Frame, camera: number): Bytes {
  let message = messages.get(frame);
  if (!message) messages.set(frame, message = encode(frame, camera));
  return message;
}

function encode({ jpeg, sequence, capturedAt }: Frame, camera: number): Bytes {
  const message = new Uint8Array(FRAME_HEADER + jpeg.length);
  const header = new DataView(message.buffer, 0, FRAME_HEADER);
  header.setUint8(0, MESSAGE_KIND.FRAME);
  header.setUint16(2, camera);
  header.setUint32(4, sequence);
  header.setFloat64(8, capturedAt);
  message.set(jpeg, FRAME_HEADER);
  return message;
}

/** Parses a client's message; returns undefined if it is malformed or of an unknown type. */
export function readClientMessage(text: string): ClientMessage | undefined {
  const message = parseObject(text);
  switch (message?.type) {
    case "watch": {
      const { cameras } = message;
      if (!Array.isArray(cameras) || !cameras.every((name) => typeof name === "string")) return;
      return { type: "watch", cameras, retry: message.retry === true };
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

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value = JSON.parse(text);
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    return undefined; // invalid JSON
  }
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && value as number >= 0;
}
