#!/usr/bin/env bash
# Firefox keeps drawing the first picture of a multipart <img> into a canvas.
#
# Expected: drawImage(image) draws the picture that the <img> shows at that moment, as in Chromium.
# Seen: in Firefox, once a picture of the stream has been drawn, drawImage draws this one for as long as the stream
#   lasts, while the <img> on the page moves on. createImageBitmap(image) has the newest picture.
# Versions: Firefox 153.7.0esr, Chromium 156.0.8078 (Debian 12). Pictures red, lime, blue, white, black, 500 ms apart.
# Output seen:
#   chromium: drawImage red lime blue white black, createImageBitmap red lime blue white black
#   firefox-esr: drawImage red, createImageBitmap red lime blue white black
# Why it matters: a page that detects motion, takes snapshots or detects a frozen camera through a canvas sees a frozen
#   camera.
set -euo pipefail

for program in node ffmpeg chromium firefox-esr; do
  command -v "$program" > /dev/null || { echo "$program is not installed"; exit 2; }
done
chromium --version 2> /dev/null
firefox-esr --version
cd "$(dirname "$0")"

timeout 58 node --input-type=module - <<'JS'
import { beginMultipart, colouredJpegs, conclude, runInBrowser, sleep } from "./browser.mjs";

const COLOURS = ["red", "lime", "blue", "white", "black"];
const jpegs = colouredJpegs(COLOURS);
const HEADERS = "--frame\r\nContent-Type: image/jpeg\r\n\r\n";

/** Sends a picture every 500 ms, with the headers of the next part in advance, so that Chromium paints it. */
async function stream(_, response) {
  const socket = beginMultipart(response);
  socket.write(HEADERS);
  for (const jpeg of jpegs) {
    socket.write(jpeg);
    socket.write("\r\n" + HEADERS);
    await sleep(500);
  }
  socket.end();
}

/** Runs in the page: returns the colours that are seen in a canvas, by both ways of drawing. */
const page = `async () => {
  const COLOURS = { 400: "red", 40: "lime", 4: "blue", 444: "white", 0: "black" };
  const context = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const draw = (source) => {
    context.drawImage(source, 0, 0);
    const [red, green, blue] = context.getImageData(0, 0, 1, 1).data;
    return COLOURS[(red > 128) * 400 + (green > 128) * 40 + (blue > 128) * 4];
  };
  const WAYS = {
    drawImage: (image) => draw(image),
    createImageBitmap: async (image) => {
      const bitmap = await createImageBitmap(image);
      const colour = draw(bitmap);
      bitmap.close();
      return colour;
    },
  };
  const watch = async ([name, colourOf]) => {
    const image = new Image(), seen = new Set();
    image.src = "/stream?" + name;
    document.body.append(image);
    for (const end = Date.now() + 3500; Date.now() < end;) {
      await new Promise((resolve) => setTimeout(resolve, 20));
      if (image.naturalWidth) seen.add(await colourOf(image));
    }
    return [name, [...seen].join(" ")];
  };
  const seen = [];
  for (const way of Object.entries(WAYS)) seen.push(await watch(way));
  return Object.fromEntries(seen);
}`;

const seen = {};
for (const browser of ["chromium", "firefox-esr"]) {
  seen[browser] = await runInBrowser(browser, page, { "/stream": stream });
  const { drawImage, createImageBitmap } = seen[browser];
  console.log(`${browser}: drawImage ${drawImage}, createImageBitmap ${createImageBitmap}`);
}
const all = COLOURS.join(" ");
conclude(
  seen.chromium.drawImage === all && seen.chromium.createImageBitmap === all &&
    seen["firefox-esr"].drawImage === "red" && seen["firefox-esr"].createImageBitmap === all,
);
JS
