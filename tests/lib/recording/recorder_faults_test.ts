import { assert, assertEquals, assertGreater, assertLess, assertMatch } from "@std/assert";
import { MemoryLimit } from "../../../lib/recording/memory_limit.ts";
import { repair } from "../../../lib/recording/repair.ts";
import { settle } from "../../manual_clock.ts";
import { DiskError, type Operation } from "./faulty_disk.ts";
import { Fixture, ROOT } from "./recorder_fixture.ts";

const MIB = 1024 * 1024;

for (
  const [code, operations, reason] of [
    ["ENOSPC", ["append", "create"], /^The disk is full; delete files, or lower RECORD_MAX$/],
    ["EDQUOT", ["append", "create"], /^The disk quota is used up; /],
    ["EROFS", ["append", "writeAt", "truncate", "sync", "create"], /^The disk is read-only; /],
    ["EIO", ["append", "writeAt", "sync", "create"], /^The disk reports an input\/output error; /],
    ["EIO", ["sync"], /^The disk reports an input\/output error; /],
    ["EIO", ["sync", "close"], /^The disk reports an input\/output error; /],
    ["EIO", ["append", "syncFolder"], /^The disk reports an input\/output error; /],
    ["EACCES", ["append", "create", "makeFolder"], /^Writing to RECORD_DIR is not permitted; /],
    ["ENODEV", ["append", "stat", "create"], /^The disk is gone; /],
    ["EBADMSG", ["append"], /^Cannot write to RECORD_DIR: EBADMSG/],
  ] as [string, Operation[], RegExp][]
) {
  const name = `${code} of ${operations.join(", ")}`;

  Deno.test(`Recorder pauses after ${name}, and goes on by itself without losing a frame`, async () => {
    await using fixture = new Fixture();
    const { recorder, disk, log } = fixture;
    recorder.start();
    await fixture.deliver(25);
    disk.fail(code, ...operations);
    await fixture.deliver(50);
    const { state, reason: told, dropped } = recorder.status();
    assertEquals([state, dropped], ["paused", 0]);
    assertMatch(told!, reason);
    disk.recover();
    await fixture.deliver(100);
    assertEquals([recorder.status().state, recorder.status().dropped], ["recording", 0]);
    await fixture.stop();
    assertEquals(fixture.storage.reserved, sizeOfAll(fixture));
    assertEquals(await repaired(fixture), fixture.all);
    assertEquals(disk.openFiles, 0);
    assertEquals(count(log.lines, "recording paused"), 1);
    assertEquals(count(log.lines, "recording resumed"), 1);
    assertEquals(fixture.library.open, []);
  });

  Deno.test(`Recorder drops frames during a long ${name}, and says how many`, async () => {
    await using fixture = new Fixture();
    const { recorder, disk, log } = fixture;
    recorder.start();
    await fixture.deliver(25);
    disk.fail(code, ...operations);
    await fixture.deliver(300, { interval: 1_000 });
    assertEquals(recorder.status().state, "paused");
    disk.recover();
    await fixture.deliver(20, { interval: 1_000 });
    const { state, frames, dropped } = recorder.status();
    assertEquals(state, "recording");
    await fixture.stop();
    assertEquals(fixture.storage.reserved, sizeOfAll(fixture));
    const numbers = await repaired(fixture);
    assertEquals(numbers.length, frames);
    assertEquals(frames + dropped, fixture.delivered);
    assertGreater(dropped, 200);
    assertEquals(numbers.slice(-10), fixture.all.slice(-10));
    assertEquals(numbers, [...new Set(numbers)].sort((a, b) => a - b));
    assertEquals(count(log.lines, "recording paused"), 1);
    assertEquals([disk.openFiles, fixture.library.open.length], [0, 0]);
  });
}

