import { assert, assertAlmostEquals, assertEquals, assertLess } from "@std/assert";
import { MESSAGE_KIND, recordedSoundMessage, SOUND_HEADER } from "../../../lib/live/mod.ts";
import { FakeSound } from "../../fake_sound.ts";
import { ManualClock } from "../../manual_clock.ts";
import { RecordedCamera } from "../playback/recorded_camera.ts";
import { RecordedMicrophone } from "../playback/recorded_microphone.ts";
import { FakeCamera, FakeSocket, startSession } from "./fake_camera.ts";

/** Begin of the recordings: 10 minutes before the start of the clock. */
const BEGIN = Date.UTC(2026, 0, 1) - 600_000;
/** How long before its time sound is sent, in milliseconds. */
const LEAD = 200;

/** A message with recorded sound, as a client gets it. */
interface Heard {
  readonly camera: number;
  readonly rate: number;
  readonly at: number;
  readonly end: number;
  /** When it was sent, by the monotonic clock. */
  readonly sentAt: number;
}

/** A session with two cameras, of which 10 minutes have been recorded, with sound. */
function setUp({ recordsSound = true } = {}) {
  const clock = new ManualClock();
  const front = new FakeCamera("front"), back = new FakeCamera("back");
  const recorded = {
    front: new RecordedCamera().record(BEGIN, 6_000, 100),
    back: new RecordedCamera().record(BEGIN, 6_000, 100),
  };
  const microphones = { front: new RecordedMicrophone(), back: new RecordedMicrophone(16_000) };
  if (recordsSound) {
    for (const microphone of Object.values(microphones)) microphone.record(BEGIN, 600_000);
  }
  const live = new FakeSound(8_000);
  const heard: Heard[] = [];
  const socket = new FakeSocket();
  const send = socket.send.bind(socket);
  socket.send = (message) => {
    send(message);
    if (typeof message !== "string" && message[0] === MESSAGE_KIND.RECORDED_SOUND) {
      heard.push({ ...readSound(message), sentAt: clock.monotonic() });
    }
  };
  const errors: unknown[] = [];
  const session = startSession({
    socket,
    cameras: [front, back],
    replay: (name) => recorded[name as "front"].source(),
    replaySound: (name) => microphones[name as "front"].source(),
    onReplayError: (_, error) => errors.push(error),
    sounds: (name) => name === "front" ? live : undefined,
    clock,
  });
  const receive = (message: unknown) => session.receive(JSON.stringify(message));
  let acknowledged = [0, 0];
  return {
    ...{ clock, front, recorded, microphones, live, heard, socket, session, errors, receive },
    /** Sends a `replay` message for the camera "front", or `cameras`. */
    replay: (at: number | null, speed: number, id = 1, cameras = ["front"]) =>
      receive({ type: "replay", cameras, at, speed, id }),
    listen: (...cameras: string[]) => receive({ type: "listen", cameras }),
    /** Acknowledges every recorded frame for a while. */
    async watch(duration: number) {
      for (let passed = 0; passed < duration; passed += 20) {
        for (const message of socket.sent) {
          if (typeof message === "string" || message[0] !== MESSAGE_KIND.RECORDED_FRAME) continue;
          const header = new DataView(message.buffer, message.byteOffset);
          const [camera, sequence] = [header.getUint16(2), header.getUint32(4)];
          if (sequence <= acknowledged[camera]!) continue;
          acknowledged = acknowledged.with(camera, sequence);
          receive({ type: "painted", camera, sequence, recorded: true });
        }
        await clock.advance(20);
      }
    },
    /** Ends the session, and checks that nothing stays open. */
    async end() {
      session.end();
      await clock.advance(0);
      const sources = [recorded.front, recorded.back, microphones.front, microphones.back];
      assertEquals(sources.map(({ open }) => open), [0, 0, 0, 0]);
      assertEquals(errors, []);
    },
  };
}

function readSound(message: Uint8Array<ArrayBuffer>): Omit<Heard, "sentAt"> {
  const header = new DataView(message.buffer, message.byteOffset);
  const [rate, at] = [header.getUint32(4), header.getFloat64(8)];
  const samples = (message.length - SOUND_HEADER) / 2;
  return { camera: header.getUint16(2), rate, at, end: at + samples * 1000 / rate };
}

