import { assert, assertEquals, assertFalse } from "@std/assert";
import { SoundQueue } from "../../../lib/recording/sound_queue.ts";

const RATE = 8_000;
/** Size of a packet of 20 ms, in bytes. */
const PACKET = 320;

function filled(count: number, gapAt?: number): SoundQueue {
  const queue = new SoundQueue({ rate: RATE, limit: 1e6 });
  for (let i = 0; i < count; i++) queue.offer(packet(i, i !== gapAt));
  return queue;
}

function packet(number: number, continues = true) {
  const samples = new Uint8Array(PACKET).fill(number);
  return { samples, monotonic: number * 20, continues };
}

/** The numbers of the packets in each cluster. */
function numbers(clusters: readonly { samples: Uint8Array }[]): number[][] {
  return clusters.map(({ samples }) =>
    Array.from({ length: samples.length / PACKET }, (_, i) => samples[i * PACKET]!)
  );
}

Deno.test("SoundQueue gathers packets of 100 ms, and keeps the rest back", () => {
  assertEquals(numbers(filled(4).clusters()), []);
  assertFalse(filled(4).hasCluster(Infinity));
  assert(filled(5).hasCluster(81));
  assertFalse(filled(5).hasCluster(80));
  const clusters = filled(12).clusters();
  assertEquals(numbers(clusters), [[0, 1, 2, 3, 4], [5, 6, 7, 8, 9]]);
  assertEquals(clusters.map(({ monotonic }) => monotonic), [0, 100]);
  assertEquals(numbers(filled(6).clusters({ all: true })), [[0, 1, 2, 3, 4], [5]]);
});

Deno.test("SoundQueue ends a cluster at a gap, and before a time", () => {
  assertEquals(numbers(filled(9, 2).clusters()), [[0, 1], [2, 3, 4, 5, 6]]);
  assertEquals(numbers(filled(9).clusters({ until: 60 })), []);
  assertEquals(numbers(filled(9).clusters({ until: 60, all: true })), [[0, 1, 2]]);
  assertEquals(numbers(filled(9).clusters({ until: 61, all: true })), [[0, 1, 2, 3]]);
  assertEquals(numbers(filled(9).clusters({ until: 0, all: true })), []);
});

Deno.test("SoundQueue counts what it has, within its limit", () => {
  const queue = new SoundQueue({ rate: RATE, limit: 3 * PACKET });
  for (let i = 0; i < 3; i++) assert(queue.offer(packet(i)));
  assertFalse(queue.offer(packet(3)));
  queue.remove(1);
  assert(queue.offer(packet(4)));
  assertEquals([queue.length, queue.bytes], [3, 3 * PACKET]);
  assertEquals(queue.removeBefore(80), 2);
  assertEquals(numbers(queue.clusters({ all: true })), [[4]]);
  assertEquals(queue.removeBefore(100), 1);
  assertEquals([queue.length, queue.bytes, queue.removeBefore(100)], [0, 0, 0]);
});
