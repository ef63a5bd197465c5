import { assert, assertEquals, assertRejects } from "@std/assert";
import type { Bytes } from "../../../lib/bytes.ts";
import { CLUSTER_HEADER, clusterHeader, encodeHead, HEAD_SIZE } from "../../../lib/matroska/mod.ts";
import { ActivityMeter } from "../../../lib/recording/activity.ts";
import { repair } from "../../../lib/recording/repair.ts";
import { HeadError, readSegment } from "../../../lib/recording/segment_reader.ts";
import { SegmentWriter } from "../../../lib/recording/segment_writer.ts";
import { FaultyDisk, MemoryDisk } from "./faulty_disk.ts";
import { every, START } from "./recordings.ts";
import { makeJpeg, parseSegment } from "./segment_files.ts";

const PATH = "r/front/2026-11-27/10-00-00.000Z.mkv";
/** Size of a JPEG of the tests, in bytes. */
const JPEG = 90;
const CLUSTER = CLUSTER_HEADER + JPEG;

Deno.test("repair keeps all whole frames, and no half one, of a file cut at any byte", async () => {
  const times = every(100, 5);
  const whole = await unclosed(times);
  for (let size = HEAD_SIZE + 3 * CLUSTER; size <= whole.length; size++) {
    const frames = Math.floor((size - HEAD_SIZE) / CLUSTER);
    const disk = diskWith(whole.subarray(0, size));
    const repaired = await repair(disk, PATH);
    const { head, frames: kept, isComplete } = parseSegment(disk.content(PATH));
    assert(isComplete, `${size} bytes`);
    assertEquals(kept, framesOf(whole, times).slice(0, frames), `${size} bytes`);
    assertEquals(head.duration, times[frames - 1]! + 100);
    assertEquals(repaired?.cut, size - HEAD_SIZE - frames * CLUSTER);
    assertEquals([repaired?.number, repaired?.thinnedTo], [7, undefined]);
  }
});

Deno.test("repair cuts off zeros and garbage behind the last frame", async () => {
  const times = every(100, 5);
  const whole = await unclosed(times);
  const garbage = Uint8Array.from({ length: 5000 }, (_, i) => (i * i * 31 + 7) % 256);
  const tails = [new Uint8Array(5000), garbage, new Uint8Array(1), clusterHeader(900, 4000)];
  tails.push(concat(clusterHeader(400, JPEG), jpegOf(JPEG))); // of an older file
  for (const tail of tails) {
    const disk = diskWith(concat(whole, tail));
    await repair(disk, PATH);
    assertEquals(parseSegment(disk.content(PATH)).frames, framesOf(whole, times));
  }
});

Deno.test("repair cuts at a frame of the last 10 s that is no whole JPEG", async () => {
  const times = every(1000, 30);
  const whole = await unclosed(times);
  for (const [frame, offset, kept] of [[25, JPEG - 1, 25], [25, 0, 25], [29, 1, 29], [5, 0, 30]]) {
    const damaged = whole.slice();
    damaged[HEAD_SIZE + frame! * CLUSTER + CLUSTER_HEADER + offset!] = 0;
    const disk = diskWith(damaged);
    await repair(disk, PATH);
    assertEquals(parseSegment(disk.content(PATH)).frames.length, kept, `frame ${frame}`);
  }
});

Deno.test("repair finds frames that are small or large", async () => {
  for (const bytes of [100, 20_000, 300_000]) {
    const times = every(33, 40);
    const whole = await unclosed(times, bytes);
    const disk = diskWith(whole.subarray(0, whole.length - 1));
    await repair(disk, PATH);
    assertEquals(parseSegment(disk.content(PATH)).frames, framesOf(whole, times).slice(0, 39));
  }
});

Deno.test("repair can be interrupted at any operation, and repeated", async () => {
  const times = every(100, 5);
  const whole = await unclosed(times);
  const torn = whole.subarray(0, whole.length - 3);
  const expected = framesOf(whole, times).slice(0, 4);
  for (let failing = 1;; failing++) {
    const memory = diskWith(torn);
    const disk = new FaultyDisk(memory);
    disk.onRequest = () => {
      if (disk.requests.length === failing) throw new Error("interrupted");
    };
    const isDone = await repair(disk, PATH).then(() => true, () => false);
    if (isDone) {
      assert(failing > 8, "repair makes several operations");
      break;
    }
    disk.onRequest = () => {};
    await repair(disk, PATH);
    assertEquals(parseSegment(memory.content(PATH)).frames, expected, `operation ${failing}`);
  }
});

Deno.test("repair syncs the frames and the cues before it writes the head", async () => {
  const disk = new FaultyDisk(diskWith(await unclosed(every(100, 5))));
  await repair(disk, PATH);
  const operations = disk.requests.map(({ operation }) => operation)
    .filter((operation) => ["append", "sync", "writeAt"].includes(operation));
  assertEquals(operations, ["append", "sync", "writeAt", "sync"]);
});

