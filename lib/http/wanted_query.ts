import type { Context } from "hono";
import type { Wanted } from "../renditions/mod.ts";
import { readQuery, readSwitchQuery } from "./query.ts";

/** Maximum height that can be requested, in pixels. */
const MAX_HEIGHT = 16_384;
/** JPEG quality of the words for it. */
const QUALITIES: ReadonlyMap<string, number> = new Map([["low", 30], ["medium", 60]]);

/**
 * Reads in which size and quality a client wants pictures: `?height=360&quality=60&overlay=1`.
 *
 * @throws {HttpError} 400 if a value is not valid.
 */
export function readWantedQuery(c: Context): Wanted {
  const height = `a whole number of pixels from 1 to ${MAX_HEIGHT}`;
  const quality = "a whole number from 1 to 100, or low or medium";
  return {
    height: readQuery(c, "height", height, (text) => readInteger(text, MAX_HEIGHT)),
    quality: readQuery(
      c,
      "quality",
      quality,
      (text) => QUALITIES.get(text) ?? readInteger(text, 100),
    ),
    overlay: readSwitchQuery(c, "overlay"),
  };
}

function readInteger(text: string, max: number): number | undefined {
  const value = Number(text);
  return /^\d+$/.test(text) && value >= 1 && value <= max ? value : undefined;
}
