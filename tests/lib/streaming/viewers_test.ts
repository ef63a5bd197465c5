import { assertEquals, assertThrows } from "@std/assert";
import { TooManyViewers, Viewers } from "../../../lib/streaming/mod.ts";
import { ManualClock } from "../../manual_clock.ts";

function setUp(max?: number) {
  const lines: string[] = [];
  const clock = new ManualClock();
  const info = (event: string, fields?: object) =>
    void lines.push(`${event} ${JSON.stringify(fields)}`);
  const viewers = new Viewers({ max, clock, log: { info, warn: info, error: info } });
  const admit = () => viewers.admit("192.0.2.1", "front");
  return { viewers, admit, lines, clock };
}

Deno.test("Viewers admits viewers up to the limit, and another one when one has left", () => {
  const { viewers, admit } = setUp(2);
  const first = admit();
  admit();
  const error: TooManyViewers = assertThrows(admit, TooManyViewers);
  assertEquals([error.message, error.retryAfter], [
    "Too many viewers: the limit of 2 is reached",
    10_000,
  ]);
  assertThrows(() => viewers.ensureCapacity(), TooManyViewers);
  first.end({ frames: 0, dropped: 0 });
  first.end({ frames: 0, dropped: 0 });
  assertEquals(viewers.count, 1);
  viewers.ensureCapacity();
  admit();
  assertThrows(admit);
});

Deno.test("Viewers admits any number of viewers without a limit", () => {
  const { viewers, admit } = setUp();
  for (let i = 0; i < 5_000; i++) admit();
  assertEquals(viewers.count, 5_000);
});

Deno.test("Viewers logs when a viewer connects and disconnects, with its duration and its frames", async () => {
  const { admit, lines, clock } = setUp();
  const session = admit();
  session.start();
  await clock.advance(61_234);
  session.end({ frames: 1800, dropped: 3, reason: "stalled" });
  assertEquals(lines, [
    'viewer connected {"camera":"front","address":"192.0.2.1"}',
    'viewer disconnected {"camera":"front","address":"192.0.2.1","seconds":61.2,"frames":1800,' +
    '"dropped":3,"reason":"stalled"}',
  ]);
});

Deno.test("Viewers does not log a viewer whose camera delivered no frames", () => {
  const { viewers, admit, lines } = setUp();
  admit().end({ frames: 0, dropped: 0 });
  assertEquals([viewers.count, lines], [0, []]);
});

Deno.test("Viewers suppresses log lines of a client that reconnects in a loop, but not of others", async () => {
  const { viewers, admit, lines, clock } = setUp();
  const visit = (session = admit()) => {
    session.start();
    session.end({ frames: 1, dropped: 0 });
  };
  for (let n = 0; n < 1_000; n++) visit();
  assertEquals(lines.length, 301);
  assertEquals(lines.at(-1), 'viewer events not logged {"address":"192.0.2.1","seconds":60}');
  visit(viewers.admit("192.0.2.2", "front"));
  assertEquals(lines.length, 303);
  await clock.advance(60_000);
  assertEquals(
    lines.at(-1),
    'viewer events logged again {"address":"192.0.2.1","suppressed":1700}',
  );
  visit();
  assertEquals([lines.length, viewers.count], [306, 0]);
});
