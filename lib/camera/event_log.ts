import { explain } from "../errors.ts";
import type { Events } from "../events.ts";
import type { Log } from "../log.ts";
import type { CameraEvent } from "./events.ts";

/**
 * Logs the events of all cameras. A failure that repeats is logged once until frames flow again.
 *
 * @returns Ends the logging when it is disposed.
 */
export function logCameraEvents(
  events: Pick<Events<CameraEvent>, "subscribe">,
  log: Log,
): Disposable {
  /** The last reason logged for each failing camera. */
  const reasons = new Map<string, string>();
  return events.subscribe((event) => {
    const { type, camera } = event;
    switch (type) {
      case "camera starting":
        return log.info(type, { camera, driver: event.driver });
      case "camera started":
      case "camera recovered":
        reasons.delete(camera);
        return log.info(type, { camera, ...event.size });
      case "camera size changed":
        return log.info(type, { camera, ...event.size });
      case "camera failed": {
        const reason = explain(event.error);
        if (reasons.get(camera) === reason) return;
        reasons.set(camera, reason);
        return log.warn(type, { camera, reason, hint: event.error.hint });
      }
      case "camera stopped":
        return log.info(type, { camera });
    }
  });
}
