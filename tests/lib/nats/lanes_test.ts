import { assertEquals } from "@std/assert";
import { LaneCounter, lanesFor, type Turn } from "../../../lib/nats/lanes.ts";
import { LANES } from "../../../lib/nats/protocol.ts";

/** Interval of a camera with 30 frames per second, in milliseconds. */
const interval = 1000 / 30;

Deno.test("lanesFor() computes the lanes of a way", () => {
  const table = [
    { name: "LAN", turn: 12, way: 1, lanes: 2 },
    { name: "LAN, no time at all", turn: 0, way: 0, lanes: 2 },
    { name: "500 KB/s", turn: 247, way: 4, lanes: 1 },
    { name: "25 KB/s", turn: 4_590, way: 4, lanes: 1 },
    { name: "RTT 100", turn: 120, way: 100, lanes: 5 },
    { name: "RTT 200", turn: 220, way: 200, lanes: 8 },
    { name: "RTT 1000", turn: 1_020, way: 1_000, lanes: LANES },
    { name: "thin and long", turn: 417, way: 200, lanes: 2 },
    { name: "very thin and long", turn: 5_000, way: 200, lanes: 1 },
    { name: "just as fast as the camera", turn: 1.51 * interval, way: 0, lanes: 1 },
    { name: "a little faster than the camera", turn: 1.4 * interval, way: 0, lanes: 2 },
    { name: "nonsense", turn: 10, way: 4e9, lanes: LANES },
  ];
  for (const { name, turn, way, lanes } of table) {
    assertEquals(lanesFor({ turn, way, interval }), lanes, name);
  }
});

const LAN: Turn = { turn: 12, delay: 1000, way: 1, interval };

function counterOn(turn: Turn): LaneCounter {
  const counter = new LaneCounter();
  for (let i = 0; i < 4; i++) counter.add(turn);
  return counter;
}

Deno.test("LaneCounter computes the lanes after four turns, by the least of them", () => {
  const counter = new LaneCounter();
  for (const turn of [300, 120, 300]) {
    assertEquals(counter.add({ ...LAN, turn, way: 100 }), false);
    assertEquals(counter.count, 1);
  }
  counter.add({ ...LAN, turn: 300, way: 100 });
  assertEquals(counter.count, 5);
});

Deno.test("LaneCounter keeps one lane while the way or the interval is unknown", () => {
  const counter = counterOn({ ...LAN, way: undefined });
  assertEquals(counter.count, 1);
  for (let i = 0; i < 4; i++) counter.add({ ...LAN, interval: undefined });
  assertEquals(counter.count, 1);
  for (let i = 0; i < 4; i++) counter.add(LAN);
  assertEquals(counter.count, 2);
});

Deno.test("LaneCounter asks for the round-trip time on a thin link, where it changes", () => {
  const counter = new LaneCounter();
  const thin = { ...LAN, turn: 250 };
  assertEquals([1, 2, 3, 4].map(() => counter.add(thin)), [false, false, false, true]);
});

Deno.test("LaneCounter measures anew after eight queued frames in a row", () => {
  const counter = counterOn(LAN);
  const queued = { ...LAN, delay: LAN.delay + 61 };
  for (let i = 0; i < 7; i++) counter.add(queued);
  counter.add({ ...LAN, delay: LAN.delay + 60 }); // the row ends
  for (let i = 0; i < 7; i++) counter.add(queued);
  assertEquals(counter.count, 2);
  assertEquals(counter.add(queued), true);
  assertEquals(counter.count, 1);
  for (let i = 0; i < 4; i++) counter.add({ ...queued, turn: 250 });
  assertEquals(counter.count, 1); // a thin link now
});

Deno.test("LaneCounter measures anew when the camera's frame rate changes", () => {
  const far = { ...LAN, turn: 220, way: 200 };
  const counter = counterOn({ ...far, turn: 300, interval: 200 });
  assertEquals(counter.count, 2);
  counter.add({ ...far, interval: 190 });
  assertEquals(counter.count, 2);
  counter.add(far);
  assertEquals(counter.count, 1);
  for (let i = 0; i < 4; i++) counter.add(far);
  assertEquals(counter.count, 8);
});

Deno.test("LaneCounter does not believe a way that the frames disprove", () => {
  // A thin link: a frame takes 230 ms, and 200 ms of that more than a small message.
  assertEquals(counterOn({ ...LAN, turn: 232, excess: 200, way: 823 }).count, 1);
  assertEquals(counterOn({ ...LAN, turn: 232, excess: 200, way: 5 }).count, 1);
  // A long way: a frame takes hardly longer than a small message.
  assertEquals(counterOn({ ...LAN, turn: 220, excess: 5, way: 200 }).count, 8);
  assertEquals(counterOn({ ...LAN, turn: 120, excess: 5, way: 100 }).count, 5);
});

Deno.test("LaneCounter measures anew after late frames, but not for those of a link that stood still", () => {
  const counter = counterOn({ ...LAN, turn: 220, way: 200 });
  for (let i = 0; i < 8; i++) counter.addLate(true);
  assertEquals(counter.count, 8);
  counter.addLate(false);
  assertEquals(counter.count, 1);
  const queued = counterOn({ ...LAN, turn: 220, way: 200 });
  queued.add({ ...LAN, delay: LAN.delay + 61 });
  queued.addLate(true);
  assertEquals(queued.count, 1);
});
