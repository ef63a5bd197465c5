import {
  assert,
  assertEquals,
  assertFalse,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
} from "@std/assert";
import type { CameraFeed } from "../../../lib/camera/camera_feed.ts";
import { CameraError } from "../../../lib/errors.ts";
import { sizeOf } from "../../../lib/jpeg/segments.ts";
import { RenditionError, type Wanted } from "../../../lib/renditions/mod.ts";
import { settle } from "../../manual_clock.ts";
import { sampleJpeg } from "../jpeg/sample_jpegs.ts";
import { FakeViewer, type Options, setUp } from "./rendition_fixture.ts";

/** A camera that has a viewer of its own pictures, and has delivered one. */
async function setUpRunning(options?: Options) {
  const all = setUp(options);
  const own = new FakeViewer();
  all.camera.join(own);
  await settle();
  await all.flow();
  return { ...all, own };
}

Deno.test("nine viewers of a rendition cost one render per frame", async () => {
  await using all = await setUpRunning();
  const { camera, engine, renditions, flow } = all;
  const feed = await renditions.feedOf(camera, { height: 300 });
  const viewers = Array.from({ length: 9 }, () => new FakeViewer());
  for (const viewer of viewers) feed.join(viewer);
  await settle();
  await flow(4);
  assertEquals(engine.renders, 5); // the latest frame at once, and four
  for (const viewer of viewers) assertEquals(viewer.heights.slice(-4), [360, 360, 360, 360]);
  assertStrictEquals(await renditions.feedOf(camera, { height: 360 }), feed);
});

Deno.test("a rendition's frames have the times and numbers of the camera's", async () => {
  await using all = await setUpRunning();
  const { camera, renditions, flow, own } = all;
  const feed = await renditions.feedOf(camera, { height: 90, quality: 30 });
  const viewer = new FakeViewer();
  feed.join(viewer);
  await settle();
  await flow(2);
  const describe = ({ frames }: FakeViewer) =>
    frames.map(({ sequence, capturedAt, monotonic }) => ({ sequence, capturedAt, monotonic }));
  assertEquals(describe(viewer), describe(own));
});

Deno.test("a rendition stops 10 s after its last viewer, and the camera with it", async () => {
  await using all = setUp();
  const { camera, clock, engine, lines, renditions, source, flow } = all;
  const feed = await measured(all, { height: 360 });
  const viewer = new FakeViewer();
  feed.join(viewer);
  await settle();
  await flow(3);
  feed.leave(viewer);
  await clock.advance(2_000);
  await flow(70);
  assert(engine.live === 1 && source.live === 1);
  const { renders } = engine;
  assert(renders > 60);
  await clock.advance(2_000); // 11 s
  assertEquals([engine.live, source.live], [0, 0]);
  assertEquals(renditions.statsOf(camera).renditions, []);
  assertEquals(lines.filter((line) => line.includes("rendition")), [
    "info rendition started camera=front height=360",
    "info rendition stopped camera=front height=360",
  ]);
});

Deno.test("a rendition of a camera that never stops does stop", async () => {
  await using all = setUp({ idleTimeout: Infinity });
  const { clock, engine, source, flow } = all;
  const feed = await measured(all, { height: 360 });
  const viewer = new FakeViewer();
  feed.join(viewer);
  await settle();
  await flow(2);
  feed.leave(viewer);
  for (let second = 0; second < 11; second++) {
    await clock.advance(900);
    await flow();
  }
  assertEquals([engine.live, source.live], [0, 1]);
});

Deno.test("viewers of a rendition count as viewers of the camera, and keep it running", async () => {
  await using all = setUp();
  const { camera, clock, source } = all;
  const feed = await measured(all, { quality: 30 });
  const [viewer, recorder] = [new FakeViewer(), new FakeViewer("background")];
  feed.join(viewer);
  feed.join(recorder);
  await settle();
  assertEquals(camera.stats().viewers, 1);
  feed.leave(viewer);
  assertEquals(camera.stats().viewers, 0);
  for (let i = 0; i < 20; i++) {
    await clock.advance(2_000);
    source.push(sampleJpeg());
    await settle();
  }
  assertEquals(source.live, 1);
  feed.leave(recorder);
  await clock.advance(10_000);
  assertEquals(source.live, 0);
});

