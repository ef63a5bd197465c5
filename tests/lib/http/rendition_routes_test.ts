import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { splitJpegs } from "../../../lib/jpeg/split.ts";
import { sizeOf } from "../../../lib/jpeg/segments.ts";
import type { Jpeg } from "../../../lib/frame.ts";
import { settle } from "../../manual_clock.ts";
import { type Options, setUp } from "../renditions/rendition_fixture.ts";
import { createServerApp } from "./server_app.ts";

/** The app with a camera of 1280x720, and a fake engine. */
function setUpApp(options?: Options) {
  const all = setUp({ idleTimeout: 0, ...options });
  const { camera, clock, renditions } = all;
  const app = createServerApp({ cameras: [camera], renditions, clock });
  /** Requests something that needs a frame. */
  const get = async (path: string) => {
    const response = app.request(path);
    await settle();
    if (all.source.live > 0) await all.flow();
    return await response;
  };
  return { ...all, app, get };
}

/** Reads the first JPEGs of a stream, while `flow` makes frames. */
async function firstJpegs(
  response: Response,
  count: number,
  flow: () => Promise<void>,
): Promise<Jpeg[]> {
  const jpegs: Jpeg[] = [];
  const images = splitJpegs(response.body!);
  while (jpegs.length < count) {
    const next = images.next();
    await flow();
    jpegs.push((await next).value!);
  }
  await images.return?.(undefined);
  return jpegs;
}

Deno.test("streams and snapshots have the requested size, and the camera's size is the largest", async () => {
  await using all = setUpApp();
  const { get } = all;
  for (const path of ["/snapshot", "/snapshot.jpg", "/cameras/front/snapshot.jpg"]) {
    for (const [height, made] of [[1, 90], [181, 270], [360, 360], [361, 720], [2_000, 720]]) {
      const response = await get(`${path}?height=${height}`);
      assertEquals(response.status, 200);
      const jpeg = await response.bytes();
      assertEquals(sizeOf(jpeg)?.height, made, path);
      assertEquals(response.headers.get("Content-Length"), `${jpeg.length}`);
    }
  }
  for (
    const path of ["/video_feed?", "/stream?", "/?action=stream&", "/cameras/front/video_feed?"]
  ) {
    const response = await get(`${path}height=100`);
    const [first, second] = await firstJpegs(response, 2, all.flow);
    assertEquals([sizeOf(first!)?.height, sizeOf(second!)?.height], [180, 180], path);
  }
});

Deno.test("a snapshot with max_age is that of the running rendition", async () => {
  await using all = setUpApp({ idleTimeout: 10_000 });
  const { engine, get, renditions, camera } = all;
  const stream = await get("/video_feed?height=360&quality=low");
  await settle();
  const { renders } = engine;
  const snapshot = await get("/snapshot?height=360&quality=30&max_age=5000");
  assertEquals(sizeOf(await snapshot.bytes())?.height, 360);
  assertEquals(engine.renders, renders + 1); // of the frame that get() has made
  assertEquals(renditions.statsOf(camera).renditions.map(({ viewers }) => viewers), [1]);
  await stream.body!.cancel();
  assertEquals(renditions.statsOf(camera).renditions.map(({ viewers }) => viewers), [0]);
});

Deno.test("quality and overlay select a rendition of the camera's size", async () => {
  await using all = setUpApp();
  const { engine, get } = all;
  for (const query of ["quality=low", "quality=medium", "quality=45", "overlay=1", "overlay=0"]) {
    await (await get(`/snapshot?${query}`)).body?.cancel();
  }
  const overlay = { text: "%name %date %time", place: "top" as const, camera: "front" };
  const common = { type: "render" as const, height: undefined };
  assertEquals(engine.tasks, [
    ...[30, 60, 45].map((quality) => ({ ...common, quality, overlay: undefined })),
    { ...common, quality: undefined, overlay },
  ]);
});

