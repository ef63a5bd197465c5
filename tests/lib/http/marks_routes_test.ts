import { assertEquals, assertStringIncludes } from "@std/assert";
import { FakeRecording, setUpRecording } from "./fake_recording.ts";

const NOW = Date.UTC(2026, 0, 1);

function setUp() {
  const recording = new FakeRecording([NOW - 5_000]);
  const { app, clock } = setUpRecording(recording);
  const request = async (method: string, query = "", headers: Record<string, string> = {}) => {
    const response = await app.request(`/cameras/front/marks${query}`, { method, headers });
    const text = await response.text();
    return { status: response.status, text, json: () => JSON.parse(text), response };
  };
  return { recording, clock, request };
}

Deno.test("POST /cameras/front/marks adds a mark at the time of the request", async () => {
  const { recording, request } = setUp();
  const { status, json } = await request("POST");
  const expected = { at: NOW, label: "mark", before: 0, after: 0, keep: false };
  assertEquals([status, json()], [201, expected]);
  assertEquals(recording.added, [expected]);
});

Deno.test("POST /cameras/front/marks reads the values of a mark, also in the past", async () => {
  const { recording, request } = setUp();
  const query = "?label=layer%2012&at=-90s&before=2.5&after=10&keep=1";
  assertEquals((await request("POST", query)).status, 201);
  assertEquals(recording.added, [
    { at: NOW - 90_000, label: "layer 12", before: 2_500, after: 10_000, keep: true },
  ]);
});

Deno.test("GET /cameras/front/marks lists the marks of a period, and those with a label", async () => {
  const { request } = setUp();
  for (const query of ["?at=-1h&label=a", "?at=-2h&label=b", "?at=now&label=a"]) {
    await request("POST", query);
  }
  const labels = async (query: string) => {
    const marks: { at: number; label: string }[] = (await request("GET", query)).json();
    return marks.map(({ at, label }) => `${label} ${(NOW - at) / 3_600_000}`);
  };
  assertEquals(await labels(""), ["a 1", "b 2", "a 0"]);
  assertEquals(await labels("?label=a"), ["a 1", "a 0"]);
  assertEquals(await labels("?from=-90m&to=-30m"), ["a 1"]);
});

for (
  const [query, message] of [
    ["?label=", 'Cannot read "label" as 1 to 64 letters, digits, spaces and "-_.:"'],
    ["?label=a%2Fb", 'Cannot read "label" as 1 to 64'],
    [`?label=${"x".repeat(65)}`, 'Cannot read "label" as 1 to 64'],
    ["?label=a%0Ab", 'Cannot read "label" as 1 to 64'],
    ["?at=later", 'Cannot read "at" as a time'],
    [`?at=${NOW / 1000 + 61}`, "Cannot set a mark in the future"],
    ["?before=-1", 'Cannot read "before" as a number of seconds from 0 to 86400'],
    ["?after=1e9", 'Cannot read "after" as a number of seconds from 0 to 86400'],
    ["?keep=yes", 'Cannot read "keep" as 0 or 1'],
  ] as const
) {
  Deno.test(`POST /cameras/front/marks${query.slice(0, 20)} is refused`, async () => {
    const { recording, request } = setUp();
    const { status, text } = await request("POST", query);
    assertEquals(status, 400);
    assertStringIncludes(text, message);
    assertEquals(recording.added, []);
  });
}

Deno.test("POST /cameras/front/marks takes at most 10 marks per second", async () => {
  const { recording, clock, request } = setUp();
  for (let i = 0; i < 10; i++) assertEquals((await request("POST")).status, 201);
  const { status, text, response } = await request("POST");
  assertEquals([status, response.headers.get("Retry-After")], [429, "1"]);
  assertEquals(text, "Too many marks: a camera takes at most 10 per second\n");
  await clock.advance(1_000);
  assertEquals((await request("POST")).status, 201);
  assertEquals(recording.added.length, 11);
});

Deno.test("POST /cameras/front/marks answers 503 with the reason if the mark cannot be saved", async () => {
  const { recording, request } = setUp();
  recording.failure = new Error("ENOSPC");
  recording.failure.name = "StorageError";
  recording.failure.message = "Cannot store the mark: the disk is full";
  const { status, text, response } = await request("POST", "", { Accept: "application/json" });
  assertEquals([status, response.headers.get("Retry-After")], [503, "10"]);
  assertEquals(JSON.parse(text), { error: "Cannot store the mark: the disk is full" });
  recording.failure = new Error("ENOSPC /srv");
  assertEquals((await request("POST")).text, "Cannot store the mark; see the server's log\n");
});

Deno.test("POST /cameras/front/marks is refused for pages of other origins", async () => {
  const { recording, request } = setUp();
  const { status } = await request("POST", "", { Origin: "http://evil.example" });
  assertEquals([status, recording.added], [403, []]);
});
