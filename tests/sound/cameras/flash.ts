import type { CameraDriver } from "../../../lib/camera/driver.ts";
import type { Jpeg } from "../../../lib/frame.ts";
import { BlockPicture } from "../../../lib/jpeg/block_picture.ts";
import { join, segment } from "../../lib/jpeg/sample_jpegs.ts";

interface Settings {
  readonly fps: number;
  /** Minimum size of a JPEG, in bytes. */
  readonly bytes: number;
}

/** How long a flash lasts, in milliseconds. */
const FLASH = 100;
/** Maximum size of a comment, in bytes. */
const MAX_COMMENT = 65_000;
/** A timer may fire this much early, in milliseconds. */
const EARLY = 2;

/**
 * A camera that flashes at each whole second: white for 100 ms, and black. The frames are at whole
 * multiples of their duration since the Unix epoch, so that one of them is at the second. `FPS`: 30;
 * `FLASH_BYTES`: 40000.
 */
export default {
  configure: (env) => ({ fps: Number(env.FPS ?? 30), bytes: Number(env.FLASH_BYTES ?? 40_000) }),
  async *open({ fps, bytes }, signal) {
    const [black, white] = [greyJpeg(16, bytes), greyJpeg(235, bytes)];
    while (!signal.aborted) {
      const frame = Math.floor((now() + EARLY) * fps / 1_000) + 1;
      const at = frame * 1_000 / fps;
      await new Promise((resolve) => setTimeout(resolve, at - now()));
      yield (now() + EARLY) % 1_000 < FLASH ? white : black;
    }
  },
} satisfies CameraDriver<Settings>;

function now(): number {
  return performance.timeOrigin + performance.now();
}

/** Returns a JPEG of one grey; comments fill it up to a size in bytes. */
function greyJpeg(grey: number, bytes: number): Jpeg {
  const plain = new BlockPicture({ width: 640, height: 480 }, grey).encode();
  const comments: Jpeg[] = [];
  for (let rest = bytes - plain.length; rest > 4; rest -= MAX_COMMENT) {
    comments.push(segment(0xfe, new Uint8Array(Math.min(rest, MAX_COMMENT) - 4)));
  }
  return join(plain.subarray(0, 2), ...comments, plain.subarray(2));
}
