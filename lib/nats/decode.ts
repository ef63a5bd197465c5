import type { Bytes } from "../bytes.ts";
import { isCameraName } from "../env.ts";
import { MAX_FRAME } from "../frame.ts";
import { shorten } from "../quote.ts";
import type { Message } from "./bus.ts";
import {
  type Beat,
  beatSubject,
  FRAME_HEADER,
  type FrameHeader,
  LANES,
  MAX_JSON,
  MAX_REASON,
  type Want,
} from "./protocol.ts";

/** Maximum length of the name of an edge, in characters. */
const MAX_EDGE = 64;
const STATES: readonly unknown[] = ["off", "starting", "streaming", "failed"];

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
  const roundTrip = view.getUint32(28);
  return { capturedAt, monotonic, epoch, sequence, roundTrip, jpeg: bytes.subarray(FRAME_HEADER) };
}

/** Reads a beat. @returns Undefined if it is invalid, or that of another camera than its subject. */
export function decodeBeat({ subject, data }: Pick<Message, "subject" | "data">): Beat | undefined {
  const json = parseObject<Beat>(data);
  if (!json) return undefined;
  const { camera, epoch, now, monotonic, driver, state, error, fps, size } = json;
  const isValid = isString(camera) && isCameraName(camera) && subject === beatSubject(camera) &&
    isNumber(epoch) && isNumber(now) && isNumber(monotonic) && STATES.includes(state) &&
    isDriverName(driver) && isNumber(fps) && fps >= 0;
  if (!isValid) return undefined;
  return {
    ...{ camera, epoch, now, monotonic, driver, fps },
    state: state as Beat["state"],
    error: isString(error) ? shorten(error, MAX_REASON) : undefined,
    size: isString(size) && /^\d{1,5}x\d{1,5}$/.test(size) ? size : undefined,
    watched: json.watched === true,
    gone: json.gone === true,
  };
}

/** Reads a want. @returns Undefined if it is invalid. */
export function decodeWant(data: Bytes): Want | undefined {
  const json = parseObject<Want>(data);
  if (!json) return undefined;
  const { edge, epoch, lane, new: isNew, bye } = json;
  const isValid = isString(edge) && edge !== "" && edge.length <= MAX_EDGE &&
    isOptional(epoch, isNumber) && isOptional(lane, isLane) && isOptional(isNew, isBoolean) &&
    isOptional(bye, isBoolean);
  return isValid ? { edge, epoch, lane, new: isNew, bye } : undefined;
}

/** Reads a JSON object, whose fields can have any value. */
function parseObject<T>(data: Bytes): Partial<Record<keyof T, unknown>> | undefined {
  if (data.length > MAX_JSON) return undefined;
  try {
    const json = JSON.parse(new TextDecoder().decode(data));
    return typeof json === "object" && json !== null ? json : undefined;
  } catch {
    return undefined; // no JSON
  }
}

function isOptional<T>(
  value: unknown,
  is: (value: unknown) => value is T,
): value is T | undefined {
  return value === undefined || is(value);
}

function isString(value: unknown): value is string {
  return typeof value === "string";
}

function isBoolean(value: unknown): value is boolean {
  return typeof value === "boolean";
}

function isNumber(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value);
}

function isLane(value: unknown): value is number {
  return isNumber(value) && Number.isInteger(value) && value >= 0 && value < LANES;
}

function isDriverName(value: unknown): value is string {
  return isString(value) && /^[a-z0-9_-]{1,64}$/i.test(value);
}
