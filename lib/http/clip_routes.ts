import { ifNoneMatch } from "@std/http/etag";
import { type Context, Hono } from "hono";
import type {
  ClipFileFormat,
  ClipFormat,
  ClipPlan,
  ClipQuery,
  Clips,
  Refusal,
  Rendering,
  Sending,
} from "../recording/mod.ts";
import type { Bytes } from "../bytes.ts";
import { quote } from "../quote.ts";
import { HttpError } from "./errors.ts";
import { NO_STORE } from "./headers.ts";
import { type QueryRange, readNumberQuery } from "./query.ts";
import { allowsRange, readRange } from "./range.ts";
import { type RecordingContext, requireRecording } from "./recordings.ts";
import { readTimeQuery } from "./time_query.ts";
import { readWantedQuery } from "./wanted_query.ts";

const TYPES: Readonly<Record<ClipFormat, string>> = {
  mkv: "video/x-matroska",
  mjpeg: "video/x-motion-jpeg",
  mp4: "video/mp4",
};

/** When to try again while as many clips are sent as possible, in seconds. */
const RETRY_AFTER = 10;

const SPEED_RANGE: QueryRange = {
  expected: "a number above 0, such as 60 for a timelapse or 0.5 for slow motion",
  includes: (value) => value > 0 && Number.isFinite(value),
};

const FPS_RANGE: QueryRange = {
  expected: "a number above 0 and at most 240",
  includes: (value) => value > 0 && value <= 240,
};

/**
 * `GET /cameras/:name/clip.mkv`, `clip.mjpeg` and `clip.mp4`: a part of the recording as a file.
 *
 * `from` is required, `to` is by default now. `speed=60` makes a timelapse. `fps` limits the frame
 * rate of the clip. `marks=layer` takes a frame for each mark with this label, at `fps` (25).
 *
 * `clip.mkv` and `clip.mjpeg` have a `Content-Length`, and ranges. The size of `clip.mp4` is not
 * known in advance; it is typically a third of that of `clip.mkv`. Pages can show the progress: an
 * MP4 is a sequence of boxes that begin with their size (4 bytes) and type, and each `moof` box is
 * followed by the next `X-Clip-Fragment-Frames` of the `X-Clip-Frames` frames, or by fewer, so that
 * no fragment with sound is longer than a minute. `X-Clip-Duration` is in seconds. HEAD has the same
 * headers.
 *
 * `clip.mkv` and `clip.mp4` have the recorded sound, unless there is a `speed` or `marks`.
 *
 * With `height`, `quality` or `overlay` the pictures are converted while the clip is sent. Then
 * `clip.mkv` and `clip.mjpeg` have neither a `Content-Length` nor ranges, but an estimate of the
 * length, `X-Clip-Estimated-Length`. Pictures that cannot be converted are left out; if the first one
 * cannot be, the response is a 422.
 */
