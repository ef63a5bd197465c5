import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import type { CameraFeed } from "../../../lib/camera/camera_feed.ts";
import { CameraError } from "../../../lib/errors.ts";
import type { Wanted } from "../../../lib/renditions/mod.ts";
import { settle } from "../../manual_clock.ts";
import { FakeViewer, setUp } from "./rendition_fixture.ts";

/** A camera with a small source. */
function setUpSmall() {
  const all = setUp({ hasSmallSource: true });
  /** Joins a viewer that gets the first frame of the small source. */
  const watch = async (wanted: Wanted) => {
    const found = all.renditions.feedOf(all.camera, wanted);
    await settle();
    if (!all.small.size) await all.flowSmall();
    const feed = await found;
    return { feed, viewer: await join(feed) };
  };
  /** Fails the small source until it is in back-off. */
  const failSmall = async (message = "refused") => {
    for (let i = 0; i < 2; i++) {
      all.smallSource.fail(new CameraError(message));
      await settle();
    }
  };
  return { ...all, watch, failSmall };
}

async function join(feed: CameraFeed): Promise<FakeViewer> {
  const viewer = new FakeViewer();
  feed.join(viewer);
  await settle();
  return viewer;
}

Deno.test("small pictures are those of the small source, while the camera itself is off", async () => {
  await using all = setUpSmall();
  const { camera, engine, renditions, source, watch, flowSmall } = all;
  const { feed, viewer } = await watch({ height: 360 });
  await flowSmall(2);
  assertEquals(viewer.heights, [360, 360, 360]);
  assertEquals([engine.renders, source.opened], [0, 0]);
  assertEquals(camera.stats().viewers, 1);
  const { state, size } = feed.stats();
  assertEquals([state, size], ["streaming", { width: 640, height: 360 }]);
  assertEquals(renditions.statsOf(camera).smallSource, {
    state: "streaming",
    error: null,
    fps: all.small.stats().fps,
  });
});

Deno.test("smaller pictures are made from the small source, larger ones from the camera", async () => {
  await using all = setUpSmall();
  const { camera, engine, renditions, source, watch, flow, flowSmall } = all;
  const { viewer } = await watch({ height: 90 });
  await flowSmall();
  assertEquals([viewer.heights, engine.renders, source.opened], [[90, 90], 2, 0]);
  const larger = renditions.feedOf(camera, { height: 361 });
  await settle();
  await flow();
  assertStrictEquals(await larger, camera);
  assertEquals(renditions.heightsOf(camera), [90, 180, 270, 360, 720]);
});

Deno.test("the camera and its small source stop 10 s after the last viewer", async () => {
  await using all = setUpSmall();
  const { clock, source, smallSource, watch, flowSmall } = all;
  const { feed, viewer } = await watch({ height: 180 });
  feed.leave(viewer);
  await clock.advance(900);
  await flowSmall(88);
  assertEquals(smallSource.live, 1);
  await clock.advance(1_000);
  assertEquals([source.live, smallSource.live], [0, 0]);
});

Deno.test("when the small source fails, pictures are made from the camera, without a gap for viewers", async () => {
  await using all = setUpSmall();
  const { camera, renditions, source, watch, flow, flowSmall, failSmall } = all;
  const { feed, viewer } = await watch({ height: 360 });
  await flowSmall(2);
  await failSmall();
  assertEquals(source.live, 1);
  assertEquals(renditions.statsOf(camera).smallSource?.error, "refused");
  assertEquals(feed.error, undefined);
  await flow(2);
  assertEquals(viewer.heights, [360, 360, 360, 360, 360]);
  assertEquals(viewer.numbers, [1, 2, 3, 4, 5].map((n) => n + viewer.numbers[0]! - 1));
  assertEquals(camera.stats().viewers, 1);
  feed.leave(viewer);
  assertEquals([camera.stats().viewers, all.small.stats().viewers], [0, 0]);
});

Deno.test("a small source that works again is used again after a minute", async () => {
  await using all = setUpSmall();
  const { clock, engine, source, smallSource, watch, flow, flowSmall, failSmall } = all;
  const { viewer } = await watch({ height: 360 });
  await failSmall();
  for (let second = 0; second < 29; second++) {
    await clock.advance(1_900);
    await flow();
  }
  assertEquals(smallSource.live, 0);
  await clock.advance(2_000);
  assertEquals(smallSource.live, 1);
  const { renders } = engine;
  await flowSmall(2);
  assertEquals(engine.renders, renders); // the pictures of the small source are those that are wanted
  for (let second = 0; second < 12; second++) {
    await clock.advance(900);
    await flowSmall();
  }
  assertEquals([source.live, smallSource.live], [0, 1]);
  assertAscending(viewer.numbers);
});

Deno.test("a small source that never works is not waited for", async () => {
  await using all = setUpSmall();
  const { camera, clock, renditions, smallSource, flow } = all;
  const found = renditions.feedOf(camera, { height: 360 });
  await settle();
  assertEquals(smallSource.live, 1);
  await clock.advance(5_000); // it hangs
  await flow();
  const viewer = await join(await found);
  await flow();
  assertEquals(viewer.heights, [360, 360]);
  const next = await renditions.feedOf(camera, { height: 180 });
  assertEquals(next.name, "front");
});

Deno.test("viewers that change to the camera and back get newer frames with higher numbers", async () => {
  await using all = setUpSmall();
  const { camera, renditions, watch, flow, flowSmall } = all;
  const { feed, viewer } = await watch({ height: 360 });
  await flowSmall(30);
  const own = await join(camera);
  await flow(2); // the camera was off: its numbers continue those of the small source
  feed.leave(viewer);
  assert(own.numbers[0]! > viewer.numbers.at(-1)!, `${own.numbers} ${viewer.numbers}`);
  await flow(40);
  const back = await join(await renditions.feedOf(camera, { height: 360 }));
  camera.leave(own);
  await flowSmall(2);
  assert(back.numbers[1]! > own.numbers.at(-1)!, `${back.numbers} ${own.numbers}`);
  assertAscending(back.numbers);
});

Deno.test("viewers that change between two renditions of a faster small source get higher numbers", async () => {
  await using all = setUpSmall();
  const { camera, renditions, watch, flow, flowSmall } = all;
  const recorder = await join(camera);
  await flow(3);
  const { feed, viewer } = await watch({ height: 360 });
  for (let i = 0; i < 5; i++) {
    await flowSmall(6);
    await flow();
  }
  const smaller = await join(await renditions.feedOf(camera, { height: 90 }));
  await flowSmall();
  feed.leave(viewer);
  assert(smaller.numbers[0]! >= viewer.numbers.at(-2)!);
  assertAscending([...viewer.numbers.slice(0, -1), smaller.numbers.at(-1)!]);
  await flow();
  assertAscending([viewer.numbers.at(-1)!, recorder.numbers.at(-1)!]);
  assertAscending(recorder.numbers);
});

function assertAscending(numbers: readonly number[]): void {
  assert(numbers.every((number, i) => i === 0 || number > numbers[i - 1]!), `${numbers}`);
}
