import type { Clock } from "../clock.ts";
import { explain } from "../errors.ts";
import type { Events } from "../events.ts";
import type { Fields, Log } from "../log.ts";
import { LogLimiter } from "../log_limiter.ts";
import type { CameraEvent } from "./events.ts";

/** Maximum number of log lines per camera and minute. */
const MAX_LINES = 20;
/**
 * Maximum length of a logged reason or hint, in characters: a user's driver can report any text.
 */
const MAX_TEXT_LENGTH = 1_000;

/** Options of {@link logCameraEvents}. */
export interface EventLogOptions {
  clock: Clock;
  log: Log;
}

/**
 * Logs the events of all cameras. A failure that repeats is logged once until frames flow again.
 * The number of lines per camera is limited, see {@link LogLimiter}.
 *
 * @returns An object whose disposal ends the logging.
 */
export function logCameraEvents(
  events: Pick<Events<CameraEvent>, "subscribe">,
  { clock, log }: EventLogOptions,
): Disposable {
  /** The last reason logged for each failing camera. */
  const reasons = new Map<string, string>();
  /** The last event suppressed for each camera. */
  const suppressed = new Map<string, Fields>();
  const limiter = new LogLimiter({
    clock,
    maxLines: MAX_LINES,
    onSuspend: (camera, seconds) => log.warn("camera events not logged", { camera, seconds }),
    onResume: (camera, count) =>
      log.info("camera events logged again", {
        camera,
        suppressed: count,
        ...suppressed.get(camera),
      }),
  });
  const stack = new DisposableStack();
  stack.use(limiter);
  stack.use(events.subscribe((event) => {
    const { type, camera } = event;
    if (type === "camera started" || type === "camera recovered") reasons.delete(camera);
    const fields = fieldsOf(event);
    if (type === "camera failed" && reasons.get(camera) === fields.reason) return;
    if (!limiter.allow(camera)) {
      suppressed.set(camera, { latest: type, ...fields });
      return;
    }
    if (type === "camera frames dropped") return log.warn(type, { camera, ...fields });
    if (type !== "camera failed") return log.info(type, { camera, ...fields });
    reasons.set(camera, `${fields.reason}`);
    log.warn(type, { camera, ...fields });
  }));
  return stack;
}

function fieldsOf(event: CameraEvent): Fields {
  switch (event.type) {
    case "camera starting":
      return { driver: event.driver };
    case "camera started":
    case "camera recovered":
    case "camera size changed":
      return { ...event.size };
    case "camera failed":
      return { reason: shorten(explain(event.error)), hint: shorten(event.error.hint) };
    case "camera frames dropped":
      return { reason: `frames beyond ${event.maxFps} per second are dropped` };
    case "camera stopped":
      return {};
  }
}

function shorten(text = ""): string | undefined {
  return text.length > MAX_TEXT_LENGTH ? `${text.slice(0, MAX_TEXT_LENGTH)}…` : text || undefined;
}
