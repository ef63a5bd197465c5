import { Events } from "../lib/events.ts";
import type { CameraEvent } from "../lib/camera/events.ts";
import type { Log } from "../lib/log.ts";

/** A log that discards everything. */
export const silentLog: Log = { info() {}, warn() {}, error() {} };

/** Events without a listener. */
export const noEvents = new Events<CameraEvent>();
