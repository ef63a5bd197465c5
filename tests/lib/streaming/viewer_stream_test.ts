import { assertEquals, assertStrictEquals } from "@std/assert";
import type { Frame } from "../../../lib/frame.ts";
import { ViewerStream } from "../../../lib/streaming/viewer_stream.ts";
import { multipartFormat } from "../../../lib/multipart/encode.ts";
import { settle } from "../../manual_clock.ts";

const FORMAT = multipartFormat("frame", true);

function frame(sequence: number): Frame {
  const jpeg = new TextEncoder().encode(`JPEG ${sequence}`);
  return { jpeg, capturedAt: sequence * 100, monotonic: sequence * 100, sequence };
}

/** A stream, and a client that takes a chunk when the test calls `take()`. */
function setUp({ wanted }: { wanted?: (frame: Frame) => boolean } = {}) {
  const ended: string[] = [];
  const events: string[] = [];
  const viewer = new ViewerStream({
    format: FORMAT,
    wanted,
    onDelivered: ({ sequence }, bytes) => events.push(`${sequence} delivered, ${bytes} bytes`),
    onDropped: () => events.push("dropped"),
    onEnd: () => ended.push("ended"),
  });
  const client = viewer.stream.getReader();
  return {
    viewer,
    ended,
    events,
    client,
    /** Takes a chunk. @returns Its first line, which is the content of the frame. */
    async take(): Promise<string | undefined> {
      const { value } = await client.read();
      return value && new TextDecoder().decode(value).split("\r\n")[0];
    },
  };
}

Deno.test("ViewerStream begins with the delimiter before there is a frame", async () => {
  const { client } = setUp();
  const { value } = await client.read();
  assertEquals(value, FORMAT.opening);
  await client.cancel();
});

Deno.test("ViewerStream sends every frame, in order, to a client that keeps up", async () => {
  const { viewer, client, take } = setUp();
  await take();
  for (let n = 1; n <= 5; n++) {
    const next = take();
    viewer.offer(frame(n));
    assertEquals(await next, `JPEG ${n}`);
  }
  assertEquals([viewer.sent, viewer.dropped], [5, 0]);
  await client.cancel();
});

Deno.test("ViewerStream sends the same bytes to every viewer", async () => {
  const [one, other] = [setUp(), setUp()];
  await one.take();
  await other.take();
  const shared = frame(1);
  one.viewer.offer(shared);
  other.viewer.offer(shared);
  const [first, second] = [await one.client.read(), await other.client.read()];
  assertStrictEquals(first.value, second.value);
  await one.client.cancel();
  await other.client.cancel();
});

Deno.test("ViewerStream keeps only the latest frame for a slow client, and counts the dropped ones", async () => {
  const { viewer, client, take } = setUp();
  for (let n = 1; n <= 4; n++) viewer.offer(frame(n)); // the client has not even taken the delimiter
  await take();
  assertEquals(await take(), "JPEG 4");
  for (let n = 5; n <= 100; n++) viewer.offer(frame(n));
  assertEquals(await take(), "JPEG 100");
  assertEquals([viewer.sent, viewer.dropped], [2, 98]);
  await client.cancel();
});

Deno.test("ViewerStream reports each delivered and each dropped frame, but no repeated one", async () => {
  const { viewer, client, take, events } = setUp();
  await take();
  viewer.offer(frame(1));
  viewer.offer(frame(2));
  await take();
  assertEquals(events, ["dropped"]);
  const next = take(); // a client that asks for more has taken the last chunk
  const size = FORMAT.part(frame(2)).length;
  assertEquals(events, ["dropped", `2 delivered, ${size} bytes`]);
  viewer.repeat(frame(2), 5_200);
  await next;
  const last = take();
  assertEquals(events.length, 2);
  await client.cancel();
  await last;
});

Deno.test("ViewerStream.blockedFor() is the time for which a client has been receiving the same bytes", async () => {
  const { viewer, client, take } = setUp();
  assertEquals([viewer.blockedFor(100), viewer.blockedFor(600)], [0, 500]);
  await take();
  const next = take();
  assertEquals([viewer.blockedFor(1_100), viewer.blockedFor(9_000)], [undefined, undefined]);
  viewer.offer(frame(1));
  assertEquals([viewer.blockedFor(9_500), viewer.blockedFor(10_000)], [0, 500]);
  await next;
  viewer.offer(frame(2));
  await take(); // it has received the first frame, and is receiving the second one
  assertEquals([viewer.blockedFor(10_500), viewer.blockedFor(11_000)], [0, 500]);
  await client.cancel();
});

Deno.test("ViewerStream never has more than one chunk in its stream", async () => {
  const { viewer, client, take } = setUp();
  await take();
  const first = take();
  for (let n = 1; n <= 9; n++) viewer.offer(frame(n));
  assertEquals(await first, "JPEG 1");
  assertEquals(viewer.sent, 1);
  viewer.end();
  // The queued frame is not sent after the end.
  assertEquals(await take(), undefined);
  await client.closed;
});

Deno.test("ViewerStream skips unwanted frames without counting them as dropped", async () => {
  const { viewer, client, take } = setUp({ wanted: ({ sequence }) => sequence % 3 === 0 });
  await take();
  for (let n = 1; n <= 5; n++) viewer.offer(frame(n));
  assertEquals(await take(), "JPEG 3");
  assertEquals(viewer.dropped, 0);
  await client.cancel();
});

Deno.test("ViewerStream ends once when its client disconnects while waiting for a frame", async () => {
  const { viewer, client, ended, take } = setUp();
  await take();
  const waiting = take();
  await client.cancel();
  assertEquals(await waiting, undefined);
  assertEquals(ended, ["ended"]);
  viewer.end();
  assertEquals(ended, ["ended"]);
});