Deno.test("a slow engine gets the newest frame, and the others are counted", async () => {
  await using all = await setUpRunning();
  const { camera, engine, renditions, flow } = all;
  engine.isSlow = true;
  const feed = await renditions.feedOf(camera, { height: 360 });
  const viewer = new FakeViewer();
  feed.join(viewer);
  await settle();
  await flow(5);
  assertEquals(engine.renders, 1);
  engine.finish();
  await settle();
  engine.finish();
  await settle();
  assertEquals(viewer.numbers, [1, 6]);
  assertEquals(renditions.statsOf(camera).totals, { frames: 2, dropped: 4, refused: 0 });
});

Deno.test("the camera itself is the feed if its own pictures are what a client wants", async () => {
  await using all = await setUpRunning({ settings: { overlay: "%time", overlayPlace: "top" } });
  const { camera, renditions } = all;
  for (const wanted of [{}, { height: 400 }, { height: 9_000 }, { overlay: true }]) {
    assertStrictEquals(await renditions.feedOf(camera, wanted), camera);
  }
});

Deno.test("the text of overlay=1 is at the place that the settings say", async () => {
  await using all = await setUpRunning({ settings: { overlayPlace: "bottom" } });
  const { camera, engine, renditions } = all;
  const feed = await renditions.feedOf(camera, { overlay: true });
  const viewer = new FakeViewer();
  feed.join(viewer);
  await settle();
  const overlay = { text: "%name %date %time", place: "bottom" as const, camera: "front" };
  assertEquals(engine.tasks, [{ type: "render", height: undefined, quality: undefined, overlay }]);
});

Deno.test("feedOf() starts a camera of unknown size, and throws its error if it fails", async () => {
  await using all = setUp();
  const { camera, renditions, source } = all;
  assertEquals(renditions.heightsOf(camera), []);
  const feed = renditions.feedOf(camera, { height: 1 });
  const rejected = assertRejects(() => feed, CameraError, "no such device");
  await settle();
  source.fail(new CameraError("no such device", { permanent: true }));
  await rejected;
  assertEquals(camera.stats().viewers, 0);
});

Deno.test("heightsOf() has the camera's height and its eighths", async () => {
  await using all = await setUpRunning();
  assertEquals(all.renditions.heightsOf(all.camera), [90, 180, 270, 360, 720]);
});

Deno.test("a seventh rendition replaces one without viewers, and is refused if there is none", async () => {
  await using all = await setUpRunning();
  const { camera, engine, renditions, flow } = all;
  const viewers = new Map<number, { feed: CameraFeed; viewer: FakeViewer }>();
  const join = async (quality: number) => {
    const feed = await renditions.feedOf(camera, { quality, height: 90 });
    const viewer = new FakeViewer();
    feed.join(viewer);
    viewers.set(quality, { feed, viewer });
  };
  for (let quality = 1; quality <= 6; quality++) await join(quality);
  await settle();
  const error = await assertRejects(() => join(7), RenditionError);
  assertEquals(error.retryAfter, undefined);
  assertStringIncludes(error.message, "height=90&quality=1, height=90&quality=2");
  const { feed, viewer } = viewers.get(3)!;
  feed.leave(viewer);
  await join(7);
  await settle();
  await flow(2);
  assertEquals(engine.live, 6);
  assertEquals(renditions.statsOf(camera).renditions.map(({ quality }) => quality), [
    ...[1, 2, 4, 5, 6, 7],
  ]);
  assertEquals(viewers.get(7)!.viewer.heights, [90, 90, 90]);
});

Deno.test("no more than six renditions run if clients request more at the same time", async () => {
  await using all = setUp();
  const { camera, source, engine, renditions, flow } = all;
  const qualities = Array.from({ length: 12 }, (_, i) => i + 1);
  const waiting = qualities.map((quality) =>
    renditions.feedOf(camera, { quality, height: 90 }).then((feed) => feed.join(new FakeViewer()))
  );
  const settled = Promise.allSettled(waiting);
  await settle();
  source.push(sampleJpeg({ width: 1280, height: 720 }));
  const results = await settled;
  assertEquals(results.filter(({ status }) => status === "fulfilled").length, 6);
  await flow(2);
  assertEquals(engine.live, 6);
  for (const result of results) {
    if (result.status === "rejected") assertStringIncludes(result.reason.message, "6 others");
  }
});

