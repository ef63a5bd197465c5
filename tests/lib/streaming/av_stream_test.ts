import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import type { Bytes } from "../../../lib/bytes.ts";
import type { Camera } from "../../../lib/camera/camera.ts";
import type { Frame } from "../../../lib/frame.ts";
import {
  CLUSTER_HEADER,
  MAX_HEAD_SIZE,
  readClusterHeader,
  readHead,
  TRACK,
} from "../../../lib/matroska/mod.ts";
import { KeepAlive } from "../../../lib/streaming/mod.ts";
import { AvStream } from "../../../lib/streaming/av_stream.ts";
import { FakeSound } from "../../fake_sound.ts";
import { jpegWith } from "../http/fake_source.ts";
import { ManualClock, settle } from "../../manual_clock.ts";
import { silentLog } from "../../silent.ts";

/** A cluster that a client has received. */
interface Received {
  readonly track: number;
  readonly time: number;
  /** Duration of sound, in milliseconds. */
  readonly duration: number;
  readonly data: Bytes;
}

/** A stream, and a client that reads all that it can while `reading` is true. */
class Setup {
  readonly clock = new ManualClock();
  readonly sound = new FakeSound();
  readonly events: string[] = [];
  readonly camera = { latest: undefined as Frame | undefined };
  readonly keepAlive = new KeepAlive(this.clock, silentLog);
  readonly stream: AvStream;
  readonly client: ReadableStreamDefaultReader<Bytes>;
  readonly chunks: Bytes[] = [];
  #sequence = 0;

  constructor({ wanted }: { wanted?: (frame: Frame) => boolean } = {}) {
    const { events } = this;
    this.stream = new AvStream({
      rate: this.sound.rate,
      now: () => this.clock.monotonic(),
      wanted,
      onDelivered: ({ sequence }, bytes) => events.push(`${sequence} delivered, ${bytes} bytes`),
      onDropped: () => events.push("frame dropped"),
      onSoundDropped: () => events.push("sound dropped"),
      onEnd: () => {
        events.push("ended");
        this.keepAlive.delete(this.stream);
      },
    });
    this.keepAlive.add(this.stream, this.camera as Camera);
    this.sound.join(this.stream.sound);
    this.client = this.stream.body.getReader();
  }

  /** A frame that arrives now. @param delay Time since its capture. */
  frame({ delay = 0, offset = 0 } = {}): Frame {
    const capturedAt = this.clock.now() - delay + offset;
    const sequence = ++this.#sequence;
    const frame = {
      jpeg: jpegWith(`${sequence}`),
      capturedAt,
      monotonic: this.clock.monotonic(),
      sequence,
    };
    this.camera.latest = frame;
    this.stream.frames.offer(frame);
    return frame;
  }

  /** A packet that arrives now. @param delay Time since it was heard. */
  packet({ delay = 20, offset = 0 } = {}) {
    return this.sound.emit(this.clock.now() - delay + offset);
  }

  /** Reads all that is there. */
  async read(): Promise<void> {
    void (async () => {
      for (let next; !(next = await this.client.read()).done;) this.chunks.push(next.value);
    })();
    await settle();
  }

  /** Returns the clusters received so far. */
  async clusters(): Promise<Received[]> {
    await settle();
    const received: Received[] = [];
    for (let i = 1; i < this.chunks.length; i += 2) {
      const { track, time, size } = readClusterHeader(this.chunks[i]!)!;
      const data = this.chunks[i + 1]!;
      assertEquals(data.length, size);
      received.push({ track, time, data, duration: size / 48 });
    }
    return received;
  }

