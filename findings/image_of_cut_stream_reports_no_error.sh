#!/usr/bin/env bash
# An <img> whose stream is cut in the middle of a picture fires no "error" event.
#
# Expected: when the connection of a multipart stream is interrupted within a part, the <img> fires "error", as it does
#   for a single JPEG whose connection is interrupted.
# Seen: no "error" event in Chromium and Firefox. Chromium fires "load" once for the first picture and nothing
#   afterwards. Firefox fires "load" forevery picture, also for the incomplete one. `complete` is true in both.
# Versions: Chromium 156.0.8078, Firefox 153.7.0esr (Debian 12). Three pictures and a half, then a TCP reset.
# Output seen:
#   chromium: load 1 time(s), error 0 time(s), complete true
#   chromium, single JPEG: error 1 time(s)
#   firefox-esr: load 4 time(s), error 0 time(s), complete true
#   firefox-esr, single JPEG: error 1 time(s)
# Why it matters: a page that waits for "error" to reconnect shows the last picture forever. It has to poll the server,
#   or needs another source of pictures, such as a WebSocket.
set -euo pipefail

for program in node ffmpeg chromium firefox-esr; do
  command -v "$program" > /dev/null || { echo "$program is not installed"; exit 2; }
done
chromium --version 2> /dev/null
firefox-esr --version
cd "$(dirname "$0")"

timeout 58 node --input-type=module - <<'JS'
import { beginMultipart, colouredJpegs, conclude, partHeaders, runInBrowser, sleep } from "./browser.mjs";

const jpegs = colouredJpegs(["red", "lime", "blue", "white"]);

/** Sends three pictures and the first half of another one, and resets the connection. */
async function stream(_, response) {
  const socket = beginMultipart(response);
  for (const [index, jpeg] of jpegs.entries()) {
    socket.write("--frame\r\n");
    socket.write(partHeaders(jpeg));
    socket.write(index < 3 ? jpeg : jpeg.subarray(0, jpeg.length / 2));
    if (index < 3) socket.write("\r\n");
    await sleep(300);
  }
  socket.resetAndDestroy();
}

/** Resets the connection before the picture. */
function single(_, response) {
  response.socket.write("HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nContent-Length: 1000\r\n\r\n");
  setTimeout(() => response.socket.resetAndDestroy(), 100);
}

/** Runs in the page: counts the events of an image. */
const page = `async () => {
  const count = async (url) => {
    const image = new Image(), events = { load: 0, error: 0 };
    image.onload = () => events.load++;
    image.onerror = () => events.error++;
    image.src = url;
    document.body.append(image);
    await new Promise((resolve) => setTimeout(resolve, 5000));
    return { ...events, complete: image.complete };
  };
  return { stream: await count("/stream"), single: await count("/single") };
}`;

let asDescribed = true;
for (const [browser, loads] of [["chromium", 1], ["firefox-esr", 4]]) {
  const { stream: { load, error, complete }, single: control } = await runInBrowser(browser, page, {
    "/stream": stream,
    "/single": single,
  });
  console.log(`${browser}: load ${load} time(s), error ${error} time(s), complete ${complete}`);
  console.log(`${browser}, single JPEG: error ${control.error} time(s)`);
  asDescribed &&= load === loads && error === 0 && complete && control.error === 1;
}
conclude(asDescribed);
JS
