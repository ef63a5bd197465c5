import { assert, assertEquals, assertFalse, assertRejects, assertStrictEquals } from "@std/assert";
import { CameraError, ImmediateStop } from "../../../lib/errors.ts";
import type { Frame } from "../../../lib/frame.ts";
import type { Fields, Log } from "../../../lib/log.ts";
import { MicrophoneSound } from "../../../lib/sound/camera_sound.ts";
import type { SoundChunk } from "../../../lib/sound/chunk.ts";
import { Microphone } from "../../../lib/sound/microphone.ts";
import { MicrophoneLog } from "../../../lib/sound/microphone_log.ts";
import type { SoundPacket } from "../../../lib/sound_packet.ts";
import { FakeSource } from "../../fake_source.ts";
import { ManualClock, settle } from "../../manual_clock.ts";

const RATE = 8_000;
const IDLE = 2_000;

class Listener {
  readonly packets: SoundPacket[] = [];
  ended = false;

  constructor(readonly role: "viewer" | "background" = "viewer", readonly keepsRunning = true) {}

  offer(packet: SoundPacket): void {
    this.packets.push(packet);
  }

  end(): void {
    this.ended = true;
  }
}

function setUp(options: { delay?: number; timed?: boolean } = {}) {
  const clock = new ManualClock();
  const source = new FakeSource<SoundChunk>();
  const lines: string[] = [];
  const write = (event: string, fields?: Fields) =>
    void lines.push(`${event} ${JSON.stringify(fields)}`);
  const log: Log = { info: write, warn: write, error: write };
  const microphoneLog = new MicrophoneLog({ clock, log });
  const microphone = new Microphone({
    cameras: "front,back",
    open: source.open,
    rate: RATE,
    idleTimeout: IDLE,
    clock,
    log: microphoneLog,
  });
  const camera: { latest: Frame | undefined } = { latest: undefined };
  const { delay = 0, timed = false } = options;
  const front = new MicrophoneSound({ microphone, camera, delay, timed, clock });
  const back = new MicrophoneSound({ microphone, camera, delay: 80, timed: false, clock });
  /** Lets the source deliver sound for a time. */
  const play = async (ms: number, heardAt?: number) => {
    for (let at = 0; at < ms; at += 20) {
      await clock.advance(20);
      const time = heardAt === undefined ? undefined : heardAt + at;
      if (source.live) source.push({ bytes: new Uint8Array(320), heardAt: time });
    }
    await settle();
  };
  const close = async () => {
    await microphone.close();
    microphoneLog[Symbol.dispose]();
  };
  return { clock, source, lines, microphone, front, back, camera, play, close };
}

Deno.test("Microphone is captured once for all listeners of all its cameras, and stops after the last", async () => {
  const { clock, source, front, back, play, close } = setUp();
  const listeners = Array.from({ length: 5 }, () => new Listener());
  assertEquals([source.opened, front.status().state], [0, "off"]);
  for (const [i, listener] of listeners.entries()) (i % 2 ? front : back).join(listener);
  assertEquals(front.status().state, "starting");
  await play(1_000);
  assertEquals([source.opened, source.most, front.status().state], [1, 1, "streaming"]);
  assertEquals([front.status().listeners, back.status().listeners], [2, 3]);
  assertEquals(listeners.map(({ packets }) => packets.length), [35, 35, 35, 35, 35]);
  for (const [i, listener] of listeners.entries()) (i % 2 ? front : back).leave(listener);
  await clock.advance(IDLE - 1);
  assertEquals([source.live, front.status().listeners], [1, 0]);
  await clock.advance(1);
  assertEquals([source.live, front.status().state], [0, "off"]);
  await close();
});

Deno.test("Microphone is not opened for a subscriber that does not need it", async () => {
  const { source, front, play, close } = setUp();
  const idle = new Listener("background", false);
  front.join(idle);
  await play(100);
  assertEquals([source.opened, front.status().listeners], [0, 0]);
  const listener = new Listener();
  front.join(listener);
  await play(1_000);
  assertEquals(idle.packets.length, listener.packets.length);
  await close();
});

Deno.test("MicrophoneSound shares a packet among listeners, and adds the camera's delay", async () => {
  const { clock, front, back, play, close } = setUp({ delay: -20 });
  const [one, two, other] = [new Listener(), new Listener(), new Listener()];
  front.join(one);
  front.join(two);
  back.join(other);
  await play(1_000);
  assertStrictEquals(one.packets[3], two.packets[3]);
  assertStrictEquals(one.packets[3]!.samples, other.packets[3]!.samples);
  assertEquals(other.packets[3]!.heardAt - one.packets[3]!.heardAt, 100);
  assertEquals(one.packets.at(-1)!.heardAt, clock.now() - 20 - 20);
  assertEquals(one.packets.map(({ sequence }) => sequence), one.packets.map((_, i) => i + 1));
  await close();
});

