#!/usr/bin/env bash
# Some clients ignore the EXIF orientation of the pictures in an MJPEG stream.
#
# Expected: a camera that is mounted at 90 degrees says so in each JPEG (EXIF orientation 6), and everybody sees its
#   stream upright, as they see a photograph.
# Seen: browsers, ffmpeg and mpv turn the pictures of the stream, to 240x320. GStreamer's jpegdec, OpenCV's VideoCapture
#   with either backend and the filters of VLC do not, while OpenCV's imdecode turns a snapshot of the same camera.
# Versions: Chromium 156.0.8078, Firefox 153.7.0esr, WebKitGTK 2.50.6 (with a display, as of xvfb-run), ffmpeg 5.1.9,
#   mpv 0.35.1, VLC 3.0, GStreamer 1.22.0, OpenCV 4.6.0 (Debian 12).
# Output seen:
#   chromium: stream in <img> 240x320, snapshot in <img> 240x320, createImageBitmap 240x320
#   firefox-esr: stream in <img> 240x320, snapshot in <img> 240x320, createImageBitmap 240x320
#   webkit: stream in <img> 240x320, snapshot in <img> 240x320, createImageBitmap 240x320
#   ffmpeg: stream 240x320, snapshot 240x320
#   mpv: stream 240x320, snapshot 240x320
#   GStreamer, jpegdec: stream 320x240
#   VLC, scene filter: stream 320x256
#   OpenCV: imdecode 240x320, VideoCapture by FFmpeg 320x240, VideoCapture by GStreamer 320x240
# Why it matters: a server that turns pictures by EXIF alone is right in browsers, and wrong for detectors. It must move
#   the coefficients (as jpegtran does) and remove the orientation.
set -euo pipefail

for program in node ffmpeg ffprobe chromium firefox-esr vlc setpriv mpv gst-launch-1.0; do
  command -v "$program" > /dev/null || { echo "$program is not installed"; exit 2; }
done
/usr/bin/python3 -c "import cv2" 2> /dev/null || { echo "OpenCV for Python is not installed"; exit 2; }
cd "$(dirname "$0")"
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

TMP=$tmp timeout 110 node --input-type=module - <<'JS'
import { execFile, execFileSync } from "node:child_process";
import { chmodSync, existsSync, readdirSync } from "node:fs";
import { createServer } from "node:http";
import { beginMultipart, conclude, partHeaders, runInBrowser, sleep, WEBKIT } from "./browser.mjs";

const { TMP } = process.env;
const plain = execFileSync("ffmpeg", [
  ...["-v", "error", "-nostdin", "-f", "lavfi", "-i", "testsrc2=size=320x240", "-frames:v", "1"],
  ...["-q:v", "3", "-f", "mjpeg", "pipe:1"],
]);
// A TIFF header and one entry: orientation (0x0112), type SHORT, one value, 6.
const tiff = "4d4d002a00000008" + "0001" + "01120003" + "00000001" + "00060000" + "00000000";
const exif = Buffer.from("ffe10022" + "457869660000" + tiff, "hex");
const jpeg = Buffer.concat([plain.subarray(0, 2), exif, plain.subarray(2)]);

async function stream(_, response) {
  const socket = beginMultipart(response);
  socket.write("--frame\r\n");
  for (let open = true; open; await sleep(50)) {
    socket.write(partHeaders(jpeg));
    socket.write(jpeg);
    open = socket.write("\r\n--frame\r\n") || socket.writableLength < 1e6;
  }
  socket.destroy();
}

function snapshot(_, response) {
  response.setHeader("Content-Type", "image/jpeg");
  response.end(jpeg);
}

/** Runs in the page: returns the sizes that are seen. */
const page = `async () => {
  const size = (width, height) => width + "x" + height;
  const load = async (address) => {
    const image = new Image();
    image.src = address;
    document.body.append(image);
    while (!image.naturalWidth) await new Promise((resolve) => setTimeout(resolve, 50));
    await new Promise((resolve) => setTimeout(resolve, 500));
    const { width, height } = image.getBoundingClientRect();
    return size(width, height);
  };
  const bitmap = await createImageBitmap(await (await fetch("/snapshot.jpg")).blob());
  return {
    "stream in <img>": await load("/stream"),
    "snapshot in <img>": await load("/snapshot.jpg"),
    "createImageBitmap": size(bitmap.width, bitmap.height),
  };
}`;

const results = {};
const hasWebkit = existsSync(WEBKIT) && process.env.DISPLAY;
const browsers = ["chromium", "firefox-esr", ...hasWebkit ? [WEBKIT] : []];
for (const browser of browsers) {
  const name = browser === WEBKIT ? "webkit" : browser;
  const routes = { "/stream": stream, "/snapshot.jpg": snapshot };
  results[name] = await runInBrowser(browser, page, routes);
}

