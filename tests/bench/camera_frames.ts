import type { Bytes } from "../../lib/bytes.ts";
import type { Jpeg } from "../../lib/frame.ts";
import { Random } from "../random.ts";
import { DHT, DQT, EOI, join, sof, SOI, sos } from "../lib/jpeg/sample_jpegs.ts";

/** Size of a camera's frames in bytes. */
export const SIZES = { "720p": 114_000, "1080p": 272_000 };

/**
 * A JPEG of about `size` bytes with a scan like a camera's: dense data in which one byte of 30 is a
 * stuffed FF, as with a noisy sensor.
 */
export function cameraFrame(size: number, seed = 1): Jpeg {
  const random = new Random(seed);
  const scan: number[] = [];
  while (scan.length < size) {
    const byte = random.integer(0, 254);
    if (random.integer(1, 30) === 1) scan.push(0xff, 0x00);
    else scan.push(byte);
  }
  return join(SOI, DQT, sof({ width: 1280, height: 720 }), DHT, sos(), Uint8Array.from(scan), EOI);
}

/** `count` consecutive frames. */
export function cameraRun(size: number, count: number): Bytes {
  return join(...Array.from({ length: count }, (_, i) => cameraFrame(size, i + 1)));
}
