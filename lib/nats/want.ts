import type { Bytes } from "../bytes.ts";
import { LANES, MAX_JSON, type Want } from "./protocol.ts";

/** Maximum length of the name of an edge, in characters. */
const MAX_EDGE = 64;

/** Reads a want. @returns Undefined if it is no valid one: it comes from a stranger. */
export function parseWant(data: Bytes): Want | undefined {
  if (data.length > MAX_JSON) return undefined;
  let want: Record<keyof Want, unknown> | null;
  try {
    want = JSON.parse(new TextDecoder().decode(data));
  } catch {
    return undefined; // no JSON
  }
  if (typeof want !== "object" || want === null) return undefined;
  const { edge, epoch, lane, new: isNew, bye } = want;
  if (typeof edge !== "string" || edge === "" || edge.length > MAX_EDGE) return undefined;
  if (epoch !== undefined && !Number.isFinite(epoch)) return undefined;
  if (lane !== undefined && !isLane(lane)) return undefined;
  if (!isOptionalBoolean(isNew) || !isOptionalBoolean(bye)) return undefined;
  return { edge, epoch: epoch as number | undefined, lane, new: isNew, bye };
}

function isLane(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) < LANES;
}

function isOptionalBoolean(value: unknown): value is boolean | undefined {
  return value === undefined || typeof value === "boolean";
}
