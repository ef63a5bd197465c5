import { assertEquals, assertStrictEquals } from "@std/assert";
import { readElement } from "../../../lib/matroska/ebml.ts";
import { CLUSTER_HEADER, readClusterHeader, TRACK } from "../../../lib/matroska/mod.ts";
import { KeepAlive, MATROSKA_SOUND, type SoundFormat, WAV } from "../../../lib/streaming/mod.ts";
import { SoundStream } from "../../../lib/streaming/sound_stream.ts";
import { FakeSound } from "../../fake_sound.ts";
import { ManualClock } from "../../manual_clock.ts";
import { silentLog } from "../../silent.ts";

/** The sound of a camera, and a listener that takes a chunk when a test reads it. */
function setUp({ format = WAV }: { format?: SoundFormat } = {}) {
  const clock = new ManualClock();
  const keepAlive = new KeepAlive(clock, silentLog);
  const sound = new FakeSound();
  const events: string[] = [];
  const stream = new SoundStream({
    encoder: format.encoder(sound.rate),
    now: () => clock.monotonic(),
    onDropped: () => events.push("dropped"),
    onEnd: () => {
      events.push("ended");
      sound.leave(stream);
      keepAlive.delete(stream);
    },
  });
  keepAlive.addSound(stream);
  sound.join(stream);
  const client = stream.body.getReader();
  const take = async () => (await client.read()).value;
  return { clock, sound, stream, events, client, take };
}

Deno.test("a WAV stream begins with a header of unknown size, and shares the samples", async () => {
  const { sound, client, take } = setUp();
  const header = take();
  const { samples } = sound.emit(1_000);
  assertEquals(
    [...(await header)!],
    [
      ...[0x52, 0x49, 0x46, 0x46, 255, 255, 255, 255, 0x57, 0x41, 0x56, 0x45], // RIFF, WAVE
      ...[0x66, 0x6d, 0x74, 0x20, 16, 0, 0, 0, 1, 0, 1, 0], // PCM, mono
      ...[0xc0, 0x5d, 0, 0, 0x80, 0xbb, 0, 0, 2, 0, 16, 0], // 24000 samples, 48000 bytes per second
      ...[0x64, 0x61, 0x74, 0x61, 255, 255, 255, 255], // data
    ],
  );
  assertStrictEquals(await take(), samples);
  const next = take();
  assertStrictEquals(sound.emit(1_020).samples, await next);
  await client.cancel();
});

Deno.test("a listener that reads nothing holds 200 ms of sound: then the oldest is dropped", async () => {
  const { sound, stream, events, client, take } = setUp();
  await Promise.all([take(), sound.emit(0)]); // the header; its samples are in flight
  for (let n = 1; n <= 100; n++) sound.emit(20 * n, n);
  assertEquals([stream.sent, stream.dropped, events.length], [1, 91, 91]);
  await take();
  const values: number[] = [];
  for (let n = 0; n < 9; n++) values.push((await take())![0]!);
  assertEquals(values, [92, 93, 94, 95, 96, 97, 98, 99, 100]);
  await client.cancel();
});

Deno.test("a stream of sound ends when its client disconnects, and when the microphone closes", async () => {
  const { sound, events, client } = setUp();
  await client.cancel();
  assertEquals([events, sound.listeners.size], [["ended"], 0]);
  const other = setUp();
  const rest = other.take();
  other.sound.end();
  assertEquals([await rest, other.events], [undefined, ["ended"]]);
});

Deno.test("a listener that has read nothing for 2 minutes is disconnected", async () => {
  const { clock, sound, stream, events } = setUp();
  for (let n = 0; n < 121; n++) {
    sound.emit(1_000 * n);
    await clock.advance(1_000);
  }
  assertEquals([stream.endReason, events.at(-1), sound.listeners.size], ["stalled", "ended", 0]);
});

Deno.test("a WAV stream sends 20 ms of silence for each 5 s without sound", async () => {
  const { clock, sound, client, take } = setUp();
  await Promise.all([take(), sound.emit(0)]);
  await take();
  const next = take();
  await clock.advance(5_000);
  assertEquals(await next, new Uint8Array(960));
  const later = take();
  await clock.advance(4_000);
  const { samples } = sound.emit(9_000);
  assertStrictEquals(await later, samples);
  await client.cancel();
});

Deno.test("a WAV stream that has not begun sends no silence before its header", async () => {
  const { clock, sound, client, take } = setUp();
  const first = take();
  await clock.advance(20_000);
  sound.emit(20_000);
  assertEquals((await first)!.length, 44);
  await client.cancel();
});

Deno.test("a Matroska stream has the time of each packet: the head's date and the cluster's time", async () => {
  const { sound, client, take } = setUp({ format: MATROSKA_SOUND });
  const begun = 1_767_225_600_123.6;
  const chunks = [take(), take(), take()];
  const first = sound.emit(begun);
  const head = (await chunks[0])!;
  assertEquals(dateIn(head), 1_767_225_600_123);
  const times: number[] = [];
  times.push(readClusterHeader(withData(await chunks[1]))!.time);
  assertStrictEquals(await chunks[2], first.samples);
  for (const time of [20.2, 39.9, 25, 5_020]) {
    const header = take();
    const { samples } = sound.emit(begun + time);
    const cluster = readClusterHeader(withData(await header))!;
    assertEquals([cluster.size, cluster.track], [960, TRACK.SOUND]);
    times.push(cluster.time);
    assertStrictEquals(await take(), samples);
  }
  assertEquals(times, [1, 21, 41, 26, 5_021]);
  await client.cancel();
});

Deno.test("a Matroska stream ends when the clock was set back", async () => {
  for (const time of [9_000 - 1, 10_000 + 2 ** 32]) {
    const { sound, stream, client, take } = setUp({ format: MATROSKA_SOUND });
    for (const heardAt of [9_000, 10_000]) {
      const chunks = heardAt === 9_000 ? [take(), take(), take()] : [take(), take()];
      sound.emit(heardAt);
      await Promise.all(chunks);
    }
    const rest = take();
    sound.emit(time);
    assertEquals([await rest, stream.endReason], [undefined, "the clock was set"]);
    await client.closed;
  }
});

/** Returns the date in a Matroska head, in milliseconds since the Unix epoch. */
function dateIn(head: Uint8Array<ArrayBuffer>): number {
  const at = head.findIndex((byte, i) => byte === 0x44 && head[i + 1] === 0x61);
  const { start } = readElement(head, at)!;
  const nanoseconds = new DataView(head.buffer, head.byteOffset).getBigInt64(start);
  return Number(nanoseconds / 1_000_000n) + Date.UTC(2001, 0, 1);
}

/** Checks that a chunk is a cluster's header only. */
function withData(header: Uint8Array<ArrayBuffer> | undefined): Uint8Array<ArrayBuffer> {
  assertEquals(header!.length, CLUSTER_HEADER);
  return header!;
}
