/** Clients that ask for smaller pictures and for a text in them. */
import { assert, assertEquals, assertLessOrEqual } from "@std/assert";
import { join } from "@std/path";
import type { Bytes } from "../../lib/bytes.ts";
import { sizeOf } from "../../lib/jpeg/segments.ts";
import { PYTHON } from "../parts.ts";
import { eventually, type Server } from "../server.ts";
import {
  assertInOrder,
  asUser,
  client,
  CV2,
  type Figure,
  FPS,
  run,
  serveCamera,
  STALLED,
  viewersOf,
  withFolder,
} from "./client.ts";
import { stillOfHomeAssistant } from "./readers/web.ts";

const FRAMES = 20;
/** Size of the camera's pictures, and of the smaller ones that are half as wide. */
const CAMERA = { width: 1280, height: 720 };
const SMALL = { width: 640, height: 360 };
/** Width and height of the camera's blocks, which are its sequence number. */
const BLOCK = 16;
/** Time that a player runs, in milliseconds. */
const PLAY_TIME = 5_000;

interface Gray {
  readonly width: number;
  readonly height: number;
  /** Brightness of each pixel. */
  readonly pixels: Bytes;
}

/** What a client asks for, and the size that it gets. */
const WANTED = [
  { query: "height=360", size: SMALL, text: false },
  { query: "overlay=1", size: CAMERA, text: true },
  { query: "height=360&overlay=1", size: SMALL, text: true },
] as const;

/** Starts a camera whose own pictures are larger; the text does not hide their numbers. */
function serveLargeCamera(): Promise<Server> {
  return serveCamera({
    WIDTH: `${CAMERA.width}`,
    HEIGHT: `${CAMERA.height}`,
    OVERLAY_PLACE: "bottom",
  });
}

/** Returns the sequence number that the camera has drawn into a picture. */
function numberIn({ pixels, width }: Gray): number {
  const block = BLOCK * width / CAMERA.width;
  const columns = CAMERA.width / BLOCK - 3;
  let bits = "";
  for (let i = 0; i < 32; i++) {
    const x = (1 + i % columns + 0.5) * block, y = (Math.floor(i / columns) + 0.5) * block;
    bits += pixels[y * width + x]! > 128 ? "1" : "0";
  }
  return parseInt(bits, 2);
}

/** Whether there are dark letters with a light edge, or light ones with a dark edge, at the bottom. */
function hasText({ pixels, width, height }: Gray): boolean {
  const bottom = pixels.subarray(Math.floor(height * 0.92) * width);
  const count = (isPart: (value: number) => boolean) => bottom.filter(isPart).length;
  const few = bottom.length / 1_000;
  return count((value) => value > 215) > few && count((value) => value < 40) > few;
}

/** Cuts decoded pictures, one behind the other, and checks what is in them. */
function checkPictures(
  raw: Bytes,
  { size, text }: { size: typeof CAMERA; text: boolean },
): number[] {
  const length = size.width * size.height;
  assertEquals(raw.length % length, 0, `${raw.length} bytes are no pictures of this size`);
  const pictures = Array.from({ length: raw.length / length }, (_, i) => ({
    ...size,
    pixels: raw.subarray(i * length, (i + 1) * length),
  }));
  for (const picture of pictures) assertEquals(hasText(picture), text);
  return pictures.map(numberIn);
}

/** Describes pictures of which each was read once, in order. */
function describe(numbers: readonly number[], { width, height }: typeof CAMERA): Figure {
  assertInOrder(numbers, STALLED);
  const missing = numbers.at(-1)! - numbers[0]! - (numbers.length - 1);
  return `${numbers.length} of ${width}x${height}, ${missing} missing`;
}

