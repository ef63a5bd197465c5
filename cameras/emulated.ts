import { type CameraDriver, readFps } from "../lib/camera/driver.ts";
import { systemClock } from "../lib/clock.ts";
import type { Jpeg } from "../lib/frame.ts";
import requirements from "./emulated/requirements.ts";

interface Settings {
  readonly fps: number;
}

const IMAGES = [1, 2, 3].map((number) => new URL(`emulated/${number}.jpg`, import.meta.url));

/**
 * A camera without hardware, for trials: three images in turn, at the rate `FPS` or 1 per second.
 */
export default {
  requirements,
  configure: (env) => ({ fps: readFps(env) ?? 1 }),
  async *open({ fps }, signal) {
    const images: Jpeg[] = await Promise.all(IMAGES.map((url) => Deno.readFile(url)));
    const startedAt = systemClock.monotonic();
    for (let count = 0; !signal.aborted; count++) {
      yield images[count % images.length]!;
      const nextAt = startedAt + (count + 1) * 1000 / fps;
      // An abort rejects the sleep and ends the loop.
      await systemClock.sleep(nextAt - systemClock.monotonic(), signal).catch(() => {});
    }
  },
} satisfies CameraDriver<Settings>;
