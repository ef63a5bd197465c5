import { assert, assertEquals, assertMatch } from "@std/assert";
import type { Engine } from "../../../lib/renditions/mod.ts";
import { settle } from "../../manual_clock.ts";
import { RecordedCamera } from "../playback/recorded_camera.ts";
import { FakeEngine } from "../recording/fake_engine.ts";
import { recordedFront } from "./recorded_front.ts";
import { jpegWith, Received, setUp } from "./fake_source.ts";

/** Begin of the recordings: a minute before the start of the clock. */
const BEGIN = Date.UTC(2026, 0, 1) - 60_000;
const IMG = "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8";

/** Creates the app with one camera, of which 100 s have been recorded at 10 fps, or `camera`. */
function setUpRecorded(
  { recorded = new RecordedCamera().record(BEGIN, 100, 100), ...options }: {
    recorded?: RecordedCamera;
    maxViewers?: number;
    fps?: number;
    engine?: Engine;
  } = {},
) {
  return { recorded, ...setUp({ recording: recordedFront(recorded), ...options }) };
}

/** Returns the query of a time. */
function at(time: number): string {
  return `at=${(time / 1000).toFixed(3)}`;
}

/** Returns the numbers of the recorded frames, and the texts of the live ones, in a stream. */
function framesIn(text: string): (number | string)[] {
  return text.split("\xff\xd8").slice(1).map((image) => {
    const content = image.split("\xff\xd9")[0]!;
    const recorded = /^(\d+) \d+$/.exec(content);
    return recorded ? Number(recorded[1]) : content.slice(content.indexOf("\xda") + 3);
  });
}

Deno.test("/video_feed?at= sends recorded frames in time, with their times, like the live stream", async () => {
  const { app, clock, camera, source, recorded } = setUpRecorded();
  const response = await app.request(`/video_feed?${at(BEGIN + 1_050)}`);
  assertEquals(Object.fromEntries(response.headers), {
    "content-type": "multipart/x-mixed-replace; boundary=frame",
    "content-length": "9007199254740991",
    "cache-control": "no-store, no-cache, must-revalidate, max-age=0, no-transform",
    "expires": "Mon, 3 Jan 2000 12:34:56 GMT",
    "pragma": "no-cache",
    "x-accel-buffering": "no",
    "x-content-type-options": "nosniff",
  });
  {
    await using received = new Received(response.body!);
    const jpeg = (number: number) => String.fromCharCode(...recorded.image(BEGIN + number * 100));
    const part = (number: number) =>
      `Content-Type: image/jpeg\r\nContent-Length: ${jpeg(number).length}\r\n` +
      `X-Timestamp: ${((BEGIN + number * 100) / 1000).toFixed(6)}\r\n\r\n` +
      `${jpeg(number)}\r\n--frame\r\n`;
    assertEquals(await received.take(), `--frame\r\n${part(10)}`);
    await clock.advance(50);
    assertEquals(await received.take(), part(11));
    await clock.advance(100);
    assertEquals(await received.take(), part(12));
    assertEquals([camera.stats().viewers, source.opened, recorded.open], [0, 0, 1]);
  }
  await settle();
  assertEquals([recorded.open, camera.stats().backgroundSubscribers], [0, 0]);
});

for (
  const [query, first, second] of [
    ["speed=-1", 11, 10],
    ["speed=2", 10, 11],
    ["speed=-0.5", 11, 10],
    ["speed=60", 10, 20],
  ] as const
) {
  Deno.test(`/video_feed?at=&${query} plays at that speed`, async () => {
    const { app, clock } = setUpRecorded();
    const response = await app.request(`/stream?${at(BEGIN + 1_050)}&${query}`);
    await using received = new Received(response.body!);
    assertEquals(framesIn(await received.take()), [first]);
    const due = Math.abs(50 / Number(query.slice(6)));
    await clock.advance(Math.max(due, 17));
    assertEquals(framesIn(await received.take()), [second]);
  });
}

