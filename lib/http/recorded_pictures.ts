import type { Context } from "hono";
import type { Camera } from "../camera/camera.ts";
import type { ProcessPicture } from "../pixels/task.ts";
import { RenditionError, type Renditions, wantsOwn } from "../renditions/mod.ts";
import { readWantedQuery } from "./wanted_query.ts";

/**
 * Reads `?height=`, `?quality=` and `?overlay=`, and returns what makes such pictures of a camera's
 * recorded ones; undefined if the client wants those.
 *
 * @throws {HttpError} 400 if a value is not valid.
 */
export function readRecordedPictures(
  c: Context,
  renditions: Renditions,
  { name }: Camera,
): ProcessPicture | undefined {
  const wanted = readWantedQuery(c);
  if (wantsOwn(wanted)) return undefined;
  return async (jpeg, capturedAt) => {
    try {
      return await renditions.render(name, jpeg, capturedAt, wanted);
    } catch (error) {
      if (!(error instanceof RenditionError) || error.tooMany) throw error;
      return { refused: error.message };
    }
  };
}