Deno.test("Recorder retries after 1, 2, 5 and 10 s, and then every 10 s", async () => {
  await using fixture = new Fixture();
  fixture.recorder.start();
  await fixture.deliver(1);
  fixture.disk.fail("EROFS", "append", "create", "writeAt");
  const attempts: number[] = [];
  fixture.disk.onRequest = ({ operation }) => {
    if (operation === "truncate") attempts.push(fixture.clock.monotonic());
  };
  const start = fixture.clock.monotonic();
  await fixture.deliver(600);
  assertEquals(attempts.map((at) => Math.round((at - start) / 1000)), [
    0,
    1,
    3,
    8,
    18,
    28,
    38,
    48,
    58,
  ]);
});

Deno.test("Recorder retries after 1 s again, once recording has worked", async () => {
  await using fixture = new Fixture();
  const { disk, recorder } = fixture;
  recorder.start();
  for (let i = 0; i < 3; i++) {
    await fixture.deliver(20);
    disk.fail("EIO", "append", "create");
    await fixture.deliver(2);
    assertEquals(recorder.status().state, "paused");
    disk.recover();
    await fixture.deliver(12);
    assertEquals(recorder.status().state, "recording");
  }
});

Deno.test("Recorder does not write to a folder without the marker", async () => {
  await using fixture = new Fixture();
  const { recorder, memory } = fixture;
  memory.files.delete(`${ROOT}/.dinocam`);
  recorder.start();
  await fixture.deliver(20);
  assertEquals([recorder.status().state, fixture.names], ["paused", []]);
});

Deno.test("Recorder keeps whole frames only when the disk gets full, and closes the segment later", async () => {
  for (let room = 0; room < 6_200; room += 97) {
    await using fixture = new Fixture();
    const { recorder, memory } = fixture;
    recorder.start();
    await fixture.deliver(5);
    memory.size = memory.used + room;
    await fixture.deliver(5);
    assertEquals(recorder.status().state, "paused");
    memory.size = Infinity;
    await fixture.deliver(60);
    assertEquals(recorder.status().state, "recording");
    await fixture.stop();
    assertEquals(fixture.numbers, fixture.all);
    assert(fixture.contents.every(({ isComplete }) => isComplete));
  }
});

Deno.test("Recorder asks the storage for space when the disk is full", async () => {
  await using fixture = new Fixture();
  let asked = 0;
  Object.assign(fixture.storage, { noSpace: () => asked++ });
  fixture.recorder.start();
  await fixture.deliver(5);
  fixture.memory.size = fixture.memory.used;
  await fixture.deliver(2);
  assertEquals(asked, 1);
});

Deno.test("Recorder begins another segment after a failed sync", async () => {
  await using fixture = new Fixture();
  const { disk } = fixture;
  fixture.recorder.start();
  await fixture.deliver(15);
  let failures = 1;
  disk.onRequest = ({ operation }) => {
    if (operation === "sync" && failures-- > 0) throw new DiskError("EIO");
  };
  await fixture.deliver(50);
  await fixture.stop();
  assertEquals(fixture.names.length, 2);
  assertEquals(fixture.numbers, fixture.all);
  assert(fixture.contents.every(({ isComplete }) => isComplete));
});

Deno.test("Recorder does not create RECORD_DIR when it is gone, and goes on when it is back", async () => {
  await using fixture = new Fixture();
  const { recorder, memory } = fixture;
  recorder.start();
  await fixture.deliver(25);
  const saved = new Map(memory.files);
  memory.removeAll(ROOT);
  await fixture.deliver(200);
  assertEquals(recorder.status().state, "paused");
  assertMatch(recorder.status().reason!, /^The folder RECORD_DIR is gone, or on another disk; /);
  assertEquals([memory.folders.size, memory.files.size], [0, 0]);
  memory.folders.add(ROOT);
  memory.files.set(`${ROOT}/.dinocam`, saved.get(`${ROOT}/.dinocam`)!);
  await fixture.deliver(150);
  assertEquals(recorder.status().state, "recording");
});