Deno.test("/video_feed?at= sends the headers of the next part in advance to an <img>", async () => {
  const { app } = setUpRecorded();
  const headers = { Accept: IMG };
  const response = await app.request(`/cameras/front/video_feed?${at(BEGIN)}`, { headers });
  await using received = new Received(response.body!);
  assertMatch(await received.take(), /\xff\xd9\r\n--frame\r\nContent-Type: image\/jpeg\r\n\r\n$/);
});

Deno.test("/video_feed?at=&fps= limits the rate, and a slow client skips frames", async () => {
  const { app, clock } = setUpRecorded();
  const limited = await app.request(`/video_feed?${at(BEGIN)}&fps=2`);
  const slow = await app.request(`/video_feed?${at(BEGIN)}`);
  await using received = new Received(limited.body!);
  const reader = slow.body!.getReader();
  const read = async () => framesIn(String.fromCharCode(...(await reader.read()).value!))[0];
  await reader.read(); // the delimiter
  assertEquals(await read(), 0);
  // It does not read for 3 s.
  await clock.advance(3_000);
  assertEquals(framesIn(await received.take()), [0, 5, 10, 15, 20, 25, 30]);
  assertEquals(await read(), 30);
  await reader.cancel();
});

Deno.test("/video_feed?at= catches up with the camera without a gap or a double, and stays live", async () => {
  const { app, clock, source, camera, recorded } = setUpRecorded({
    recorded: new RecordedCamera().record(BEGIN, 600, 100),
  });
  const live = app.request("/video_feed");
  let number = 600;
  const deliver = async () => {
    await source.push(jpegWith(`live ${number}`));
    recorded.add(clock.now());
    number++;
    await clock.advance(100);
  };
  await deliver();
  const liveBody = (await live).body!;
  const response = await app.request(`/video_feed?${at(clock.now() - 1_000)}&speed=2`);
  let text = "";
  {
    await using received = new Received(response.body!);
    for (let times = 0; times < 20; times++) {
      await deliver();
      text += await received.take();
    }
    text += await received.take();
    await settle();
    assertEquals([camera.stats().viewers, recorded.open], [2, 0]);
  }
  const numbers = framesIn(text).map((frame) =>
    typeof frame === "number" ? frame : Number(frame.slice(5))
  );
  assertEquals(numbers, Array.from({ length: numbers.length }, (_, index) => numbers[0]! + index));
  assertEquals(numbers.at(-1), number - 1);
  const texts = framesIn(text).filter((frame) => typeof frame === "string");
  assert(texts.length > 5 && texts.length < 15, `${texts.length} live frames`);
  await liveBody.cancel();
  await camera.close();
});

Deno.test("/video_feed?at=now is live at once, and starts the camera", async () => {
  const { app, source, camera, clock } = setUpRecorded();
  for (const query of ["at=now", at(clock.now() + 5_000)]) {
    const asking = app.request(`/video_feed?${query}`);
    await source.push(jpegWith("one"));
    {
      await using received = new Received((await asking).body!);
      assertEquals(framesIn(await received.take()), ["one"]);
    }
  }
  await camera.close();
});

Deno.test("/video_feed?at= begins at the oldest frame if nothing is recorded before", async () => {
  const { app } = setUpRecorded();
  await using received = new Received((await app.request("/video_feed?at=-10d")).body!);
  assertEquals(framesIn(await received.take()), [0]);
});

Deno.test("/video_feed?at= backwards stays on the oldest frame, which is repeated", async () => {
  const { app, clock, recorded } = setUpRecorded();
  const response = await app.request(`/video_feed?${at(BEGIN + 100)}&speed=-1`);
  await using received = new Received(response.body!);
  await clock.advance(200);
  assertEquals(framesIn(await received.take()), [1, 0]);
  await clock.advance(10_400);
  assertEquals(framesIn(await received.take()), [0, 0]);
  assertEquals(recorded.open, 1);
});