/** Checks that sound follows on without a gap, and returns its begin and its end. */
function continuous(heard: readonly Heard[]): [from: number, to: number] {
  for (const [i, { at }] of heard.entries()) {
    if (i > 0) assertAlmostEquals(at, heard[i - 1]!.end, 0.01);
  }
  return [heard[0]!.at, heard.at(-1)!.end];
}

Deno.test("recordedSoundMessage has the kind, the camera, the rate and the time before the samples", () => {
  const at = 1_790_000_000_123.5;
  const message = recordedSoundMessage({ at, rate: 22_050, samples: Uint8Array.of(1, 2) }, 0x1234);
  const header = new DataView(message.buffer);
  assertEquals([header.getUint8(0), header.getUint8(1)], [4, 0]);
  assertEquals([header.getUint16(2), header.getUint32(4)], [0x1234, 22_050]);
  assertEquals(header.getFloat64(8), at);
  assertEquals([...message.subarray(16)], [1, 2]);
});

Deno.test("a client that listens gets the sound from the playhead on, 200 ms ahead of it", async () => {
  const test = setUp();
  const { heard, replay, listen, watch, clock, socket } = test;
  listen("front");
  const begun = clock.monotonic();
  replay(BEGIN + 1_050, 1, 7);
  await watch(5_000);
  const [from, to] = continuous(heard);
  assertEquals(from, BEGIN + 1_050);
  assert(to >= BEGIN + 1_050 + 5_000 + 100 && to <= BEGIN + 1_050 + 5_000 + LEAD + 100);
  for (const { at, sentAt, rate } of heard) {
    const position = BEGIN + 1_050 + sentAt - begun;
    assert(at <= position + LEAD, "never faster");
    assert(sentAt === begun || at >= position + LEAD - 20, `${at - position} ms ahead`);
    assertEquals(rate, 8_000);
  }
  const answer = socket.sent.findIndex((message) => typeof message === "string");
  const first = socket.sent.findIndex((message) => message[0] === MESSAGE_KIND.RECORDED_SOUND);
  assert(answer !== -1 && answer < first, "sound follows the answer to the request");
  await test.end();
});

Deno.test("a camera that joins the playhead of others leaves their sound undisturbed", async () => {
  const test = setUp();
  const { heard, microphones, replay, listen, watch } = test;
  listen("front");
  replay(BEGIN + 1_050, 1, 7);
  await watch(1_000);
  replay(null, 1, 7, ["back", "front"]);
  await watch(1_000);
  const [from, to] = continuous(heard);
  assertEquals([from, microphones.front.open], [BEGIN + 1_050, 1]);
  assert(to >= BEGIN + 1_050 + 2_000 + 100);
  await test.end();
});

Deno.test("only the cameras that the client listens to are heard, from that moment on", async () => {
  const test = setUp();
  const { heard, microphones, replay, listen, watch } = test;
  replay(BEGIN + 1_000, 1, 1, ["front", "back"]);
  await watch(500);
  assertEquals([heard.length, microphones.front.reads], [0, 0]);
  listen("back");
  await watch(500);
  assert(heard.every(({ camera, rate }) => camera === 1 && rate === 16_000));
  const [from, to] = continuous(heard);
  assertLess(Math.abs(from - (BEGIN + 1_500)), 21);
  assert(to >= BEGIN + 2_100);
  heard.length = 0;
  listen();
  await watch(500);
  assertEquals(heard, []);
  await test.end();
});

Deno.test("any new request ends the sound, and only one of speed 1 brings it back", async () => {
  const test = setUp();
  const { heard, replay, receive, listen, watch } = test;
  listen("front");
  const requests: [request: () => void, isHeard: boolean][] = [
    [() => replay(BEGIN + 10_000, 1), true],
    [() => replay(null, 0), false],
    [() => replay(null, 1), true],
    [() => replay(null, 2), false],
    [() => replay(null, 1), true],
    [() => receive({ type: "step", cameras: ["front"], by: 1, id: 2 }), false],
    [() => replay(BEGIN + 20_000, 1), true],
    [() => replay(null, -1), false],
    [() => replay(BEGIN + 30_000, 0.5), false],
    [() => replay(BEGIN + 40_000, 1), true],
    [() => receive({ type: "watch", cameras: [] }), false],
    [() => replay(BEGIN + 50_000, 1), true],
    [() => receive({ type: "live", cameras: ["front"] }), false],
  ];
  for (const [i, [request, isHeard]] of requests.entries()) {
    heard.length = 0;
    request();
    assertEquals(heard, [], `request ${i}`);
    await watch(1_000);
    assertEquals(heard.length > 9, isHeard, `request ${i}`);
    if (isHeard) continuous(heard);
    else assertEquals(heard, [], `request ${i}`);
  }
  assertEquals(test.live.listeners.size, 1);
  await test.end();
});

