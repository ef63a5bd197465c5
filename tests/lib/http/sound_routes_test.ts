import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { Authenticator } from "../../../lib/auth/mod.ts";
import { Camera } from "../../../lib/camera/camera.ts";
import { systemClock } from "../../../lib/clock.ts";
import { CameraError } from "../../../lib/errors.ts";
import type { SoundStatus } from "../../../lib/sound/mod.ts";
import type { ServerRoutesOptions } from "../../../lib/http/server_routes.ts";
import { PROTOCOL_VERSION } from "../../../lib/live/mod.ts";
import { CLUSTER_HEADER, readLiveHead } from "../../../lib/matroska/mod.ts";
import { RelayLoopError, soundRelayLoops } from "../../../lib/relay_loops.ts";
import { FakeSound } from "../../fake_sound.ts";
import { FakeSource } from "../../fake_source.ts";
import { ManualClock, settle } from "../../manual_clock.ts";
import { eventually } from "../../server.ts";
import { noEvents, silentLog } from "../../silent.ts";
import { jpegWith } from "./fake_source.ts";
import { createServerApp } from "./server_app.ts";

const PATHS = ["/audio.wav", "/cameras/front/audio.wav", "/av.mkv", "/cameras/front/av.mkv"];
const MATROSKA = { Accept: "audio/x-matroska" };

/** An app with a camera "front" that has sound, and "mute" that has none. */
function setUp(options: Partial<ServerRoutesOptions & { authenticator: Authenticator }> = {}) {
  const clock = new ManualClock();
  const sources = { front: new FakeSource<Uint8Array<ArrayBuffer>>(), mute: new FakeSource() };
  const cameras = Object.entries(sources).map(([name, { open }]) =>
    new Camera({
      name,
      driver: "fake",
      open: open as FakeSource<Uint8Array<ArrayBuffer>>["open"],
      idleTimeout: 0,
      clock,
      events: noEvents,
    })
  );
  const sound = new FakeSound();
  const status: { -readonly [Key in keyof SoundStatus]: SoundStatus[Key] } = {
    state: "off",
    listeners: 0,
    rate: sound.rate,
    error: undefined,
    lastFailure: undefined,
    packets: 0,
    failures: 0,
  };
  const lines: string[] = [];
  const log = {
    ...silentLog,
    info: (event: string, fields = {}) => void lines.push(`${event} ${JSON.stringify(fields)}`),
  };
  const app = createServerApp({
    cameras,
    sounds: {
      of: (camera) => camera === "front" ? sound : undefined,
      status: (camera) => camera === "front" ? status : undefined,
      [Symbol.asyncDispose]: () => Promise.resolve(),
    },
    clock,
    log,
    ...options,
  });
  return {
    ...{ app, clock, sound, status, lines, camera: cameras[0]! },
    /** Has the camera deliver a picture. */
    async show(text = "one"): Promise<void> {
      await clock.advance(0);
      sources.front.push(jpegWith(text));
      await settle();
    },
    [Symbol.asyncDispose]: async () => {
      for (const camera of cameras) await camera.close();
    },
  };
}

/** Reads this number of chunks. */
async function chunksOf(response: Response, count: number): Promise<Uint8Array<ArrayBuffer>[]> {
  const reader = response.body!.getReader();
  const chunks = [];
  for (let n = 0; n < count; n++) chunks.push((await reader.read()).value!);
  reader.releaseLock();
  return chunks as Uint8Array<ArrayBuffer>[];
}

