import { assert, assertEquals, assertLess } from "@std/assert";
import { descendants, eventually, FAKES, Server } from "../server.ts";
import { figure, footprintOf, kernelMemory, percentile, rounded } from "./figures.ts";
import { get, inParallel, pause, RawViewer } from "./viewer.ts";

const pi = (size: number, fps: number) => ({
  CAMERA: "pi",
  PATH: `${FAKES}:${Deno.env.get("PATH")}`,
  FAKE_CAMERA_COMMENT: "1",
  FAKE_CAMERA_SIZE: `${size}`,
  WIDTH: "640",
  HEIGHT: "480",
  FPS: `${fps}`,
  IDLE_SECONDS: "1",
});

/** Ways to connect and disconnect. */
const KINDS: Record<string, (server: string) => Promise<void>> = {
  async "reads a frame and closes"(server) {
    using viewer = await RawViewer.watch(server, "/video_feed?fps=1");
    assert(await viewer.readUntil(() => viewer.frames > 0));
  },
  async "resets while frames arrive"(server) {
    using viewer = await RawViewer.watch(server);
    assert(await viewer.readUntil(() => viewer.frames > 0));
    await pause(50);
  },
  async "closes the sending half and reads to the end"(server) {
    using viewer = await RawViewer.watch(server);
    assert(await viewer.readUntil(() => viewer.frames > 0));
    await viewer.halfClose();
    assertEquals(await viewer.readUntil(() => false), false);
  },
  async "disconnects in the middle of the request header"(server) {
    using viewer = await RawViewer.open(server, get("/video_feed").slice(0, 30));
    await pause(20);
    viewer.head = "";
  },
  async "disconnects in the middle of a frame"(server) {
    using viewer = await RawViewer.watch(server);
    assert(await viewer.readUntil(() => viewer.head.includes("--frame\r\n")));
  },
  async "never reads"(server) {
    using viewer = await RawViewer.watch(server);
    await pause(150);
    viewer.head = "";
  },
  async "sends a HEAD request"(server) {
    using viewer = await RawViewer.open(server, get("/video_feed", "HEAD"));
    assert(await viewer.readUntil(() => viewer.head.includes("\r\n\r\n")));
    assert(viewer.head.startsWith("HTTP/1.1 200"));
  },
};

Deno.test("the server leaks nothing after 1000 connects and disconnects of 7 kinds, and other viewers keep their rate", async () => {
  await using server = await Server.start({ env: pi(20_000, 30) });
  const kinds = Object.values(KINDS);
  const connect = (count: number) =>
    inParallel(count, 40, (i) => kinds[i % kinds.length]!(server.url));
  await connect(300); // warm-up: allocates what the server allocates once and keeps
  await eventually("the capture stops", async () => (await descendants(server.pid)).size === 0);
  const before = await footprintOf(server.pid);

  using healthy = await RawViewer.watch(server.url);
  const begun = performance.now();
  const reading = healthy.readUntil(() => false);
  await connect(1000);
  const took = performance.now() - begun;
  healthy[Symbol.dispose]();
  await reading;

  await eventually("the capture stops", async () => (await descendants(server.pid)).size === 0);
  const cameras = await (await fetch(`${server.url}/cameras`)).json();
  assertEquals(cameras[0].viewers, 0);
  const after = await footprintOf(server.pid);
  figure("1000 connects", `${rounded(took / 1000)} s`);
  figure("descriptors leaked", after.descriptors - before.descriptors, "0");
  figure("memory leaked", `${rounded(after.memory - before.memory)} MB`, "below 40 MB");
  figure("processes leaked", (await descendants(server.pid)).size, "0");
  figure(
    "frame rate of a healthy viewer meanwhile",
    `${rounded(healthy.frames / took * 1000)} of 30 fps`,
  );
  // One connection more: that of the test's own fetch, which is kept open.
  assertLess(after.descriptors - before.descriptors, 2);
  assertLess(after.memory - before.memory, 40);
  // The process that reads it is busy with the thousand others.
  assertLess(20, healthy.frames / took * 1000);
});

Deno.test("300 viewers receive every frame", async () => {
  await using server = await Server.start({ env: pi(6_000, 10) });
  const viewers: RawViewer[] = [];
  await inParallel(300, 20, async () => {
    viewers.push(await RawViewer.watch(server.url));
  });
  const reading = viewers.map((viewer) => viewer.readUntil(() => false));
  await eventually("all viewers receive frames", () => viewers.every(({ frames }) => frames > 0));
  for (const viewer of viewers) viewer.ages.length = viewer.skipped = 0;
  await pause(10_000);
  const captures = (await descendants(server.pid)).size;
  const { memory } = await footprintOf(server.pid);
  for (const viewer of viewers) viewer[Symbol.dispose]();
  await Promise.all(reading);
  const ages = viewers.flatMap((viewer) => viewer.ages);
  const skipped = viewers.reduce((sum, viewer) => sum + viewer.skipped, 0);
  const rates = viewers.map((viewer) => viewer.ages.length / 10);
  figure("frames to 300 viewers in 10 s", ages.length);
  figure("frames skipped", skipped, "0");
  figure("lowest frame rate of a viewer", Math.min(...rates), "10");
  figure(
    "age of frames, median and 99th percentile",
    [0.5, 0.99].map((share) => rounded(percentile(ages, share))).join(" and ") + " ms",
  );
  figure("memory of the server", `${rounded(memory)} MB`);
  assertEquals(captures, 1);
  // The client shares the machine with the server and other programs, so it may be late a few
  // times.
  assertLess(skipped, ages.length / 200);
  assertLess(9, Math.min(...rates));
});

