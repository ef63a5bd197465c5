import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertLess,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { join } from "@std/path";
import { PYTHON } from "../parts.ts";
import { eventually } from "../server.ts";
import {
  assertInOrder,
  assertWhole,
  asUser,
  client,
  CV2,
  FPS,
  inMs,
  run,
  serveCamera,
  STALLED,
  viewersOf,
  withFolder,
} from "./client.ts";

const FRAMES = 20;

client(
  "ffprobe",
  "detects the format without an option and without a warning",
  ["ffprobe"],
  async () => {
    await using server = await serveCamera();
    const { code, stdout, stderr, took } = await run("ffprobe", [
      ...["-v", "warning", "-of", "default=nw=1"],
      ...["-show_entries", "format=format_name:stream=codec_name,width,height"],
      `${server.url}/video_feed`,
    ]);
    assertEquals([code, stderr], [0, ""]);
    assertEquals(
      stdout.trim().split("\n").sort(),
      ["codec_name=mjpeg", "format_name=mpjpeg", "height=480", "width=640"],
    );
    return inMs(took);
  },
);

for (const path of ["/video_feed", "/?action=stream"]) {
  client(
    "ffmpeg",
    `decodes each frame of ${path} once, without a warning`,
    ["ffmpeg"],
    async () => {
      await using server = await serveCamera();
      const { code, stdout, stderr } = await run("ffmpeg", [
        ...["-nostdin", "-v", "warning", "-i", `${server.url}${path}`, "-frames:v", `${FRAMES}`],
        ...["-fps_mode", "passthrough", "-pix_fmt", "yuvj420p", "-f", "framemd5", "-"],
      ]);
      assertEquals([code, stderr], [0, ""]);
      const hashes = stdout.split("\n").filter((line) => line.startsWith("0,"))
        .map((line) => line.split(",").at(-1)!.trim());
      assertEquals([hashes.length, new Set(hashes).size], [FRAMES, FRAMES]);
      await eventually("the viewer is disconnected", async () => await viewersOf(server) === 0);
      return `${FRAMES} frames, 0 warnings`;
    },
  );
}

client("ffmpeg", "copies the JPEGs unchanged (-c copy)", ["ffmpeg"], async () => {
  await using server = await serveCamera();
  return await withFolder(async (cwd) => {
    const { code, stderr } = await run("ffmpeg", [
      ...["-nostdin", "-v", "warning", "-f", "mpjpeg", "-i", `${server.url}/video_feed`],
      ...["-frames:v", `${FRAMES}`, "-c", "copy", "-f", "image2", "%03d.jpg"],
    ], { cwd });
    assertEquals([code, stderr], [0, ""]);
    const jpegs = await readJpegs(cwd);
    assertEquals(jpegs.length, FRAMES);
    assertWhole(jpegs);
    return `${FRAMES} frames, 0 missing`;
  });
});

client(
  "ffmpeg",
  "records in real time with wall-clock timestamps",
  ["ffmpeg", "ffprobe"],
  async () => {
    await using server = await serveCamera();
    return await withFolder(async (cwd) => {
      const { code } = await run("ffmpeg", [
        ...["-nostdin", "-v", "error", "-use_wallclock_as_timestamps", "1"],
        ...["-i", `${server.url}/video_feed`, "-t", "3", "-c", "copy", "recording.mkv"],
      ], { cwd });
      assertEquals(code, 0);
      const { stdout } = await run("ffprobe", [
        ...["-v", "error", "-show_entries", "format=duration", "-of", "csv=p=0", "recording.mkv"],
      ], { cwd });
      assertAlmostEquals(Number(stdout), 3, 0.3);
      return `${Number(stdout).toFixed(2)} s of 3 s`;
    });
  },
);

/**
 * Prints the sequence numbers of the first frames that OpenCV reads, which are drawn into the
 * pictures.
 */
