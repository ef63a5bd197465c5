import { assert, assertEquals } from "@std/assert";
import { Recorder } from "../../../lib/recording/recorder.ts";
import type { Segment } from "../../../lib/recording/segment.ts";
import { DAY, segmentPath } from "../../../lib/recording/segment_name.ts";
import { MemoryDisk } from "./faulty_disk.ts";
import { FakeCamera } from "./recorder_fixture.ts";
import { Fixture, frames, HOUR, mark, MINUTE, NOW, SECOND } from "./retention_fixture.ts";
import { readFrames, writeSegment } from "./segment_file.ts";
import { makeJpeg } from "./segment_files.ts";

Deno.test("Retention deletes nothing too early, and nothing later than after 70 s", async () => {
  const maxAge = 10 * HOUR;
  await using fixture = await Fixture.open({ retention: { maxAge, tiers: [] } });
  const { clock, memory } = fixture;
  let recorded = 0;
  let deleted = 0;
  let known: readonly Segment[] = [];
  for (let minute = 0; minute < 36 * 60; minute += 10) {
    if (minute === 15 * 60) clock.step = -HOUR; // the clock is set back
    if (minute === 24 * 60) clock.step = +HOUR; // and by two hours forward
    const added = [
      await fixture.record("front", frames(clock.now() - MINUTE)),
      await fixture.record("back", frames(clock.now() - MINUTE + 1)),
    ];
    recorded += added.length;
    known = [...known, ...added];
    for (let step = 0; step < 60; step++) {
      await clock.advance(10 * SECOND);
      if (step === 30) await new Promise((resolve) => setTimeout(resolve, 0)); // ends a batch
    }
    const left = [...await fixture.all("front"), ...await fixture.all("back")];
    const paths = new Set(left.map((segment) => segmentPath("/r", segment)));
    for (const segment of known) {
      if (paths.has(segmentPath("/r", segment))) continue;
      deleted++;
      assert(clock.now() - segment.end > maxAge, "deleted too early");
    }
    // After it was set forward by more than an hour, ages are counted as before for an hour.
    const isWaiting = minute >= 24 * 60 && minute <= 25 * 60;
    for (const { start } of left) {
      assert(
        isWaiting || clock.now() - start <= maxAge + 70 * SECOND,
        `too old: ${(clock.now() - start - maxAge) / 1000} s at ${minute} min`,
      );
    }
    known = left;
  }
  assertEquals(recorded - deleted, known.length);
  assert(deleted > 250 && known.length > 100, `${deleted} deleted, ${known.length} left`);
  assertEquals(memory.used, fixture.library.totalBytes);
  const days = [...memory.folders].filter((folder) => folder.startsWith("/r/front/")).length;
  assert(days <= 3, `${days} days`);
  assertEquals(fixture.log.lines.filter((line) => !line.startsWith("info")), [
    "warn old recordings are kept for an hour more, in case the clock is wrong " +
    '{"reason":"the clock was set forward by 2 h"}',
  ]);
});

Deno.test("Retention deletes many old segments when it starts, and logs their number once", async () => {
  const memory = new MemoryDisk("/r");
  let number = 0;
  for (let at = NOW - 40 * DAY; at < NOW - 30 * DAY; at += 5 * MINUTE) {
    await writeSegment(memory, { camera: "old", number: ++number, frames: frames(at, 1) });
  }
  await writeSegment(memory, { camera: "old", number: ++number, frames: frames(NOW - HOUR, 1) });
  const fixture = new Fixture({ memory, retention: { maxAge: 7 * DAY, tiers: [] } });
  await using _ = fixture;
  await fixture.library.start();
  await fixture.library.loaded;
  let turns = 0;
  const ticking = setInterval(() => turns++, 0);
  fixture.retention.start();
  await fixture.until(() => fixture.log.lines.some((line) => line.includes("deleted")));
  clearInterval(ticking);
  assert(turns > 50, `the event loop was free ${turns} times`);
  const lines = fixture.log.lines.filter((line) => line.includes("deleted"));
  assertEquals(lines.length, 1);
  assert(lines[0]!.startsWith('info old recordings deleted {"segments":2880,"size":'), lines[0]);
  assertEquals((await fixture.all("old")).length, 1);
  await fixture.until(() => memory.folders.size === 3);
  assertEquals([...memory.folders].sort(), ["/r", "/r/old", "/r/old/2026-11-27"]);
  assertEquals(memory.used, fixture.library.totalBytes);
});