const server = createServer((request, response) =>
  request.url === "/stream" ? stream(request, response) : snapshot(request, response)
);
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const url = `http://127.0.0.1:${server.address().port}`;

/** Runs a program, and returns what it prints. */
const run = (program, args) =>
  new Promise((resolve) => {
    const options = { timeout: 15_000, cwd: TMP, env: { ...process.env, HOME: TMP } };
    execFile(program, args, options, (_, stdout) => resolve(stdout));
  });
async function sizeOf(file) {
  const found = readdirSync(TMP, { recursive: true }).find((name) => name.startsWith(file));
  if (!found) return "no picture";
  const show = ["-show_entries", "stream=width,height", "-of", "csv=p=0:s=x"];
  return (await run("ffprobe", ["-v", "error", ...show, `${TMP}/${found}`])).trim();
}
const OPENCV = `
import cv2, numpy, sys, urllib.request
size = lambda picture: f"{picture.shape[1]}x{picture.shape[0]}"
data = urllib.request.urlopen(sys.argv[1] + "/snapshot.jpg").read()
print(size(cv2.imdecode(numpy.frombuffer(data, numpy.uint8), cv2.IMREAD_COLOR)))
print(size(cv2.VideoCapture(sys.argv[1] + "/stream", cv2.CAP_FFMPEG).read()[1]))
pipeline = f"souphttpsrc location={sys.argv[1]}/stream ! multipartdemux ! jpegdec ! videoconvert ! appsink"
print(size(cv2.VideoCapture(pipeline, cv2.CAP_GSTREAMER).read()[1]))
`;
Object.assign(results, { ffmpeg: {}, mpv: {} });
for (const [what, path] of [["stream", "/stream"], ["snapshot", "/snapshot.jpg"]]) {
  await run("ffmpeg", ["-v", "error", "-nostdin", "-i", url + path, "-frames:v", "1", `ffmpeg_${what}.png`]);
  results.ffmpeg[what] = await sizeOf(`ffmpeg_${what}`);
  await run("mpv", [
    ...["--no-config", "--no-audio", "--vo=image", "--vo-image-format=png", `--vo-image-outdir=mpv_${what}`],
    ...["--frames=1", url + path],
  ]);
  results.mpv[what] = await sizeOf(`mpv_${what}/00000001.png`);
}
await run("gst-launch-1.0", [
  ...["-q", "souphttpsrc", `location=${url}/stream`, "num-buffers=40", "!", "multipartdemux", "!", "jpegdec", "!"],
  ...["videoconvert", "!", "pngenc", "snapshot=true", "!", "filesink", "location=gst.png"],
]);
results["GStreamer, jpegdec"] = { stream: await sizeOf("gst") };
chmodSync(TMP, 0o777);
await run("setpriv", [ // VLC refuses to run as root
  ...process.getuid() === 0 ? ["--reuid", "65534", "--regid", "65534", "--clear-groups"] : [],
  ...["timeout", "5", "vlc", "-I", "dummy", "--no-audio", "--vout", "dummy", "--video-filter", "scene"],
  ...["--scene-path", TMP, "--scene-prefix", "vlc", "--scene-ratio", "1", "--scene-format", "png", `${url}/stream`],
]);
results["VLC, scene filter"] = { stream: await sizeOf("vlc") };
const [decoded, capture, gstreamer] = (await run("/usr/bin/python3", ["-c", OPENCV, url])).split("\n");
results.OpenCV = {
  "imdecode": decoded,
  "VideoCapture by FFmpeg": capture,
  "VideoCapture by GStreamer": gstreamer,
};
server.closeAllConnections();
server.close();

const lines = Object.entries(results).map(([client, sizes]) =>
  `${client}: ${Object.entries(sizes).map((entry) => entry.join(" ")).join(", ")}`
);
console.log(lines.join("\n"));
const browser = "stream in <img> 240x320, snapshot in <img> 240x320, createImageBitmap 240x320";
const expected = [
  ...["chromium", "firefox-esr", ...hasWebkit ? ["webkit"] : []].map((name) => `${name}: ${browser}`),
  "ffmpeg: stream 240x320, snapshot 240x320",
  "mpv: stream 240x320, snapshot 240x320",
  "GStreamer, jpegdec: stream 320x240",
  "VLC, scene filter: stream 320x256",
  "OpenCV: imdecode 240x320, VideoCapture by FFmpeg 320x240, VideoCapture by GStreamer 320x240",
];
conclude(lines.join() === expected.join());
JS
