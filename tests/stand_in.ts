import type { Page } from "./browser.ts";
import { FAKES } from "./server.ts";

/**
 * Returns the environment of a server with the stand-in camera, whose pictures contain their number
 * and their capture time.
 */
export function standIn(env: Record<string, string> = {}): Record<string, string> {
  return {
    PATH: `${FAKES}:${Deno.env.get("PATH")}`,
    CAMERA: "front=pi",
    WIDTH: "320",
    HEIGHT: "240",
    ...env,
  };
}

/** A picture of the stand-in camera that was painted. */
export interface Seen {
  /** Index of its canvas on the page; 0 for an `<img>`. */
  readonly camera: number;
  /** Its number, from 0. */
  readonly frame: number;
  /** Its age when it was painted, since its capture, in milliseconds. */
  readonly age: number;
  /** When it was painted, in milliseconds since the Unix epoch. */
  readonly at: number;
}

/** Script that reads the pattern of blocks at the top of a picture; see `fakes/README.md`. */
const READER = `
  const copy = document.createElement("canvas");
  const context = copy.getContext("2d", { willReadFrequently: true });
  globalThis.readPicture = (image, camera = 0) => {
    const width = copy.width = image.naturalWidth ?? image.width;
    copy.height = 96;
    context.drawImage(image, 0, 0);
    const { data } = context.getImageData(0, 0, width, 96);
    const columns = Math.ceil(width / 16) - 3;
    let bits = "";
    for (let i = 0; i < 72; i++) {
      const x = (1 + i % columns) * 16 + 8, y = Math.floor(i / columns) * 16 + 8;
      bits += data[(y * width + x) * 4] > 128 ? "1" : "0";
    }
    const bytes = bits.match(/.{8}/g).map((byte) => parseInt(byte, 2));
    const sum = bytes.slice(0, 8).reduce((sum, byte) => sum + byte, 0) % 256;
    if (sum !== bytes[8]) return undefined;
    const at = Date.now();
    const age = (at % 2 ** 32) - parseInt(bits.slice(32, 64), 2);
    return { camera, frame: parseInt(bits.slice(0, 32), 2), age, at };
  };
`;

/** Script that records every picture when the page paints it on a canvas. */
const RECORDER = `
  globalThis.seen = [];
  const { transferFromImageBitmap } = ImageBitmapRenderingContext.prototype;
  ImageBitmapRenderingContext.prototype.transferFromImageBitmap = function (bitmap) {
    transferFromImageBitmap.call(this, bitmap);
    const camera = [...document.querySelectorAll("canvas")].indexOf(this.canvas);
    const picture = readPicture(this.canvas, camera);
    if (picture) seen.push(picture);
  };
`;

/** Records the pictures that a page paints, from the next load of the page on. */
export async function recordPictures(page: Page): Promise<void> {
  await page.beforeEachPage(READER + RECORDER);
}

/** Returns the pictures that the page has painted since the previous call. */
export function takeSeen(page: Page): Promise<Seen[]> {
  return page.eval<Seen[]>("seen.splice(0)");
}

/** Observes an `<img>` for `ms` milliseconds. @returns Each picture once, when it appeared. */
export async function watchImage(page: Page, address: string, ms: number): Promise<Seen[]> {
  return await page.eval<Seen[]>(`(async () => {
    ${READER}
    const image = document.body.appendChild(new Image());
    image.src = ${JSON.stringify(address)};
    const seen = [];
    for (const startedAt = performance.now(); performance.now() - startedAt < ${ms};) {
      await new Promise((resolve) => setTimeout(resolve, 15));
      const picture = image.naturalWidth ? readPicture(image) : undefined;
      if (picture && picture.frame !== seen.at(-1)?.frame) seen.push(picture);
    }
    image.src = "";
    return seen;
  })()`);
}

/** Returns the median, of an even number of values the upper one. */
export function median(numbers: number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)]!;
}