for (const wanted of WANTED) {
  const { query } = wanted;

  client("ffmpeg", `reads ?${query} at the camera's rate`, ["ffmpeg"], async () => {
    await using server = await serveLargeCamera();
    return await withFolder(async (cwd) => {
      const { code, stderr } = await run("ffmpeg", [
        ...["-nostdin", "-v", "warning", "-i", `${server.url}/video_feed?${query}`],
        ...["-frames:v", `${FRAMES}`, "-fps_mode", "passthrough", "-vf", "extractplanes=y"],
        ...["-f", "rawvideo", "frames.raw"],
      ], { cwd });
      assertEquals([code, stderr], [0, ""]);
      const numbers = checkPictures(await Deno.readFile(join(cwd, "frames.raw")), wanted);
      assertEquals(numbers.length, FRAMES);
      await eventually("the viewer is disconnected", async () => await viewersOf(server) === 0);
      return describe(numbers, wanted.size);
    });
  });

  client("GStreamer", `reads ?${query} at the camera's rate`, ["gst-launch-1.0"], async () => {
    await using server = await serveLargeCamera();
    return await withFolder(async (cwd) => {
      const { code, stderr } = await run("gst-launch-1.0", [
        ...["-q", "souphttpsrc", `location=${server.url}/video_feed?${query}`, "!"],
        ...["multipartdemux", "!", "identity", `eos-after=${FRAMES}`, "!", "jpegdec", "!"],
        ...["videoconvert", "!", "video/x-raw,format=GRAY8", "!"],
        ...["filesink", "location=frames.raw"],
      ], { cwd });
      assertEquals([code, stderr], [0, ""]);
      const numbers = checkPictures(await Deno.readFile(join(cwd, "frames.raw")), wanted);
      assert(numbers.length >= FRAMES - 1, `${numbers.length} frames`);
      return describe(numbers, wanted.size);
    });
  });

  client("OpenCV", `VideoCapture reads ?${query} at the camera's rate`, [CV2], async () => {
    await using server = await serveLargeCamera();
    return await withFolder(async (cwd) => {
      const args = [`${server.url}/video_feed?${query}`, `${FRAMES}`];
      const { code, stderr } = await run(PYTHON, ["-c", VIDEO_CAPTURE, ...args], { cwd });
      assertEquals(code, 0, stderr);
      const numbers = checkPictures(await Deno.readFile(join(cwd, "frames.raw")), wanted);
      assertEquals(numbers.length, FRAMES);
      return describe(numbers, wanted.size);
    });
  });

  client("OpenCV", `imdecode decodes a snapshot of ?${query}`, [CV2], async () => {
    await using server = await serveLargeCamera();
    return await withFolder(async (cwd) => {
      const url = `${server.url}/snapshot.jpg?${query}`;
      const { code, stderr } = await run(PYTHON, ["-c", IMDECODE, url], { cwd });
      assertEquals([code, stderr], [0, ""]);
      checkPictures(await Deno.readFile(join(cwd, "frames.raw")), wanted);
      return `${wanted.size.width}x${wanted.size.height}`;
    });
  });

  client("Home Assistant", `gets a still of ?${query}`, [], async () => {
    await using server = await serveLargeCamera();
    const [still] = await stillOfHomeAssistant(
      `${server.url}/video_feed?advance_headers=1&${query}`,
      1,
    );
    const snapshot = await (await fetch(`${server.url}/snapshot.jpg?${query}`)).bytes();
    for (const jpeg of [still!, snapshot]) {
      assertEquals(sizeOf(jpeg), wanted.size);
      assertEquals([...jpeg.subarray(-2)], [0xff, 0xd9]);
    }
    return `${wanted.size.width}x${wanted.size.height}`;
  });

  client("VLC", `shows ?${query}`, ["vlc", "setpriv", "ffmpeg"], async () => {
    return await showsIn(wanted, (folder) => [
      ...["vlc", "-I", "dummy", "--no-audio", "--vout", "dummy", "--video-filter", "scene"],
      ...["--scene-path", folder, "--scene-ratio", "1", "--scene-format", "jpg"],
    ]);
  });

  client("mpv", `shows ?${query}`, ["mpv", "setpriv", "ffmpeg"], async () => {
    return await showsIn(wanted, (folder) => [
      ...["mpv", "--no-config", "--really-quiet", "--ao=null", "--vo=image", "--untimed"],
      ...["--vo-image-format=jpg", `--vo-image-outdir=${folder}`],
    ]);
  });
}

/** Writes the pictures that OpenCV reads. */
const VIDEO_CAPTURE = `
import sys, cv2
capture = cv2.VideoCapture(sys.argv[1], cv2.CAP_FFMPEG)
assert capture.isOpened(), "cannot open the stream"
with open("frames.raw", "wb") as file:
    for _ in range(int(sys.argv[2])):
        ok, picture = capture.read()
        assert ok, "the stream has ended"
        file.write(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY).tobytes())
`;
const IMDECODE = `
import sys, urllib.request, numpy, cv2
data = urllib.request.urlopen(sys.argv[1]).read()
picture = cv2.imdecode(numpy.frombuffer(data, numpy.uint8), cv2.IMREAD_GRAYSCALE)
open("frames.raw", "wb").write(picture.tobytes())
`;

/** Runs a player that writes each picture it shows as a file. */
async function showsIn(
  wanted: typeof WANTED[number],
  player: (folder: string) => readonly string[],
): Promise<Figure> {
  await using server = await serveLargeCamera();
  return await withFolder(async (folder) => {
    await Deno.chmod(folder, 0o777);
    const command = asUser([...player(folder), `${server.url}/video_feed?${wanted.query}`]);
    const env = { HOME: folder };
    const { stderr } = await run(command[0]!, command.slice(1), { env, ms: PLAY_TIME });
    const names = [...Deno.readDirSync(folder)].map(({ name }) => name)
      .filter((name) => name.endsWith(".jpg")).sort();
    // The player may have been writing the last one.
    await Deno.remove(join(folder, names.pop()!));
    // VLC writes pictures that are higher than what it plays.
    const { width, height } = wanted.size;
    const { stdout } = await new Deno.Command("ffmpeg", {
      args: [
        ...["-v", "error", "-f", "image2", "-pattern_type", "glob", "-i", join(folder, "*.jpg")],
        ...["-vf", `scale=iw:${height},format=gray`, "-f", "rawvideo", "-"],
      ],
      stderr: "null",
    }).output();
    assertEquals(stdout.length, names.length * width * height);
    const numbers = checkPictures(stdout, wanted);
    // A player shows pictures by its own clock and begins late; it may show one twice.
    const shown = [...new Set(numbers)];
    assert(shown.length >= 2 * FPS, `${shown.length} pictures\n${stderr}`);
    const missing = shown.at(-1)! - shown[0]! - (shown.length - 1);
    assertLessOrEqual(missing, STALLED, `Missing: ${shown}`);
    await eventually("the viewer is disconnected", async () => await viewersOf(server) === 0);
    return `${shown.length} of ${width}x${height} in 5 s, ${missing} missing`;
  });
}
