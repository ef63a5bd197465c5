#!/usr/bin/env bash
# AudioContext.getOutputTimestamp() tells when sound is heard only in Chromium.
#
# Expected: it returns the `contextTime` of the sound that leaves the loudspeaker at `performanceTime`, by the clock of
#   performance.now(). So (currentTime - contextTime) - (now - performanceTime) is the latency of the output.
# Seen: in Firefox, both times are in the past by the latency, so they give a latency of zero, although `outputLatency`
#   is right. In WebKitGTK, performanceTime runs twice as fast as the clock: after ten seconds it is ten seconds in the
#   future; and outputLatency is 0.
# Versions: Chromium 156.0.8078, Firefox 153.7.0esr, WebKitGTK 2.50.6, PulseAudio 16.1 (Debian 12). A null sink.
# Output seen:
#   chromium: performanceTime runs at 1.0 of the clock, latency 44 ms, outputLatency 40 ms
#   firefox-esr: performanceTime runs at 1.0 of the clock, latency 0 ms, outputLatency 39 ms
#   MiniBrowser: performanceTime runs at 2.0 of the clock, outputLatency 0 ms
# Why it matters: a page that plays sound in sync with pictures by this function is right in Chromium, 40 ms late in
#   Firefox, and silent or seconds off in WebKit. The values must be checked before they are used.
set -euo pipefail

for program in node pulseaudio xvfb-run chromium firefox-esr; do
  command -v "$program" > /dev/null || { echo "$program is not installed"; exit 2; }
done
ls /usr/lib/*/webkit2gtk-4.1/MiniBrowser > /dev/null || { echo "MiniBrowser is not installed"; exit 2; }
chromium --version 2> /dev/null
firefox-esr --version
pulseaudio --version
cd "$(dirname "$0")"
tmp=$(mktemp -d)
trap 'kill "${server:-}" 2> /dev/null || true; wait; rm -rf "$tmp"' EXIT
export XDG_RUNTIME_DIR=$tmp PULSE_SERVER=unix:$tmp/native
HOME=$tmp pulseaudio -n --daemonize=no --exit-idle-time=-1 --realtime=no --high-priority=no \
  -L "module-native-protocol-unix socket=$tmp/native auth-anonymous=1" \
  -L "module-null-sink sink_name=loudspeaker rate=48000" > /dev/null 2>&1 &
server=$!
for _ in $(seq 50); do
  [ -S "$tmp/native" ] && break
  sleep 0.1
done

timeout 58 xvfb-run -a node --input-type=module - <<'JS'
import { basename } from "node:path";
import { conclude, runInBrowser, WEBKIT } from "./browser.mjs";

/** Runs in the page: plays a tone, and returns medians, in milliseconds. */
const page = `async () => {
  const context = new AudioContext();
  const [tone, gain] = [context.createOscillator(), context.createGain()];
  gain.gain.value = 0.01;
  tone.connect(gain).connect(context.destination);
  tone.start();
  await context.resume();
  const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
  await sleep(2000);
  const look = () => {
    const [now, { currentTime }] = [performance.now(), context];
    const { contextTime, performanceTime } = context.getOutputTimestamp();
    const latency = 1000 * (currentTime - contextTime) - (now - performanceTime);
    return { now, performanceTime, latency, outputLatency: 1000 * context.outputLatency };
  };
  const looks = [];
  for (let i = 0; i < 50; i++) {
    looks.push(look());
    await sleep(60);
  }
  const [first, last] = [looks[0], looks.at(-1)];
  const median = (name) => looks.map((one) => one[name]).sort((a, b) => a - b)[25];
  return {
    speed: (last.performanceTime - first.performanceTime) / (last.now - first.now),
    latency: median("latency"),
    outputLatency: median("outputLatency"),
  };
}`;

const results = [];
for (const browser of ["chromium", "firefox-esr", WEBKIT]) {
  const result = await runInBrowser(browser, page, {});
  const { speed, latency, outputLatency } = result;
  results.push(result);
  const text = Math.abs(speed - 1) < 0.1 ? `latency ${Math.round(latency) || 0} ms, ` : "";
  console.log(
    `${basename(browser)}: performanceTime runs at ${speed.toFixed(1)} of the clock, ` +
      `${text}outputLatency ${outputLatency.toFixed(0)} ms`,
  );
}
const [chromium, firefox, webkit] = results;
const isReal = ({ speed }) => Math.abs(speed - 1) < 0.1;
conclude(
  isReal(chromium) && chromium.latency > 10 && chromium.outputLatency > 10 &&
    isReal(firefox) && Math.abs(firefox.latency) < 5 && firefox.outputLatency > 10 &&
    Math.abs(webkit.speed - 2) < 0.1 && webkit.outputLatency === 0,
);
JS
