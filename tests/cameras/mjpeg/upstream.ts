import { assertRejects } from "@std/assert";
import mjpeg from "../../../cameras/mjpeg.ts";
import type { TimedJpeg } from "../../../lib/camera/driver.ts";
import { CameraError } from "../../../lib/errors.ts";
import type { Jpeg } from "../../../lib/frame.ts";
import { latin1 } from "../../lib/http1/fake_camera.ts";

/** Three images with EOI, one character for each byte. */
export const [A, B, C] = await Promise.all(
  [1, 2, 3].map(async (number) =>
    latin1(await Deno.readFile(new URL(`../../../cameras/emulated/${number}.jpg`, import.meta.url)))
  ),
) as [string, string, string];

/** The head of a response. */
export function head(type: string | undefined, ...fields: string[]): string {
  const lines = ["HTTP/1.0 200 OK", ...type ? [`Content-Type: ${type}`] : [], ...fields];
  return `${lines.join("\r\n")}\r\n\r\n`;
}

/** Opens the driver. */
export function open(env: Record<string, string>, signal = new AbortController().signal) {
  return mjpeg.open(mjpeg.configure(env), signal);
}

/** Returns the images of the driver as texts, at most `count`; ends with its failure. */
export async function imagesOf(env: Record<string, string>, count = Infinity) {
  const images: string[] = [];
  const opened = open(env);
  try {
    for await (const image of opened) {
      if (images.push(latin1(jpegOf(image))) >= count) break;
    }
    return { images, broken: opened.counts.broken, failure: undefined };
  } catch (failure) {
    if (!(failure instanceof CameraError)) throw failure;
    return { images, broken: opened.counts.broken, failure };
  }
}

/** Returns the failure of the driver. */
export async function failureOf(env: Record<string, string>): Promise<CameraError> {
  return await assertRejects(() => Array.fromAsync(open(env)), CameraError);
}

export function jpegOf(image: Jpeg | TimedJpeg): Jpeg {
  return "jpeg" in image ? image.jpeg : image;
}