Deno.test("/video_feed?at= jumps over gaps", async () => {
  const recorded = new RecordedCamera().record(BEGIN, 10, 100).record(BEGIN + 30_000, 100, 100);
  const { app, clock } = setUpRecorded({ recorded });
  const response = await app.request(`/video_feed?${at(BEGIN + 800)}`);
  await using received = new Received(response.body!);
  await clock.advance(290);
  assertEquals(framesIn(await received.take()), [8, 9, 10, 11]);
});

Deno.test("/video_feed?at= disconnects a client that reads nothing for 2 minutes", async () => {
  const { app, clock, recorded } = setUpRecorded();
  const { body } = await app.request(`/video_feed?${at(BEGIN)}&speed=0.1`);
  const reader = body!.getReader();
  await reader.read();
  await clock.advance(121_000);
  await settle();
  assertEquals(recorded.open, 0);
  await reader.cancel();
});

Deno.test("/video_feed?at= ends when the camera closes", async () => {
  const { app, camera, recorded } = setUpRecorded();
  const { body } = await app.request(`/video_feed?${at(BEGIN)}&speed=0.01`);
  await camera.close();
  const text = await new Response(body).text();
  assert(text.length > 0);
  assertEquals(recorded.open, 0);
});

Deno.test("viewers of recordings count for MAX_VIEWERS", async () => {
  const { app } = setUpRecorded({ maxViewers: 1 });
  const response = await app.request(`/video_feed?${at(BEGIN)}`);
  const other = await app.request(`/video_feed?${at(BEGIN)}`);
  assertEquals([response.status, other.status], [200, 503]);
  await response.body!.cancel();
  await settle();
  const third = await app.request(`/video_feed?${at(BEGIN)}`);
  assertEquals(third.status, 200);
  await third.body!.cancel();
});

Deno.test("/video_feed?at= gets 404 when nothing is recorded, and leaves no viewer", async () => {
  const { app, camera } = setUpRecorded({ recorded: new RecordedCamera(), maxViewers: 1 });
  for (let times = 0; times < 2; times++) {
    const response = await app.request(`/video_feed?${at(BEGIN)}`);
    assertEquals([response.status, await response.text()], [
      404,
      'Nothing is recorded of camera "front" yet\n',
    ]);
  }
  assertEquals(camera.stats().backgroundSubscribers, 0);
  const unrecorded = await setUp().app.request("/video_feed?at=-90s");
  assertEquals([unrecorded.status, await unrecorded.text()], [
    404,
    "Nothing is recorded: set RECORD_DIR\n",
  ]);
});

for (const speed of ["0", "0.0", "-0", "241", "-241", "NaN", "", "fast", "1e1", "--1"]) {
  Deno.test(`/video_feed?at=&speed=${speed} gets 400`, async () => {
    const { app, recorded } = setUpRecorded();
    const response = await app.request(`/video_feed?${at(BEGIN)}&speed=${speed}`);
    assertEquals([response.status, await response.text()], [
      400,
      `Cannot read "speed" as a number from -240 to 240, but not 0: current value is "${speed}"\n`,
    ]);
    assertEquals(recorded.open, 0);
  });
}

Deno.test("a HEAD request for recordings opens none", async () => {
  const { app, recorded } = setUpRecorded();
  const response = await app.request(`/video_feed?${at(BEGIN)}`, { method: "HEAD" });
  assertEquals([response.status, await response.text(), recorded.open], [200, "", 0]);
  const invalid = await app.request("/video_feed?at=yesterday", { method: "HEAD" });
  assertEquals(invalid.status, 400);
});

Deno.test("a recording that cannot be read ends the stream", async () => {
  const { app, clock, recorded, camera } = setUpRecorded();
  const response = await app.request(`/video_feed?${at(BEGIN)}`);
  recorded.delay = () => Promise.reject(new Error("EIO"));
  const text = new Response(response.body).text();
  await clock.advance(1_000);
  assert(framesIn(await text).length <= 2);
  assertEquals([recorded.open, camera.stats().backgroundSubscribers], [0, 0]);
  const failing = await app.request(`/video_feed?${at(BEGIN)}`);
  assertEquals(failing.status, 500);
  await failing.body?.cancel();
});

