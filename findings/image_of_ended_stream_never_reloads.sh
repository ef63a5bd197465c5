#!/usr/bin/env bash
# A new <img> with the address of an ended stream shows its last picture; no browser asks the server again.
#
# Expected: the response has Cache-Control: no-store and has ended. So a new <img> with the same address, made after the
#   old one was removed, sends a new request, and the camera is live again.
# Seen: in Chromium and Firefox, the new <img> fires "load" at once with the last picture of the old stream, and the
#   server receives no request: a page keeps the images that it has loaded, and a stream that has ended counts as
#   loaded. Setting `src` again does not help either. Only another address does, such as one with another query.
# Versions: Chromium 156.0.8078, Firefox 153.7.0esr (Debian 12).
# Output seen, for both browsers:
#   first image 1 request, new image 1 load event and 0 requests, src set again 0 requests, other query 1 request
# Why it matters: a page that reconnects to a camera in this way after an orderly restart of the server seems to
#   succeed, and shows an old picture as live.
set -euo pipefail

for program in node ffmpeg chromium firefox-esr; do
  command -v "$program" > /dev/null || { echo "$program is not installed"; exit 2; }
done
chromium --version 2> /dev/null
firefox-esr --version
cd "$(dirname "$0")"

timeout 58 node --input-type=module - <<'JS'
import { beginMultipart, colouredJpegs, conclude, partHeaders, runInBrowser, sleep } from "./browser.mjs";

const jpegs = colouredJpegs(["red", "lime", "blue"]);
let requests;

/** Sends three pictures, and ends. */
async function stream(_, response) {
  requests++;
  const socket = beginMultipart(response, "Cache-Control: no-store\r\n");
  socket.write("--frame\r\n");
  for (const [index, jpeg] of jpegs.entries()) {
    socket.write(partHeaders(jpeg));
    socket.write(jpeg);
    socket.write(index < jpegs.length - 1 ? "\r\n--frame\r\n" : "\r\n--frame--\r\n");
    await sleep(200);
  }
  socket.end();
}

/** Runs in the page: returns the number of requests and load events of each step. */
const page = `async () => {
  const requests = async () => Number(await (await fetch("/requests", { cache: "no-store" })).text());
  const step = async (begin) => {
    const before = await requests();
    let loads = 0;
    const image = begin(() => loads++);
    await new Promise((resolve) => setTimeout(resolve, 2000));
    return { image, requests: await requests() - before, loads, width: image.naturalWidth };
  };
  const show = (url) => (onload) => {
    const image = new Image();
    image.onload = onload;
    image.src = url;
    document.body.append(image);
    return image;
  };
  const first = await step(show("/stream"));
  first.image.remove();
  const second = await step(show("/stream"));
  const again = await step(() => {
    second.image.src = "/stream";
    return second.image;
  });
  const other = await step(show("/stream?2"));
  return [first, second, again, other].map(({ requests, loads, width }) => ({ requests, loads, width }));
}`;

let asDescribed = true;
for (const browser of ["chromium", "firefox-esr"]) {
  requests = 0;
  const [first, second, again, other] = await runInBrowser(browser, page, {
    "/stream": stream,
    "/requests": (_, response) => response.end(`${requests}`),
  });
  console.log(
    `${browser}: first image ${first.requests} request, new image ${second.loads} load event and ` +
      `${second.requests} requests, src set again ${again.requests} requests, other query ${other.requests} request`,
  );
  asDescribed &&= first.requests === 1 && second.requests === 0 && second.loads === 1 &&
    second.width === 64 && again.requests === 0 && other.requests === 1;
}
conclude(asDescribed);
JS