export function clipRoutes({ cameras, recording, renditions, clock }: RecordingContext): Hono {
  return new Hono()
    .get("/cameras/:name/clip.mkv", (c) => file(c, "mkv"))
    .get("/cameras/:name/clip.mjpeg", (c) => file(c, "mjpeg"))
    .get("/cameras/:name/clip.mp4", mp4);

  async function file(c: Context, format: ClipFileFormat): Promise<Response> {
    const { plan, clips, rendering } = await choose(c, format);
    if (rendering) return rendered(c, format, { plan, clips, rendering });
    const { length, etag } = await clips.file(plan, format);
    const headers = {
      ...clipHeaders(plan, format),
      "Accept-Ranges": "bytes",
      // A cache must ask whether the frames are still recorded.
      "Cache-Control": "private, no-cache, no-transform",
      "ETag": etag,
    };
    if (!ifNoneMatch(c.req.header("If-None-Match") ?? null, etag)) {
      return c.body(null, 304, headers);
    }
    const whole = { ...headers, "Content-Length": `${length}` };
    if (c.req.method === "HEAD") return c.body(null, 200, whole);
    const range = allowsRange(c.req.header("If-Range"), etag)
      ? readRange(c.req.header("Range"), length)
      : undefined;
    if (range === undefined) {
      return c.body(bodyOf(clips.read(plan, format, { start: 0, end: length })), 200, whole);
    }
    if (range === "unsatisfiable") {
      throw new HttpError(416, `Range not satisfiable: the clip has ${length} bytes`, {
        "Content-Range": `bytes */${length}`,
      });
    }
    const { start, end } = range;
    return c.body(bodyOf(clips.read(plan, format, range)), 206, {
      ...headers,
      "Content-Length": `${end - start}`,
      "Content-Range": `bytes ${start}-${end - 1}/${length}`,
    });
  }

  async function mp4(c: Context): Promise<Response> {
    const { plan, clips, rendering } = await choose(c, "mp4");
    const headers = {
      ...clipHeaders(plan, "mp4"),
      ...NO_STORE,
      "X-Clip-Fragment-Frames": `${clips.fragmentFrames}`,
      "X-Accel-Buffering": "no",
    };
    if (c.req.method === "HEAD") {
      const refusal = await clips.refusal();
      if (refusal) throw refused(refusal);
      return c.body(null, 200, headers);
    }
    return c.body(bodyOf(await clips.encode(plan, rendering)), 200, headers);
  }

  /** Sends a clip whose pictures are converted meanwhile. */
  function rendered(
    c: Context,
    format: ClipFileFormat,
    { plan, clips, rendering }: Choice & { rendering: Rendering },
  ): Response {
    const headers = {
      ...clipHeaders(plan, format),
      ...NO_STORE,
      "Accept-Ranges": "none",
      "X-Clip-Estimated-Length": `${rendering.estimatedLength}`,
      "X-Accel-Buffering": "no",
    };
    if (c.req.method === "HEAD") return c.body(null, 200, headers);
    return c.body(bodyOf(clips.render(plan, format, rendering)), 200, headers);
  }

  /** Chooses the frames, and converts the first one. @throws {HttpError} 400, 404 or 422. */
  async function choose(c: Context, format: ClipFormat): Promise<Choice> {
    const camera = cameras.get(c.req.param("name"));
    const { clips } = requireRecording(recording, camera);
    const { name } = camera;
    const query = readClipQuery(c, clock.now());
    const render = renditions.rendererOf(name, readWantedQuery(c));
    const plan = await clips.plan(name, format, query).catch(rejectLong);
    if (plan) {
      const rendering = render && await clips.startRendering(plan, render);
      if (rendering && "refused" in rendering) throw refused(rendering);
      return { plan, clips, rendering };
    }
    const { from, to, marks } = query;
    const period = `from ${iso(from)} to ${iso(to)}`;
    if (marks !== undefined) {
      throw new HttpError(
        404,
        `Cannot make a clip of camera "${name}": it has no mark ${
          quote(marks)
        } with a frame ${period}`,
      );
    }
    const nearest = await clips.nearest(name, query);
    throw new HttpError(
      404,
      `Cannot make a clip of camera "${name}": nothing is recorded ${period}; ` +
        (nearest === undefined
          ? "the camera has no recordings"
          : `the nearest recording is at ${iso(nearest)}`),
    );
  }
}

/** The frames of a clip, and how they are sent. */
interface Choice {
  readonly plan: ClipPlan;
  readonly clips: Clips;
  /** Undefined if they are sent as they were recorded. */
  readonly rendering?: Rendering;
}

/** HTTP status of each reason for which a clip cannot be sent. */
const STATUS: Readonly<Record<Refusal["refused"], number>> = {
  "busy": 503,
  "no encoder": 501,
  "cannot render": 422,
  "failed": 500,
};

/** Returns the body of a clip. @throws {HttpError} If the clip cannot be sent. */
function bodyOf(sending: Sending): ReadableStream<Bytes> {
  if ("body" in sending) return sending.body;
  throw refused(sending);
}

/** Returns the response for a clip that cannot be sent. */
function refused({ refused, message }: Refusal): HttpError {
  if (refused !== "busy") return new HttpError(STATUS[refused], message);
  return new HttpError(STATUS.busy, `${message}; try again in ${RETRY_AFTER} seconds`, {
    "Retry-After": `${RETRY_AFTER}`,
  });
}

function rejectLong(error: unknown): never {
  throw error instanceof RangeError ? new HttpError(400, error.message) : error;
}

function readClipQuery(c: Context, now: number): ClipQuery {
  const from = readTimeQuery(c, "from", now);
  const to = readTimeQuery(c, "to", now) ?? now;
  if (from === undefined) {
    throw new HttpError(400, 'Cannot make a clip without "from": give a time, such as from=-60s');
  }
  if (from >= to) {
    throw new HttpError(
      400,
      `Cannot make a clip from ${iso(from)} to ${iso(to)}: "from" must be before "to"`,
    );
  }
  const speed = readNumberQuery(c, "speed", SPEED_RANGE);
  const fps = readNumberQuery(c, "fps", FPS_RANGE);
  const marks = c.req.query("marks");
  if (marks !== undefined && speed !== undefined) {
    throw new HttpError(400, "Cannot use speed with marks: fps is the number of marks per second");
  }
  return { from, to, speed, fps, marks };
}

function clipHeaders(plan: ClipPlan, format: ClipFormat): Record<string, string> {
  const { camera, start, frames, duration } = plan;
  const time = new Date(start).toISOString().slice(0, 19).replaceAll(":", "-");
  return {
    "Content-Type": TYPES[format],
    "Content-Disposition": `attachment; filename="${camera}-${time}Z.${format}"`,
    "X-Content-Type-Options": "nosniff",
    "X-Timestamp": (start / 1000).toFixed(6),
    "X-Clip-Frames": `${frames}`,
    "X-Clip-Duration": (duration / 1000).toFixed(3),
  };
}

function iso(time: number): string {
  return new Date(time).toISOString();
}