/** Returns an engine that writes "small" into pictures. */
function marking(): FakeEngine {
  const engine = new FakeEngine();
  const mark = new TextEncoder().encode("small ");
  engine.convert = (jpeg) => Uint8Array.of(...jpeg.slice(0, 2), ...mark, ...jpeg.slice(2));
  return engine;
}

/** Returns for each frame in a stream whether {@link marking} has converted it. */
function marksIn(text: string): boolean[] {
  return text.split("\xff\xd8").slice(1).map((image) => image.startsWith("small "));
}

Deno.test("/video_feed?at=&quality= converts the recorded frames, and then the live ones", async () => {
  const engine = marking();
  const { app, clock, source, camera, recorded, renditions } = setUpRecorded({
    recorded: new RecordedCamera().record(BEGIN, 600, 100),
    engine: engine.start,
  });
  await using _renditions = renditions;
  let number = 600;
  const live = app.request("/video_feed"); // keeps the camera running
  const deliver = async () => {
    await source.push(jpegWith(`live ${number++}`));
    recorded.add(clock.now());
    await clock.advance(100);
  };
  await deliver();
  const liveBody = (await live).body!;
  const path = `/video_feed?${at(clock.now() - 1_000)}&speed=2&quality=60&overlay=1`;
  const response = await app.request(path);
  assertEquals(camera.stats().viewers, 1);
  let text = "";
  {
    await using received = new Received(response.body!);
    for (let times = 0; times < 20; times++) {
      await deliver();
      text += await received.take();
    }
    assertEquals([camera.stats().viewers, recorded.open], [2, 0]);
  }
  const marks = marksIn(text);
  assert(marks.length > 20 && marks.every(Boolean), `${marks}`);
  const numbers = [...text.matchAll(/small (?:(\d+) |.*?live (\d+))/gs)].map(([, a, b]) =>
    Number(a ?? b)
  );
  assertEquals(numbers, Array.from({ length: numbers.length }, (_, i) => numbers[0]! + i));
  assertEquals(numbers.length, marks.length);
  const { quality, overlay } = engine.tasks[0]!;
  assertEquals([quality, overlay?.camera], [60, "front"]);
  assertEquals(engine.times[0], BEGIN + numbers[0]! * 100);
  await liveBody.cancel();
  await camera.close();
});

Deno.test("/video_feed?at=&quality= leaves out frames that cannot be converted", async () => {
  const engine = marking();
  const { app, clock } = setUpRecorded({ engine: engine.start });
  engine.refuse = (_, time) => time === BEGIN + 1_100 ? "progressive JPEG" : undefined;
  const response = await app.request(`/video_feed?${at(BEGIN + 1_000)}&quality=60`);
  {
    await using received = new Received(response.body!);
    await clock.advance(250);
    const text = await received.take();
    assertEquals(Array.from(text.matchAll(/small (\d+)/g), ([, number]) => number), ["10", "12"]);
  }
  engine.refuse = () => "progressive JPEG";
  const refused = await app.request(`/video_feed?${at(BEGIN + 1_000)}&quality=60`);
  assertEquals([refused.status, await refused.text()], [
    503,
    'Cannot show camera "front": The recorded pictures cannot be converted: progressive JPEG\n',
  ]);
  const wrong = await app.request(`/video_feed?${at(BEGIN + 1_000)}&quality=best`);
  assertEquals(wrong.status, 400);
  await wrong.body?.cancel();
});

Deno.test("/video_feed?at=&height= plays recordings of a camera that fails", async () => {
  const engine = marking();
  const { app, clock, source, camera, recorded } = setUpRecorded({ engine: engine.start });
  const response = await app.request(`/video_feed?${at(BEGIN + 1_000)}&height=360`);
  await using received = new Received(response.body!);
  await clock.advance(200);
  assertEquals(marksIn(await received.take()), [true, true, true]);
  assertEquals([source.opened, recorded.open, camera.stats().viewers], [0, 1, 0]);
});
