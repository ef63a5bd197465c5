import { assertEquals } from "@std/assert";
import { Transfers } from "../../../lib/live/transfers.ts";

/** Frames of two feeds, with a clock that a test sets. */
function setUp() {
  const clock = { time: 0 };
  const transfers = new Transfers(() => clock.time);
  const transfer = (ms: number, feed = "front") => {
    transfers.begin(feed);
    clock.time += ms;
    transfers.end(feed);
  };
  return { clock, transfers, transfer };
}

Deno.test("Transfers measures from sending to the acknowledgement, per feed", () => {
  const { clock, transfers } = setUp();
  assertEquals([transfers.inFlight, transfers.typical], [false, 0]);
  transfers.begin("front");
  clock.time = 100;
  transfers.begin("back");
  clock.time = 320;
  transfers.end("front");
  assertEquals([transfers.inFlight, transfers.typical], [true, 320]);
  transfers.end("back");
  transfers.end("back"); // acknowledged twice
  assertEquals([transfers.inFlight, transfers.typical], [false, 320]);
});

Deno.test("Transfers knows the usual time: a stall does not count, a link that becomes slow does", () => {
  const { transfers, transfer } = setUp();
  for (const ms of [10, 12, 11, 10, 5_000]) transfer(ms);
  assertEquals(transfers.typical, 11);
  for (const ms of [300, 310]) transfer(ms);
  assertEquals(transfers.typical, 300);
});