Deno.test("50 viewers that stall for a minute cost little, and other viewers keep their rate", async () => {
  await using server = await Server.start({ env: pi(115_000, 30) });
  const healthy = await Promise.all(
    Array.from({ length: 5 }, () => RawViewer.watch(server.url)),
  );
  const reading = healthy.map((viewer) => viewer.readUntil(() => false));
  await eventually("frames flow", () => healthy.every(({ frames }) => frames > 60));
  const measure = async () => {
    for (const viewer of healthy) viewer.ages.length = viewer.skipped = 0;
    await pause(5_000);
    const ages = healthy.flatMap((viewer) => viewer.ages);
    return { fps: ages.length / 5 / healthy.length, late: percentile(ages, 0.99) };
  };
  const alone = await measure();
  const before = await footprintOf(server.pid);
  const kernelBefore = await kernelMemory();
  const stalled = await Promise.all(
    Array.from({ length: 50 }, () => RawViewer.watch(server.url)),
  );
  await pause(50_000);
  const beside = await measure();
  await pause(5_000);
  const after = await footprintOf(server.pid);
  const kernelAfter = await kernelMemory();
  for (const viewer of [...healthy, ...stalled]) viewer[Symbol.dispose]();
  await Promise.all(reading);
  const grown = after.memory - before.memory;
  figure(
    "a healthy viewer alone",
    `${rounded(alone.fps)} fps, 99th percentile ${rounded(alone.late)} ms`,
  );
  figure(
    "a healthy viewer beside 50 stalled ones",
    `${rounded(beside.fps)} fps, 99th percentile ${rounded(beside.late)} ms`,
  );
  figure(
    "additional memory of the process",
    `${rounded(grown)} MB`,
    "2 MB per stalled viewer, 100 MB",
  );
  figure("additional memory of the kernel, both ends", `${rounded(kernelAfter - kernelBefore)} MB`);
  assertLess(0.9 * alone.fps, beside.fps);
  assertLess(grown, 100);
});

Deno.test("the server closes 200 connections with an endless request header and 100 silent ones, and still answers others", async () => {
  await using server = await Server.start({ env: { FPS: "10" } });
  await (await fetch(`${server.url}/cameras`)).body?.cancel();
  const before = await footprintOf(server.pid);
  const slow = await Promise.all(
    Array.from(
      { length: 300 },
      (_, i) => RawViewer.open(server.url, i < 200 ? "GET / HTTP/1.1\r\nHost: x\r\n" : ""),
    ),
  );
  let open = slow.length;
  const ended = slow.map((viewer) => viewer.readUntil(() => false).then(() => void open--));
  const dripping = setInterval(() => {
    for (const viewer of slow.slice(0, 200)) viewer.send("X").catch(() => {}); // already closed
  }, 1_000);
  const begun = performance.now();
  const times: number[] = [];
  while (open > 0 && performance.now() - begun < 60_000) {
    const requested = performance.now();
    const response = await fetch(`${server.url}/snapshot.jpg?max_age=60000`);
    await response.bytes();
    assertEquals(response.status, 200);
    times.push(performance.now() - requested);
    await pause(250);
  }
  const took = performance.now() - begun;
  clearInterval(dripping);
  await Promise.all(ended);
  for (const viewer of slow) viewer[Symbol.dispose]();
  const after = await footprintOf(server.pid);
  figure("time until all 300 are closed", `${rounded(took / 1000)} s`, "30 to 45 s");
  figure(
    "time of a snapshot meanwhile, 99th percentile",
    `${rounded(percentile(times.slice(1), 0.99))} ms`,
  );
  figure("descriptors leaked", after.descriptors - before.descriptors, "0");
  assertEquals(open, 0);
  assertLess(29_000, took);
  assertLess(after.descriptors - before.descriptors, 2);
});

Deno.test("the server exits within a second of SIGTERM with 50 viewers, 3 of them stalled", async () => {
  await using server = await Server.start({ env: pi(20_000, 30) });
  const viewers = await Promise.all(
    Array.from({ length: 50 }, () => RawViewer.watch(server.url)),
  );
  const reading = viewers.slice(3).map((viewer) => viewer.readUntil(() => false));
  await eventually(
    "all viewers receive frames",
    () => viewers.slice(3).every(({ frames }) => frames > 0),
  );
  await pause(1_000);
  const children = [...(await descendants(server.pid)).keys()];
  const { code, took } = await server.stop();
  const left = children.filter((pid) => {
    try {
      Deno.kill(pid, "SIGCONT");
      return true;
    } catch {
      return false;
    }
  });
  await Promise.all(reading);
  for (const viewer of viewers) viewer[Symbol.dispose]();
  figure("SIGTERM with 50 viewers", `exit ${code} after ${rounded(took)} ms`, "0 in 1 s");
  figure("children before and after", `${children.length} and ${left.length}`, "1 and 0");
  assertEquals({ code, before: children.length, after: left.length }, {
    code: 0,
    before: 1,
    after: 0,
  });
  assertLess(took, 1_000);
});