Deno.test("ViewerStream ends its stream once when there are no more frames", async () => {
  const { viewer, client, ended, take } = setUp();
  await take();
  const waiting = take();
  viewer.end();
  assertEquals(await waiting, undefined);
  viewer.end();
  await client.cancel();
  assertEquals([ended, viewer.endReason], [["ended"], undefined]);
});

Deno.test("ViewerStream.disconnect() ends the stream with a reason", async () => {
  const { viewer, ended, take } = setUp();
  await take();
  const waiting = take();
  viewer.disconnect("stalled");
  assertEquals(await waiting, undefined);
  assertEquals([ended, viewer.endReason], [["ended"], "stalled"]);
});

for (const how of ["cancel", "end"] as const) {
  Deno.test(`ViewerStream ignores frames after ${how}()`, async () => {
    const { viewer, client, take } = setUp();
    await take();
    const waiting = take();
    if (how === "cancel") await client.cancel();
    else viewer.end();
    viewer.offer(frame(1));
    viewer.repeat(frame(1), 100);
    assertEquals(await waiting, undefined);
    assertEquals([viewer.sent, viewer.dropped], [0, 0]);
  });
}

Deno.test("ViewerStream.repeat() sends a frame and records the time", async () => {
  const { viewer, client, take } = setUp();
  await take();
  const next = take();
  viewer.repeat(frame(7), 5_000);
  assertEquals(await next, "JPEG 7");
  assertEquals([viewer.sent, viewer.lastSentAt], [1, 5_000]);
  await client.cancel();
});

Deno.test("ViewerStream.lastSentAt is the arrival of the last frame, never earlier than before", async () => {
  const { viewer, client, take } = setUp();
  viewer.lastSentAt = 150;
  await take();
  for (const [sequence, expected] of [[1, 150], [2, 200], [3, 300]] as const) {
    const next = take();
    viewer.offer(frame(sequence));
    await next;
    assertEquals(viewer.lastSentAt, expected);
  }
  await client.cancel();
});

Deno.test("ViewerStream repeats nothing to a client that is still receiving a frame", async () => {
  const { viewer, client, take } = setUp();
  await take();
  const next = take();
  viewer.offer(frame(1));
  for (let now = 5_000; now <= 20_000; now += 500) viewer.repeat(frame(1), now);
  assertEquals(await next, "JPEG 1");
  assertEquals(viewer.sent, 1);
  await client.cancel();
});

Deno.test("ViewerStream sends directly what is possible, and enqueues the rest", async () => {
  const head = Promise.withResolvers<void>();
  const log: string[] = [];
  const delivered: number[] = [];
  const connection = { room: Infinity, drained: true, call: () => {} };
  const viewer = new ViewerStream({
    format: FORMAT,
    direct: {
      headersSent: () => head.promise,
      isOpen: true,
      get drained() {
        return connection.drained;
      },
      onDrain: (call) => connection.call = call,
      send(bytes) {
        const count = Math.min(connection.room, bytes.length);
        log.push(new TextDecoder().decode(bytes.subarray(0, count)));
        return count;
      },
      queued(count) {
        log.push(`${count} queued`);
        connection.drained = false;
      },
    },
    onDelivered: ({ sequence }) => delivered.push(sequence),
    onEnd: () => {},
  });
  const client = viewer.stream.getReader();
  let next = client.read();
  viewer.offer(frame(1));
  viewer.offer(frame(2));
  await settle();
  assertEquals(log, []); // the headers are not sent yet
  head.resolve();
  await settle();
  const ending = new TextDecoder().decode(FORMAT.part(frame(0)).subarray("JPEG 0".length));
  assertEquals(log.splice(0), [new TextDecoder().decode(FORMAT.opening), `JPEG 2${ending}`]);
  connection.room = 4;
  viewer.offer(frame(3));
  assertEquals(log.splice(0), ["JPEG", `${2 + ending.length} queued`]);
  assertEquals(new TextDecoder().decode((await next).value), ` 3${ending}`);
  next = client.read();
  await settle();
  connection.room = Infinity;
  viewer.offer(frame(4));
  viewer.offer(frame(5)); // the rest of the third frame has left the stream, but is not sent yet
  viewer.repeat(frame(5), 600);
  assertEquals([log.splice(0), viewer.dropped, viewer.blockedFor(600)], [[], 2, 0]);
  connection.drained = true;
  connection.call();
  assertEquals(log.splice(0), [`JPEG 5${ending}`]);
  assertEquals([delivered, viewer.sent, viewer.dropped], [[2, 3, 5], 3, 2]);
  assertEquals(viewer.blockedFor(1_100), undefined);
  viewer.repeat(frame(5), 5_600);
  assertEquals([log.splice(0), delivered, viewer.sent], [[`JPEG 5${ending}`], [2, 3, 5], 4]);
  viewer.end();
  assertEquals((await next).done, true);
});

Deno.test("ViewerStream.whenReady waits until the client has received everything, or the end", async () => {
  const { viewer, client, take } = setUp();
  const events: string[] = [];
  viewer.whenReady().then(() => events.push("ready"));
  await take(); // the delimiter
  await settle();
  assertEquals(events, []);
  const first = take();
  await settle();
  assertEquals(events, ["ready"]);
  viewer.offer(frame(1));
  assertEquals(await first, "JPEG 1");
  viewer.whenReady().then(() => events.push("ready again"));
  viewer.offer(frame(2)); // queued
  await settle();
  assertEquals(events, ["ready"]);
  assertEquals(await take(), "JPEG 2");
  await settle();
  assertEquals(events, ["ready"]);
  await client.cancel();
  await settle();
  assertEquals(events, ["ready", "ready again"]);
  await viewer.whenReady();
});
