import { assertAlmostEquals, assertEquals, assertRejects } from "@std/assert";
import type { Bytes } from "../../../lib/bytes.ts";
import { CameraError } from "../../../lib/errors.ts";
import type { SoundChunk } from "../../../lib/sound/chunk.ts";
import { PacketCutter, samplesPerPacket, toPackets } from "../../../lib/sound/packets.ts";
import { FakeSource } from "../../fake_source.ts";
import { ManualClock, settle } from "../../manual_clock.ts";

/** Bytes that count: 0, 1, 2, … */
function counting(length: number, from = 0): Bytes {
  return Uint8Array.from({ length }, (_, i) => (from + i) % 251);
}

Deno.test("PacketCutter cuts any chunks into packets of 20 ms without losing a byte", () => {
  const cutter = new PacketCutter(8_000); // 320 bytes
  const all = counting(3_333);
  const packets: Bytes[] = [];
  let at = 0;
  for (const size of [1, 2, 3, 639, 5, 1, 0, 1_000, 7, 675, 1_000]) {
    const bytes = all.slice(at, at += size);
    packets.push(...cutter.push({ bytes }, at).map(({ samples }) => samples));
    bytes.fill(255); // the source reuses its buffer
  }
  assertEquals(at, all.length);
  assertEquals(packets.length, 10);
  assertEquals(packets.flatMap((packet) => [...packet]), [...all.subarray(0, 3_200)]);
});

Deno.test("PacketCutter stamps the first sample of each packet, also within a chunk", () => {
  const cutter = new PacketCutter(8_000);
  const push = (bytes: number, now: number) =>
    cutter.push({ bytes: new Uint8Array(bytes) }, now).map(({ monotonic }) => monotonic);
  assertEquals(push(160, 1_010), []); // heard from 1000
  assertEquals(push(800, 1_060), [1_000, 1_020, 1_040]);
  assertEquals(push(161, 1_070), []); // ends within a sample
  assertEquals(push(159, 1_080), [1_060]);
});

Deno.test("PacketCutter keeps the times of a source that knows them, and drops a packet with a gap", () => {
  const cutter = new PacketCutter(8_000);
  const push = (bytes: number, heardAt: number) =>
    cutter.push({ bytes: new Uint8Array(bytes), heardAt }, 0).map(({ heardAt }) => heardAt);
  assertEquals(push(480, 5_000), [5_000]);
  assertEquals(push(320, 5_030), [5_020]);
  assertEquals(push(320, 9_000), [9_000]); // the 10 ms before the gap are dropped
});

Deno.test("samplesPerPacket() rounds at rates that do not fit", () => {
  assertEquals([24_000, 44_100, 11_025].map(samplesPerPacket), [480, 882, 221]);
  const cutter = new PacketCutter(11_025);
  const [packet, next] = cutter.push({ bytes: new Uint8Array(4 * 221), heardAt: 0 }, 0);
  assertEquals(packet!.samples.length, 442);
  assertAlmostEquals(next!.heardAt!, 221 / 11.025, 1e-9);
});

Deno.test("toPackets() drops the first 300 ms of a capture, at each start", async () => {
  const clock = new ManualClock();
  const source = new FakeSource<SoundChunk>();
  const open = toPackets(source.open, { clock, rate: 8_000 });
  for (let start = 0; start < 2; start++) {
    const stop = new AbortController();
    const got: number[] = [];
    const reading = (async () => {
      for await (const { monotonic } of open(stop.signal)) got.push(monotonic);
    })();
    await settle();
    const startedAt = clock.monotonic();
    for (let i = 0; i < 20; i++) {
      source.push({ bytes: new Uint8Array(320) });
      await clock.advance(20);
    }
    assertEquals(got.map((time) => time - startedAt), [280, 300, 320, 340, 360]);
    stop.abort();
    await reading;
  }
});

Deno.test("toPackets() fails for a source that does not wait, but not for a burst", async () => {
  for (const [seconds, fails] of [[9, false], [11, true]] as const) {
    const clock = new ManualClock();
    const open = toPackets(
      async function* () {
        for (let second = 0; second < 60; second++) {
          await clock.advance(1_000);
          yield { bytes: new Uint8Array(16_000) };
        }
        yield { bytes: new Uint8Array(16_000 * seconds) };
      },
      { clock, rate: 8_000 },
    );
    const reading = Array.fromAsync(open(new AbortController().signal));
    if (fails) {
      const error: CameraError = await assertRejects(() => reading, CameraError, "faster than");
      assertEquals(error.permanent, false); // a server may send what was held up
    } else assertEquals((await reading).length, (59 + seconds) * 50);
  }
});
