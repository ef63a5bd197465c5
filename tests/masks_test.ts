import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import type { Jpeg } from "../lib/frame.ts";
import { splitJpegs } from "../lib/jpeg/split.ts";
import { Browser, CHROMIUM } from "./browser.ts";
import { withFolder } from "./clients/client.ts";
import {
  KIND_NAMES,
  type KnownPicture,
  knownPictures,
  progressivePicture,
} from "./known_pictures.ts";
import { LIBJPEG, run } from "./lib/pixels/libjpeg.ts";
import { assertMasked, greyPixels, type MaskedOptions, worstInside } from "./masked_picture.ts";
import { NatsServer } from "./nats_server.ts";
import { needing } from "./parts.ts";
import { PictureServer } from "./picture_server.ts";
import { recordingOf, segmentFiles } from "./recording/recording_server.ts";
import { eventually, Server } from "./server.ts";
import {
  FIRST_CAMERA_WAYS,
  jpegsAt,
  LIVE_WAYS,
  RECORDED_WAYS,
  RENDITION_WAYS,
  type WayOut,
} from "./ways_out.ts";

const PROGRAMS = [...LIBJPEG, "ffmpeg"];
const PRIVACY_MASK = "10,20,40,60; 70.5,75,100,100";
const MASK = [
  { left: 10, top: 20, right: 40, bottom: 60 },
  { left: 70.5, top: 75, right: 100, bottom: 100 },
];

/** Returns the environment of a server with one camera for each kind of pictures. */
function camerasOf(url: (kind: string) => string, kinds = KIND_NAMES): Record<string, string> {
  return {
    CAMERA: kinds.map((kind) => `${kind}=mjpeg`).join(","),
    ...Object.fromEntries(kinds.map((kind) => [`${kind.toUpperCase()}_SOURCE`, url(kind)])),
  };
}

/** The pictures of a camera as its mask is checked. */
async function expected(pictures: readonly KnownPicture[]): Promise<MaskedOptions> {
  const seen = await Promise.all(pictures.map(({ seen }) => greyPixels(seen)));
  // A picture that is grey anyway would prove nothing.
  for (const one of seen) for (const mask of MASK) assert(worstInside(one, mask) > 25);
  return { seen, mask: MASK };
}

/** Checks the pictures of cameras on some ways out of a server. */
async function check(
  server: string,
  cameras: ReadonlyMap<string, MaskedOptions>,
  ways: readonly WayOut[],
): Promise<void> {
  for (const [camera, options] of cameras) {
    // Encoding takes long, and is the same for all kinds of pictures.
    const some = camera === KIND_NAMES[0] ? ways : ways.filter(({ isLossy }) => !isLossy);
    await Promise.all(some.map(async ({ name, isLossy, isRendition, get }) => {
      const jpegs = await get(server, camera);
      assert(jpegs.length > 0, `${camera}: no picture on ${name}`);
      await assertAllMasked(jpegs, { ...options, isLossy, isRendition }, `${camera} on ${name}`);
    }));
  }
}

const checked = new Set<string>();

/** Checks pictures, and remembers them: the same picture leaves the server on many ways. */
async function assertAllMasked(
  jpegs: readonly Jpeg[],
  options: MaskedOptions,
  name: string,
): Promise<void> {
  for (const jpeg of jpegs) {
    const key = jpeg.toBase64();
    if (!checked.has(key)) await assertMasked(jpeg, options, name);
    checked.add(key);
  }
}