Deno.test("a slow read of a replay that has ended sends nothing", async () => {
  const test = setUp();
  const { heard, microphones, replay, listen, watch } = test;
  const reading = Promise.withResolvers<void>();
  microphones.front.delay = () => reading.promise;
  listen("front");
  replay(BEGIN + 1_000, 1);
  await watch(100);
  assertEquals(microphones.front.open, 1);
  replay(null, 0);
  reading.resolve();
  await watch(100);
  assertEquals([heard, microphones.front.open], [[], 0]);
  await test.end();
});

Deno.test("sound follows the playhead over a gap", async () => {
  const test = setUp();
  const { heard, recorded, microphones, replay, listen, watch } = test;
  recorded.front.times.splice(20, 3_000); // 2 s to 302 s
  microphones.front.sounds.splice(20, 3_000);
  listen("front");
  replay(BEGIN + 1_000, 1);
  await watch(3_000);
  const before = heard.filter(({ at }) => at < BEGIN + 100_000);
  const after = heard.filter(({ at }) => at > BEGIN + 100_000);
  assertEquals(continuous(before), [BEGIN + 1_000, BEGIN + 2_000]);
  const [from] = continuous(after);
  assertEquals(from, BEGIN + 302_000);
  // At once when the playhead has jumped.
  assertLess(after[0]!.sentAt - before.at(-1)!.sentAt, 400);
  assert(after.length > 15);
  await test.end();
});

Deno.test("a recording without sound is silent, also in between", async () => {
  const silent = setUp({ recordsSound: false });
  silent.listen("front");
  silent.replay(BEGIN + 1_000, 1);
  await silent.watch(1_000);
  assertEquals(silent.heard, []);
  assertLess(silent.microphones.front.reads, 25);
  await silent.end();

  const test = setUp();
  test.microphones.front.sounds.splice(15, 10); // 1.5 s to 2.5 s
  test.listen("front");
  test.replay(BEGIN + 1_000, 1);
  await test.watch(3_000);
  const times = test.heard.map(({ at }) => at - BEGIN);
  assertEquals(times.filter((at) => at >= 1_500 && at < 2_500), []);
  const [after] = test.heard.filter(({ at }) => at === BEGIN + 2_500);
  assertLess(Math.abs(after!.sentAt - (1_500 - LEAD)), 101);
  await test.end();
});

Deno.test("sound that is being recorded is sent when it is there, and then the live sound", async () => {
  const test = setUp();
  const { clock, front, recorded, microphones, heard, live, replay, listen, socket, receive } =
    test;
  listen("front");
  receive({ type: "watch", cameras: ["front"] });
  replay(clock.now() - 1_000, 1.0);
  let number = 6_000;
  for (let passed = 0; passed < 2_000; passed += 100) {
    front.emit(number++, clock.monotonic());
    recorded.front.add(clock.now());
    microphones.front.record(clock.now(), 100);
    live.emit(clock.now());
    await test.watch(100);
  }
  assert(heard.length > 15);
  continuous(heard);
  assertEquals(live.listeners.size, 0);
  heard.length = 0;
  replay(clock.now() - 500, 2, 2);
  for (let passed = 0; passed < 2_000; passed += 100) {
    front.emit(number++, clock.monotonic());
    recorded.front.add(clock.now());
    await test.watch(100);
  }
  assertEquals([socket.texts.at(-1).state, live.listeners.size], ["live", 1]);
  assertEquals(heard, []);
  await test.end();
});

Deno.test("sound is dropped while more than 200 ms of it wait for the client", async () => {
  const test = setUp();
  const { heard, replay, listen, watch, socket } = test;
  listen("front");
  replay(BEGIN + 1_000, 1);
  await watch(1_000);
  heard.length = 0;
  socket.bufferedAmount = 100_000;
  await watch(1_000);
  assertEquals(heard, []);
  socket.bufferedAmount = 0;
  await watch(1_000);
  const [from] = continuous(heard);
  assert(from > BEGIN + 3_000);
  await test.end();
});
