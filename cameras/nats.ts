import { type CameraDriver, type CommonSettings, readFps } from "../lib/camera/driver.ts";
import { cameraName, isCameraName, parse } from "../lib/env.ts";
import { CameraError, ConfigError } from "../lib/errors.ts";
import { natsHub } from "../lib/nats/mod.ts";
import requirements from "./nats/requirements.ts";

/** Settings of a camera from a hub. */
interface Settings extends CommonSettings {
  /** Its name at its origin. */
  readonly source: string;
  /** Its name here. */
  readonly camera: string;
  /** The value of `FPS`. */
  readonly rate: number | undefined;
}

/**
 * Frame rate that keeps the server from reporting a stall before the reception does, which knows
 * the frame rate at the origin and the reason.
 */
const LEAST_FPS = 0.1;
/** Time for which cameras are collected for a list, in milliseconds. */
const LIST_TIMEOUT = 2_500;

/**
 * Receives a camera that another dinocam publishes at a hub: `SOURCE` is its name there, by default
 * that of the camera. `CAMERA=nats` stands for all published cameras. The capture times are those
 * of the origin.
 */
export default {
  requirements,
  get noCameraReason() {
    return natsHub().status.connected
      ? "no origin publishes one at the hub"
      : "there is no connection to the hub";
  },
  configure(env) {
    const nats = natsHub(); // the server does not start without NATS_URL
    const camera = cameraName(env);
    const expected = 'the name of a camera at its origin, as "front"';
    const source = parse(env, "SOURCE", expected, (text) => isCameraName(text) ? text : undefined);
    const rate = readFps(env);
    const settings = { source: source ?? camera, camera, rate, fps: rate ?? LEAST_FPS };
    nats.expect(settings);
    return settings;
  },
  open({ source, camera, rate }, signal) {
    return natsHub().watch({ source, camera, fps: rate }, signal);
  },
  async list(signal) {
    const nats = hub();
    // Each camera is heard within an interval between two beats.
    const until = AbortSignal.any([signal, AbortSignal.timeout(LIST_TIMEOUT)]);
    for await (const _ of nats.discover(until)); // until the signal aborts
    return nats.known.map(({ name, driver, size }) => ({
      source: name,
      name: size ? `${driver}, ${size}` : driver,
    }));
  },
  discover(_env, signal) {
    return natsHub().discover(signal);
  },
} satisfies CameraDriver<Settings>;

/** @throws {CameraError} If there is no hub. */
function hub(): ReturnType<typeof natsHub> {
  try {
    return natsHub();
  } catch (error) {
    if (error instanceof ConfigError) throw new CameraError(error.message, { cause: error });
    throw error;
  }
}
