import { type CameraDriver, readFps } from "../lib/camera/driver.ts";
import { cameraName } from "../lib/env.ts";
import { Received } from "../lib/received.ts";
import { Redactor } from "../lib/redact.ts";
import { readTrust } from "../lib/upstream/mod.ts";
import { readAddress } from "./mjpeg/address.ts";
import { relay, type RelaySettings } from "./mjpeg/relay.ts";
import requirements from "./mjpeg/requirements.ts";

/** Hint for a source that sends data, but no picture. */
const STREAM_HINT =
  "SOURCE must be the URL of the stream itself; for dinocam: http://host:8000/video_feed";

/**
 * Relays the stream of another server, over one connection for all viewers:
 * `SOURCE=http://user:password@host/path`. The capture times of that server are kept. A still image
 * is requested `FPS` times per second.
 */
export default {
  requirements,
  configure(env) {
    return {
      ...readAddress(env),
      trust: readTrust(env),
      // When a camera has no new frame, other servers repeat the last one, some only every 5 s. The
      // default of 1 fps keeps such a pause from counting as a stall.
      fps: readFps(env) ?? 1,
      camera: cameraName(env),
      redactor: new Redactor([env.SOURCE ?? ""]),
      setting: "SOURCE",
      wanted: "a stream of JPEGs",
      wantedHint: STREAM_HINT,
      silentHint: "if it sends less than one picture every few seconds, set FPS to its frame rate",
    };
  },
  open(settings, signal) {
    const counts = { broken: 0, skippedBytes: 0 };
    const received = new Received((text) => settings.redactor.redact(text));
    const images = relay(settings, signal, { counts, received });
    return Object.assign(images, { counts, received, hint: STREAM_HINT });
  },
} satisfies CameraDriver<RelaySettings>;
