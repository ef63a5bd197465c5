import { assertEquals } from "@std/assert";
import { LaneCounter, type LaneSample, lanesFor } from "../../../lib/nats/lanes.ts";
import { LANES } from "../../../lib/nats/protocol.ts";

/** Interval of a camera with 30 frames per second, in milliseconds. */
const interval = 1000 / 30;

Deno.test("lanesFor() computes the lanes of a way", () => {
  const table = [
    { name: "LAN", turnaround: 12, roundTrip: 1, lanes: 2 },
    { name: "LAN, no time at all", turnaround: 0, roundTrip: 0, lanes: 2 },
    { name: "500 KB/s", turnaround: 247, roundTrip: 4, lanes: 1 },
    { name: "25 KB/s", turnaround: 4_590, roundTrip: 4, lanes: 1 },
    { name: "RTT 100", turnaround: 120, roundTrip: 100, lanes: 5 },
    { name: "RTT 200", turnaround: 220, roundTrip: 200, lanes: 8 },
    { name: "RTT 1000", turnaround: 1_020, roundTrip: 1_000, lanes: LANES },
    { name: "thin and long", turnaround: 417, roundTrip: 200, lanes: 2 },
    { name: "very thin and long", turnaround: 5_000, roundTrip: 200, lanes: 1 },
    { name: "just as fast as the camera", turnaround: 1.51 * interval, roundTrip: 0, lanes: 1 },
    { name: "a little faster than the camera", turnaround: 1.4 * interval, roundTrip: 0, lanes: 2 },
    { name: "nonsense", turnaround: 10, roundTrip: 4e9, lanes: LANES },
  ];
  for (const { name, turnaround, roundTrip, lanes } of table) {
    assertEquals(lanesFor({ turnaround, roundTrip, interval }), lanes, name);
  }
});

const LAN: LaneSample = { turnaround: 12, delay: 1000, roundTrip: 1, interval };

function counterOn(turnaround: LaneSample): LaneCounter {
  const counter = new LaneCounter();
  for (let i = 0; i < 4; i++) counter.add(turnaround);
  return counter;
}

Deno.test("LaneCounter computes the lanes after four turns, by the least of them", () => {
  const counter = new LaneCounter();
  for (const turnaround of [300, 120, 300]) {
    assertEquals(counter.add({ ...LAN, turnaround, roundTrip: 100 }), false);
    assertEquals(counter.count, 1);
  }
  counter.add({ ...LAN, turnaround: 300, roundTrip: 100 });
  assertEquals(counter.count, 5);
});

Deno.test("LaneCounter keeps one lane while the way or the interval is unknown", () => {
  const counter = counterOn({ ...LAN, roundTrip: undefined });
  assertEquals(counter.count, 1);
  for (let i = 0; i < 4; i++) counter.add({ ...LAN, interval: undefined });
  assertEquals(counter.count, 1);
  for (let i = 0; i < 4; i++) counter.add(LAN);
  assertEquals(counter.count, 2);
});

Deno.test("LaneCounter asks for the round-trip time on a thin link, where it changes", () => {
  const counter = new LaneCounter();
  const thin = { ...LAN, turnaround: 250 };
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
  for (let i = 0; i < 4; i++) counter.add({ ...queued, turnaround: 250 });
  assertEquals(counter.count, 1); // a thin link now
});

Deno.test("LaneCounter measures anew when the camera's frame rate changes", () => {
  const far = { ...LAN, turnaround: 220, roundTrip: 200 };
  const counter = counterOn({ ...far, turnaround: 300, interval: 200 });
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
  assertEquals(counterOn({ ...LAN, turnaround: 232, excess: 200, roundTrip: 823 }).count, 1);
  assertEquals(counterOn({ ...LAN, turnaround: 232, excess: 200, roundTrip: 5 }).count, 1);
  // A long roundTrip: a frame takes hardly longer than a small message.
  assertEquals(counterOn({ ...LAN, turnaround: 220, excess: 5, roundTrip: 200 }).count, 8);
  assertEquals(counterOn({ ...LAN, turnaround: 120, excess: 5, roundTrip: 100 }).count, 5);
});

Deno.test("LaneCounter measures anew after late frames, but not for those of a link that stood still", () => {
  const counter = counterOn({ ...LAN, turnaround: 220, roundTrip: 200 });
  for (let i = 0; i < 8; i++) counter.addLate(true);
  assertEquals(counter.count, 8);
  counter.addLate(false);
  assertEquals(counter.count, 1);
  const queued = counterOn({ ...LAN, turnaround: 220, roundTrip: 200 });
  queued.add({ ...LAN, delay: LAN.delay + 61 });
  queued.addLate(true);
  assertEquals(queued.count, 1);
});