Deno.test("Retention removes the folder of a camera that is no longer recorded", async () => {
  const memory = new MemoryDisk("/r");
  for (const camera of ["old", "front", "private"]) {
    await writeSegment(memory, { camera, frames: frames(NOW - 10 * DAY) });
  }
  await (await memory.create("/r/private/holiday.mp4")).append([new Uint8Array(5)]);
  await using fixture = await Fixture.open({ memory, retention: { maxAge: DAY, tiers: [] } });
  await fixture.clock.advance(2 * HOUR);
  assertEquals([...memory.folders].sort(), ["/r", "/r/front", "/r/private"]);
  assertEquals([...memory.files.keys()].sort(), ["/r/.dinocam", "/r/private/holiday.mp4"]);
});

Deno.test("Retention deletes no file that the recorder has not written", async () => {
  const memory = new MemoryDisk("/r");
  await writeSegment(memory, { frames: frames(NOW - 10 * DAY) });
  const foreign = [
    ...["/r/video.mkv", "/r/front/video.mkv", "/r/front/2026-11-17/video.mkv"],
    ...["/r/front/2026-11-17/12-00-00.000Z.mp4", "/r/front/2026-11-16/notes.txt"],
    ...["/r/front/2026-11-17/24-00-00.000Z.mkv", "/r/front/2026-11-17/12-00-00.000.mkv"],
    ...["/r/front/2026-13-01/index.tsv", "/r/front/photos/12-00-00.000Z.mkv"],
    ...["/r/my videos/2026-11-17/12-00-00.000Z.mkv"],
  ];
  for (const folder of ["/2026-11-16", "/2026-13-01", "/photos"]) {
    await memory.makeFolder(`/r/front${folder}`);
  }
  await memory.makeFolder("/r/my videos");
  await memory.makeFolder("/r/my videos/2026-11-17");
  for (const path of foreign) await (await memory.create(path)).append([new Uint8Array(1000)]);
  await using fixture = await Fixture.open({ memory, retention: { maxAge: DAY, tiers: [] } });
  await fixture.clock.advance(2 * HOUR);
  assertEquals(await fixture.all(), []);
  const left = [...memory.files.keys()].filter((path) => path !== "/r/.dinocam");
  assertEquals(
    left.filter((path) => !path.endsWith("2026-11-17/index.tsv")).sort(),
    foreign.sort(),
  );
});

Deno.test("Retention keeps what a mark keeps, and removes marks of days without recordings", async () => {
  const memory = new MemoryDisk("/r");
  const old = NOW - 10 * DAY;
  const kept = await writeSegment(memory, { number: 1, frames: frames(old) });
  await writeSegment(memory, { number: 2, frames: frames(old + 2 * MINUTE) });
  await writeSegment(memory, { number: 3, frames: frames(old + DAY) });
  {
    await using fixture = await Fixture.open({ memory });
    await fixture.marks.add("front", mark(old + 30 * SECOND, { keep: true, before: 5000 }));
    await fixture.marks.add("front", mark(old + DAY));
    await fixture.marks.add("front", mark(old - DAY)); // without a recording
    await fixture.marks.add("front", mark(NOW));
    assertEquals(memory.used, fixture.library.totalBytes);
  }
  await using fixture = await Fixture.open({ memory, retention: { maxAge: DAY, tiers: [] } });
  await fixture.clock.advance(2 * HOUR);
  assertEquals((await fixture.all()).map(({ name }) => name), [kept.name]);
  assertEquals((await readFrames(memory, kept)).length, 3);
  assertEquals((await fixture.marks.list("front", 0, Infinity)).map(({ at }) => at), [
    old + 30 * SECOND,
    NOW,
  ]);
  assertEquals([...memory.folders].sort(), [
    ...["/r", "/r/front", "/r/front/2026-11-17", "/r/front/2026-11-27"],
  ]);
  assertEquals(memory.used, fixture.library.totalBytes);
});

Deno.test("Retention counts the day that a user deletes until a minute later", async () => {
  const memory = new MemoryDisk("/r");
  for (let n = 0; n < 4; n++) {
    await writeSegment(memory, { number: n + 1, frames: frames(NOW - n * DAY - HOUR) });
  }
  await using fixture = await Fixture.open({ memory });
  const { clock, library, marks } = fixture;
  await marks.add("front", mark(NOW - DAY));
  await marks.add("front", mark(NOW));
  assertEquals(library.totalBytes, memory.used);
  memory.removeAll("/r/front/2026-11-26");
  await clock.advance(70 * SECOND);
  assertEquals(library.totalBytes, memory.used);
  assertEquals((await fixture.all()).length, 3);
  assertEquals((await marks.list("front", 0, Infinity)).map(({ at }) => at), [NOW]);
  assertEquals((await marks.list("front", NOW - DAY, NOW - 1)).length, 0);
});