Deno.test("Recorder writes nothing when another disk is in the place of RECORD_DIR", async () => {
  await using fixture = new Fixture();
  const { recorder, memory } = fixture;
  recorder.start();
  await fixture.deliver(5);
  memory.removeAll(`${ROOT}/front`);
  memory.device = 2;
  const marker = memory.files.get(`${ROOT}/.dinocam`)!;
  marker.modified = 3_000;
  await fixture.deliver(200);
  assertEquals([recorder.status().state, fixture.names], ["paused", []]);
  marker.modified = 0; // the disk is back, with another number
  await fixture.deliver(150);
  assertEquals(recorder.status().state, "recording");
});

Deno.test("Recorder closes a file once, also if it has no frame and cannot be removed", async () => {
  await using fixture = new Fixture();
  const { disk, recorder } = fixture;
  disk.fail("EIO", "syncFolder", "remove"); // after the head has been written
  recorder.start();
  await fixture.deliver(30);
  disk.recover();
  await fixture.deliver(30);
  await fixture.stop();
  assertEquals(disk.openFiles, 0);
  assertEquals((await repaired(fixture)).length, 60);
});

Deno.test("Recorder begins another segment when a user removes the present one", async () => {
  await using fixture = new Fixture();
  const { recorder, memory, log, library } = fixture;
  recorder.start();
  await fixture.deliver(15);
  memory.removeAll(`${ROOT}/front`);
  await fixture.deliver(150);
  assertEquals(recorder.status().state, "recording");
  assertEquals([fixture.names.length, library.open.length], [1, 1]);
  assertEquals(count(log.lines, "file of the recording is gone"), 1);
  await fixture.stop();
  const { bytes } = library.closed[0]!;
  assertEquals(fixture.storage.reserved, bytes);
});

for (const operation of ["append", "sync", "create", "syncFolder"] as const) {
  Deno.test(`Recorder loses no frame when ${operation} hangs for 6 s, and says so`, async () => {
    await using fixture = new Fixture({ startedAt: Date.UTC(2026, 10, 27, 5, 43, 55) });
    const { recorder, disk, log } = fixture;
    recorder.start();
    await fixture.deliver(45);
    disk.hang(operation);
    await fixture.deliver(50); // the minute passes, for `create`
    await fixture.deliver(15);
    const { state, reason } = recorder.status();
    assertEquals([state, reason], [
      "paused",
      "The disk does not respond; check it, its connection, and the load of this machine",
    ]);
    disk.recover();
    await fixture.deliver(20);
    assertEquals([recorder.status().state, recorder.status().dropped], ["recording", 0]);
    await fixture.stop();
    assertEquals(fixture.numbers, fixture.all);
    assertEquals(count(log.lines, "recording resumed"), 1);
  });
}

Deno.test("Recorder holds at most 32 MiB while the disk hangs, and counts what it drops", async () => {
  await using fixture = new Fixture();
  const { recorder, disk } = fixture;
  recorder.start();
  await fixture.deliver(5);
  disk.hang("append");
  await fixture.deliver(100, { bytes: MIB });
  const { state, dropped } = recorder.status();
  assertEquals([state, dropped], ["paused", 68]);
  await fixture.clock.advance(3_600_000);
  assertEquals(recorder.status().dropped, 68);
  disk.recover();
  await fixture.clock.advance(10);
  await fixture.deliver(5);
  assertEquals(recorder.status().state, "recording");
  await fixture.stop();
  assertEquals(fixture.numbers, fixture.all.filter((n) => n <= 37 || n > 105));
});

Deno.test("Recorder holds no more than a memory limit that others use, too, and gives it back", async () => {
  const memory = new MemoryLimit(2_000_000);
  await using test = new Fixture({ memory });
  test.recorder.start();
  await test.deliver(3);
  assertEquals(memory.bytes, 0);
  test.disk.hang("append");
  memory.take(1_000_000); // by another recorder
  await test.deliver(20, { bytes: 100_000 });
  assertEquals(memory.bytes, 2_000_000);
  await test.stop();
  assertEquals(memory.bytes, 2_000_000); // the disk may still need them
  const { dropped } = test.recorder.status();
  assertEquals(dropped, 20);
  test.disk.recover();
  await settle();
  await test.clock.advance(1_000);
  assertEquals(memory.bytes, 1_000_000);
});

