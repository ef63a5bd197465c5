import { assertEquals, assertStringIncludes } from "@std/assert";
import { FakeEngine, smaller } from "../recording/fake_engine.ts";
import { FakeRecording, imageOf, setUpRecording } from "./fake_recording.ts";

/** The present, and the times of frames before it. */
const NOW = Date.UTC(2026, 0, 1);
const OLD = NOW - 100_000;

/** Two segments of 1 fps with a gap of 20 s, and one frame after a gap at the end. */
function record(): FakeRecording {
  return new FakeRecording(
    [OLD, OLD + 1_000, OLD + 2_000],
    [OLD + 22_000, OLD + 23_000, OLD + 24_000],
    [NOW - 1_000],
  );
}

const engine = new FakeEngine();

/** Requests the frame at a time in milliseconds. */
async function get(recording: FakeRecording, at: number | string, more = "", method = "GET") {
  const { app } = setUpRecording(recording, { engine: engine.start });
  const time = typeof at === "number" ? `${at / 1000}` : at;
  const response = await app.request(`/cameras/front/snapshot.jpg?at=${time}${more}`, { method });
  const bytes = await response.bytes();
  assertEquals(recording.openCursors, 0);
  return { response, bytes, text: new TextDecoder().decode(bytes).trim() };
}

for (
  const [name, at, expected, more] of [
    ["the frame at exactly that time", OLD + 1_000, OLD + 1_000],
    ["the last frame before that time", OLD + 1_999, OLD + 1_000],
    ["the first frame, if it is soon after that time", OLD - 4_000, OLD],
    ["the nearest frame in a gap: the one before", OLD + 6_000, OLD + 2_000],
    ["the nearest frame in a gap: the one after", OLD + 18_000, OLD + 22_000],
    ["a frame within the tolerance in a gap", OLD + 12_500, OLD + 22_000, "&tolerance=9.5"],
    ["the newest frame", NOW, NOW - 1_000],
  ] as [string, number, number, string?][]
) {
  Deno.test(`GET snapshot.jpg?at= returns ${name}`, async () => {
    const { response, bytes } = await get(record(), at, more);
    assertEquals([response.status, response.headers.get("Content-Type")], [200, "image/jpeg"]);
    assertEquals(bytes, imageOf(expected));
    assertEquals(response.headers.get("X-Timestamp"), (expected / 1000).toFixed(6));
  });
}

for (
  const [at, nearest, tolerance] of [
    [OLD + 12_000, OLD + 2_000, 10],
    [OLD - 5_001, OLD, 6],
    [NOW + 60_000, NOW - 1_000, 61],
  ]
) {
  Deno.test(`GET snapshot.jpg?at= of a gap answers 404 and names the nearest frame: ${tolerance} s`, async () => {
    const { response, text } = await get(record(), at!);
    assertEquals(response.status, 404);
    assertEquals(
      text,
      `Nothing is recorded at ${new Date(at!).toISOString()}: the nearest frame is from ` +
        `${new Date(nearest!).toISOString()}; to get it, set tolerance=${tolerance}`,
    );
    const found = await get(record(), at!, `&tolerance=${tolerance}`);
    assertEquals(found.response.headers.get("X-Timestamp"), (nearest! / 1000).toFixed(6));
  });
}

Deno.test("GET snapshot.jpg?at= finds no gap between the frames of a slow recording", async () => {
  const slow = new FakeRecording([0, 1, 2].map((i) => OLD + i * 20_000));
  const { response } = await get(slow, OLD + 39_000);
  assertEquals(response.headers.get("X-Timestamp"), ((OLD + 20_000) / 1000).toFixed(6));
});

Deno.test("GET snapshot.jpg?at= may be cached only if the frame at that time is final", async () => {
  const cacheControl = async (at: number | string) => {
    const { response } = await get(record(), at, "&tolerance=30");
    return [
      response.status,
      /immutable|no-store/.exec(response.headers.get("Cache-Control")!)?.[0],
    ];
  };
  assertEquals(await cacheControl(OLD + 1_500), [200, "immutable"]);
  assertEquals(await cacheControl(new Date(OLD).toISOString()), [200, "immutable"]);
  assertEquals(await cacheControl("-98s"), [200, "no-store"]);
  assertEquals(await cacheControl("now"), [200, "no-store"]);
  assertEquals(await cacheControl(NOW - 1_500), [200, "no-store"]);
  assertEquals(await cacheControl(NOW + 1_500), [200, "no-store"]);
  // The newest frame, a minute old: the disk may be slow, and more frames wait for it.
  const { response } = await get(new FakeRecording([NOW - 60_000]), NOW - 59_500);
  assertStringIncludes(response.headers.get("Cache-Control")!, "no-store");
});

