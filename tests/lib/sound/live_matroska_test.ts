import { assertEquals, assertThrows } from "@std/assert";
import type { Bytes } from "../../../lib/bytes.ts";
import { clusterHeader, encodeHead, TRACK } from "../../../lib/matroska/mod.ts";
import { LiveMatroskaDecoder } from "../../../lib/sound/live_matroska.ts";

const DATE = Date.UTC(2026, 0, 1);

function stream(parts: readonly [time: number, data: Bytes, track?: 1 | 2][]): Bytes {
  const head = encodeHead({ date: DATE, size: { width: 16, height: 16 }, sound: { rate: 24_000 } });
  const clusters = parts.flatMap(([time, data, track = TRACK.SOUND]) => [
    ...clusterHeader(time, data.length, track),
    ...data,
  ]);
  return Uint8Array.from([...head, ...clusters]);
}

Deno.test("LiveMatroskaDecoder yields the sound with its absolute times, in chunks of any size", () => {
  const parts: [number, Bytes, (1 | 2)?][] = [
    [40, Uint8Array.of(1, 2, 3, 4)],
    [50, new Uint8Array(700).fill(9), TRACK.VIDEO],
    [60, Uint8Array.of(5, 6)],
    [80, Uint8Array.of(7, 8, 9, 10, 11, 12)],
  ];
  const bytes = stream(parts);
  const wanted = [[DATE + 40, 1, 2, 3, 4], [DATE + 60, 5, 6], [DATE + 80, 7, 8, 9, 10, 11, 12]];
  for (const size of [1, 7, 100, bytes.length]) {
    const decoder = new LiveMatroskaDecoder();
    const got: number[][] = [];
    for (let at = 0; at < bytes.length; at += size) {
      const chunk = bytes.slice(at, at + size);
      for (const { bytes, heardAt } of decoder.push(chunk)) got.push([heardAt!, ...bytes]);
      chunk.fill(255);
    }
    assertEquals(got, wanted, `${size}`);
    assertEquals(decoder.rate, 24_000);
  }
});

Deno.test("LiveMatroskaDecoder reads a stream without pictures", () => {
  const decoder = new LiveMatroskaDecoder();
  const head = encodeHead({ date: DATE, sound: { rate: 8_000 } });
  const data = Uint8Array.of(1, 2);
  const bytes = Uint8Array.from([...head, ...clusterHeader(20, 2, TRACK.SOUND), ...data]);
  assertEquals(decoder.push(bytes.slice(0, 100)), []);
  assertEquals(decoder.push(bytes.slice(100)), [{ bytes: data, heardAt: DATE + 20 }]);
  assertEquals(decoder.rate, 8_000);
});

Deno.test("LiveMatroskaDecoder throws for another stream", () => {
  const foreign = new Uint8Array(1_000).fill(3);
  foreign.set([0x1a, 0x45, 0xdf, 0xa3]);
  assertThrows(() => new LiveMatroskaDecoder().push(foreign), SyntaxError, "head");
  const damaged = stream([[0, new Uint8Array(10)]]);
  damaged[damaged.length - 33] = 0;
  assertThrows(() => new LiveMatroskaDecoder().push(damaged), SyntaxError, "cluster");
});