Deno.test("repair completes a file whose cues were written in part", async () => {
  const times = every(100, 5);
  const whole = await unclosed(times);
  const complete = await closed(times);
  for (let size = whole.length; size < complete.length; size++) {
    // The recorder was killed before it wrote the head.
    const disk = diskWith(concat(whole, complete.subarray(whole.length, size)));
    await repair(disk, PATH);
    assertEquals(disk.content(PATH), complete, `${size} bytes`);
  }
});

Deno.test("repair restores a complete file that was cut off", async () => {
  const times = every(100, 5);
  const complete = await closed(times);
  const disk = diskWith(complete.subarray(0, complete.length - 5));
  await repair(disk, PATH);
  assertEquals(disk.content(PATH), complete);
});

Deno.test("repair does not write to a complete file", async () => {
  const complete = await closed(every(100, 5));
  const disk = new FaultyDisk(diskWith(complete));
  const { bytes, cut, index } = (await repair(disk, PATH))!;
  assertEquals([bytes, cut, index.length], [complete.length, undefined, 5]);
  for (const operation of ["append", "writeAt", "truncate", "remove"] as const) {
    assertEquals(disk.count(operation), 0, operation);
  }
});

Deno.test("repair removes a file without a whole frame", async () => {
  const whole = await unclosed(every(100, 5));
  for (const size of [0, 1, HEAD_SIZE - 1, HEAD_SIZE, HEAD_SIZE + CLUSTER - 1]) {
    const disk = diskWith(whole.subarray(0, size));
    assertEquals(await repair(disk, PATH), undefined);
    assertEquals(disk.files.size, 0, `${size} bytes`);
  }
});

Deno.test("repair leaves files that no recorder has written as they are", async () => {
  const [size, date] = [{ width: 640, height: 480 }, START];
  const foreign = encodeHead({ date, size, writtenBy: "Lavf59.27.100" });
  for (const bytes of [new Uint8Array(5000), concat(foreign, new Uint8Array(99))]) {
    const disk = diskWith(bytes);
    await assertRejects(() => repair(disk, PATH), HeadError);
    assertEquals(disk.content(PATH), bytes);
  }
});

Deno.test("readSegment reads the number and the rate of a thinned segment", async () => {
  const head = { date: START, size: { width: 640, height: 480 }, writtenBy: "dinocam 12 @0.5" };
  const disk = diskWith(concat(encodeHead(head), clusterHeader(0, 4), jpegOf(4)));
  const file = await disk.open(PATH, "read");
  const { number, thinnedTo, index, isComplete } = await readSegment(file);
  assertEquals([number, thinnedTo, index.length, isComplete], [12, 0.5, 1, false]);
});

Deno.test("readSegment walks a complete file whose cues are damaged", async () => {
  const complete = await closed(every(100, 5));
  for (let at = HEAD_SIZE + 5 * CLUSTER; at < complete.length; at++) {
    const damaged = complete.slice();
    damaged[at]! ^= 0x55;
    const { index } = await readSegment(await diskWith(damaged).open(PATH, "read"));
    assertEquals([index.length, index.offset(0)], [5, HEAD_SIZE], `byte ${at}`);
  }
});

/** Returns the file of a segment that is being recorded. */
async function unclosed(times: readonly number[], bytes = JPEG): Promise<Bytes> {
  const { disk, writer } = await record(times, bytes);
  await writer.abandon();
  return disk.content(PATH);
}

async function closed(times: readonly number[]): Promise<Bytes> {
  const { disk, writer } = await record(times, JPEG);
  await writer.close();
  return disk.content(PATH);
}

async function record(times: readonly number[], bytes: number) {
  const disk = new MemoryDisk("r", "r/front", "r/front/2026-11-27");
  const writer = await SegmentWriter.create({
    ...{ disk, root: "r", camera: "front", number: 7, start: START },
    ...{ size: { width: 1280, height: 720 }, activity: new ActivityMeter() },
  });
  await writer.append(
    times.map((time, number) => ({ at: START + time, jpeg: makeJpeg({ bytes, number }) })),
  );
  return { disk, writer };
}

function framesOf(file: Bytes, times: readonly number[]) {
  const { frames } = parseSegment(file);
  assertEquals(frames.map(({ at }) => at - START), times);
  return frames;
}

/** Returns a disk with one file. */
function diskWith(content: Bytes): MemoryDisk {
  const disk = new MemoryDisk("r", "r/front", "r/front/2026-11-27");
  void disk.create(PATH);
  const file = disk.files.get(PATH)!;
  file.resize(content.length);
  file.bytes.set(content);
  return disk;
}

function jpegOf(bytes: number): Bytes {
  const jpeg = new Uint8Array(bytes);
  jpeg.set([0xff, 0xd8]);
  jpeg.set([0xff, 0xd9], bytes - 2);
  return jpeg;
}

function concat(...parts: readonly Bytes[]): Bytes {
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
