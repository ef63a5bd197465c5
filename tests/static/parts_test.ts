import { assertAlmostEquals, assertEquals } from "@std/assert";
import { addressesOf } from "../../static/addresses.js";
import { View } from "../../static/view.js";
import { Meter } from "../../static/meter.js";
import { ServerClock } from "../../static/server_clock.js";

Deno.test("the page's idea of the server's clock is that of the fastest round trip", () => {
  const clock = new ServerClock();
  assertEquals([clock.error, clock.ageOf(1_000, 0)], [undefined, undefined]);
  // The server is 1000 ms ahead. The first answer took 80 ms, all of it on the way back.
  clock.learn(0, 80, 1_000);
  assertEquals(clock.error, 40);
  assertEquals(clock.ageOf(1_000, 80), 40);
  clock.learn(100, 102, 1_101);
  assertEquals(clock.error, 1);
  assertEquals(clock.ageOf(1_102, 102), 0);
  clock.learn(200, 260, 1_259);
  assertEquals(clock.error, 1);
  assertEquals(clock.ageOf(1_300, 350), 50);
});

Deno.test("a picture is never younger than nothing", () => {
  const clock = new ServerClock();
  clock.learn(0, 10, 1_005);
  assertEquals(clock.ageOf(1_050, 20), 0);
});

Deno.test("when a clock was set, old round trips are forgotten", () => {
  const clock = new ServerClock();
  clock.learn(0, 2, 1_001);
  clock.learn(100, 140, 501_120);
  assertEquals(clock.error, 20);
  assertEquals(clock.ageOf(501_120, 120), 0);
});

Deno.test("a round trip is remembered for as long as twenty others take", () => {
  const clock = new ServerClock();
  clock.learn(0, 2, 1_001);
  for (let i = 1; i <= 19; i++) clock.learn(i * 100, i * 100 + 20, 1_010 + i * 100);
  assertEquals(clock.error, 1);
  clock.learn(2_000, 2_020, 3_010);
  assertEquals(clock.error, 10);
});

Deno.test("the meter counts pictures a second, their middle age, and what was skipped", () => {
  const meter = new Meter();
  assertEquals([meter.fps(0), meter.age, meter.last, meter.skipped], [
    undefined,
    undefined,
    undefined,
    0,
  ]);
  for (let i = 0; i <= 100; i++) meter.add(10 + i * 2, i * 50, i === 100 ? 900 : 20 + i % 3);
  assertAlmostEquals(meter.fps(5_000)!, 20, 0.01);
  assertEquals([meter.age, meter.last, meter.skipped], [21, 5_000, 100]);
  // A picture that is overdue counts.
  assertAlmostEquals(meter.fps(6_000)!, 2, 0.01);
});

Deno.test("what is missing after a break was not skipped", () => {
  const meter = new Meter();
  meter.add(1, 0, 5);
  meter.add(2, 33, 5);
  meter.pause();
  assertEquals([meter.fps(40), meter.age], [undefined, undefined]);
  meter.add(500, 9_000, 5);
  meter.add(502, 9_033, 5);
  assertEquals(meter.skipped, 1);
});

Deno.test("a slow camera's rate is told from its last three pictures, however long ago they were", () => {
  const meter = new Meter();
  for (const at of [0, 10_000, 20_000, 30_000]) meter.add(at, at, undefined);
  assertAlmostEquals(meter.fps(30_000)!, 0.1, 0.001);
  assertEquals(meter.age, undefined);
});

Deno.test("a picture is turned and mirrored as it is seen, whatever came first", () => {
  const look = new View("parts_test");
  look.mirror();
  look.rotate();
  assertEquals([look.turn, look.mirrored, look.sideways, look.changed], [270, true, true, true]);
  const other = new View("parts_test");
  other.rotate();
  other.mirror();
  assertEquals([other.turn, other.mirrored], [90, true]);
  for (let i = 0; i < 3; i++) other.rotate();
  other.mirror();
  assertEquals([other.turn % 180, other.mirrored], [0, false]);
});

Deno.test("zooming keeps the point under the pointer, and never leaves the picture", () => {
  const look = new View("parts_test");
  const seenAt = (x: number) => look.x + x / look.zoom; // which part of the picture is at that place
  look.zoomTo(2, 0.25, -0.5);
  assertAlmostEquals(seenAt(0.25), 0.25);
  look.zoomTo(4, 0.25, -0.5);
  assertAlmostEquals(seenAt(0.25), 0.25);
  look.moveTo(9, -9);
  assertEquals([look.x, look.y], [0.375, -0.375]);
  look.zoomTo(100);
  assertEquals(look.zoom, 8);
  look.zoomTo(0.1);
  assertEquals([look.zoom, look.x, look.y], [1, 0, 0]);
  assertEquals(look.transform.replaceAll("-0%", "0%"), "translate(0%, 0%) scale(1, 1)");
});

Deno.test("the view turns with the picture", () => {
  const look = new View("parts_test");
  look.zoomTo(4);
  look.moveTo(0.3, 0.1);
  look.rotate();
  assertEquals([look.x, look.y], [-0.1, 0.3]);
  look.mirror();
  assertEquals([look.x, look.y], [0.1, 0.3]);
});

Deno.test("addresses are made from where the page lies, without its password", () => {
  const page = { baseURI: "https://me:secret@home.example/cams/?x=1#back" };
  Object.assign(globalThis, { document: page });
  try {
    const texts = addressesOf("front").map(({ text }) => text);
    assertEquals(texts.slice(0, 2), [
      "https://home.example/cams/cameras/front/video_feed",
      "https://home.example/cams/cameras/front/snapshot.jpg",
    ]);
    assertEquals(texts.filter((text) => text.includes("secret")), []);
  } finally {
    Reflect.deleteProperty(globalThis, "document");
  }
});