Deno.test("a size or quality that cannot be is refused, also for HEAD", async () => {
  await using all = setUpApp();
  const { app, source } = all;
  const wrong = [
    ["height=0", 'Cannot read "height" as a whole number of pixels from 1 to 16384'],
    ["height=360.5", '"360.5"'],
    ["height=-1", "height"],
    ["height=16385", "height"],
    ["height=", "height"],
    ["quality=0", 'Cannot read "quality" as a whole number from 1 to 100, or low or medium'],
    ["quality=101", "quality"],
    ["quality=high", '"high"'],
    ["quality=constructor", "quality"],
    ["overlay=yes", 'Cannot read "overlay" as 0 or 1'],
  ] as const;
  for (const path of ["/video_feed", "/snapshot.jpg"]) {
    for (const [query, message] of wrong) {
      for (const method of ["GET", "HEAD"]) {
        const response = await app.request(`${path}?${query}`, { method });
        assertEquals(response.status, 400, `${path}?${query}`);
        if (method === "GET") assertStringIncludes(await response.text(), message);
      }
    }
  }
  const head = await app.request("/video_feed?height=360&quality=low&overlay=1", {
    method: "HEAD",
  });
  assertEquals([head.status, source.opened], [200, 0]);
});

Deno.test("a rendition too many is a 400 that names those in use", async () => {
  await using all = setUpApp();
  const { get } = all;
  const streams: Response[] = [];
  for (let quality = 1; quality <= 6; quality++) {
    streams.push(await get(`/video_feed?quality=${quality}`));
  }
  const refused = await get("/video_feed?height=90");
  assertEquals(refused.status, 400);
  assertEquals(
    await refused.text(),
    'Cannot show camera "front" with height=90: 6 others are in use, which is the limit; request ' +
      "one of these: quality=1, quality=2, quality=3, quality=4, quality=5, quality=6\n",
  );
  for (const stream of streams) await stream.body!.cancel();
  const next = await get("/video_feed?height=90");
  assertEquals(next.status, 200);
  await next.body!.cancel();
});

Deno.test("pictures that cannot be converted are a 503 with the reason", async () => {
  await using all = setUpApp();
  const { app, engine, flow } = all;
  engine.refusal = "progressive JPEG";
  const response = app.request("/video_feed?height=360");
  await settle();
  for (let i = 0; i < 3; i++) await flow();
  const { status } = await response;
  assertEquals(status, 503);
  assertEquals(
    await (await response).text(),
    `Cannot show camera "front": The camera's pictures cannot be converted: progressive JPEG (leave ` +
      "out height, quality and overlay, or set the camera to baseline JPEG)\n",
  );
  await settle();
  assertEquals(engine.live, 0);
});

Deno.test("the status and the metrics tell the heights and the renditions in use", async () => {
  await using all = setUpApp();
  const { app, get, flow } = all;
  const stream = await get("/video_feed?height=360&overlay=1");
  await firstJpegsOf(stream, 3, flow);
  const [status] = await (await app.request("/cameras")).json();
  assertEquals(status.heights, [90, 180, 270, 360, 720]);
  const { fps, frames, ...rendition } = status.renditions[0];
  assert(fps > 0 && frames >= 3, `${fps} ${frames}`);
  assertEquals(rendition, {
    ...{ height: 360, quality: null, overlay: true, viewers: 1, dropped: 0, refused: 0 },
  });
  assertEquals("smallSource" in status, false);
  const metrics = await (await app.request("/metrics")).text();
  assertStringIncludes(metrics, 'dinocam_renditions{camera="front"} 1\n');
  assertStringIncludes(metrics, 'dinocam_rendition_viewers{camera="front"} 1\n');
  assertStringIncludes(metrics, `dinocam_rendition_frames_total{camera="front"} ${frames}\n`);
  await stream.body!.cancel();
  await settle();
  const after = await (await app.request("/metrics")).text();
  assertStringIncludes(after, 'dinocam_renditions{camera="front"} 0\n');
  assertMatch(after, /^dinocam_rendition_frames_total\{camera="front"\} [1-9]/m);
});

Deno.test("while only the small source runs, its state is the camera's", async () => {
  await using all = setUpApp({ hasSmallSource: true });
  const { app, flowSmall } = all;
  const response = app.request("/video_feed?height=360");
  await settle();
  await flowSmall();
  const stream = await response;
  const [status] = await (await app.request("/cameras")).json();
  assertEquals([status.state, status.viewers], ["streaming", 1]);
  assertEquals(status.smallSource, { state: "streaming", error: null });
  await stream.body!.cancel();
});

/** Reads some JPEGs of a stream, which goes on. */
async function firstJpegsOf(
  response: Response,
  count: number,
  flow: () => Promise<void>,
): Promise<void> {
  const reader = response.body!.getReader();
  for (let i = 0; i < count; i++) {
    const read = reader.read();
    await flow();
    await read;
  }
  reader.releaseLock();
}