Deno.test("Retention goes on with others when a file cannot be deleted, and logs it once", async () => {
  const memory = new MemoryDisk("/r");
  for (let n = 0; n < 20; n++) {
    const camera = n % 2 ? "front" : "back";
    await writeSegment(memory, { camera, number: n, frames: frames(NOW - 3 * DAY + n * MINUTE) });
  }
  const fixture = new Fixture({ memory, retention: { maxAge: DAY, tiers: [] } });
  await using _ = fixture;
  fixture.disk.onRequest = ({ operation, path }) => {
    if (operation === "remove" && path.startsWith("/r/back")) {
      throw Object.assign(new Error("EACCES: permission denied"), { code: "EACCES" });
    }
  };
  await fixture.library.start();
  fixture.retention.start();
  await fixture.clock.advance(HOUR);
  assertEquals((await fixture.all("front")).length, 0);
  assertEquals((await fixture.all("back")).length, 10);
  assertEquals(fixture.log.lines.filter((line) => line.includes("not deleted")).length, 1);
  fixture.disk.onRequest = () => {};
  await fixture.clock.advance(11 * MINUTE);
  assertEquals((await fixture.all("back")).length, 0);
});

Deno.test("Retention thins segments by their age, and each only once for a tier", async () => {
  const memory = new MemoryDisk("/r");
  const retention = {
    maxAge: 7 * DAY,
    tiers: [{ after: 10 * MINUTE, fps: 1 }, { after: DAY, fps: 0.1 }],
  };
  const at30fps = (at: number) => frames(at, 1500, 40);
  const ages = [3 * DAY, 2 * HOUR, 11 * MINUTE + 5000, 10.9 * MINUTE, 5 * MINUTE];
  for (const [number, age] of ages.entries()) {
    await writeSegment(memory, { number: number + 1, frames: at30fps(NOW - age) });
  }
  await writeSegment(memory, { number: 9, frames: at30fps(NOW - 3 * HOUR) });
  const fixture = new Fixture({ memory, retention });
  await using _ = fixture;
  await fixture.library.start();
  await fixture.marks.add("front", mark(NOW - 3 * HOUR + 5, { keep: true }));
  fixture.retention.start();
  await fixture.pass(9 * SECOND);
  const rates = async () =>
    (await fixture.all()).map(({ number, thinnedTo }) => [number, thinnedTo]);
  assertEquals(await rates(), [
    ...[[1, 0.1], [9, undefined], [2, 1], [3, 1], [4, undefined], [5, undefined]],
  ]);
  await fixture.pass(MINUTE);
  assertEquals((await rates()).at(-2), [4, 1]);
  const renames = fixture.disk.count("rename");
  assertEquals(renames, 4);
  await fixture.clock.advance(3 * MINUTE);
  assertEquals(fixture.disk.count("rename"), renames);
  assertEquals(memory.used, fixture.library.totalBytes);
  for (const segment of await fixture.all()) {
    const stored = await readFrames(memory, segment);
    assertEquals(stored.length, segment.frames);
    assertEquals(stored.at(-1)!.at, segment.end);
  }
  await fixture.clock.advance(DAY);
  await fixture.pass(MINUTE);
  assertEquals((await rates()).slice(2), [[2, 0.1], [3, 0.1], [4, 0.1], [5, 0.1]]);
});

Deno.test("Retention thins what was recorded after the clock was set back", async () => {
  const retention = { maxAge: DAY, tiers: [{ after: 10 * MINUTE, fps: 1 }] };
  await using fixture = await Fixture.open({ retention });
  const { clock } = fixture;
  await fixture.record("front", frames(NOW, 1500, 40));
  await clock.advance(HOUR);
  clock.step = -HOUR;
  await fixture.record("front", frames(NOW + 1, 1500, 40)); // the same minute again
  await clock.advance(15 * MINUTE);
  assertEquals((await fixture.all()).map(({ thinnedTo }) => thinnedTo), [1, 1]);
});

