import { type Context, Hono, type Next } from "hono";
import type { Camera } from "../camera/camera.ts";
import type { Jpeg } from "../frame.ts";
import type { ProcessPicture } from "../pixels/task.ts";
import { gapLimit, isGap } from "../playback/mod.ts";
import type { Cursor, FrameRef } from "../recording/mod.ts";
import { HttpError } from "./errors.ts";
import { LIVE_HEADERS } from "./headers.ts";
import { type QueryRange, readNumberQuery } from "./query.ts";
import { type RecordingContext, requireRecording } from "./recordings.ts";
import { isRelativeTime, readTimeQuery } from "./time_query.ts";
import { readWantedQuery } from "./wanted_query.ts";

/** Distance at which a frame beside a gap is still returned, in seconds. */
const DEFAULT_TOLERANCE = 5;
const TOLERANCE_RANGE: QueryRange = {
  expected: "a number of seconds from 0",
  includes: (value) => value >= 0,
};

/** Age from which the frame at a time can no longer change, in milliseconds. */
const FINAL_AGE = 10_000;
/** Maximum number of unreadable frames that are skipped. */
const MAX_SKIPPED = 10;

/** Headers of frames that browsers may keep: moving back on the timeline then needs no request. */
const CACHED_HEADERS = {
  "Cache-Control": "private, max-age=86400, immutable",
  "X-Content-Type-Options": "nosniff",
};

/**
 * `GET /snapshot.jpg?at=&tolerance=`: the recorded frame at that time, which is the last one at or
 * before it. In a gap it is the nearest one within `tolerance` seconds. With `height`, `quality` or
 * `overlay` it is converted; then the response to HEAD has no `Content-Length`.
 */
export function recordedSnapshotRoutes(context: RecordingContext): Hono {
  const { cameras, recording, renditions, clock } = context;
  return new Hono()
    .get("/snapshot.jpg", (c, next) => snapshot(c, next, () => cameras.get()))
    .get("/snapshot", (c, next) => snapshot(c, next, () => cameras.get()))
    .get(
      "/cameras/:name/snapshot.jpg",
      (c, next) => snapshot(c, next, () => cameras.get(c.req.param("name"))),
    );

  async function snapshot(
    c: Context,
    next: Next,
    find: () => Camera,
  ): Promise<Response | void> {
    const now = clock.now();
    const at = readTimeQuery(c, "at", now);
    if (at === undefined) return await next();
    const tolerance = readNumberQuery(c, "tolerance", TOLERANCE_RANGE) ?? DEFAULT_TOLERANCE;
    const camera = find();
    const render = renditions.rendererOf(camera.name, readWantedQuery(c));
    const { library } = requireRecording(recording, camera);
    await using cursor = library.cursor(camera.name);
    const found = await findFrame(cursor, at, tolerance * 1000);
    // The address of a relative time names another frame later.
    const isFinal = !found.isNewest && at <= now - FINAL_AGE && !isRelativeTime(c.req.query("at")!);
    const headers = { "Content-Type": "image/jpeg", ...isFinal ? CACHED_HEADERS : LIVE_HEADERS };
    if (c.req.method === "HEAD") {
      const { at, size } = found.frame;
      return c.body(null, 200, { ...headers, ...describe(at, render ? undefined : size) });
    }
    const { frame, jpeg } = await readFrame(cursor, found.frame);
    const sent = render ? await convert(jpeg, frame.at, render) : jpeg;
    return c.body(sent, 200, { ...headers, ...describe(frame.at, sent.length) });
  }
}

/** Converts a recorded frame. @throws {HttpError} 422 if that is not possible. */
async function convert(jpeg: Jpeg, at: number, render: ProcessPicture): Promise<Jpeg> {
  const rendered = await render(jpeg, at);
  if ("jpeg" in rendered) return rendered.jpeg;
  throw new HttpError(422, `The recorded picture cannot be converted: ${rendered.refused}`);
}

interface FoundFrame {
  readonly frame: FrameRef;
  /** Whether it may be followed by another frame before the requested time. */
  readonly isNewest: boolean;
}

/** Finds the frame at a time, and moves the cursor to it. @throws {HttpError} 404 without one. */
async function findFrame(cursor: Cursor, at: number, tolerance: number): Promise<FoundFrame> {
  const before = await cursor.seek(at, "before");
  const after = before ? await cursor.step(1) : await cursor.seek(at, "after");
  if (before && !(after ? isGap(before, after) : at - before.at > gapLimit(before))) {
    if (after) await cursor.step(-1);
    return { frame: before, isNewest: !after };
  }
  const nearest = !before || after && after.at - at < at - before.at ? after : before;
  if (!nearest) throw new HttpError(404, "Nothing is recorded yet");
  const distance = Math.abs(nearest.at - at);
  if (distance > tolerance) {
    throw new HttpError(
      404,
      `Nothing is recorded at ${format(at)}: the nearest frame is from ${format(nearest.at)}; ` +
        `to get it, set tolerance=${Math.ceil(distance / 1000)}`,
    );
  }
  if (after && nearest === before) await cursor.step(-1);
  return { frame: nearest, isNewest: !after };
}

/**
 * Reads the frame that the cursor is at, or one before it if that is damaged.
 *
 * @throws {HttpError} 404 if it has been deleted in the meantime.
 */
async function readFrame(cursor: Cursor, found: FrameRef) {
  let frame: FrameRef | undefined = found;
  for (let i = 0; frame && i < MAX_SKIPPED; i++) {
    const jpeg = await cursor.read();
    if (jpeg) return { frame, jpeg };
    frame = await cursor.step(-1);
  }
  throw new HttpError(404, `The recording of ${format(found.at)} has been deleted, or is damaged`);
}

/** @param size In bytes; undefined if it is not known. */
function describe(at: number, size: number | undefined): Record<string, string> {
  const length: Record<string, string> = size === undefined ? {} : { "Content-Length": `${size}` };
  return { ...length, "X-Timestamp": (at / 1000).toFixed(6) };
}

function format(time: number): string {
  return new Date(time).toISOString();
}
