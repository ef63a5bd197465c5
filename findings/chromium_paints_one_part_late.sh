#!/usr/bin/env bash
# Chromium paints a part of a multipart stream only when the headers of the next part have arrived.
#
# Expected: a browser paints a picture of multipart/x-mixed-replace when it is complete: after Content-Length bytes, or
#   at the delimiter that ends the part.
# Seen: Chromium does neither. It paints a picture when the headers of the *next* part have arrived, so every picture
#   is late by one interval. Only a server that sends those headers in advance, and thus without
#   Content-Length, avoids it. Firefox paints at the delimiter.
# Versions: Chromium 156.0.8078, Firefox 153.7.0esr (Debian 12). One picture a second, with Content-Length except in the
#   last form.
# Output seen:
#   delimiter before each part: chromium 1009 ms late, firefox-esr 1007 ms late
#   delimiter at once after each part: chromium 1008 ms late, firefox-esr 6 ms late
#   delimiter and next headers at once: chromium 3 ms late, firefox-esr 6 ms late
# Why it matters: a page with an <img> of a camera at 1 frame per second shows the picture of a second ago, and the
#   last picture before a pause appears when the pause ends.
set -euo pipefail

for program in node ffmpeg chromium firefox-esr; do
  command -v "$program" > /dev/null || { echo "$program is not installed"; exit 2; }
done
chromium --version 2> /dev/null
firefox-esr --version
cd "$(dirname "$0")"

timeout 58 node --input-type=module - <<'JS'
import { beginMultipart, colouredJpegs, conclude, partHeaders, runInBrowser, sleep } from "./browser.mjs";

const COLOURS = ["red", "lime", "blue", "white", "black"];
const FORMS = [
  "delimiter before each part",
  "delimiter at once after each part",
  "delimiter and next headers at once",
];
const jpegs = colouredJpegs(COLOURS);
const OPEN_HEADERS = "Content-Type: image/jpeg\r\n\r\n";

/** Sends a picture a second. */
async function stream(request, response, sent) {
  const form = Number(request.url.split("?")[1]);
  const socket = beginMultipart(response);
  if (form > 0) socket.write("--frame\r\n");
  if (form > 1) socket.write(OPEN_HEADERS);
  for (const [index, jpeg] of jpegs.entries()) {
    sent[form][COLOURS[index]] = Date.now();
    if (form === 0) socket.write("--frame\r\n");
    if (form < 2) socket.write(partHeaders(jpeg));
    socket.write(jpeg);
    socket.write("\r\n");
    if (form > 0) socket.write("--frame\r\n");
    if (form > 1) socket.write(OPEN_HEADERS);
    await sleep(1000);
  }
  socket.end();
}

/** Runs in the page: returns the time when each colour was seen first, for each form. */
const page = `async () => {
  const context = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const COLOURS = { 400: "red", 40: "lime", 4: "blue", 444: "white", 0: "black" };
  async function colourOf(image) {
    const bitmap = await createImageBitmap(image);
    context.drawImage(bitmap, 0, 0);
    bitmap.close();
    const [red, green, blue] = context.getImageData(0, 0, 1, 1).data;
    return COLOURS[(red > 128) * 400 + (green > 128) * 40 + (blue > 128) * 4];
  }
  const watch = async (form) => {
    const image = new Image(), seen = {};
    document.body.append(image);
    image.src = "/stream?" + form;
    for (const end = Date.now() + 5500; Date.now() < end;) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      if (!image.naturalWidth) continue;
      const colour = await colourOf(image).catch(() => {}); // fails while the picture is being replaced
      if (colour) seen[colour] ??= Date.now();
    }
    return seen;
  };
  return await Promise.all([0, 1, 2].map(watch));
}`;

const delays = {};
for (const browser of ["chromium", "firefox-esr"]) {
  const sent = FORMS.map(() => ({}));
  const seen = await runInBrowser(browser, page, {
    "/stream": (request, response) => stream(request, response, sent),
  });
  // The median of the pictures in the middle.
  delays[browser] = FORMS.map((_, form) =>
    ["lime", "blue", "white"].map((colour) => seen[form][colour] - sent[form][colour])
      .sort((a, b) => a - b)[1]
  );
}
for (const [index, form] of FORMS.entries()) {
  const results = Object.entries(delays).map(([browser, late]) => `${browser} ${late[index]} ms late`);
  console.log(`${form}: ${results.join(", ")}`);
}
const isLate = (browser) => delays[browser].map((delay) => delay > 800 ? "late" : delay < 500 ? "at once" : delay);
conclude(
  isLate("chromium").join() === "late,late,at once" &&
    isLate("firefox-esr").join() === "late,at once,at once",
);
JS
