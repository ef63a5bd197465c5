import { assert, assertEquals } from "@std/assert";
import type { Bytes } from "../lib/bytes.ts";
import type { Jpeg } from "../lib/frame.ts";
import { segments, type Size, sizeOf } from "../lib/jpeg/segments.ts";
import { readBaseline } from "../lib/pixels/baseline.ts";
import type { Rectangle } from "../lib/pixels/rectangle.ts";
import { run } from "./lib/pixels/libjpeg.ts";
import { decodeJpeg } from "./ffmpeg.ts";

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

/** Width of an MCU, and one more for the colour that decoders interpolate, in pixels. */
const MCU_REACH = 17;

/** Decodes the brightness of a picture with libjpeg. */
export async function greyPixels(jpeg: Jpeg): Promise<Pixels> {
  return readPixmap(await run("djpeg", ["-grayscale", "-dct", "int", "-pnm"], jpeg));
}

/** Decodes the colours of a picture with libjpeg. */
async function colourPixels(jpeg: Jpeg): Promise<Pixels> {
  return readPixmap(await run("djpeg", ["-rgb", "-dct", "int", "-pnm"], jpeg));
}

/** Decodes the planes of a picture with ffmpeg: brightness, and two smaller ones for colour. */
async function ffmpegPlanes(jpeg: Jpeg): Promise<Pixels[]> {
  const { output, warnings } = await decodeJpeg(jpeg);
  const { width, height } = sizeOf(jpeg)!;
  const planes = [{ width, height, values: output.subarray(0, width * height) }];
  const rest = output.subarray(width * height);
  if (rest.length === 0) return planes;
  const baseline = readBaseline(jpeg);
  assert(!("refused" in baseline));
  const { h, v } = baseline.components[1]!;
  const colour = {
    width: Math.ceil(width * 8 * h / baseline.mcuWidth),
    height: Math.ceil(height * 8 * v / baseline.mcuHeight),
  };
  assertEquals(rest.length, 2 * colour.width * colour.height, warnings.join("\n"));
  const half = rest.length / 2;
  return [
    ...planes,
    { ...colour, values: rest.subarray(0, half) },
    { ...colour, values: rest.subarray(half) },
  ];
}

/** Options of {@link assertMasked}. */
export interface MaskedOptions {
  /** The pictures that the camera sends, as people see them, without a mask. */
  readonly seen: readonly Pixels[];
  readonly mask: readonly Rectangle[];
  /** Rectangles with a text: they differ from the camera's picture. @default {[]} */
  readonly texts?: readonly Rectangle[];
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
  { seen, mask, texts = [], isLossy = false, isRendition = false }: MaskedOptions,
  name: string,
): Promise<void> {
  const tolerance = isLossy ? 6 : 1;
  const size = sizeOf(jpeg)!;
  const isResized = !seen.some(({ width, height }) =>
    width === size.width && height === size.height
  );
  const grey = isLossy
    ? mask.map(withoutRim)
    : isRendition && isResized
    ? mask.map((one) => withoutMcus(one, size)).filter(isArea)
    : mask;
  assert(grey.length > 0, `${name}: too small to be checked`);
  const decoded = { djpeg: [await colourPixels(jpeg)], ffmpeg: await ffmpegPlanes(jpeg) };
  for (const [decoder, planes] of Object.entries(decoded)) {
    const worst = Math.max(...planes.flatMap((one) => grey.map((box) => worstInside(one, box))));
    assert(worst <= tolerance, `${name}: ${worst} off grey, decoded by ${decoder}`);
  }
  if (isLossy) return;
  const pixels = await greyPixels(jpeg);
  assertNothingHidden(jpeg, name);
  if (isRendition) {
    const whole = { left: 0, top: 0, right: 100, bottom: 100 };
    return assert(worstInside(pixels, whole) > 50, `${name}: grey everywhere`);
  }
  const { width, height } = pixels;
  const same = seen.filter((one) => one.width === width && one.height === height);
  const sizes = seen.map(({ width, height }) => `${width}x${height}`);
  assert(same.length > 0, `${name}: ${width}x${height}, not ${sizes}`);
  const changed = [...mask, ...texts];
  assert(same.some((one) => isSameOutside(pixels, one, changed)), `${name}: changed outside`);
  for (const text of texts) {
    assert(same.every((one) => !isSameInside(pixels, one, text)), `${name}: no text`);
  }
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

function isSameInside(pixels: Pixels, other: Pixels, rectangle: Rectangle): boolean {
  const rows = cut(other, rectangle);
  return cut(pixels, rectangle).every((value, i) => value === rows[i]);
}

/** Returns the rows of a rectangle, in their full width. */
function cut({ width, height, values }: Pixels, { top, bottom }: Rectangle): Bytes {
  return values.subarray(
    width * Math.ceil(top * height / 100),
    width * Math.floor(bottom * height / 100),
  );
}

/** Returns a rectangle without the rim where an encoder mixes it with its neighbourhood. */
function withoutRim({ left, top, right, bottom }: Rectangle): Rectangle {
  return { left: left + 5, top: top + 5, right: right - 5, bottom: bottom - 5 };
}

/**
 * Returns a rectangle without the MCUs at its rim, which a smaller picture has in common with its
 * neighbourhood: there, the quantization spreads what is outside of the mask.
 */
function withoutMcus({ left, top, right, bottom }: Rectangle, { width, height }: Size): Rectangle {
  const [x, y] = [MCU_REACH * 100 / width, MCU_REACH * 100 / height];
  const inner = { left: left + x, top: top + y, right: right - x, bottom: bottom - y };
  if (right === 100) inner.right = 100;
  if (bottom === 100) inner.bottom = 100;
  return inner;
}

function isArea({ left, top, right, bottom }: Rectangle): boolean {
  return right > left && bottom > top;
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
