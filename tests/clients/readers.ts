import { assert, assertEquals, assertLess, assertMatch, assertRejects } from "@std/assert";
import type { Jpeg } from "../../lib/frame.ts";
import { needing, PYTHON } from "../parts.ts";
import { exifWith, withSegment } from "../lib/jpeg/exif.ts";
import { sampleJpeg } from "../lib/jpeg/sample_jpegs.ts";
import { FAKES, ROOT } from "../server.ts";
import { assertWhole, client, inMs, median, numberOf, serveCamera, withFolder } from "./client.ts";
import { Unreadable } from "./readers/parts.ts";
import { readAsEsp32, readAsMissionPlanner, readAsPyMjpeg } from "./readers/programs.ts";
import { readAsGo2rtc, readAsMjpgStreamer, testAsMotionEye } from "./readers/recorders.ts";
import {
  HOME_ASSISTANT_TIMEOUT,
  readAsFluidd,
  readAsMainsail,
  stillOfHomeAssistant,
} from "./readers/web.ts";

const FRAMES = 10;

for (
  const [name, read, paths] of [
    ["Mainsail", readAsMainsail, ["/?action=stream", "/video_feed"]],
    ["Fluidd", readAsFluidd, ["/?action=stream", "/video_feed"]],
    ["go2rtc, Frigate", readAsGo2rtc, ["/video_feed"]],
    ["mjpg-streamer input_http", readAsMjpgStreamer, ["/?action=stream"]],
    ["MissionPlanner", readAsMissionPlanner, ["/video_feed"]],
    ["py-mjpeg", readAsPyMjpeg, ["/video_feed", "/?action=stream"]],
    ["ESP32 display", readAsEsp32, ["/video_feed"]],
  ] as const
) {
  for (const path of paths) {
    client(name, `reads ${path}`, [], async () => {
      await using server = await serveCamera();
      const pictures = await read(`${server.url}${path}`, FRAMES);
      assertEquals(pictures.length, FRAMES);
      assertWhole(pictures.map(name === "Fluidd" ? withoutLineEnd : (picture) => picture));
      return `${FRAMES} frames, 0 missing`;
    });
  }
}

for (
  const [name, read] of [
    ["Mainsail", readAsMainsail],
    ["go2rtc, Frigate", readAsGo2rtc],
    ["MissionPlanner", readAsMissionPlanner],
    ["py-mjpeg", readAsPyMjpeg],
  ] as const
) {
  Deno.test(
    `a reader with the rules of ${name} rejects a stream without the length of each part`,
    needing(PYTHON),
    async () => {
      await using server = await serveCamera();
      await assertRejects(() => read(`${server.url}/video_feed?advance_headers=1`, 2), Unreadable);
    },
  );
}

client("motionEye", "accepts the stream as a network camera", [], async () => {
  await using server = await serveCamera();
  const stream = await testAsMotionEye(`${server.url}/video_feed`);
  assertEquals(stream, { kind: "MJPEG", keepAlive: true });
  const still = await testAsMotionEye(`${server.url}/snapshot.jpg`);
  assertEquals(still, { kind: "JPEG", keepAlive: true });
  return "MJPEG, JPEG; plays by ffmpeg";
});

client(
  "Home Assistant",
  "extracts a complete still from the stream, and gets a snapshot",
  [],
  async () => {
    await using server = await serveCamera();
    for (const query of ["", "?advance_headers=1"]) {
      const begun = performance.now();
      assertWhole(await stillOfHomeAssistant(`${server.url}/video_feed${query}`, 1));
      assertLess(performance.now() - begun, HOME_ASSISTANT_TIMEOUT);
    }
    const snapshot = await fetch(`${server.url}/snapshot.jpg`);
    assertEquals([snapshot.status, snapshot.headers.get("Content-Type")], [200, "image/jpeg"]);
    assertWhole([await snapshot.bytes()]);
    return "complete";
  },
);

client(
  "Home Assistant",
  "never waits 10 s for data: from a slow camera, from a removed camera",
  [],
  async () => {
    return await withFolder(async (folder) => {
      // The first run finds a camera, all later ones find none.
      const program = `#!/bin/sh
if [ -e "${folder}/gone" ]; then echo "ERROR: *** no cameras available ***" >&2; exit 255; fi
touch "${folder}/gone"; exec "${FAKES}/rpicam-vid" "$@"`;
      await Deno.writeTextFile(`${folder}/rpicam-vid`, program, { mode: 0o755 });
      const PATH = `${folder}:${Deno.env.get("PATH")}`;
      await using server = await serveCamera({
        ...{ CAMERA: "slow=emulated,gone=pi", SLOW_FPS: "0.05" },
        ...{ PATH, GONE_FPS: "10", FAKE_CAMERA_DIE_AFTER: "10" },
      });
      const silences = await Promise.all(
        ["slow", "gone"].map((name) =>
          longestSilence(`${server.url}/cameras/${name}/video_feed`, 13_000)
        ),
      );
      for (const silence of silences) assertLess(silence, HOME_ASSISTANT_TIMEOUT * 0.7);
      return `at most ${silences.map(inSeconds).join(" and ")} without data`;
    });
  },
);