Deno.test("Retention does not report a segment that was deleted before it was thinned", async () => {
  const memory = new MemoryDisk("/r");
  const segment = await writeSegment(memory, { frames: frames(NOW - HOUR, 1500, 40) });
  await writeSegment(memory, { number: 2, frames: frames(NOW - HOUR / 2, 1500, 40) });
  const retention = { maxAge: DAY, tiers: [{ after: 10 * MINUTE, fps: 1 }] };
  await using fixture = new Fixture({ memory, retention });
  await fixture.library.start();
  memory.files.delete(segmentPath("/r", segment));
  fixture.retention.start();
  await fixture.clock.advance(MINUTE);
  assertEquals((await fixture.all()).at(-1)!.thinnedTo, 1);
  assertEquals(fixture.log.lines.filter((line) => line.includes("not thinned")), []);
});

Deno.test("Retention does not try to thin a damaged segment again and again", async () => {
  const memory = new MemoryDisk("/r");
  const segment = await writeSegment(memory, { frames: frames(NOW - HOUR, 1500, 40) });
  await writeSegment(memory, { number: 2, frames: frames(NOW - HOUR / 2, 1500, 40) });
  const retention = { maxAge: DAY, tiers: [{ after: 10 * MINUTE, fps: 1 }] };
  const fixture = new Fixture({ memory, retention });
  await using _ = fixture;
  await fixture.library.start();
  const { bytes } = memory.files.get(segmentPath("/r", segment))!;
  bytes.fill(7, 5000, 50_000);
  fixture.retention.start();
  for (let n = 0; n < 5; n++) {
    fixture.clock.step -= 20 * SECOND; // everything is looked at again
    await fixture.clock.advance(MINUTE);
  }
  assertEquals((await fixture.all()).map(({ thinnedTo }) => thinnedTo), [undefined, 1]);
  assertEquals(fixture.log.lines.filter((line) => line.includes("not thinned")).length, 1);
});

Deno.test("Retention waits with thinning while there is no room", async () => {
  const memory = new MemoryDisk("/r");
  await writeSegment(memory, { frames: frames(NOW - HOUR, 1500, 40) });
  const retention = { maxAge: DAY, tiers: [{ after: 10 * MINUTE, fps: 1 }] };
  const fixture = new Fixture({ memory, retention });
  await using _ = fixture;
  let free = 1e9;
  memory.space = () => Promise.resolve({ free, size: 1e10, freeFiles: Infinity });
  await fixture.library.start();
  await fixture.storage.loaded;
  free = 1e6;
  await fixture.storage.check();
  fixture.retention.start();
  // It is all that there is, so it stays.
  await fixture.clock.advance(MINUTE);
  assertEquals((await fixture.all()).length, 0);
});

Deno.test("Recorders stay within the maximum by a byte, with indexes, marks and thinning", async () => {
  const max = 4_000_000;
  const retention = { maxAge: DAY, tiers: [{ after: 20 * SECOND, fps: 2 }] };
  const fixture = new Fixture({ max, retention });
  const { memory, disk, clock, library, storage, marks, log } = fixture;
  await using _ = fixture;
  let largest = 0;
  disk.onRequest = () => {
    largest = Math.max(largest, memory.used);
    assert(memory.used <= max, `${memory.used} bytes`);
    assert(library.totalBytes <= max, `${library.totalBytes} bytes counted`);
  };
  await library.start();
  fixture.retention.start();
  const cameras = ["front", "back", "door", "yard"].map((name) =>
    Object.defineProperty(new FakeCamera(clock), "name", { value: name })
  );
  const recorders = cameras.map((camera) =>
    new Recorder({
      ...{ camera, root: "/r", disk, library, storage, clock, log },
      isClockSet: () => Promise.resolve(true),
    })
  );
  for (const recorder of recorders) recorder.start();
  let seed = 3;
  const random = (limit: number) => (seed = seed * 48_271 % 2_147_483_647) % limit;
  let frame = 0;
  for (let turn = 0; turn < 8000; turn++) {
    for (const camera of cameras) {
      camera.deliver(makeJpeg({ bytes: 200 + random(2500), number: ++frame }));
    }
    await clock.advance(100);
    if (turn % 50 === 0) await marks.add("front", mark(clock.now()));
  }
  for (const recorder of recorders) {
    const { state, frames, dropped, reason } = recorder.status();
    assertEquals([state, frames, dropped, reason], ["recording", 8000, 0, undefined]);
    await recorder[Symbol.asyncDispose]();
  }
  assert(largest > 0.95 * max, `${largest} bytes used`);
  assert(disk.count("rename") > 10, "nothing was thinned");
  assertEquals(memory.used, library.totalBytes);
  assertEquals(log.lines.filter((line) => line.startsWith("warn")), []);
});