  /** Returns the times of a track. */
  async times(track: number): Promise<number[]> {
    return (await this.clusters()).filter((cluster) => cluster.track === track).map(({ time }) =>
      time
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.stream.end();
    await settle();
  }
}

Deno.test("an AV stream has a head, then a cluster for each frame and packet, from 0", async () => {
  await using it = new Setup();
  await it.read();
  it.frame();
  it.packet();
  assertEquals(it.chunks.length, 0); // not started
  await it.clock.advance(100);
  it.stream.start(undefined);
  const first = it.frame({ delay: 30 });
  for (let n = 0; n < 4; n++) {
    await it.clock.advance(20);
    it.packet();
    if (n % 2 === 1) it.frame({ delay: 30 });
  }
  await settle();
  const head = readHead(it.chunks[0]!)!;
  assertEquals([it.chunks[0]!.length, head.size, head.sound], [
    MAX_HEAD_SIZE,
    { width: 2, height: 1 },
    { rate: 24_000 },
  ]);
  assertEquals(head.date, first.capturedAt);
  assertEquals([head.duration, head.fileSize, head.cuesAt], [0, undefined, undefined]);
  assertEquals(await it.times(TRACK.VIDEO), [0, 40, 80]);
  assertEquals(await it.times(TRACK.SOUND), [30, 50, 70, 90]);
  assertStrictEquals((await it.clusters())[0]!.data, first.jpeg);
});

Deno.test("an AV stream begins now, also with a frame that is old", async () => {
  await using it = new Setup();
  const frame = it.frame();
  await it.clock.advance(4_000);
  it.stream.start(frame);
  await it.read();
  await it.clock.advance(20);
  it.packet();
  await it.clock.advance(980);
  it.frame();
  assertEquals(await it.times(TRACK.VIDEO), [0, 1_000]);
  assertEquals((await it.times(TRACK.SOUND))[0], 0);
});

Deno.test("an AV stream leaves out sound from before its first frame", async () => {
  await using it = new Setup();
  await it.read();
  it.stream.start(undefined);
  it.frame();
  for (let n = 0; n < 10; n++) {
    it.packet({ delay: 100 });
    await it.clock.advance(20);
  }
  assertEquals(await it.times(TRACK.SOUND), [0, 20, 40, 60, 80]);
});

Deno.test("an AV stream fills the time before late sound with silence", async () => {
  await using it = new Setup();
  await it.read();
  it.stream.start(undefined);
  it.frame();
  it.packet({ delay: -2_000 }); // AUDIO_DELAY=2000
  assertEquals((await it.clusters()).slice(1).map(({ time, duration }) => [time, duration]), [
    [0, 2_000],
    [2_000, 20],
  ]);
});

Deno.test("the latest frame wins, and 200 ms of sound wait, while a viewer is slow", async () => {
  await using it = new Setup();
  it.stream.start(undefined);
  it.frame();
  for (let n = 0; n < 100; n++) {
    await it.clock.advance(20);
    it.packet();
    it.frame();
  }
  assertEquals([it.stream.dropped, it.stream.soundDropped, it.stream.sent], [100, 91, 0]);
  assertEquals(it.events.filter((event) => event === "sound dropped").length, 91);
  await it.read();
  assertEquals(await it.times(TRACK.VIDEO), [2_000]);
  assertEquals(await it.times(TRACK.SOUND), [1820, 1840, 1860, 1880, 1900, 1920, 1940, 1960, 1980]);
});

Deno.test("an AV stream reports delivered frames, with their clusters' size", async () => {
  await using it = new Setup();
  await it.read();
  it.stream.start(undefined);
  const { jpeg } = it.frame();
  await settle();
  assertEquals(it.events, [`1 delivered, ${CLUSTER_HEADER + jpeg.length} bytes`]);
});

Deno.test("an AV stream skips unwanted frames", async () => {
  await using it = new Setup({ wanted: ({ sequence }) => sequence % 3 === 1 });
  await it.read();
  it.stream.start(undefined);
  for (let n = 0; n < 9; n++) {
    it.frame();
    await it.clock.advance(40);
  }
  assertEquals(await it.times(TRACK.VIDEO), [0, 120, 240]);
  assertEquals(it.stream.dropped, 0);
});

Deno.test("an AV stream repeats the picture after 5 s without a frame, at its time", async () => {
  await using it = new Setup();
  await it.read();
  it.stream.start(undefined);
  it.frame();
  await it.clock.advance(5_000);
  await it.clock.advance(5_000);
  it.frame();
  assertEquals(await it.times(TRACK.VIDEO), [0, 5_000, 10_000, 10_001]);
  assertEquals(it.events.filter((event) => /delivered/.test(event)).length, 2);
});

Deno.test("an AV stream has silence while the microphone delivers nothing, and then its sound", async () => {
  await using it = new Setup();
  await it.read();
  it.stream.start(undefined);
  it.frame();
  for (let n = 0; n < 500; n++) {
    await it.clock.advance(20);
    if (n < 50 || n >= 400) it.packet(); // from 1 s to 8 s there is none
    if (n % 2 === 1) it.frame();
    const sound = (await it.clusters()).filter(({ track }) => track === TRACK.SOUND);
    const end = sound.at(-1)!.time + sound.at(-1)!.duration;
    assert(it.clock.monotonic() - end <= 540, `the sound ends at ${end}`); // players wait for it
  }
  const sound = (await it.clusters()).filter(({ track }) => track === TRACK.SOUND);
  let end = 0;
  for (const { time, duration, data } of sound) {
    assertEquals(time, end);
    const isSilent = time >= 1_000 && time < 8_000;
    assertEquals(data.every((byte) => byte === 0), isSilent, `${time}`);
    end = time + duration;
  }
  assertEquals(end, 10_000);
});

Deno.test("the times of both tracks always rise", async () => {
  await using it = new Setup();
  await it.read();
  it.stream.start(undefined);
  for (let n = 0; n < 200; n++) {
    it.frame({ delay: n % 7 === 0 ? 90 : 0 });
    it.packet({ delay: n % 5 === 0 ? 60 : 20 });
    await it.clock.advance(n % 3 === 0 ? 1 : 20);
  }
  for (const track of [TRACK.VIDEO, TRACK.SOUND]) {
    const times = await it.times(track);
    assert(times.length > 50);
    for (const [i, time] of times.entries()) assert(i === 0 || time > times[i - 1]!, `${times}`);
  }
});

Deno.test("an AV stream goes on, in step, when the camera's clock is set", async () => {
  for (const offset of [-86_400_000, -4_900, -2_000, -1_000, -300, 86_400_000]) {
    await using it = new Setup();
    await it.read();
    it.stream.start(undefined);
    for (let n = 0; n < 200; n++) {
      const set = n >= 100 ? offset : 0;
      it.frame({ offset: set });
      await it.clock.advance(20);
      it.packet({ offset: set });
    }
    assertEquals((await it.times(TRACK.VIDEO)).at(-1), 199 * 20, `${offset}`);
    const sound = (await it.clusters()).filter(({ track }) => track === TRACK.SOUND);
    assertEquals(sound.map(({ time }) => time), sound.map((_, i) => i * 20), `${offset}`);
    assertEquals(sound.length, 200);
  }
});

Deno.test("frames that arrive late, all at once, keep their times in an AV stream", async () => {
  await using it = new Setup();
  await it.read();
  it.stream.start(undefined);
  for (let n = 0; n < 100; n++) {
    it.frame();
    await it.clock.advance(20);
    it.packet();
  }
  for (let n = 0; n < 150; n++) { // the pictures are held up for 3 s
    await it.clock.advance(20);
    it.packet();
  }
  for (let delay = 3_000; delay > 0; delay -= 20) it.frame({ delay });
  await settle();
  it.frame();
  await it.clock.advance(20);
  const [video, sound] = [await it.times(TRACK.VIDEO), await it.times(TRACK.SOUND)];
  assertEquals(video.at(-1)! - sound.at(-1)!, 20);
});

Deno.test("an AV stream ends when the camera closes, but not when the microphone does", async () => {
  const it = new Setup();
  await it.read();
  it.stream.start(undefined);
  it.sound.end();
  it.frame();
  assertEquals(await it.times(TRACK.VIDEO), [0]);
  it.stream.frames.end();
  await it.client.closed;
  assert(it.events.includes("ended"));
});

Deno.test("a viewer with sound that has read nothing for 2 minutes is disconnected", async () => {
  await using it = new Setup();
  it.stream.start(undefined);
  it.frame();
  for (let n = 0; n < 121; n++) {
    it.packet();
    await it.clock.advance(1_000);
  }
  assertEquals(it.stream.endReason, "stalled");
});
