import type { Page } from "./browser.ts";
import { FAKES } from "./server.ts";

/** For a server whose camera is the stand-in: its pictures say which they are, and when they were made. */
export function standIn(env: Record<string, string> = {}): Record<string, string> {
  return {
    PATH: `${FAKES}:${Deno.env.get("PATH")}`,
    CAMERA: "front=pi",
    WIDTH: "320",
    HEIGHT: "240",
    ...env,
  };
}

/** A picture of the stand-in's, as it was seen. */
export interface Seen {
  /** Its camera's place among the canvases of the page; 0 for what is no canvas. */
  readonly camera: number;
  /** The stand-in's number of it, from 0. */
  readonly frame: number;
  /** How old it was, from the camera to the eye, in milliseconds. */
  readonly age: number;
  /** When it was seen, in milliseconds since 1970. */
  readonly at: number;
}

/** Reads the blocks that the stand-in paints into the top of its pictures; see `fakes/README.md`. */
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

/** Notes every picture that the page paints, as it is on the canvas then. */
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

/** Makes a page note what it paints, from its next opening on. */
export async function recordPictures(page: Page): Promise<void> {
  await page.beforeEachPage(READER + RECORDER);
}

/** The pictures that the page has painted since this was last asked. */
export function takeSeen(page: Page): Promise<Seen[]> {
  return page.eval<Seen[]>("seen.splice(0)");
}

/** What an `<img>` showed for so long: each picture once, when it was first seen. */
export async function watchImage(page: Page, address: string, ms: number): Promise<Seen[]> {
  return await page.eval<Seen[]>(`(async () => {
    ${READER}
    const image = document.body.appendChild(new Image());
    image.src = ${JSON.stringify(address)};
    const seen = [];
    for (const begun = performance.now(); performance.now() - begun < ${ms};) {
      await new Promise((resolve) => setTimeout(resolve, 15));
      const picture = image.naturalWidth ? readPicture(image) : undefined;
      if (picture && picture.frame !== seen.at(-1)?.frame) seen.push(picture);
    }
    image.src = "";
    return seen;
  })()`);
}

/** The one in the middle. */
export function median(numbers: number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)]!;
}
