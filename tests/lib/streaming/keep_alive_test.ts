import { assertEquals, assertLessOrEqual } from "@std/assert";
import type { Camera } from "../../../lib/camera/camera.ts";
import { multipartFormat } from "../../../lib/multipart/encode.ts";
import { KeepAlive, ViewerStream } from "../../../lib/streaming/mod.ts";
import { ManualClock } from "../../manual_clock.ts";

/**
 * A stream of a camera with one frame, and a client that takes chunks only when a test reads them.
 */
function setUp() {
  const clock = new ManualClock();
  const keepAlive = new KeepAlive(clock, { info() {}, warn() {}, error() {} });
  const latest = {
    jpeg: new Uint8Array(3),
    capturedAt: clock.now(),
    monotonic: clock.monotonic(),
    sequence: 1,
  };
  const stream = new ViewerStream({
    format: multipartFormat("frame", true),
    onEnd: () => keepAlive.delete(stream),
  });
  keepAlive.add(stream, { latest } as Camera);
  return { clock, stream, latest, client: stream.stream.getReader() };
}

Deno.test("KeepAlive repeats the latest frame after 5 s without one, counted from the last", async () => {
  const { clock, stream, latest, client } = setUp();
  await client.read();
  let next = client.read();
  await clock.advance(4_999);
  assertEquals(stream.sent, 0);
  await clock.advance(1);
  assertEquals(stream.sent, 1);
  await next;
  next = client.read();
  await clock.advance(3_000);
  stream.offer({ ...latest, monotonic: clock.monotonic(), sequence: 2 });
  await next;
  next = client.read();
  await clock.advance(4_999);
  assertEquals(stream.sent, 2);
  await clock.advance(1);
  assertEquals(stream.sent, 3);
  stream.end();
  await next;
});

Deno.test("KeepAlive disconnects a viewer that has read nothing for 2 minutes", async () => {
  const { clock, stream } = setUp();
  await clock.advance(120_000);
  assertEquals([stream.sent, stream.endReason], [0, undefined]);
  await clock.advance(500);
  assertEquals([stream.sent, stream.endReason], [0, "stalled"]);
});

Deno.test("KeepAlive does not disconnect a viewer that reads slowly", async () => {
  const { clock, stream, latest, client } = setUp();
  await client.read();
  for (let n = 1; n <= 5; n++) {
    await clock.advance(100_000);
    stream.offer({ ...latest, sequence: n });
    await client.read();
  }
  assertEquals(stream.endReason, undefined);
  await client.cancel();
});

Deno.test("KeepAlive continues after an error and logs it", async () => {
  const clock = new ManualClock();
  const lines: string[] = [];
  const error = (event: string, fields?: object) =>
    void lines.push(`${event} ${JSON.stringify(fields)}`);
  const keepAlive = new KeepAlive(clock, { info() {}, warn() {}, error });
  let checks = 0;
  const stream = {
    lastSentAt: 0,
    blockedFor() {
      if (++checks === 1) throw new Error("no such picture");
      return checks * 1_000;
    },
  } as unknown as ViewerStream;
  keepAlive.add(stream, {} as Camera);
  await clock.advance(1_600);
  keepAlive.delete(stream);
  await clock.advance(1_600);
  assertEquals(checks, 3);
  assertEquals(lines, ['keep-alive failed {"reason":"no such picture"}']);
});

/** A stream of a test, which records the times of the checks and of what keeps it alive. */
function fakeStream(clock: ManualClock, blockedFor: (now: number) => number | undefined) {
  const checks: number[] = [];
  const kept: number[] = [];
  return {
    checks,
    kept,
    lastSentAt: 0,
    blockedFor(now: number) {
      checks.push(clock.monotonic());
      return blockedFor(now);
    },
    disconnect() {},
    keepAlive(now: number) {
      kept.push(now);
      this.lastSentAt = now;
    },
  };
}

Deno.test("KeepAlive wakes only every 5 s while a stream gets frames", async () => {
  const clock = new ManualClock();
  const keepAlive = new KeepAlive(clock, { info() {}, warn() {}, error() {} });
  const stream = fakeStream(clock, () => undefined);
  keepAlive.addSound(stream);
  for (let second = 0; second < 60; second++) {
    stream.lastSentAt = clock.monotonic();
    await clock.advance(1_000);
  }
  assertEquals(stream.kept, []);
  assertLessOrEqual(stream.checks.length, 16);
  // The last data is 1 s old.
  await clock.advance(3_999);
  assertEquals(stream.kept, []);
  await clock.advance(1);
  assertEquals(stream.kept, [64_000]);
  keepAlive.delete(stream);
});

Deno.test("KeepAlive watches a stream that joins later, and one whose client was slow", async () => {
  const clock = new ManualClock();
  const keepAlive = new KeepAlive(clock, { info() {}, warn() {}, error() {} });
  let isBlocked = false;
  const slow = fakeStream(clock, (now) => isBlocked ? now : undefined);
  keepAlive.addSound(slow);
  await clock.advance(2_000);
  const late = fakeStream(clock, () => undefined);
  keepAlive.addSound(late);
  isBlocked = true;
  await clock.advance(8_000);
  assertEquals(slow.kept, []);
  assertEquals(late.kept, [7_000]);
  isBlocked = false; // its last data is 10 s old
  await clock.advance(500);
  assertEquals(slow.kept, [10_500]);
  keepAlive.delete(slow);
  keepAlive.delete(late);
});