Deno.test("Recorder gives back the memory of frames that it cannot write at its end", async () => {
  const memory = new MemoryLimit(2_000_000);
  await using test = new Fixture({ memory });
  test.recorder.start();
  await test.deliver(3);
  test.disk.fail("EIO", "append");
  await test.deliver(5, { bytes: 100_000 });
  assertEquals(memory.bytes, 500_000);
  await test.stop();
  assertEquals([memory.bytes, test.recorder.status().dropped], [0, 5]);
});

Deno.test("Recorder says that the disk is too slow while it drops frames", async () => {
  await using fixture = new Fixture();
  const { recorder, disk, clock } = fixture;
  disk.onRequest = ({ operation }) => operation === "append" ? clock.sleep(2_000) : undefined;
  recorder.start();
  await fixture.deliver(60, { bytes: MIB });
  await fixture.deliver(60, { bytes: MIB });
  const { state, reason, dropped } = recorder.status();
  assertEquals(state, "paused");
  assertEquals(
    reason,
    "The disk is too slow: frames are dropped; lower RECORD_FPS, or use a faster disk",
  );
  assertGreater(dropped, 0);
  disk.onRequest = () => {};
  await clock.advance(3_000);
  await fixture.deliver(100);
  assertEquals(recorder.status().state, "recording");
  await fixture.stop();
  assertEquals(fixture.numbers.length, recorder.status().frames);
  assertEquals(recorder.status().frames + recorder.status().dropped, fixture.delivered);
});

Deno.test("Recorder loses nothing when any one operation fails once", async () => {
  const total = await countRequests();
  assertGreater(total, 60);
  for (let failing = 1; failing <= total; failing++) {
    await using fixture = new Fixture({ startedAt: Date.UTC(2026, 10, 27, 5, 43, 55) });
    let requests = 0;
    fixture.disk.onRequest = () => {
      if (++requests === failing) throw new DiskError("EIO");
    };
    fixture.recorder.start();
    await fixture.deliver(100);
    await fixture.stop();
    if (requests < failing) break;
    const isAtEnd = failing > requests - 8; // at shutdown a retry would take too long
    if (!isAtEnd) assertEquals(await repaired(fixture), fixture.all, `request ${failing}`);
    assertEquals(fixture.disk.openFiles, 0, `request ${failing}`);
  }

  async function countRequests(): Promise<number> {
    await using fixture = new Fixture({ startedAt: Date.UTC(2026, 10, 27, 5, 43, 55) });
    fixture.recorder.start();
    await fixture.deliver(100);
    await fixture.stop();
    return fixture.disk.requests.length;
  }
});

Deno.test("Recorder.offer returns at once and throws nothing, whatever the disk does", async () => {
  await using fixture = new Fixture();
  fixture.recorder.start();
  fixture.disk.onRequest = () => {
    throw new TypeError("broken");
  };
  const start = performance.now();
  await fixture.deliver(200, { bytes: 100 });
  assertLess((performance.now() - start) / 200, 5);
  assertEquals(fixture.recorder.status().state, "paused");
  assertMatch(fixture.recorder.status().reason!, /^Cannot write to RECORD_DIR: broken/);
  await settle();
});

/** Numbers of all frames in all files, after those that were not closed have been repaired. */
async function repaired(fixture: Fixture): Promise<number[]> {
  for (const name of fixture.names) await repair(fixture.memory, `${ROOT}/front/${name}`);
  assert(fixture.contents.every(({ isComplete }) => isComplete));
  return fixture.numbers;
}

/** Size of all segments as the library has it. */
function sizeOfAll({ library }: Fixture): number {
  return library.closed.reduce((sum, { bytes }) => sum + bytes, 0);
}

function count(lines: readonly string[], text: string): number {
  return lines.filter((line) => line.includes(text)).length;
}
