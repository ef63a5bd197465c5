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

/** A body, and a client that takes a chunk when it is told to. */
function setUp({ wanted }: { wanted?: (frame: Frame) => boolean } = {}) {
  const ended: string[] = [];
  const told: string[] = [];
  const body = new ViewerStream({
    format: FORMAT,
    wanted,
    onDelivered: ({ sequence }, bytes) => told.push(`${sequence} taken in ${bytes} bytes`),
    onDropped: () => told.push("one dropped"),
    onEnd: () => ended.push("ended"),
  });
  const client = body.stream.getReader();
  return {
    body,
    ended,
    told,
    client,
    /** Which frame comes next, or what else. */
    async take(): Promise<string | undefined> {
      const { value } = await client.read();
      return value && new TextDecoder().decode(value).split("\r\n")[0];
    },
  };
}

Deno.test("MultipartBody begins with the delimiter before there is a frame", async () => {
  const { client } = setUp();
  const { value } = await client.read();
  assertEquals(value, FORMAT.opening);
  await client.cancel();
});

Deno.test("MultipartBody gives a client that keeps up every frame, in order", async () => {
  const { body, client, take } = setUp();
  await take();
  for (let n = 1; n <= 5; n++) {
    const next = take();
    body.offer(frame(n));
    assertEquals(await next, `JPEG ${n}`);
  }
  assertEquals([body.sent, body.dropped], [5, 0]);
  await client.cancel();
});

Deno.test("MultipartBody gives the same bytes to every viewer", async () => {
  const [one, other] = [setUp(), setUp()];
  await one.take();
  await other.take();
  const shared = frame(1);
  one.body.offer(shared);
  other.body.offer(shared);
  const [first, second] = [await one.client.read(), await other.client.read()];
  assertStrictEquals(first.value, second.value);
  await one.client.cancel();
  await other.client.cancel();
});

Deno.test("MultipartBody keeps only the newest frame for a slow client, and counts the others", async () => {
  const { body, client, take } = setUp();
  for (let n = 1; n <= 4; n++) body.offer(frame(n)); // not even the beginning was taken
  await take();
  assertEquals(await take(), "JPEG 4");
  for (let n = 5; n <= 100; n++) body.offer(frame(n));
  assertEquals(await take(), "JPEG 100");
  assertEquals([body.sent, body.dropped], [2, 98]);
  await client.cancel();
});

Deno.test("MultipartBody tells of each frame when the client has taken it, or was too slow for it", async () => {
  const { body, client, take, told } = setUp();
  await take();
  body.offer(frame(1));
  body.offer(frame(2));
  await take();
  assertEquals(told, ["one dropped"]);
  const next = take(); // who asks for more has taken what was sent
  const size = FORMAT.part(frame(2)).length;
  assertEquals(told, ["one dropped", `2 taken in ${size} bytes`]);
  for (let beat = 1; beat <= 2; beat++) body.keepAlive(2, () => frame(2));
  await next;
  const last = take();
  assertEquals(told.length, 2); // what was sent again counts once
  await client.cancel();
  await last;
});

Deno.test("MultipartBody counts the beats for which a client has been taking the same bytes", async () => {
  const { body, client, take } = setUp();
  body.keepAlive(10, () => undefined);
  body.keepAlive(10, () => undefined);
  assertEquals(body.stalled, 2);
  await take();
  const next = take();
  assertEquals(body.stalled, 0);
  for (let beat = 1; beat <= 9; beat++) body.keepAlive(10, () => undefined);
  assertEquals(body.stalled, 0);
  body.offer(frame(1));
  body.keepAlive(10, () => undefined);
  assertEquals(body.stalled, 1);
  await next;
  await client.cancel();
});

Deno.test("MultipartBody never has more than one chunk in its stream", async () => {
  const { body, client, take } = setUp();
  await take();
  const first = take();
  for (let n = 1; n <= 9; n++) body.offer(frame(n));
  assertEquals(await first, "JPEG 1");
  assertEquals(body.sent, 1);
  body.end();
  // What was only kept is not sent behind the end.
  assertEquals(await take(), undefined);
  await client.closed;
});

Deno.test("MultipartBody leaves out what the viewer does not want, without counting it", async () => {
  const { body, client, take } = setUp({ wanted: ({ sequence }) => sequence % 3 === 0 });
  await take();
  for (let n = 1; n <= 5; n++) body.offer(frame(n));
  assertEquals(await take(), "JPEG 3");
  assertEquals(body.dropped, 0);
  await client.cancel();
});

Deno.test("MultipartBody ends once when its client goes away, also one that waits for a frame", async () => {
  const { body, client, ended, take } = setUp();
  await take();
  const waiting = take();
  await client.cancel();
  assertEquals(await waiting, undefined);
  assertEquals(ended, ["ended"]);
  body.end();
  assertEquals(ended, ["ended"]);
});

