import { type CameraDriver, readCaptureSettings } from "../lib/camera/driver.ts";
import { systemClock } from "../lib/clock.ts";
import type { Jpeg } from "../lib/frame.ts";
import requirements from "./emulated/requirements.ts";

interface Settings {
  readonly fps: number;
}

const PICTURES = [1, 2, 3].map((number) => new URL(`emulated/${number}.jpg`, import.meta.url));

/** No camera: three pictures in turn, one a second or as `FPS` says. For trying things out. */
export default {
  requirements,
  configure: (env) => ({ fps: readCaptureSettings(env).fps ?? 1 }),
  async *open({ fps }, signal) {
    const pictures: Jpeg[] = await Promise.all(PICTURES.map((url) => Deno.readFile(url)));
    const begun = systemClock.monotonic();
    for (let shown = 0; !signal.aborted; shown++) {
      yield pictures[shown % pictures.length]!;
      const next = begun + (shown + 1) * 1000 / fps;
      // An abort cuts the sleep short, and ends the loop.
      await systemClock.sleep(next - systemClock.monotonic(), signal).catch(() => {});
    }
  },
} satisfies CameraDriver<Settings>;