Deno.test("pictures are masked on every way out", needing(...PROGRAMS), async (t) => {
  const pictures = await knownPictures();
  const cameras = new Map<string, MaskedOptions>();
  for (const [kind, known] of pictures) cameras.set(kind, await expected(known));
  await using source = new PictureServer();
  for (const [kind, known] of pictures) source.pictures.set(kind, known.map(({ jpeg }) => jpeg));
  await withFolder(async (folder) => {
    await using server = await Server.start({
      env: {
        ...camerasOf((kind) => source.url(kind)),
        ...{ PRIVACY_MASK, AUDIO: "test", RECORD_DIR: folder, IDLE_SECONDS: "never" },
      },
    });
    await t.step("live", () => check(server.url, cameras, LIVE_WAYS));
    await t.step("in other sizes", () => check(server.url, cameras, RENDITION_WAYS));
    await t.step("of the first camera", async () => {
      const [first] = KIND_NAMES;
      await check(server.url, new Map([[first!, cameras.get(first!)!]]), FIRST_CAMERA_WAYS);
    });
    await t.step("recorded", async () => {
      for (const kind of KIND_NAMES) {
        await eventually(`5 s of ${kind} are recorded`, async () => {
          const { oldest, newest } = await recordingOf(server, kind);
          return newest! - oldest! > 5_000;
        }, 60_000);
      }
      await check(server.url, cameras, RECORDED_WAYS);
    });
    await t.step("on the disk", async () => {
      for (const kind of KIND_NAMES) {
        const files = await segmentFiles(`${folder}/${kind}`);
        const [file] = files;
        const jpegs = await Array.fromAsync(
          splitJpegs(ReadableStream.from([await Deno.readFile(file!)])),
        );
        assert(jpegs.length > 5, `${kind}: ${jpegs.length} pictures in ${file}`);
        await assertAllMasked(jpegs, cameras.get(kind)!, `${kind} on the disk`);
      }
    });
    await t.step("of a relay", async () => {
      const env = camerasOf((kind) => `${server.url}/cameras/${kind}/video_feed`);
      await using relay = await Server.start({ env });
      await check(relay.url, cameras, LIVE_WAYS.slice(0, 2));
    });
    await t.step("in the status", async () => {
      const response = await fetch(`${server.url}/cameras`);
      for (const { name, privacyMask, refused, broken } of await response.json()) {
        assertEquals(privacyMask, "10,20,40,60;70.5,75,100,100", name);
        assertEquals([refused, broken], [0, 0], name);
      }
    });
  });
});

Deno.test("a mask covers the picture as people see it", needing(...PROGRAMS), async () => {
  const pictures = await knownPictures();
  const cameras = new Map<string, MaskedOptions>();
  for (const [kind, known] of pictures) {
    // Rotated by 90 degrees, then flipped: transposed.
    const turned = await Promise.all(known.map(async ({ jpeg, seen }) => ({
      jpeg,
      seen: await run("jpegtran", ["-trim", "-transpose"], seen),
    })));
    const texts = [{ left: 0, top: 0, right: 100, bottom: 5 }];
    cameras.set(kind, { ...await expected(turned), texts });
  }
  await using source = new PictureServer();
  for (const [kind, known] of pictures) source.pictures.set(kind, known.map(({ jpeg }) => jpeg));
  await using server = await Server.start({
    command: [Deno.execPath(), "task", "-q", "start"], // with the permissions that users have
    env: {
      ...camerasOf((kind) => source.url(kind)),
      // Without the time, which would make each picture another one to be decoded.
      ...{ PRIVACY_MASK, ROTATE: "90", FLIP: "horizontal", OVERLAY: "%name", AUDIO: "test" },
    },
  });
  await check(server.url, cameras, LIVE_WAYS);
});

Deno.test(
  "pictures are masked at the edge of a NATS hub",
  needing("nats-server", ...PROGRAMS),
  async () => {
    const known = (await knownPictures()).get("420")!;
    await using source = new PictureServer();
    source.pictures.set("420", known.map(({ jpeg }) => jpeg));
    await using hub = await NatsServer.start();
    await using origin = await Server.start({
      env: {
        ...camerasOf((kind) => source.url(kind), ["420"]),
        ...{ PRIVACY_MASK, NATS_URL: hub.url, PUBLISH: "all" },
      },
    });
    await using edge = await Server.start({ env: { CAMERA: "nats", NATS_URL: hub.url } });
    await eventually(
      "the edge has the camera",
      async () => (await (await fetch(`${edge.url}/cameras`)).json()).length === 1,
    );
    const cameras = new Map([["420", await expected(known)]]);
    await check(edge.url, cameras, LIVE_WAYS.slice(0, 2));
    assertEquals((await origin.stop()).code, 0);
  },
);