const OPENCV = `
import sys, cv2
source, backend, count = sys.argv[1], getattr(cv2, sys.argv[2]), int(sys.argv[3])
capture = cv2.VideoCapture(source, backend)
assert capture.isOpened(), "cannot open the stream"
assert capture.getBackendName() == sys.argv[2][4:], capture.getBackendName()
while count > 0:
    ok, picture = capture.read()
    assert ok, "the stream has ended"
    height, width = picture.shape[:2]
    assert (width, height) == (640, 480), picture.shape
    columns = -(-width // 16) - 3
    bits = "".join("01"[picture[b // columns * 16 + 8, (1 + b % columns) * 16 + 8, 1] > 128] for b in range(32))
    print(int(bits, 2))
    count -= 1
`;

for (
  const [name, backend, source] of [
    ["OpenCV, FFmpeg", "CAP_FFMPEG", (url: string) => url],
    [
      "OpenCV, GStreamer",
      "CAP_GSTREAMER",
      (url: string) =>
        `souphttpsrc location=${url} ! multipartdemux ! jpegdec ! videoconvert ! appsink`,
    ],
  ] as const
) {
  client(
    name,
    "VideoCapture reads each frame once, in order",
    [CV2],
    async () => {
      await using server = await serveCamera();
      const args = [source(`${server.url}/video_feed`), backend, `${FRAMES}`];
      const { code, stdout, stderr } = await run(PYTHON, ["-c", OPENCV, ...args]);
      assertEquals(code, 0, stderr);
      const numbers = stdout.trim().split("\n").map(Number);
      assertEquals(numbers.length, FRAMES);
      assertInOrder(numbers, STALLED);
      return `${FRAMES} frames, ${missingOf(numbers)} missing`;
    },
  );
}

client(
  "GStreamer",
  "souphttpsrc ! multipartdemux outputs the JPEGs unchanged",
  ["gst-launch-1.0"],
  async () => {
    await using server = await serveCamera();
    return await withFolder(async (cwd) => {
      const { code, stderr, stdout } = await run("gst-launch-1.0", [
        ...["-q", "souphttpsrc", `location=${server.url}/video_feed`, "!", "multipartdemux"],
        ...["!", "identity", `eos-after=${FRAMES}`, "!", "multifilesink", "location=%03d.jpg"],
      ], { cwd });
      assertEquals([code, stderr, stdout], [0, "", ""]);
      const jpegs = await readJpegs(cwd);
      assert(jpegs.length >= FRAMES - 1);
      assertWhole(jpegs);
      return `${jpegs.length} frames, 0 missing`;
    });
  },
);

client("GStreamer", "decodes the stream and plays it", ["gst-launch-1.0"], async () => {
  await using server = await serveCamera();
  const { code, stderr } = await run("gst-launch-1.0", [
    ...["-q", "souphttpsrc", `location=${server.url}/video_feed`, "do-timestamp=true"],
    ...["!", "multipartdemux", "!", "jpegdec", "!", "identity", `eos-after=${FRAMES}`],
    ...["!", "fakesink", "sync=false"],
  ]);
  assertEquals([code, stderr], [0, ""]);
  return `${FRAMES} frames, 0 warnings`;
});

client("VLC", "shows the stream", ["vlc", "setpriv"], async () => {
  await using server = await serveCamera();
  return await withFolder(async (folder) => {
    const pictures = await playInVlc(`${server.url}/video_feed`, folder);
    // VLC plays by its own clock and a second late; it may show a picture twice.
    assert(pictures >= 2 * FPS, `${pictures} pictures`);
    await eventually("the viewer is disconnected", async () => await viewersOf(server) === 0);
    return `${pictures} different pictures in 5 s`;
  });
});

/** Plays a stream for 5 s, without a window. @returns The number of different pictures shown. */
async function playInVlc(url: string, folder: string): Promise<number> {
  await Deno.chmod(folder, 0o777);
  const vlc = [
    ...["vlc", "-I", "dummy", "--no-audio", "--vout", "dummy"],
    ...["--video-filter", "scene", "--scene-path", folder, "--scene-ratio", "1"],
    ...["--scene-format", "jpg", url],
  ];
  const command = asUser(vlc);
  await run(command[0]!, command.slice(1), { env: { HOME: folder }, ms: 5_000 });
  const jpegs = await readJpegs(folder);
  return new Set(await Promise.all(jpegs.map(hash))).size;
}

