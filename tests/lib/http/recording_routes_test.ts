import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { FakeRecording, setUpRecording } from "./fake_recording.ts";

const NOW = Date.UTC(2026, 0, 1);

Deno.test("GET /cameras/front/recordings returns everything that is recorded", async () => {
  const recording = new FakeRecording([NOW - 5_000, NOW - 4_000], [NOW - 1_000]);
  const { app } = setUpRecording(recording);
  const response = await app.request("/cameras/front/recordings");
  assertEquals(response.headers.get("Content-Type"), "application/json");
  assertEquals(response.headers.get("Content-Encoding"), null);
  const body = await response.json();
  assertEquals(recording.timelines, [["front", NOW - 5_000, NOW - 1_000]]);
  assertEquals({ ...body, activity: body.activity.length }, {
    oldest: NOW - 5_000,
    newest: NOW - 1_000,
    bytes: 5_000,
    state: "recording",
    progress: 1,
    from: NOW - 5_000,
    to: NOW - 1_000,
    spans: [{ start: NOW - 5_000, end: NOW - 1_000, frames: 3, bytes: 300 }],
    activityInterval: 1_000,
    activity: 2_000,
  });
});

Deno.test("GET /cameras/front/recordings returns a period, and why recording is paused", async () => {
  const recording = new FakeRecording([NOW - 5_000]);
  const reason = "The disk is full";
  recording.state = { ...recording.state, state: "paused", reason };
  const { app } = setUpRecording(recording);
  const path = "/cameras/front/recordings?from=2025-12-31T23:00:00Z&to=-1m";
  const body = await (await app.request(path)).json();
  assertEquals(recording.timelines, [["front", NOW - 3_600_000, NOW - 60_000]]);
  assertEquals([body.state, body.reason], ["paused", reason]);
});

Deno.test("GET /cameras/front/recordings before the first frame returns no span", async () => {
  const { app } = setUpRecording(new FakeRecording());
  const response = await app.request("/cameras/front/recordings");
  const { oldest, newest, from, to } = await response.json();
  assertEquals([response.status, oldest, newest, from, to], [200, null, null, NOW, NOW]);
});

Deno.test("GET /cameras/front/recordings is compressed, and answers 304 for a known ETag", async () => {
  const { app } = setUpRecording(new FakeRecording([NOW - 5_000]));
  const get = (headers: Record<string, string>) =>
    app.request("/cameras/front/recordings", { headers });
  const compressed = await get({ "Accept-Encoding": "gzip" });
  assertEquals(compressed.headers.get("Content-Encoding"), "gzip");
  const text = await new Response(
    compressed.body!.pipeThrough(new DecompressionStream("gzip")),
  ).text();
  const plain = await get({});
  assertEquals(text, await plain.text());
  const etag = plain.headers.get("ETag")!;
  assert(etag.startsWith('W/"'), etag);
  assertEquals(compressed.headers.get("ETag"), etag);
  const again = await get({ "If-None-Match": etag });
  assertEquals([again.status, await again.text()], [304, ""]);
});

for (
  const [path, status, message] of [
    ["from=yesterday", 400, 'Cannot read "from" as a time such as "2026-11-27T05:43:33Z"'],
    ["from=now&to=-1h", 400, 'Cannot read "from" and "to" as a period: "from" is after "to"'],
  ] as const
) {
  Deno.test(`GET /cameras/front/recordings?${path} is refused`, async () => {
    const { app } = setUpRecording(new FakeRecording([NOW - 5_000]));
    const response = await app.request(`/cameras/front/recordings?${path}`);
    assertEquals(response.status, status);
    assertStringIncludes(await response.text(), message);
  });
}

Deno.test("the routes of recordings answer 404 with the reason where nothing is recorded", async () => {
  const idle = setUpRecording(undefined).app;
  const { app } = setUpRecording(new FakeRecording());
  const ask = async (asked: typeof app, path: string, method = "GET") => {
    const response = await asked.request(path, { method });
    return [response.status, (await response.text()).trim()];
  };
  for (const path of ["recordings", "snapshot.jpg?at=now", "marks"]) {
    assertEquals(await ask(idle, `/cameras/front/${path}`), [
      404,
      "Nothing is recorded: set RECORD_DIR",
    ]);
    assertEquals(await ask(app, `/cameras/back/${path}`), [
      404,
      'Nothing is recorded of camera "back": see RECORD',
    ]);
    assertEquals(await ask(app, `/cameras/side/${path}`), [
      404,
      'Cannot find camera "side": available are front, back',
    ]);
  }
  assertEquals((await ask(idle, "/cameras/front/marks", "POST"))[0], 404);
  assertEquals(await ask(idle, "/snapshot.jpg?at=now"), [
    404,
    "Nothing is recorded: set RECORD_DIR",
  ]);
});

Deno.test("GET /cameras describes the recordings of each camera", async () => {
  const recording = new FakeRecording([NOW - 5_000, NOW]);
  const { app } = setUpRecording(recording);
  const [front, back] = await (await app.request("/cameras")).json();
  assertEquals(front.recording, {
    state: "recording",
    since: 1_000,
    frames: 7,
    dropped: 1,
    bytesPerSecond: 1235,
    oldest: NOW - 5_000,
    newest: NOW,
    bytes: 5_000,
    holdsSeconds: 22_800,
  });
  assertEquals([back.recording.state, back.recording.oldest], ["off", null]);
  const [idle] = await (await setUpRecording(undefined).app.request("/cameras")).json();
  assert(!("recording" in idle));
});

Deno.test("GET /healthz stays 200 while recording is paused, and says why to authenticated clients", async () => {
  const recording = new FakeRecording([NOW]);
  const { app } = setUpRecording(recording, { password: "secret" });
  const get = async (headers: HeadersInit = {}) => {
    const response = await app.request("/healthz", { headers });
    return [response.status, await response.json()];
  };
  assertEquals(await get(), [200, { status: "ok", failing: [], recording: [] }]);
  recording.state = { ...recording.state, state: "paused", reason: "The disk is full" };
  const since = "1970-01-01T00:00:01.000Z";
  assertEquals(await get(), [200, {
    status: "ok",
    failing: [],
    recording: [{ camera: "front", since }],
  }]);
  assertEquals(await get({ Authorization: `Basic ${btoa("me:secret")}` }), [200, {
    status: "ok",
    failing: [],
    recording: [{ camera: "front", since, reason: "The disk is full" }],
  }]);
});

Deno.test("GET /metrics has the state of the recordings", async () => {
  const { app } = setUpRecording(new FakeRecording([NOW]));
  const lines = (await (await app.request("/metrics")).text()).split("\n");
  for (
    const line of [
      'dinocam_recording_state{camera="front",state="recording"} 1',
      'dinocam_recording_state{camera="front",state="paused"} 0',
      'dinocam_recording_state{camera="back",state="off"} 1',
      'dinocam_recording_frames_total{camera="front"} 7',
      'dinocam_recording_dropped_total{camera="front"} 1',
      'dinocam_recording_bytes{camera="front"} 5000',
      `dinocam_recording_oldest_seconds{camera="front"} ${NOW / 1000}`,
    ]
  ) assert(lines.includes(line), `${line} is not in\n${lines.join("\n")}`);
  assert(!lines.some((line) => line.startsWith('dinocam_recording_oldest_seconds{camera="back"')));
  const idle = await (await setUpRecording(undefined).app.request("/metrics")).text();
  assert(!idle.includes("dinocam_recording"));
});