for (
  const [name, read] of [
    ["Home Assistant", stillOfHomeAssistant],
    ["Mainsail", readAsMainsail],
  ] as const
) {
  client(name, "reads pictures with an EXIF thumbnail completely", [], async () => {
    return await withFolder(async (folder) => {
      const picture = await Deno.readFile(new URL("cameras/emulated/1.jpg", ROOT));
      const jpeg = withSegment(picture, exifWith({ thumbnail: sampleJpeg() }));
      await Deno.writeFile(`${folder}/picture.jpg`, jpeg);
      const driver = `export default {
        configure: () => ({}),
        async *open(_settings, signal) {
          while (!signal.aborted) {
            yield await Deno.readFile("${folder}/picture.jpg");
            await new Promise((resolve) => setTimeout(resolve, 50));
          }
        },
      };`;
      await Deno.writeTextFile(`${folder}/thumbnail.js`, driver);
      await using server = await serveCamera({ CAMERA: "thumbnail", CAMERAS_DIR: folder });
      const [first] = await read(`${server.url}/video_feed`, 2);
      assertEquals(first!.length, jpeg.length);
      assertEquals(first!.slice(-1_000), picture.slice(-1_000));
      return `${first!.length} of ${jpeg.length} bytes`;
    });
  });
}

client(
  "OctoPrint",
  "gets a snapshot in 5 s from a camera that is off, with an image type",
  [],
  async () => {
    await using server = await serveCamera();
    const begun = performance.now();
    const response = await fetch(`${server.url}/?action=snapshot&${Date.now()}`, {
      signal: AbortSignal.timeout(5_000),
    });
    assertEquals(response.status, 200);
    assertMatch(response.headers.get("Content-Type")!, /^image\//);
    assertWhole([await response.bytes()]);
    return `cold in ${inMs(performance.now() - begun)}`;
  },
);

client("Moonraker", "gets a snapshot in 1 s from a camera that is on", [], async () => {
  await using server = await serveCamera({ IDLE_SECONDS: "never" });
  const request = async () => {
    const begun = performance.now();
    const response = await fetch(`${server.url}/?action=snapshot`, {
      signal: AbortSignal.timeout(10_000),
    });
    assertEquals(response.status, 200);
    assertWhole([await response.bytes()]);
    return performance.now() - begun;
  };
  const cold = await request();
  const times = [await request(), await request(), await request()];
  assertLess(Math.max(...times), 1_000);
  return `warm in ${inMs(median(times))}, just started in ${inMs(cold)}`;
});

client(
  "Mainsail, Fluidd adaptive",
  "polls snapshots at the frame rate of the camera",
  [],
  async () => {
    await using server = await serveCamera({ FPS: "15" });
    const pictures: Jpeg[] = [];
    const poll = async () => {
      const response = await fetch(`${server.url}/?action=snapshot&bypassCache=${Date.now()}`);
      pictures.push(await response.bytes());
    };
    await poll(); // starts the camera
    const begun = performance.now();
    while (performance.now() - begun < 2_000) await poll();
    const numbers = new Set(pictures.map(numberOf));
    assertEquals(numbers.size, pictures.length, "a picture was received twice");
    const rate = (pictures.length - 1) / 2;
    assert(rate >= 7, `${rate} per second`);
    return `${rate} of 15 per second`;
  },
);

/** Measures the longest time without data after the start of a stream, in milliseconds. */
async function longestSilence(url: string, ms: number): Promise<number> {
  const { body } = await fetch(url);
  const begun = performance.now();
  let last = begun, longest = 0;
  for await (const _ of body!) {
    const now = performance.now();
    // The time before the first frame includes the start of the camera.
    if (last > begun) longest = Math.max(longest, now - last);
    last = now;
    if (now - begun > ms) break;
  }
  assert(longest > 0);
  return longest;
}

function inSeconds(time: number): string {
  return `${(time / 1000).toFixed(1)} s`;
}

/** Removes the line end before the boundary, which Fluidd treats as a part of the picture. */
function withoutLineEnd(picture: Jpeg): Jpeg {
  assertEquals([...picture.slice(-2)], [0x0d, 0x0a]);
  return picture.slice(0, -2);
}