Deno.test("HEAD snapshot.jpg?at= returns the headers of the frame", async () => {
  const { response, bytes } = await get(record(), OLD + 2_500, "", "HEAD");
  assertEquals(bytes.length, 0);
  assertEquals(response.headers.get("X-Timestamp"), ((OLD + 2_000) / 1000).toFixed(6));
  assertEquals(response.headers.get("Content-Length"), `${imageOf(OLD + 2_000).length}`);
});

Deno.test("GET snapshot.jpg?at= returns an earlier frame in place of a damaged one", async () => {
  const recording = record();
  recording.damaged.add(OLD + 1_000);
  const { bytes } = await get(recording, OLD + 1_000);
  assertEquals(bytes, imageOf(OLD));
  for (const at of [OLD, OLD + 2_000]) recording.damaged.add(at);
  const { response, text } = await get(recording, OLD + 2_000);
  assertEquals(response.status, 404);
  assertStringIncludes(text, "has been deleted, or is damaged");
});

Deno.test("GET /snapshot.jpg?at= is for the first camera, and without at for the live picture", async () => {
  const { app } = setUpRecording(record());
  for (const path of ["/snapshot.jpg", "/snapshot"]) {
    const response = await app.request(`${path}?at=${OLD / 1000}`);
    assertEquals(await response.bytes(), imageOf(OLD));
  }
  const live = await app.request("/snapshot.jpg", { method: "HEAD" });
  assertStringIncludes(live.headers.get("Cache-Control")!, "no-store");
});

Deno.test("GET snapshot.jpg?at= refuses what is no time and no tolerance", async () => {
  for (const [at, more] of [["12:00", ""], ["now", "&tolerance=-1"], ["now", "&tolerance=x"]]) {
    const { response, text } = await get(record(), at!, more);
    assertEquals(response.status, 400);
    assertStringIncludes(text, `Cannot read "${more ? "tolerance" : "at"}" as a `);
  }
});

Deno.test("GET snapshot.jpg?at=&height= converts the frame, with its time, and its length", async () => {
  const query = "&height=360&quality=60&overlay=1";
  const { response, bytes } = await get(record(), OLD + 1_999, query);
  assertEquals(bytes, smaller(imageOf(OLD + 1_000)));
  const { headers } = response;
  assertEquals(headers.get("Content-Length"), `${bytes.length}`);
  assertEquals(headers.get("X-Timestamp"), ((OLD + 1_000) / 1000).toFixed(6));
  assertEquals(headers.get("Cache-Control"), "private, max-age=86400, immutable");
  assertEquals(engine.times.splice(0), [OLD + 1_000]);
  const { height, quality, overlay } = engine.tasks.at(-1)!;
  assertEquals([height, quality, overlay?.camera], [360, 60, "front"]);

  const head = (await get(record(), OLD + 1_999, query, "HEAD")).response;
  const expected = Object.fromEntries(headers);
  delete expected["content-length"]; // known only when the picture has been converted
  assertEquals(Object.fromEntries(head.headers), expected);
  assertEquals(engine.times, []);
});

Deno.test("GET snapshot.jpg?at=&overlay=0 returns the frame as it was recorded", async () => {
  const { bytes } = await get(record(), OLD, "&overlay=0");
  assertEquals([bytes, engine.times], [imageOf(OLD), []]);
});

Deno.test("GET snapshot.jpg?at=&height= says why a frame cannot be converted", async () => {
  engine.refuse = () => "progressive JPEG";
  const { response, text } = await get(record(), OLD, "&height=360");
  assertEquals(response.status, 422);
  assertEquals(text, "The recorded picture cannot be converted: progressive JPEG");
  const wrong = await get(record(), OLD, "&height=360p");
  assertEquals(wrong.response.status, 400);
});
