import { eTag, ifNoneMatch } from "@std/http/etag";
import { acceptsEncodings } from "@std/http/negotiation";
import { type Context, Hono } from "hono";
import { clipRoutes } from "./clip_routes.ts";
import { marksRoutes } from "./marks_routes.ts";
import { recordedSnapshotRoutes } from "./recorded_snapshot_routes.ts";
import { readPeriod, type RecordingContext, requireRecording } from "./recordings.ts";

/** Responses of at least this many characters are compressed for clients that accept gzip. */
const MIN_COMPRESSED = 1_024;

/**
 * The routes of recordings. They must precede those of the live picture, to which they leave the
 * requests without a time.
 */
export function recordingRoutes(context: RecordingContext): Hono[] {
  return [
    timelineRoutes(context),
    recordedSnapshotRoutes(context),
    marksRoutes(context),
    clipRoutes(context),
  ];
}

/**
 * `GET /cameras/:name/recordings?from=&to=`: what is recorded in a period, by default everything.
 * All times are in milliseconds since the Unix epoch.
 *
 * A span is a period without gaps. `activity` has a character for each `activityInterval`
 * milliseconds since `from`: a digit, or `-` without a recording. `progress` is below 1 while the
 * server still reads the folder after its start.
 */
function timelineRoutes({ cameras, recording, clock }: RecordingContext): Hono {
  return new Hono().get("/cameras/:name/recordings", async (c) => {
    const camera = cameras.get(c.req.param("name"));
    const { library, status } = requireRecording(recording, camera);
    const period = readPeriod(c, clock.now());
    const { oldest, newest, bytes } = library.extent(camera.name);
    const from = period.from ?? oldest ?? clock.now();
    const to = Math.max(from, period.to ?? newest ?? from);
    const { state, reason } = status.call(recording, camera.name);
    const body = {
      oldest: oldest ?? null,
      newest: newest ?? null,
      bytes,
      state,
      reason,
      progress: library.progress,
      from,
      to,
      ...await library.timeline(camera.name, from, to),
    };
    return await respond(c, JSON.stringify(body));
  });
}

/** Responds with JSON: compressed if it is large, and with 304 if the client has it already. */
async function respond(c: Context, json: string): Promise<Response> {
  const etag = (await eTag(json, { weak: true }))!; // the same for both encodings
  const headers = {
    "Content-Type": "application/json",
    "Cache-Control": "private, no-cache",
    "X-Content-Type-Options": "nosniff",
    "ETag": etag,
    "Vary": "Accept-Encoding",
  };
  if (!ifNoneMatch(c.req.header("If-None-Match") ?? null, etag)) return c.body(null, 304, headers);
  const compresses = json.length >= MIN_COMPRESSED && c.req.method !== "HEAD" &&
    c.req.header("Accept-Encoding") !== undefined && // otherwise the first one is returned
    acceptsEncodings(c.req.raw, "gzip", "identity") === "gzip";
  if (!compresses) return c.body(json, 200, headers);
  const compressed = new Blob([json]).stream().pipeThrough(new CompressionStream("gzip"));
  return c.body(compressed, 200, { ...headers, "Content-Encoding": "gzip" });
}