Deno.test("a rendition that nobody joins is replaced after a second, after a snapshot at once", async () => {
  await using all = await setUpRunning();
  const { camera, clock, renditions } = all;
  const request = (quality: number) => renditions.feedOf(camera, { quality, height: 90 });
  for (let quality = 1; quality <= 6; quality++) await request(quality);
  await assertRejects(() => request(7), RenditionError);
  const taken = (await request(1)).frame(1_000);
  await request(7);
  await taken;
  await clock.advance(1_000);
  for (let quality = 11; quality <= 16; quality++) await request(quality);
});

Deno.test("a single refused frame is skipped; if all are, viewers get the reason", async () => {
  await using all = await setUpRunning();
  const { camera, engine, renditions, flow } = all;
  const feed = await renditions.feedOf(camera, { height: 360 });
  const viewer = new FakeViewer();
  feed.join(viewer);
  await settle();
  engine.refusal = "cut short";
  await flow(2);
  assertEquals([feed.error, viewer.frames.length], [undefined, 1]);
  engine.refusal = undefined;
  await flow();
  assertEquals(viewer.frames.length, 2);
  engine.refusal = "progressive JPEG";
  await flow(3);
  const message = "The camera's pictures cannot be converted: progressive JPEG";
  assertEquals([feed.error?.message, feed.latest], [message, undefined]);
  assertEquals(feed.stats().error, feed.error);
  await assertRejects(() => feed.ready(), CameraError, message);
  assertEquals(renditions.statsOf(camera).totals.refused, 5);
  engine.refusal = undefined;
  await flow();
  assertEquals([feed.error, viewer.frames.length], [undefined, 3]);
});

Deno.test("ready() waits for the first picture, and throws the reason if none can be made", async () => {
  await using all = await setUpRunning();
  const { camera, engine, renditions, flow } = all;
  engine.refusal = "progressive JPEG";
  const feed = await renditions.feedOf(camera, { height: 360 });
  const viewer = new FakeViewer();
  feed.join(viewer);
  const ready = assertRejects(() => feed.ready(), CameraError, "progressive JPEG");
  await flow(3);
  await ready;
  engine.refusal = undefined;
  const working = await renditions.feedOf(camera, { height: 180 });
  working.join(new FakeViewer());
  await working.ready();
  assertEquals(sizeOf(working.latest!.jpeg)?.height, 180);
});

Deno.test("a rendition follows the camera's failure and recovery", async () => {
  await using all = await setUpRunning();
  const { camera, clock, engine, renditions, source, flow } = all;
  const feed = await renditions.feedOf(camera, { height: 360 });
  const viewer = new FakeViewer();
  feed.join(viewer);
  await settle();
  await flow();
  engine.isSlow = true;
  await flow(); // is being rendered
  source.fail(new CameraError("unplugged"));
  await settle();
  source.fail(new CameraError("unplugged")); // it is opened again at once
  await settle();
  engine.finish();
  engine.isSlow = false;
  await settle();
  assertEquals(viewer.numbers, [1, 2]); // the third one is outdated
  assertEquals([feed.latest, feed.error?.message], [undefined, "unplugged"]);
  assertEquals(feed.stats().state, "failed");
  const { size } = feed.stats();
  assertEquals(size, { width: 640, height: 360 });
  await assertRejects(() => feed.ready(), CameraError, "unplugged");
  await clock.advance(500);
  await flow();
  assertEquals([viewer.numbers, feed.error], [[1, 2, 4], undefined]);
});

