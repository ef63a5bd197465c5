import type { Browser } from "./browsers.ts";

/** The frames that a page has painted. */
export interface Painted {
  /** Sequence numbers of the frames, in painting order. */
  readonly numbers: number[];
  /** Age of each frame when it was painted, in milliseconds since the camera delivered it. */
  readonly ages: number[];
}

/**
 * Observes an `<img>` for `ms` milliseconds. The stand-in camera draws the sequence number and the
 * time of each frame into its picture; see tests/fakes/README.md.
 *
 * @param url Address for a new `<img>`; without it, the existing image of the page is observed.
 */
export function watchPaint(
  browser: Browser,
  { url, ms }: { url?: string; ms: number },
): Promise<Painted> {
  return browser.evaluate(`(${inPage})(${JSON.stringify(url ?? null)}, ${ms})`);
}

/** Runs in the page. */
const inPage = `async (url, ms) => {
  const image = url === null ? document.images[0] : new Image();
  if (url !== null) {
    image.src = url;
    document.body.append(image);
  }
  const canvas = document.createElement("canvas");
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const numbers = [], ages = [];
  const read = async () => {
    const width = image.naturalWidth;
    if (!width) return;
    canvas.width = width;
    canvas.height = 64;
    const now = Date.now();
    // Firefox draws an <img> of a stream from its cache; a bitmap of it always has the newest
    // picture.
    const bitmap = await createImageBitmap(image);
    context.drawImage(bitmap, 0, 0);
    bitmap.close();
    const { data } = context.getImageData(0, 0, width, 64);
    const rowLength = Math.ceil(width / 16) - 3;
    let bits = "";
    for (let bit = 0; bit < 72; bit++) {
      const x = (1 + bit % rowLength) * 16 + 8, y = Math.floor(bit / rowLength) * 16 + 8;
      bits += data[(y * width + x) * 4] > 128 ? "1" : "0";
    }
    const bytes = bits.match(/.{8}/g).map((byte) => parseInt(byte, 2));
    if (bytes.slice(0, 8).reduce((sum, byte) => sum + byte, 0) % 256 !== bytes[8]) return;
    const number = parseInt(bits.slice(0, 32), 2);
    if (number === numbers.at(-1)) return;
    numbers.push(number);
    ages.push((now - parseInt(bits.slice(32, 64), 2)) % 2 ** 32);
  };
  const end = performance.now() + ms;
  while (performance.now() < end) {
    await new Promise(requestAnimationFrame);
    await read().catch(() => {}); // the picture is being replaced
  }
  image.src = "";
  return { numbers, ages };
}`;