for (const path of ["/audio.wav", "/cameras/front/audio.wav"]) {
  Deno.test(`${path} sends the sound as an endless WAV file, without starting the camera`, async () => {
    await using it = setUp();
    const asking = it.app.request(path);
    await settle();
    assertEquals(it.sound.listeners.size, 1);
    it.sound.start();
    const response = await asking;
    assertEquals(Object.fromEntries(response.headers), {
      "content-type": "audio/wav",
      "vary": "Accept",
      "cache-control": "no-store, no-cache, must-revalidate, max-age=0, no-transform",
      "expires": "Mon, 3 Jan 2000 12:34:56 GMT",
      "pragma": "no-cache",
      "x-accel-buffering": "no",
      "x-content-type-options": "nosniff",
    });
    const chunks = chunksOf(response, 2);
    const { samples } = it.sound.emit(it.clock.now());
    const [head, data] = await chunks;
    assertEquals([head!.length, data], [44, samples]);
    assertEquals(it.camera.stats().state, "off");
    await response.body!.cancel();
    assertEquals(it.sound.listeners.size, 0);
    assertEquals(it.lines, [
      'listener connected {"camera":"front","address":"unknown"}',
      'listener disconnected {"camera":"front","address":"unknown","seconds":0,"packets":1,"dropped":0}',
    ]);
  });
}

Deno.test("/audio.wav is Matroska with times for a client that accepts that explicitly", async () => {
  const types: [string | undefined, string][] = [
    [undefined, "audio/wav"],
    ["*/*", "audio/wav"],
    ["audio/*", "audio/wav"],
    ["audio/webm,audio/ogg,audio/wav,audio/*;q=0.9,*/*;q=0.5", "audio/wav"],
    ["audio/x-matroska", "audio/x-matroska"],
    ["text/plain", "audio/wav"],
  ];
  await using it = setUp();
  it.sound.start();
  for (const [accept, type] of types) {
    for (const method of ["GET", "HEAD"]) {
      const headers: HeadersInit = accept === undefined ? {} : { Accept: accept };
      const response = await it.app.request("/audio.wav", { method, headers });
      assertEquals(response.status, 200);
      assertEquals([accept, response.headers.get("Content-Type")], [accept, type]);
      assertEquals(response.headers.get("Vary"), "Accept");
      await response.body?.cancel();
    }
  }
  const response = await it.app.request("/audio.wav", { headers: MATROSKA });
  const chunks = chunksOf(response, 3);
  const { samples } = it.sound.emit(1_000.5);
  const [, cluster, data] = await chunks;
  assertEquals([cluster!.length, data], [CLUSTER_HEADER, samples]);
  await response.body!.cancel();
});

for (const path of ["/av.mkv", "/cameras/front/av.mkv"]) {
  Deno.test(`${path} sends pictures and sound, when both are there`, async () => {
    await using it = setUp();
    let isAnswered = false;
    const asking = Promise.resolve(it.app.request(path)).then((response) => {
      isAnswered = true;
      return response;
    });
    await it.show();
    assert(!isAnswered);
    it.sound.start();
    const response = await asking;
    assertEquals(response.headers.get("Content-Type"), "video/x-matroska");
    assertEquals(response.headers.get("X-Accel-Buffering"), "no");
    assertEquals([it.camera.stats().viewers, it.sound.listeners.size], [1, 1]);
    const chunks = chunksOf(response, 5);
    it.sound.emit(it.clock.now());
    const [head, , jpeg, , samples] = await chunks;
    assertEquals(readLiveHead(head!)!.sound, { rate: 24_000 });
    // DefaultDuration: 33.3 ms in nanoseconds, as long as the frame rate is not known.
    assertEquals(hexOf(head!).match(/23e38386(.{12})/)?.[1], "000001fca055");
    assertEquals([jpeg, samples!.length], [jpegWith("one"), 960]);
    await response.body!.cancel();
    assertEquals([it.camera.stats().viewers, it.sound.listeners.size], [0, 0]);
    assertMatch(it.lines.at(-1)!, /disconnected.*"frames":1,"dropped":0,"soundDropped":0/);
  });
}

Deno.test("HEAD starts neither the microphone nor the camera", async () => {
  await using it = setUp();
  for (const path of PATHS) {
    const response = await it.app.request(path, { method: "HEAD" });
    assertEquals([response.status, await response.text()], [200, ""]);
    assertMatch(response.headers.get("Content-Type")!, /^audio\/wav|video\/x-matroska$/);
  }
  assertEquals([it.sound.joined, it.camera.stats().state], [0, "off"]);
});

