import { Camera } from "../../../lib/camera/camera.ts";
import { MutableCameraList } from "../../../lib/camera/camera_list.ts";
import type { CameraEvent } from "../../../lib/camera/events.ts";
import type { Clock } from "../../../lib/clock.ts";
import { Events } from "../../../lib/events.ts";
import type { Jpeg } from "../../../lib/frame.ts";
import { createLog } from "../../../lib/log.ts";
import type { Bus } from "../../../lib/nats/bus.ts";
import { Publisher } from "../../../lib/nats/publisher.ts";
import type { PublishValue } from "../../../lib/nats/settings.ts";
import { sampleJpeg } from "../jpeg/sample_jpegs.ts";

/** Size of the frames that were measured in the facts: 1280x720. */
export const FRAME_BYTES = 113_948;

/** A capture that a test controls. */
export interface Capture {
  /** Interval between two frames, in milliseconds; `Infinity`: none. */
  interval: number;
  jpeg: Jpeg;
  /** If set, the next opening, and the next frame, fail with it. */
  error: unknown;
  /** Number of openings so far, and whether it is open. */
  opened: number;
  running: boolean;
}

/** Options of {@link setUpCamera}. */
export interface CameraOptions {
  readonly name?: string;
  readonly driver?: string;
  readonly fps?: number;
  readonly idleTimeout?: number;
  readonly interval?: number;
  readonly clock: Clock;
}

/** Returns a JPEG of about `bytes` bytes. */
export function jpegOf(bytes = FRAME_BYTES): Jpeg {
  return sampleJpeg({ scan: new Uint8Array(bytes).fill(0x55) });
}

/** Creates a camera that delivers a frame at each interval. */
export function setUpCamera(options: CameraOptions): { camera: Camera; capture: Capture } {
  const { name = "front", driver = "emulated", fps, idleTimeout = 10_000, clock } = options;
  const { interval = 1000 / 30 } = options;
  const capture: Capture = {
    interval,
    jpeg: jpegOf(),
    error: undefined,
    opened: 0,
    running: false,
  };
  async function* open(signal: AbortSignal): AsyncGenerator<Jpeg> {
    capture.opened++;
    capture.running = true;
    try {
      while (!signal.aborted) {
        if (capture.error) throw capture.error;
        if (capture.interval !== Infinity) yield capture.jpeg;
        await clock.sleep(capture.interval === Infinity ? 100 : capture.interval, signal).catch(
          () => {},
        );
      }
    } finally {
      capture.running = false;
    }
  }
  const events = new Events<CameraEvent>();
  const camera = new Camera({ name, driver, open, fps, idleTimeout, clock, events });
  return { camera, capture };
}

/** Options of {@link setUpPublisher}. */
export interface OriginOptions {
  readonly bus: Bus;
  readonly clock: Clock;
  readonly cameras: readonly Camera[];
  readonly published?: PublishValue;
}

/** Publishes cameras. `lines` is the log. */
export function setUpPublisher({ bus, clock, published = "all", ...options }: OriginOptions) {
  const lines: string[] = [];
  const log = createLog({ clock, write: (line) => lines.push(line.slice(25)) });
  const cameras = new MutableCameraList(options.cameras);
  const publisher = new Publisher({ bus, clock, cameras, published, log });
  return { publisher, cameras, lines };
}