Deno.test(
  "a browser paints masked pictures: of a stream, of a snapshot, and in the page",
  needing(CHROMIUM, ...PROGRAMS),
  async () => {
    const known = (await knownPictures()).get("422")!;
    await using source = new PictureServer();
    source.pictures.set("422", [known[0]!.jpeg]);
    await using server = await Server.start({
      env: { ...camerasOf((kind) => source.url(kind), ["422"]), PRIVACY_MASK },
    });
    await using browser = await Browser.start();
    await using page = await browser.newPage();
    await page.beforeEachPage(`globalThis.worstInside = (image) => {
      const width = image.naturalWidth ?? image.width, height = image.naturalHeight ?? image.height;
      const canvas = new OffscreenCanvas(width, height);
      const context = canvas.getContext("2d");
      context.drawImage(image, 0, 0);
      let worst = 0;
      for (const { left, top, right, bottom } of ${JSON.stringify(MASK)}) {
        const x = Math.floor(left * width / 100), y = Math.floor(top * height / 100);
        const { data } = context.getImageData(
          x, y, Math.ceil(right * width / 100) - x, Math.ceil(bottom * height / 100) - y);
        data.forEach((value, i) => {
          if (i % 4 < 3) worst = Math.max(worst, Math.abs(value - 128));
        });
      }
      return [width, worst];
    };`);
    await page.goto(server.url);
    for (const path of ["snapshot.jpg", "video_feed"]) {
      await page.eval(`globalThis.image = new Image(); image.src = "/${path}"; 0`);
      await page.until("image.naturalWidth > 0");
      assertEquals(await page.eval("worstInside(image)"), [320, 0], path);
    }
    const canvas = "document.querySelector('canvas')";
    await page.until(`${canvas} && worstInside(${canvas})[1] < 128`); // black before it is painted
    assertEquals(await page.eval(`worstInside(${canvas})`), [320, 0]);
    await page.eval("image.src = ''; 0");
  },
);

Deno.test(
  "of pictures that cannot be masked none is shown, and the server says why",
  needing(...PROGRAMS),
  async () => {
    await using source = new PictureServer();
    source.pictures.set("front", [await progressivePicture()]);
    await using server = await Server.start({
      env: { CAMERA: "front=mjpeg", FRONT_SOURCE: source.url("front"), PRIVACY_MASK },
    });
    const snapshot = await fetch(`${server.url}/snapshot.jpg`);
    const reason = /JPEGs arrive that cannot be masked: progressive JPEG/;
    assertEquals(snapshot.status, 503);
    assertMatch(await snapshot.text(), reason);
    const [{ lastError, frames, refused, broken }] = await (await fetch(`${server.url}/cameras`))
      .json();
    assertMatch(lastError, reason);
    assertStringIncludes(lastError, "set the camera to baseline JPEG");
    assertEquals(frames, 0);
    assert(refused > 10 && broken >= refused);
    const metrics = await (await fetch(`${server.url}/metrics`)).text();
    assertMatch(metrics, /^dinocam_camera_refused_total\{camera="front"\} [1-9]/m);
    const lines = server.output.split("\n").filter((line) => line.includes("pictures refused"));
    assertEquals(lines.length, 1, server.output);
    assertStringIncludes(
      lines[0]!,
      "pictures that cannot be masked are dropped: progressive JPEG",
    );
  },
);

Deno.test(
  "only the pictures that can be masked are shown of a mixture",
  needing(...PROGRAMS),
  async () => {
    const known = (await knownPictures()).get("420")!;
    const [good, other] = known.map(({ jpeg }) => jpeg);
    const progressive = await progressivePicture();
    await using source = new PictureServer({ fps: 50 });
    const cut = good!.slice(0, good!.length / 2);
    cut.set([0xff, 0xd9], cut.length - 2);
    source.pictures.set("front", [good!, progressive, other!, cut, good!]);
    await using server = await Server.start({
      env: { CAMERA: "front=mjpeg", FRONT_SOURCE: source.url("front"), PRIVACY_MASK },
    });
    const jpegs = await jpegsAt(`${server.url}/video_feed`, 30);
    await assertAllMasked(jpegs, await expected(known), "the stream");
    assertEquals(new Set(jpegs.map((jpeg) => jpeg.toBase64())).size, 2);
    const [{ lastFailure, refused }] = await (await fetch(`${server.url}/cameras`)).json();
    assertEquals(lastFailure, null);
    assert(refused >= 20, `${refused}`);
  },
);