Deno.test("MicrophoneSound uses the times of a relayed microphone if they are those of the frames", async () => {
  for (const timed of [true, false]) {
    const { clock, front, play, close } = setUp({ timed, delay: 5 });
    const listener = new Listener();
    front.join(listener);
    await play(1_000, 1_000_000);
    const last = listener.packets.at(-1)!.heardAt;
    assertEquals(last, timed ? 1_000_000 + 980 + 5 : clock.now() - 20 + 5);
    await close();
  }
});

Deno.test("MicrophoneSound is on the clock of the camera's frames", async () => {
  const { clock, front, camera, play, close } = setUp();
  const listener = new Listener();
  const skew = 50_000;
  const frame = { jpeg: new Uint8Array(0), monotonic: clock.monotonic(), sequence: 1 };
  camera.latest = { ...frame, capturedAt: clock.now() + skew };
  front.join(listener);
  await play(1_000);
  assertEquals(listener.packets.at(-1)!.heardAt, clock.now() - 20 + skew);
  await close();
});

Deno.test("Microphone is opened again at once when its capture ends, and logs that once", async () => {
  const { source, front, lines, play, close } = setUp();
  const listener = new Listener();
  front.join(listener);
  await play(2_000);
  source.end();
  await settle();
  assertEquals([front.status().failures, front.retryAfter], [1, 0]);
  const heard = listener.packets.length;
  await play(500);
  assertEquals([source.opened, front.status().state], [2, "streaming"]);
  assert(listener.packets.length > heard);
  assertFalse(listener.ended);
  assertEquals(front.status().lastFailure!.message, "The microphone's stream ended");
  assertEquals(lines, [
    'microphone started {"camera":"front,back","rate":8000}',
    'microphone failed {"camera":"front,back","reason":"The microphone\'s stream ended","retry":"0s"}',
    'microphone recovered {"camera":"front,back","rate":8000}',
  ]);
  await close();
  assertEquals(lines.at(-1), 'microphone stopped {"camera":"front,back"}');
});

Deno.test("Microphone that hangs is stopped at once after 2 s, and opened again", async () => {
  const { clock, source, front, play, close } = setUp();
  front.join(new Listener());
  await play(2_000);
  await clock.advance(1_999);
  assertEquals([source.opened, front.status().state], [1, "streaming"]);
  await clock.advance(1);
  assert(source.reason instanceof ImmediateStop);
  assertEquals(front.status().lastFailure!.message, "No sound for 2 s");
  await play(500);
  assertEquals([source.opened, front.status().state], [2, "streaming"]);
  await close();
});

Deno.test("ready() waits for sound, or throws the failure", async () => {
  const { clock, source, front, play, close } = setUp();
  front.join(new Listener());
  let isReady = false;
  const ready = front.ready().then(() => isReady = true);
  await play(280);
  assertFalse(isReady); // the first 300 ms are dropped
  await play(60);
  assert(isReady);
  await ready;
  await front.ready();

  source.fail(new CameraError("Device or resource busy", { hint: "close it" }));
  await settle();
  source.fail(new CameraError("Device or resource busy", { hint: "close it" }));
  await settle();
  const error: CameraError = await assertRejects(() => front.ready(), CameraError, "busy");
  assertEquals([error.hint, front.error, front.retryAfter], ["close it", error, 500]);
  assertEquals(front.status().state, "failed");
  await clock.advance(500);
  assertEquals(source.opened, 3);
  const started = front.ready();
  await play(400);
  await started;
  await close();
  await assertRejects(() => front.ready(), CameraError, "shutting down");
});

Deno.test("ready() throws when no sound arrives for 10 s", async () => {
  const { clock, front, close } = setUp();
  front.join(new Listener());
  const ready = assertRejects(() => front.ready(), CameraError, "No sound for 10 s");
  await clock.advance(10_000);
  await ready;
  await close();
});

Deno.test("Microphone retries a permanent failure only on request", async () => {
  const { clock, source, front, lines, play, close } = setUp();
  front.join(new Listener());
  await settle();
  source.fail(new CameraError("sends 48000 samples per second", { permanent: true }));
  await clock.advance(3_600_000);
  assertEquals([source.opened, front.status().state], [1, "failed"]);
  assertEquals(
    lines[0],
    'microphone failed {"camera":"front,back","reason":"sends 48000 samples per second",' +
      '"retry":"on request"}',
  );
  front.retryNow();
  await play(400);
  assertEquals([source.opened, front.status().state], [2, "streaming"]);
  await close();
});

Deno.test("Microphone that fails again and again is retried with growing delays and logged once", async () => {
  const { clock, source, front, lines, close } = setUp();
  front.join(new Listener());
  for (let i = 0; i < 100; i++) {
    await clock.advance(500);
    if (source.live) source.fail(new CameraError("No such device"));
  }
  assert(source.opened >= 8 && source.opened <= 12, `${source.opened}`);
  assertEquals(lines.length, 1);
  await close();
});

Deno.test("a subscriber that joins gets no packet from before", async () => {
  const { front, play, close } = setUp();
  front.join(new Listener());
  await play(1_000);
  const late = new Listener();
  front.join(late);
  assertEquals(late.packets.length, 0);
  await play(20);
  assertEquals(late.packets.length, 1);
  await close();
  assert(late.ended);
});
