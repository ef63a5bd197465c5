import { assertEquals, assertThrows } from "@std/assert";
import { Hono } from "hono";
import { clientAddress } from "../../../lib/http/client_address.ts";
import type { HttpError } from "../../../lib/http/errors.ts";
import { Viewers, type ViewerSession } from "../../../lib/streaming/viewers.ts";
import { ManualClock } from "../../manual_clock.ts";

async function setUp(max?: number) {
  const lines: string[] = [];
  const clock = new ManualClock();
  const info = (event: string, fields?: object) =>
    void lines.push(`${event} ${JSON.stringify(fields)}`);
  const viewers = new Viewers({ max, clock, log: { info, warn: info, error: info } });
  // A context as a request brings it.
  let enter!: () => ViewerSession;
  await new Hono().get("/", (c) => {
    enter = () => viewers.admit(clientAddress(c), "front");
    return c.text("");
  }).request("/", {}, { remoteAddr: { transport: "tcp", hostname: "192.0.2.1", port: 5 } });
  return { viewers, enter, lines, clock };
}

Deno.test("as many viewers as may be are let in, and the next one when one has left", async () => {
  const { viewers, enter } = await setUp(2);
  const first = enter();
  enter();
  const error: HttpError = assertThrows(enter) as HttpError;
  assertEquals([error.status, error.message, error.headers], [
    503,
    "Cannot take another viewer: there are 2 already",
    { "Retry-After": "10" },
  ]);
  first.end({ frames: 0, dropped: 0 });
  first.end({ frames: 0, dropped: 0 });
  assertEquals(viewers.count, 1);
  enter();
  assertThrows(enter);
});

Deno.test("without a number any number of viewers is let in", async () => {
  const { viewers, enter } = await setUp();
  for (let i = 0; i < 5_000; i++) enter();
  assertEquals(viewers.count, 5_000);
});

Deno.test("a viewer's coming and going is told, with how long it stayed and what it got", async () => {
  const { enter, lines, clock } = await setUp();
  const visit = enter();
  visit.begin();
  await clock.advance(61_234);
  visit.end({ frames: 1800, dropped: 3, reason: "stalled" });
  assertEquals(lines, [
    'viewer came {"camera":"front","address":"192.0.2.1"}',
    'viewer left {"camera":"front","address":"192.0.2.1","seconds":61.2,"frames":1800,"dropped":3,' +
    '"reason":"stalled"}',
  ]);
});

Deno.test("of a viewer for whom there was nothing to see nothing is told", async () => {
  const { viewers, enter, lines } = await setUp();
  enter().end({ frames: 0, dropped: 0 });
  assertEquals([viewers.count, lines], [0, []]);
});
