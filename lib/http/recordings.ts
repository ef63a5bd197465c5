import type { Context } from "hono";
import type { Camera } from "../camera/camera.ts";
import type { Clock } from "../clock.ts";
import type { Log } from "../log.ts";
import type { Recording } from "../recording/mod.ts";
import type { Renditions } from "../renditions/mod.ts";
import type { Cameras } from "./cameras.ts";
import { HttpError } from "./errors.ts";
import { readTimeQuery } from "./time_query.ts";

/** What the routes of recordings need. */
export interface RecordingContext {
  cameras: Cameras;
  /** Undefined if the server does not record. */
  recording: Recording | undefined;
  renditions: Renditions;
  clock: Clock;
  log: Log;
}

/**
 * Returns the recordings, for a route that is about a camera's recordings.
 *
 * @throws {HttpError} 404 if the server does not record the camera, and has no recordings of it.
 */
export function requireRecording(recording: Recording | undefined, camera: Camera): Recording {
  if (!recording) throw new HttpError(404, "Nothing is recorded: set RECORD_DIR");
  const isEmpty = recording.library.extent(camera.name).oldest === undefined;
  if (isEmpty && recording.status(camera.name).state === "off") {
    throw new HttpError(404, `Nothing is recorded of camera "${camera.name}": see RECORD`);
  }
  return recording;
}

/**
 * Reads the period `?from=&to=`.
 *
 * @throws {HttpError} 400 if a time is not valid, or `from` is after `to`.
 */
export function readPeriod(
  c: Context,
  now: number,
): { from: number | undefined; to: number | undefined } {
  const from = readTimeQuery(c, "from", now);
  const to = readTimeQuery(c, "to", now);
  if (from !== undefined && to !== undefined && from > to) {
    throw new HttpError(400, 'Cannot read "from" and "to" as a period: "from" is after "to"');
  }
  return { from, to };
}
