import type { Bytes } from "../bytes.ts";
import { MAX_FRAME } from "../frame.ts";
import { printable } from "../quote.ts";
import type { Message } from "./bus.ts";
import { type Beat, beatSubject, FRAME_HEADER, type FrameHeader, MAX_JSON } from "./protocol.ts";

/** A camera's name, as in `CAMERA`. */
const NAME = /^[a-z0-9-]{1,64}$/i;
/** Maximum length of an origin's error message, in characters. */
const MAX_ERROR = 300;
const STATES: readonly unknown[] = ["off", "starting", "streaming", "failed"];

/** Whether `text` can be the name of a camera. */
export function isCameraName(text: unknown): text is string {
  return typeof text === "string" && NAME.test(text);
}

/** Reads a frame's message. @returns Undefined if it is none; the JPEG is not examined. */
export function decodeFrame(bytes: Bytes): (FrameHeader & { jpeg: Bytes }) | undefined {
  const size = bytes.length - FRAME_HEADER;
  if (size <= 0 || size > MAX_FRAME) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, FRAME_HEADER);
  const capturedAt = view.getFloat64(0);
  const monotonic = view.getFloat64(8);
  const epoch = view.getFloat64(16);
  if (![capturedAt, monotonic, epoch].every(Number.isFinite)) return undefined;
  const sequence = view.getUint32(24);
  const way = view.getUint32(28);
  return { capturedAt, monotonic, epoch, sequence, way, jpeg: bytes.subarray(FRAME_HEADER) };
}

/** Reads a beat. @returns Undefined if it is invalid, or that of another camera than its subject. */
export function decodeBeat({ subject, data }: Pick<Message, "subject" | "data">): Beat | undefined {
  if (data.length > MAX_JSON) return undefined;
  let json: Partial<Record<keyof Beat, unknown>> | null;
  try {
    json = JSON.parse(new TextDecoder().decode(data));
  } catch {
    return undefined; // a stranger's message
  }
  if (typeof json !== "object" || json === null) return undefined;
  const { camera, epoch, now, monotonic, driver, state, error, fps, size } = json;
  const isValid = isCameraName(camera) && subject === beatSubject(camera) && isNumber(epoch) &&
    isNumber(now) && isNumber(monotonic) && STATES.includes(state) && isCameraDriver(driver) &&
    isNumber(fps) && fps >= 0;
  if (!isValid) return undefined;
  return {
    ...{ camera, epoch, now, monotonic, driver, fps },
    state: state as Beat["state"],
    error: typeof error === "string" ? cut(error) : undefined,
    size: typeof size === "string" && /^\d{1,5}x\d{1,5}$/.test(size) ? size : undefined,
    watched: json.watched === true,
    gone: json.gone === true,
  };
}

function isNumber(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value);
}

function isCameraDriver(value: unknown): value is string {
  return typeof value === "string" && /^[a-z0-9_-]{1,64}$/i.test(value);
}

function cut(text: string): string {
  return printable(text.length > MAX_ERROR ? `${text.slice(0, MAX_ERROR)}…` : text);
}
