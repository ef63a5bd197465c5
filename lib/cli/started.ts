/**
 * The functions that `main.ts` calls once the server listens. It loads this module only then, as
 * every module that is loaded earlier delays the web page.
 *
 * @module
 */
export { logDriverErrors } from "../camera/driver_errors.ts";
export { logCameraEvents } from "../camera/event_log.ts";
export { Events } from "../events.ts";
export { releaseStartMemory } from "../memory/mod.ts";
export { killAll } from "../process/mod.ts";
export { notifyReady } from "../systemd.ts";
export { banner } from "./banner.ts";
export { openServerCameras } from "./cameras.ts";
export { openNats, publishCameras } from "./nats.ts";
export { openRecordings } from "./recordings.ts";
export { reviewSettings } from "./review_settings.ts";
export { openSounds } from "./sounds.ts";
