import { assert, assertEquals } from "@std/assert";
import {
  CLUSTER_HEADER,
  clusterHeader,
  cuesSize,
  encodeCues,
  encodeHead,
  HEAD_SIZE,
  MAX_HEAD_SIZE,
  readClusterHeader,
  readCues,
  readHead,
  readLiveHead,
  TRACK,
} from "../../../lib/matroska/mod.ts";
import { SEGMENT_DATA } from "../../../lib/matroska/head.ts";
import { readElement } from "../../../lib/matroska/ebml.ts";

const OPTIONS = {
  date: Date.UTC(2026, 10, 27, 5, 43, 33, 123),
  size: { width: 1280, height: 720 },
  writtenBy: "dinocam",
};
const CLOSED = { ...OPTIONS, duration: 59_967, fileSize: 2 ** 40 + 1, cuesAt: 2 ** 40 - 9 };

const SOUND = { ...CLOSED, sound: { rate: 24_000 } };

Deno.test("readHead returns what encodeHead was given", () => {
  const unknown = { duration: 0, fileSize: undefined, cuesAt: undefined };
  const silent = { sound: undefined, length: HEAD_SIZE };
  assertEquals(readHead(encodeHead(OPTIONS)), { ...OPTIONS, ...unknown, ...silent });
  assertEquals(readHead(encodeHead(CLOSED)), { ...CLOSED, ...silent });
  assertEquals(readHead(encodeHead(SOUND)), { ...SOUND, length: MAX_HEAD_SIZE });
});

Deno.test("a live file without pictures has a head that only readLiveHead reads", () => {
  const { date, writtenBy } = OPTIONS;
  const sound = { rate: 24_000 };
  const head = encodeHead({ date, sound });
  const unknown = { duration: 0, fileSize: undefined, cuesAt: undefined };
  const read = { date, writtenBy, sound, size: undefined, ...unknown, length: head.length };
  assertEquals(readLiveHead(head), read);
  assertEquals(readHead(head), undefined);
  assert(head.length < MAX_HEAD_SIZE);
  for (let length = 0; length < head.length; length++) {
    assertEquals(readLiveHead(head.subarray(0, length)), undefined, `${length} bytes`);
  }
  assertEquals(readLiveHead(encodeHead(SOUND)), { ...SOUND, length: MAX_HEAD_SIZE });
});

Deno.test("readHead ignores what follows the head", () => {
  const file = new Uint8Array(MAX_HEAD_SIZE).fill(0xec);
  file.set(encodeHead(CLOSED));
  assertEquals(readHead(file)?.length, HEAD_SIZE);
});

Deno.test("a head has the same size and layout in an open and a complete file", () => {
  for (const options of [OPTIONS, CLOSED, SOUND]) {
    const head = encodeHead(options);
    assertEquals(head.length, options === SOUND ? MAX_HEAD_SIZE : HEAD_SIZE);
    assertEquals(readElement(head, readElement(head, 0)!.end)!.start, SEGMENT_DATA);
  }
});

Deno.test("a live file with a frame rate has a head that only readLiveHead reads", () => {
  const live = encodeHead({ ...SOUND, frameRate: 25 });
  assertEquals(readHead(live), undefined);
  assertEquals(readLiveHead(live), { ...SOUND, length: MAX_HEAD_SIZE + 10 });
  // DefaultDuration (RFC 9559, section 5.1.4.1.13): 40 ms in nanoseconds.
  const element = [0x23, 0xe3, 0x83, 0x86, 0, 0, 0x02, 0x62, 0x5a, 0x00];
  const index = live.findIndex((_, i) => element.every((byte, j) => live[i + j] === byte));
  assert(index > 0);
});

Deno.test("readHead rejects every head that is cut off, and other bytes", () => {
  for (const head of [encodeHead(CLOSED), encodeHead(SOUND)]) {
    for (let length = 0; length < head.length; length++) {
      assertEquals(readHead(head.subarray(0, length)), undefined, `${length} bytes`);
    }
  }
  assertEquals(readHead(new Uint8Array(HEAD_SIZE)), undefined);
  assertEquals(readHead(new Uint8Array(HEAD_SIZE).fill(0xff)), undefined);
});

Deno.test("readHead does not throw for a head with a wrong byte", () => {
  for (let i = 0; i < MAX_HEAD_SIZE; i++) {
    for (const byte of [0, 1, 0x80, 0xff]) {
      const head = encodeHead(SOUND);
      head[i] = byte;
      readHead(head);
    }
  }
});

Deno.test("readClusterHeader returns what clusterHeader was given", () => {
  for (const { time, size } of [{ time: 0, size: 1 }, { time: 2 ** 32 - 1, size: 16 * 2 ** 20 }]) {
    for (const track of [TRACK.VIDEO, TRACK.SOUND]) {
      const header = clusterHeader(time, size, track);
      assertEquals(header.length, CLUSTER_HEADER);
      assertEquals(readClusterHeader(header), { time, size, track });
    }
  }
});

Deno.test("readClusterHeader rejects headers with a wrong byte, except in the time", () => {
  for (let i = 0; i < CLUSTER_HEADER; i++) {
    const header = clusterHeader(70_000, 61_000);
    header[i]! ^= 0x21;
    const isTime = i >= 10 && i < 14;
    assertEquals(readClusterHeader(header) !== undefined, isTime, `byte ${i}`);
  }
  assertEquals(readClusterHeader(clusterHeader(1, 1).subarray(1)), undefined);
});

Deno.test("readCues returns what encodeCues was given", () => {
  const cues = {
    times: Uint32Array.of(0, 33, 2 ** 32 - 1),
    offsets: Float64Array.of(HEAD_SIZE, 2 ** 33 + 5, 2 ** 45),
    tracks: Uint8Array.of(TRACK.VIDEO, TRACK.SOUND, TRACK.VIDEO),
  };
  const bytes = encodeCues(cues);
  assertEquals(bytes.length, cuesSize(3));
  assertEquals(readCues(bytes), cues);
  for (let length = 0; length < bytes.length; length++) {
    assertEquals(readCues(bytes.subarray(0, length)), undefined, `${length} bytes`);
  }
});

Deno.test("a file without frames has no cues", () => {
  assertEquals(encodeCues({ times: new Uint32Array(0), offsets: new Float64Array(0) }).length, 0);
  assertEquals(cuesSize(0), 0);
});
