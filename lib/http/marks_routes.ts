import { type Context, Hono } from "hono";
import type { Clock } from "../clock.ts";
import { explain } from "../errors.ts";
import type { Mark } from "../recording/mod.ts";
import { HttpError } from "./errors.ts";
import { NO_STORE } from "./headers.ts";
import { type QueryRange, readNumberQuery, readQuery, readSwitchQuery } from "./query.ts";
import { readPeriod, type RecordingContext, requireRecording } from "./recordings.ts";
import { readTimeQuery } from "./time_query.ts";

/** Maximum number of marks per camera in a second. */
const MAX_PER_SECOND = 10;
/** How far in the future a mark may be, as the client's clock may be ahead, in milliseconds. */
const MAX_AHEAD = 60_000;
const DEFAULT_LABEL = "mark";
const SECONDS_RANGE: QueryRange = {
  expected: "a number of seconds from 0 to 86400",
  includes: (value) => value >= 0 && value <= 86_400,
};

/**
 * `GET /cameras/:name/marks?from=&to=&label=`: the marks in a period, by time.
 *
 * `POST /cameras/:name/marks?label=&at=&before=&after=&keep=`: adds a mark, by default at the time
 * of the request. `before` and `after` are in seconds; retention keeps what belongs to a mark with
 * `keep=1`. In JSON, all times are in milliseconds.
 */
export function marksRoutes({ cameras, recording, clock, log }: RecordingContext): Hono {
  const limit = new RateLimit(clock);
  return new Hono()
    .get("/cameras/:name/marks", async (c) => {
      const camera = cameras.get(c.req.param("name"));
      const { marks } = requireRecording(recording, camera);
      const now = clock.now();
      const { from = 0, to = now + MAX_AHEAD } = readPeriod(c, now);
      const label = readLabel(c);
      return c.json(await marks.list(camera.name, from, to, label), 200, NO_STORE);
    })
    .post("/cameras/:name/marks", async (c) => {
      const camera = cameras.get(c.req.param("name"));
      const { marks } = requireRecording(recording, camera);
      const mark = readMark(c, clock.now());
      limit.count(camera.name);
      try {
        await marks.add(camera.name, mark);
      } catch (error) {
        log.error("mark not saved", { camera: camera.name, reason: explain(error) });
        throw new HttpError(503, reasonOf(error), { "Retry-After": "10" });
      }
      return c.json(mark, 201, NO_STORE);
    });
}

/** Reads the mark in a query. @throws {HttpError} 400 if a value is not valid. */
function readMark(c: Context, now: number): Mark {
  const at = readTimeQuery(c, "at", now) ?? Math.floor(now);
  if (at > now + MAX_AHEAD) {
    throw new HttpError(400, 'Cannot set a mark in the future: "at" is after now');
  }
  return {
    at,
    label: readLabel(c) ?? DEFAULT_LABEL,
    before: readMilliseconds(c, "before"),
    after: readMilliseconds(c, "after"),
    keep: readSwitchQuery(c, "keep") ?? false,
  };
}

/** Returns the message for the client: that of a `StorageError` is for users. */
function reasonOf(error: unknown): string {
  const isForUsers = error instanceof Error && error.name === "StorageError";
  return isForUsers ? error.message : "Cannot store the mark; see the server's log";
}

function readLabel(c: Context): string | undefined {
  const expected = '1 to 64 letters, digits, spaces and "-_.:"';
  return readQuery(
    c,
    "label",
    expected,
    (text) => /^[\p{L}\p{N} _.:-]{1,64}$/u.test(text) ? text : undefined,
  );
}

/** Reads a duration in seconds, as whole milliseconds. */
function readMilliseconds(c: Context, name: string): number {
  return Math.round((readNumberQuery(c, name, SECONDS_RANGE) ?? 0) * 1000);
}

/** Limits the marks that a camera gets: each one is written to the disk at once. */
class RateLimit {
  readonly #clock: Clock;
  /** Times of the last marks of each camera, by the monotonic clock. */
  readonly #times = new Map<string, number[]>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Counts a mark. @throws {HttpError} 429 if there were too many in the last second. */
  count(camera: string): void {
    const now = this.#clock.monotonic();
    const times = this.#times.get(camera)?.filter((time) => time > now - 1_000) ?? [];
    this.#times.set(camera, times);
    if (times.length >= MAX_PER_SECOND) {
      throw new HttpError(
        429,
        `Too many marks: a camera takes at most ${MAX_PER_SECOND} per second`,
        { "Retry-After": "1" },
      );
    }
    times.push(now);
  }
}
