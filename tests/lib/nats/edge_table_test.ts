import { assertEquals, assertGreaterOrEqual } from "@std/assert";
import { EdgeTable } from "../../../lib/nats/edge_table.ts";

/** Adds edges with their lanes, and sends frames to them: each has room again when it is served. */
function setUp(lanes: Record<string, readonly number[]>) {
  const edges = new EdgeTable();
  let [sequence, now] = [0, 0];
  const open = () => {
    for (const [name, numbers] of Object.entries(lanes)) {
      edges.renew(name, now);
      for (const lane of numbers) edges.open(name, lane, { now });
    }
  };
  /** Sends the next frame. @returns Its lane. */
  const send = (busy = 0) => {
    open();
    now += 33;
    sequence++;
    const lane = edges.select(sequence, { now, busy, isRepeat: false, copies: false });
    if (lane !== undefined) edges.serve(lane, { sequence, now });
    return lane;
  };
  return { edges, send };
}

Deno.test("EdgeTable selects the lane on which the most edges have room", () => {
  const { send } = setUp({ a: [0], b: [0, 1], c: [2] });
  assertEquals([send(), send()], [0, 0]);
});

Deno.test("EdgeTable serves an edge that is alone on its lane, too", () => {
  const { send } = setUp({ a: [0], b: [0], c: [0], d: [1] });
  const lanes = Array.from({ length: 40 }, () => send());
  const count = lanes.filter((lane) => lane === 1).length;
  assertEquals(count >= 8 && count <= 14, true, `${count} of 40`);
});

Deno.test("EdgeTable serves each edge regularly, however many want other lanes", () => {
  const strangers = Array.from({ length: 900 }, (_, i) => [`stranger${i}`, [1 + i % 7]]);
  const one = Array.from({ length: 900 }, (_, i) => [`stranger${i}`, [7]]);
  for (const others of [strangers, one]) {
    const { send } = setUp({ ...Object.fromEntries(others), edge: [0] });
    const lanes = Array.from({ length: 64 }, () => send());
    assertGreaterOrEqual(lanes.filter((lane) => lane === 0).length, 6);
  }
});

Deno.test("EdgeTable lets lanes take turns, without those that are busy", () => {
  const { send } = setUp({ a: [0, 1, 2] });
  assertEquals([send(), send(), send(), send()], [0, 1, 2, 0]);
  assertEquals([send(0b010), send(0b101), send(0b111)], [2, 1, undefined]);
});