Deno.test("the routes of sound respond with 404, 405, 400 and 401", async () => {
  await using it = setUp();
  for (const path of PATHS) {
    for (const method of ["GET", "HEAD"]) {
      const mute = path.includes("front") ? path.replace("front", "mute") : undefined;
      for (const [target, reason] of [[mute, /"mute" has no sound.*AUDIO/], ["/cameras/x"]]) {
        if (!target) continue;
        const url = reason ? `${target}` : `${target}${path.replace(/.*\//, "/")}`;
        const response = await it.app.request(url, { method });
        const text = await response.text();
        assertEquals([url, response.status], [url, 404]);
        if (method === "GET") assertMatch(text, (reason ?? /Cannot find camera "x"/) as RegExp);
      }
    }
    const posted = await it.app.request(path, { method: "POST" });
    assertEquals([posted.status, posted.headers.get("Allow")], [405, "GET, HEAD, OPTIONS"]);
    await posted.body?.cancel();
  }
  const bad = await it.app.request("/av.mkv?fps=0");
  assertEquals(bad.status, 400);
  assertStringIncludes(await bad.text(), 'Cannot read "fps" as a number above 0 and at most 240');
  assertEquals([it.sound.joined, it.camera.stats().state], [0, "off"]);

  const access = { user: "me", password: "x" };
  const authenticator = new Authenticator(access, { clock: systemClock, log: silentLog });
  await using closed = setUp({ authenticator });
  for (const path of PATHS) assertEquals((await closed.app.request(path)).status, 401);
  assertEquals(closed.sound.joined, 0);
});

Deno.test("a server without sound says so", async () => {
  await using it = setUp({ sounds: undefined });
  const response = await it.app.request("/audio.wav");
  assertEquals([response.status, await response.text()], [
    404,
    'Camera "front" has no sound: set AUDIO to its microphone, see the README\n',
  ]);
  const cameras = await (await it.app.request("/cameras")).json();
  assertEquals(cameras.map(({ sound }: { sound: unknown }) => sound), [null, null]);
  assert(!(await (await it.app.request("/metrics")).text()).includes("dinocam_sound"));
});

Deno.test("a microphone that delivers nothing is a 503 with the reason, before the first byte", async () => {
  for (const path of PATHS) {
    await using it = setUp();
    const asking = it.app.request(path);
    if (path.endsWith(".mkv")) await it.show();
    it.sound.retryAfter = 2_100;
    it.sound.fail(new CameraError("No such source: x", { hint: "run pactl" }));
    const response = await asking;
    assertEquals([response.status, response.headers.get("Retry-After")], [503, "3"]);
    assertEquals(
      await response.text(),
      'Cannot play the sound of camera "front": No such source: x (run pactl)\n',
    );
    assertEquals([it.sound.listeners.size, it.camera.stats().viewers, it.lines], [0, 0, []]);
  }
});

Deno.test("a camera that delivers nothing is a 503 of /av.mkv, but not of /audio.wav", async () => {
  await using it = setUp();
  it.sound.start();
  const asking = it.app.request("/av.mkv");
  await it.clock.advance(0);
  await it.clock.advance(30_000);
  const response = await asking;
  assertEquals(response.status, 503);
  assertMatch(await response.text(), /^Cannot show camera "front": /);
  assertEquals(it.sound.listeners.size, 0);
  const heard = await it.app.request("/audio.wav");
  assertEquals(heard.status, 200);
  await heard.body!.cancel();
});

Deno.test("streams of sound count for MAX_VIEWERS", async () => {
  await using it = setUp({ maxViewers: 2 });
  it.sound.start();
  const responses = [await it.app.request("/audio.wav")];
  const asking = it.app.request("/av.mkv");
  await it.show();
  responses.push(await asking);
  for (const path of PATHS) {
    const refused = await it.app.request(path);
    assertEquals([refused.status, await refused.text()], [
      503,
      "Too many viewers: the limit of 2 is reached\n",
    ]);
  }
  assertEquals(it.sound.listeners.size, 2);
  for (const response of responses) await response.body!.cancel();
  const response = await it.app.request("/audio.wav");
  assertEquals(response.status, 200);
  await response.body!.cancel();
});