async function hash(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}

client("curl", "gets a snapshot, also from the addresses of mjpg-streamer", ["curl"], async () => {
  await using server = await serveCamera();
  return await withFolder(async (cwd) => {
    let took = 0;
    for (const path of ["/snapshot.jpg", "/snapshot", "/?action=snapshot"]) {
      const url = `${server.url}${path}`;
      const result = await run("curl", ["-fsS", "-o", "1.jpg", "-w", "%{content_type}", url], {
        cwd,
      });
      assertEquals([result.code, result.stderr, result.stdout], [0, "", "image/jpeg"]);
      assertWhole(await readJpegs(cwd));
      took = result.took;
    }
    return `warm in ${inMs(took)}`;
  });
});

client("curl", "-I and -X OPTIONS return at once and leave no viewer", ["curl"], async () => {
  await using server = await serveCamera();
  const head = await run("curl", ["-fsSI", `${server.url}/video_feed`]);
  assertMatch(head.stdout, /^HTTP\/1\.1 200 /);
  assertStringIncludes(head.stdout.toLowerCase(), "multipart/x-mixed-replace; boundary=frame");
  const options = await run("curl", ["-fsSi", "-X", "OPTIONS", `${server.url}/video_feed`]);
  assertMatch(options.stdout, /^HTTP\/1\.1 204 /);
  const [camera] = await (await fetch(`${server.url}/cameras`)).json();
  assertEquals([camera.viewers, camera.state], [0, "off"]);
  return `0 viewers, camera off, ${inMs(head.took)}`;
});

for (const version of ["--http1.0", "--http1.1"]) {
  client(
    "curl",
    `${version} receives the parts of the stream without chunked encoding`,
    ["curl"],
    async () => {
      await using server = await serveCamera();
      return await withFolder(async (cwd) => {
        const url = `${server.url}/?action=stream`;
        // 28: curl has reached its time limit, without another error.
        const { code } = await run("curl", [version, "-sSN", "-m", "2", "-o", "stream", url], {
          cwd,
        });
        assertEquals(code, 28);
        const text = new TextDecoder("latin1").decode(await Deno.readFile(join(cwd, "stream")));
        const parts = text.split("\r\n--boundarydonotcross\r\n");
        assertEquals(parts[0]!.slice(0, 23), "--boundarydonotcross\r\nC");
        parts.pop(); // the last one may be incomplete
        for (const part of parts) {
          const [, length] = /Content-Length: (\d+)\r\n/.exec(part)!;
          const start = part.indexOf("\r\n\r\n") + 4;
          assertEquals(part.length - start, Number(length));
        }
        assert(parts.length >= FPS / 2, `${parts.length} frames`);
        return `${parts.length} frames in 2 s`;
      });
    },
  );
}

client(
  "wget",
  "gets a snapshot, and --spider does not start the camera",
  ["wget"],
  async () => {
    await using server = await serveCamera();
    const spider = await run("wget", ["-nv", "--spider", `${server.url}/snapshot.jpg`]);
    assertEquals(spider.code, 0, spider.stderr);
    assertEquals(await viewersOf(server), 0);
    return await withFolder(async (cwd) => {
      const { code, stderr, took } = await run("wget", ["-q", `${server.url}/snapshot.jpg`], {
        cwd,
      });
      assertEquals([code, stderr], [0, ""]);
      assertWhole(await readJpegs(cwd));
      assertLess(took, 5_000);
      return `cold in ${inMs(took)}`;
    });
  },
);

/** Reads all pictures in a folder, in the order of their names. */
async function readJpegs(folder: string): Promise<Uint8Array<ArrayBuffer>[]> {
  const names = [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
  return await Promise.all(
    names.filter((name) => name.endsWith(".jpg")).map((name) => Deno.readFile(join(folder, name))),
  );
}

function missingOf(numbers: readonly number[]): number {
  return numbers.at(-1)! - numbers[0]! - (numbers.length - 1);
}
