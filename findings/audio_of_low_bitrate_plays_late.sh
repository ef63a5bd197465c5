#!/usr/bin/env bash
# The fewer bits a live stream in <audio> has, the later it plays.
#
# Expected: a browser begins to play a live stream when a certain duration has arrived, whatever its bitrate. Encoding
#   with fewer bits saves bandwidth and costs no delay.
# Seen: Chromium and Firefox wait for a number of bytes. Opus at 160 kbit/s plays two seconds behind the live sound, at
#   32 kbit/s six, at 8 kbit/s fourteen. The delay stays for as long as the stream plays.
# Versions: Chromium 156.0.8078, Firefox 153.7.0esr, ffmpeg 5.1.9 (Debian 12). Constant bitrate, Ogg pages of 20 ms.
# Output seen, in seconds behind the live sound:
#   chromium: 160k 1.8, 32k 6.4, 8k 13.9
#   firefox-esr: 160k 1.8, 32k 6.4, 8k 14.0
# Why it matters: a stream of speech for a baby monitor or a doorbell seems to be broken, and saving bandwidth makes it
#   worse. Sound that should be live must not be played by <audio>.
set -euo pipefail

for program in node ffmpeg chromium firefox-esr; do
  command -v "$program" > /dev/null || { echo "$program is not installed"; exit 2; }
done
chromium --version 2> /dev/null
firefox-esr --version
cd "$(dirname "$0")"

timeout 58 node --input-type=module - <<'JS'
import { spawn } from "node:child_process";
import { conclude, runInBrowser } from "./browser.mjs";

const SOURCE = "-v error -nostdin -re -f lavfi -i sine=sample_rate=48000";
const OPUS = "-c:a libopus -vbr off -frame_duration 20 -page_duration 20000 -flush_packets 1 -f ogg -";
const BITRATES = ["160k", "32k", "8k"];

/** Sends a tone in real time, as Opus with the bitrate in the query. */
function sound(request, response) {
  const bitrate = request.url.split("?")[1];
  const encoder = spawn("ffmpeg", [...SOURCE.split(" "), "-b:a", bitrate, ...OPUS.split(" ")], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  response.setHeader("Content-Type", "audio/ogg");
  encoder.stdout.pipe(response);
  response.on("close", () => encoder.kill("SIGKILL"));
}

/** Runs in the page: returns how far each stream is behind its beginning, in seconds, when it plays. */
const page = `async () => {
  const play = async (bitrate) => {
    const audio = new Audio("/sound?" + bitrate);
    audio.muted = true;
    const startedAt = performance.now();
    audio.play();
    while (audio.currentTime < 0.5) await new Promise((resolve) => setTimeout(resolve, 50));
    const behind = (performance.now() - startedAt) / 1000 - audio.currentTime;
    audio.removeAttribute("src");
    audio.load(); // closes the connection
    return behind;
  };
  return await Promise.all(${JSON.stringify(BITRATES)}.map(play));
}`;

let asDescribed = true;
for (const browser of ["chromium", "firefox-esr"]) {
  const behind = await runInBrowser(browser, page, { "/sound": sound });
  console.log(`${browser}: ${BITRATES.map((bitrate, i) => `${bitrate} ${behind[i].toFixed(1)}`).join(", ")}`);
  const [high, middle, low] = behind;
  asDescribed &&= high < 5 && middle > high + 2 && middle < 11 && low > middle + 4;
}
conclude(asDescribed);
JS
