import type { Clock } from "../clock.ts";
import { explain } from "../errors.ts";
import type { Events } from "../events.ts";
import type { Fields, Log } from "../log.ts";
import { LogLimiter } from "../log_limiter.ts";
import type { CameraEvent } from "./events.ts";

/** Maximum number of log lines per camera and minute. */
const MAX_LINES = 20;
/** Maximum number of log lines per minute about all cameras: discovered ones can be many. */
const MAX_TOTAL_LINES = 1_000;
/**
 * Maximum length of a logged reason or hint, in characters: a user's driver can report any text.
 */
const MAX_TEXT_LENGTH = 1_000;

/** Maximum number of reasons for refused pictures that are logged until frames flow again. */
const MAX_REFUSALS = 20;

/** Options of {@link logCameraEvents}. */
export interface EventLogOptions {
  clock: Clock;
  log: Log;
}

/**
 * Logs the events of all cameras. A failure that repeats is logged once until frames flow again.
 * The number of lines per camera, about the cameras that one driver discovers, and in all, is
 * limited, see {@link LogLimiter}.
 *
 * @returns An object whose disposal ends the logging.
 */
export function logCameraEvents(
  events: Pick<Events<CameraEvent>, "subscribe">,
  { clock, log }: EventLogOptions,
): Disposable {
  /** The last reason logged for each failing camera. */
  const reasons = new Map<string, string>();
  /** Why pictures of each camera are refused, since frames have flowed. */
  const refusals = new Map<string, Set<string>>();
  /** The last event suppressed for each camera. */
  const suppressed = new Map<string, Fields>();
  const limiter = new LogLimiter({
    clock,
    maxLines: MAX_LINES,
    onSuspend: (camera, seconds) => log.warn("camera events not logged", { camera, seconds }),
    onResume: (camera, count) => {
      const latest = suppressed.get(camera);
      suppressed.delete(camera);
      log.info("camera events logged again", { camera, suppressed: count, ...latest });
    },
  });
  const total = new LogLimiter({
    clock,
    maxLines: MAX_TOTAL_LINES,
    onSuspend: (_, seconds) => log.warn("events of all cameras not logged", { seconds }),
    onResume: (_, count) => log.info("events of all cameras logged again", { suppressed: count }),
  });
  const stack = new DisposableStack();
  stack.use(limiter);
  stack.use(total);
  stack.use(events.subscribe((event) => {
    const { type, camera } = event;
    if (ENDS_FAILURE.has(type)) {
      reasons.delete(camera);
      refusals.delete(camera);
    }
    const fields = fieldsOf(event);
    if (type === "camera pictures refused") {
      const known = refusals.get(camera) ?? new Set();
      if (known.has(event.reason) || known.size >= MAX_REFUSALS) return;
      refusals.set(camera, known.add(event.reason));
    }
    if (type === "camera failed" && reasons.get(camera) === fields.reason) return;
    // The names of cameras that appear can differ each time.
    const key = isDiscovery(event) ? event.driver : camera;
    if (!limiter.allow(key)) {
      suppressed.set(key, { latest: type, ...fields });
      return;
    }
    if (!total.allow("cameras")) return;
    if (type === "camera frames dropped" || type === "camera pictures refused") {
      return log.warn(type, { camera, ...fields });
    }
    if (type !== "camera failed") return log.info(type, { camera, ...fields });
    reasons.set(camera, `${fields.reason}`);
    log.warn(type, { camera, ...fields });
  }));
  return stack;
}

/** Events after which a failure is logged even if its reason is the same as before. */
const ENDS_FAILURE: ReadonlySet<CameraEvent["type"]> = new Set([
  "camera started",
  "camera recovered",
  "camera disappeared",
]);

function isDiscovery(
  event: CameraEvent,
): event is CameraEvent & { type: "camera appeared" | "camera disappeared" } {
  return event.type === "camera appeared" || event.type === "camera disappeared";
}

function fieldsOf(event: CameraEvent): Fields {
  switch (event.type) {
    case "camera starting":
    case "camera appeared":
    case "camera disappeared":
      return { driver: event.driver };
    case "camera started":
    case "camera recovered":
    case "camera size changed":
      return { ...event.size };
    case "camera failed":
      return { reason: shorten(explain(event.error)), hint: shorten(event.error.hint) };
    case "camera frames dropped":
      return { reason: `frames beyond ${event.maxFps} per second are dropped` };
    case "camera pictures refused":
      return { reason: event.reason, hint: event.hint };
    case "camera stopped":
      return {};
  }
}

function shorten(text = ""): string | undefined {
  return text.length > MAX_TEXT_LENGTH ? `${text.slice(0, MAX_TEXT_LENGTH)}…` : text || undefined;
}
