import { assert, assertEquals } from "@std/assert";
import type { Bytes } from "../lib/bytes.ts";
import type { Jpeg } from "../lib/frame.ts";
import { segments } from "../lib/jpeg/segments.ts";
import type { Rectangle } from "../lib/pixels/rectangle.ts";
import { run } from "./lib/pixels/libjpeg.ts";
import { ffmpeg } from "./ffmpeg.ts";

/** Pixels of a picture, one byte each, or three for colours. */
export interface Pixels {
  readonly width: number;
  readonly height: number;
  readonly values: Bytes;
}

/**
 * How far a mask may reach beyond its rectangle: to the next MCUs, and one further for the colour
 * that decoders interpolate, in pixels.
 */
const REACH = 32;

/** Decodes the brightness of a picture with libjpeg. */
export async function greyPixels(jpeg: Jpeg): Promise<Pixels> {
  return readPixmap(await run("djpeg", ["-grayscale", "-dct", "int", "-pnm"], jpeg));
}

/** Decodes the colours of a picture with libjpeg. */
async function colourPixels(jpeg: Jpeg): Promise<Pixels> {
  return readPixmap(await run("djpeg", ["-rgb", "-dct", "int", "-pnm"], jpeg));
}

/** Decodes the colours of a picture with ffmpeg. */
async function ffmpegPixels(jpeg: Jpeg): Promise<Pixels> {
  const args = ["-f", "mjpeg", "-i", "pipe:0", "-vf", "format=rgb24", "-f", "image2pipe"];
  return readPixmap((await ffmpeg([...args, "-c:v", "ppm", "pipe:1"], jpeg)).output);
}

/** Options of {@link assertMasked}. */
export interface MaskedOptions {
  /** The pictures that the camera sends, as people see them, without a mask. */
  readonly seen: readonly Pixels[];
  readonly mask: readonly Rectangle[];
  /** Whether it was encoded anew, so that its colours are not exact. @default {false} */
  readonly isLossy?: boolean;
  /** Whether it has another size or quality: only the mask is checked then. @default {false} */
  readonly isRendition?: boolean;
}

/**
 * Asserts that a picture is grey inside of its mask, whoever decodes it, that its brightness
 * outside is exactly that of one of the camera's pictures, and that it holds no other picture.
 */
export async function assertMasked(
  jpeg: Jpeg,
  { seen, mask, isLossy = false, isRendition = false }: MaskedOptions,
  name: string,
): Promise<void> {
  const tolerance = isLossy ? 6 : 1;
  for (const decode of [greyPixels, colourPixels, ffmpegPixels]) {
    const pixels = await decode(jpeg);
    const worst = Math.max(...mask.map((one) => worstInside(pixels, one)));
    assert(worst <= tolerance, `${name}: ${worst} off grey by ${decode.name}`);
  }
  if (isLossy) return;
  const grey = await greyPixels(jpeg);
  assertNothingHidden(jpeg, name);
  if (isRendition) {
    const whole = worstInside(grey, { left: 0, top: 0, right: 100, bottom: 100 });
    assert(whole > 50, `${name}: grey everywhere`);
    return;
  }
  const same = seen.filter((one) => one.width === grey.width && one.height === grey.height);
  const sizes = seen.map(({ width, height }) => `${width}x${height}`);
  assert(same.length > 0, `${name}: ${grey.width}x${grey.height}, not ${sizes}`);
  assert(same.some((one) => isSameOutside(grey, one, mask)), `${name}: changed outside`);
}

/** Returns the largest difference to grey of the pixels in a rectangle. */
export function worstInside({ width, height, values }: Pixels, rectangle: Rectangle): number {
  const channels = values.length / (width * height);
  let worst = 0;
  const [left, right] = [rectangle.left, rectangle.right].map((x) => x * width / 100);
  for (let y = 0; y < height; y++) {
    if (y + 1 <= rectangle.top * height / 100 || y >= rectangle.bottom * height / 100) continue;
    for (let x = Math.floor(left!); x < Math.ceil(right!); x++) {
      for (let c = 0; c < channels; c++) {
        worst = Math.max(worst, Math.abs(values[(y * width + x) * channels + c]! - 128));
      }
    }
  }
  return worst;
}

/** Whether two pictures are the same farther from the mask than it may reach. */
function isSameOutside(
  { width, height, values }: Pixels,
  other: Pixels,
  mask: readonly Rectangle[],
): boolean {
  const boxes = mask.map(({ left, top, right, bottom }) => ({
    left: left * width / 100 - REACH,
    top: top * height / 100 - REACH,
    right: right * width / 100 + REACH,
    bottom: bottom * height / 100 + REACH,
  }));
  for (let y = 0; y < height; y++) {
    const rows = boxes.filter(({ top, bottom }) => y >= top && y < bottom);
    for (let x = 0; x < width; x++) {
      if (values[y * width + x] === other.values[y * width + x]) continue;
      if (!rows.some(({ left, right }) => x >= left && x < right)) return false;
    }
  }
  return true;
}

/** Asserts that there is no other picture in a JPEG. */
function assertNothingHidden(jpeg: Jpeg, name: string): void {
  const latin1 = new TextDecoder("latin1").decode(jpeg);
  assertEquals(latin1.lastIndexOf("\xff\xd8\xff"), 0, `${name}: another JPEG in it`);
  const markers = [...segments(jpeg)].map(({ marker }) => marker);
  const others = markers.filter((marker) =>
    marker >= 0xe0 && marker <= 0xef && marker !== 0xe0 && marker !== 0xee || marker === 0xfe
  );
  assertEquals(others, [], `${name}: metadata`);
  assertEquals(latin1.indexOf("\xff\xd9"), jpeg.length - 2, `${name}: data behind its end`);
}

function readPixmap(file: Bytes): Pixels {
  const start = new TextDecoder("latin1").decode(file.subarray(0, 40));
  const [head = "", width, height] = /^P[56]\s+(\d+)\s+(\d+)\s+255\s/.exec(start) ?? [];
  return { width: Number(width), height: Number(height), values: file.subarray(head.length) };
}