Deno.test("MultipartBody ends its stream once when there are no more frames", async () => {
  const { body, client, ended, take } = setUp();
  await take();
  const waiting = take();
  body.end();
  assertEquals(await waiting, undefined);
  body.end();
  await client.cancel();
  assertEquals(ended, ["ended"]);
});

for (const how of ["cancel", "end"] as const) {
  Deno.test(`MultipartBody takes a frame after its ${how} for nothing`, async () => {
    const { body, client, take } = setUp();
    await take();
    const waiting = take();
    if (how === "cancel") await client.cancel();
    else body.end();
    body.offer(frame(1));
    body.keepAlive(1, () => frame(1));
    assertEquals(await waiting, undefined);
    assertEquals([body.sent, body.dropped], [0, 0]);
  });
}

Deno.test("MultipartBody sends a picture again after so many beats without one", async () => {
  const { body, client, take } = setUp();
  await take();
  const next = take();
  for (let beat = 1; beat < 10; beat++) body.keepAlive(10, () => frame(7));
  await settle();
  assertEquals(body.sent, 0);
  body.keepAlive(10, () => frame(7));
  assertEquals(await next, "JPEG 7");
  assertEquals(body.sent, 1);
  await client.cancel();
});

Deno.test("MultipartBody counts the beats anew after each frame", async () => {
  const { body, client, take } = setUp();
  await take();
  for (let n = 1; n <= 3; n++) {
    const next = take();
    for (let beat = 1; beat < 10; beat++) body.keepAlive(10, () => frame(0));
    body.offer(frame(n));
    assertEquals(await next, `JPEG ${n}`);
  }
  await client.cancel();
});

Deno.test("MultipartBody sends nothing again to a client that is still taking a frame", async () => {
  const { body, client, take } = setUp();
  await take();
  const next = take();
  body.offer(frame(1));
  for (let beat = 1; beat <= 30; beat++) body.keepAlive(10, () => frame(1));
  assertEquals(await next, "JPEG 1");
  assertEquals(body.sent, 1);
  await client.cancel();
});

Deno.test("MultipartBody asks again for a picture while there is none", async () => {
  const { body, client, take } = setUp();
  await take();
  const next = take();
  body.keepAlive(1, () => undefined);
  assertEquals(body.sent, 0);
  body.keepAlive(1, () => frame(1));
  assertEquals(await next, "JPEG 1");
  await client.cancel();
});

Deno.test("MultipartBody gives a direct way what it can send, and the client's stream the rest", async () => {
  const head = Promise.withResolvers<void>();
  const said: string[] = [];
  const told: number[] = [];
  const way = { room: Infinity, free: true, call: () => {} };
  const body = new ViewerStream({
    format: FORMAT,
    direct: {
      headersSent: () => head.promise,
      get drained() {
        return way.free;
      },
      onDrain: (call) => way.call = call,
      send(bytes) {
        const count = Math.min(way.room, bytes.length);
        said.push(new TextDecoder().decode(bytes.subarray(0, count)));
        return count;
      },
      queued(count) {
        said.push(`${count} left`);
        way.free = false;
      },
    },
    onDelivered: ({ sequence }) => told.push(sequence),
    onEnd: () => {},
  });
  const client = body.stream.getReader();
  let next = client.read();
  body.offer(frame(1));
  body.offer(frame(2));
  await settle();
  assertEquals(said, []); // the response has not begun
  head.resolve();
  await settle();
  const ending = new TextDecoder().decode(FORMAT.part(frame(0)).subarray("JPEG 0".length));
  assertEquals(said.splice(0), [new TextDecoder().decode(FORMAT.opening), `JPEG 2${ending}`]);
  way.room = 4;
  body.offer(frame(3));
  assertEquals(said.splice(0), ["JPEG", `${2 + ending.length} left`]);
  assertEquals(new TextDecoder().decode((await next).value), ` 3${ending}`);
  next = client.read();
  await settle();
  way.room = Infinity;
  body.offer(frame(4));
  body.offer(frame(5)); // the stream has the rest of the third, and it is still on its way
  body.keepAlive(1, () => frame(5));
  assertEquals([said.splice(0), body.dropped, body.stalled], [[], 2, 1]);
  way.free = true;
  way.call();
  assertEquals(said.splice(0), [`JPEG 5${ending}`]);
  assertEquals([told, body.sent, body.dropped, body.stalled], [[2, 3, 5], 3, 2, 0]);
  body.keepAlive(1, () => frame(5)); // the same once more is told to nobody
  assertEquals([said.splice(0), told, body.sent], [[`JPEG 5${ending}`], [2, 3, 5], 4]);
  body.end();
  assertEquals((await next).done, true);
});