Deno.test("a picture that is being made when a rendition stops does not count as refused", async () => {
  await using all = await setUpRunning({ idleTimeout: 0 });
  const { camera, engine, renditions } = all;
  engine.isSlow = true;
  const feed = await renditions.feedOf(camera, { height: 360 });
  const viewer = new FakeViewer();
  feed.join(viewer);
  await settle();
  engine.refusal = "the task is closed";
  feed.leave(viewer);
  await settle();
  assertEquals([engine.live, engine.renders], [0, 1]);
  assertEquals(renditions.statsOf(camera).totals, { frames: 0, dropped: 0, refused: 0 });
});

Deno.test("viewers of a rendition end when the camera is closed", async () => {
  await using all = await setUpRunning();
  const { camera, engine, renditions } = all;
  const feed = await renditions.feedOf(camera, { height: 360 });
  const viewers = [new FakeViewer(), new FakeViewer("background")];
  for (const viewer of viewers) feed.join(viewer);
  await settle();
  await camera.close();
  await settle();
  assertEquals(viewers.map(({ isEnded }) => isEnded), [true, true]);
  assertEquals(engine.live, 0);
  const late = new FakeViewer();
  feed.join(late);
  await settle();
  assert(late.isEnded);
});

Deno.test("frame() of a rendition without viewers renders one picture for all who request it", async () => {
  await using all = await setUpRunning();
  const { camera, clock, engine, renditions } = all;
  const feed = await renditions.feedOf(camera, { height: 180 });
  const frames = await Promise.all([feed.frame(5_000), feed.frame(5_000)]);
  for (const { jpeg, sequence } of frames) assertEquals([sizeOf(jpeg)?.height, sequence], [180, 1]);
  assertEquals(engine.renders, 1);
  await clock.advance(1);
  const next = feed.frame();
  await all.flow();
  assertEquals((await next).sequence, 2);
  assertFalse(renditions.statsOf(camera).renditions.length > 0);
  await clock.advance(10_000);
  assertEquals(engine.live, 0);
});

Deno.test("frame() tries further frames before it reports that they cannot be converted", async () => {
  await using all = await setUpRunning();
  const { camera, clock, engine, renditions, flow } = all;
  engine.refusal = "cut short";
  const feed = await renditions.feedOf(camera, { height: 180 });
  await clock.advance(1);
  const frame = feed.frame(5_000);
  await settle();
  engine.refusal = undefined;
  await flow();
  assertEquals((await frame).sequence, 2);
  engine.refusal = "progressive JPEG";
  await clock.advance(1);
  const refused = assertRejects(() => feed.frame(), CameraError, "progressive JPEG");
  for (let i = 0; i < 3; i++) {
    await flow();
    await clock.advance(1);
  }
  await refused;
});

Deno.test("rendererOf() converts recorded pictures, a limited number at a time", async () => {
  await using all = setUp();
  const { clock, engine, renditions } = all;
  assertEquals(renditions.rendererOf("front", { overlay: false }), undefined);
  const process = renditions.rendererOf("front", { height: 60 })!;
  const render = () => process(sampleJpeg(), 0);
  const rendered = await render();
  assert("jpeg" in rendered);
  assertEquals(rendered.size, { width: 80, height: 60 });
  engine.refusal = "progressive JPEG";
  assertEquals(await render(), { refused: "progressive JPEG" });
  engine.refusal = undefined;
  engine.isSlow = true;
  const waiting = Array.from({ length: 64 }, render);
  const error = await assertRejects(render, RenditionError, "Too many pictures");
  assert(error.retryAfter! > 0);
  const same = sampleJpeg();
  await assertRejects(() => process(same, 0), RenditionError);
  const other = renditions.rendererOf("front", { height: 30 })!;
  await assertRejects(() => other(same, 0), RenditionError);
  assertEquals(engine.live, 1);
  engine.isSlow = false;
  engine.finish();
  await Promise.all(waiting);
  assert("jpeg" in await process(same, 0), "the same picture, later");
  assertEquals(engine.live, 1);
  await clock.advance(10_000);
  assertEquals(engine.live, 0);
});

/** Returns a feed, for which the camera is started to learn its size. */
async function measured({ camera, renditions, flow }: ReturnType<typeof setUp>, wanted: Wanted) {
  const feed = renditions.feedOf(camera, wanted);
  await settle();
  if (wanted.height !== undefined) await flow();
  return await feed;
}