Deno.test("a relay of the sound to itself is refused, but not one of the pictures", async () => {
  await using it = setUp();
  it.sound.start();
  const headers = { ...MATROSKA, Via: soundRelayLoops.via("front") };
  for (const path of PATHS) {
    const refused = await it.app.request(path, { headers });
    assertEquals([refused.status, await refused.text()], [
      508,
      'Cannot play the sound of camera "front": it relays itself\n',
    ]);
  }
  assertEquals(it.sound.joined, 0);
  const other = { ...MATROSKA, Via: "1.1 dinocam-0123456789abcdef0123456789abcdef" };
  const response = await it.app.request("/audio.wav", { headers: other });
  assertEquals(response.status, 200);
  await response.body!.cancel();
});

Deno.test("a loop that the microphone reports is a 508 for a relay, and a 503 for others", async () => {
  for (const [via, status] of [["1.1 dinocam-0123456789abcdef0123456789abcdef", 508], ["", 503]]) {
    await using it = setUp();
    it.sound.fail(new RelayLoopError("http://other:8000"));
    const response = await it.app.request("/audio.wav", { headers: { Via: `${via}` } });
    assertEquals(response.status, status);
    await response.body?.cancel();
  }
});

Deno.test("GET /cameras and /metrics describe the sound, and the dropped packets", async () => {
  await using it = setUp();
  Object.assign(it.status, { state: "failed", listeners: 3, packets: 7, failures: 2 });
  it.status.lastFailure = new CameraError("gone", { hint: "plug it in", permanent: true });
  const cameras = await (await it.app.request("/cameras")).json();
  assertEquals(cameras.map(({ sound }: { sound: unknown }) => sound), [{
    state: "failed",
    listeners: 3,
    rate: 24_000,
    lastFailure: { message: "gone", hint: "plug it in", retried: false },
  }, null]);
  it.sound.start();
  const { body } = await it.app.request("/audio.wav");
  for (let n = 0; n < 15; n++) it.sound.emit(20 * n);
  await body!.cancel();
  const metrics = await (await it.app.request("/metrics")).text();
  assertEquals(metrics.match(/^dinocam_sound.*$/gm), [
    'dinocam_sound_state{camera="front",state="off"} 0',
    'dinocam_sound_state{camera="front",state="starting"} 0',
    'dinocam_sound_state{camera="front",state="streaming"} 0',
    'dinocam_sound_state{camera="front",state="failed"} 1',
    'dinocam_sound_listeners{camera="front"} 3',
    'dinocam_sound_packets_total{camera="front"} 7',
    'dinocam_sound_failures_total{camera="front"} 2',
    'dinocam_sound_dropped_packets_total{camera="front"} 6',
  ]);
});

Deno.test("GET /live sends sound to a client that listens, until it leaves", async () => {
  await using it = setUp({
    authenticator: new Authenticator("anyone", { clock: systemClock, log: silentLog }),
  });
  await using server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    (request, info) => it.app.fetch(request, info),
  );
  const url = `ws://127.0.0.1:${server.addr.port}/live?version=${PROTOCOL_VERSION}&watch=`;
  const socket = new WebSocket(url);
  socket.binaryType = "arraybuffer";
  const texts: string[] = [], packets: Uint8Array[] = [];
  socket.onmessage = ({ data }) =>
    typeof data === "string" ? texts.push(data) : packets.push(new Uint8Array(data));
  await eventually("hello arrives", () => texts.length > 0);
  assertEquals(JSON.parse(texts[0]!).cameras[0].sound.rate, 24_000);
  assertEquals(it.sound.joined, 0);
  socket.send(JSON.stringify({ type: "listen", cameras: ["front", "mute"] }));
  await eventually("the client listens", () => it.sound.listeners.size === 1);
  const { samples } = it.sound.emit(1_000);
  await eventually("sound arrives", () => packets.length > 0);
  assertEquals([packets[0]![0], packets[0]!.subarray(16)], [3, samples]);
  socket.close();
  await eventually("the client has left", () => it.sound.listeners.size === 0);
});

/** Returns bytes in hexadecimal. */
function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
