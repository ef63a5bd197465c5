import { assertEquals } from "@std/assert";
import { HEAD_SIZE } from "../../../lib/matroska/mod.ts";
import { FileSystemDisk } from "../../../lib/recording/file_system.ts";
import { openFolder } from "../../../lib/recording/folder_lock.ts";
import { Recorder } from "../../../lib/recording/recorder.ts";
import { SegmentLibrary } from "../../../lib/recording/segment_library.ts";
import { StorageLimits } from "../../../lib/recording/storage_limits.ts";
import { settle } from "../../manual_clock.ts";
import { FakeCamera, FakeLog, SettableClock } from "./recorder_fixture.ts";
import { makeJpeg, numberOf, parseSegment } from "./segment_files.ts";

const START = Date.UTC(2026, 10, 27, 5, 43, 50);

Deno.test("Recorder records on the disk of this machine, for the library", async () => {
  const root = await Deno.makeTempDir();
  try {
    const clock = new SettableClock(START);
    const [disk, log, camera] = [new FileSystemDisk(), new FakeLog(), new FakeCamera(clock)];
    using _lock = openFolder(root, { log });
    await using library = new SegmentLibrary({ root, disk, clock, log });
    await library.start();
    const keeps = () => Promise.resolve(false);
    const storage = new StorageLimits({ ...{ root, disk, library, clock, log, keeps }, max: 1e9 });
    await storage.loaded;
    const recorder = new Recorder({
      ...{ camera, root, disk, library, storage, clock, log },
      isClockSet: () => Promise.resolve(true),
    });
    recorder.start();
    for (let number = 1; number <= 200; number++) {
      camera.deliver(makeJpeg({ number, bytes: 20_000 + number * 400 }));
      await clock.advance(100);
      await settle();
    }
    const during = await library.segments("front", 0, Infinity);
    await recorder[Symbol.asyncDispose]();
    const segments = await library.segments("front", 0, Infinity);
    assertEquals(during.length, segments.length);
    assertEquals(segments.map(({ name }) => name), ["05-43-50.000Z.mkv", "05-44-00.000Z.mkv"]);
    const contents = await Promise.all(segments.map(async ({ day, name }) => {
      return parseSegment(await Deno.readFile(`${root}/front/${day}/${name}`));
    }));
    const frames = contents.flatMap(({ frames }) => frames);
    assertEquals(frames.map(({ jpeg }) => numberOf(jpeg)), numbers(200));
    assertEquals(frames.map(({ at }) => at), numbers(200).map((i) => START + (i - 1) * 100));
    await using cursor = library.cursor("front");
    await cursor.seek(START + 12_345, "before");
    assertEquals(numberOf((await cursor.read())!), 124);
    const sizes = segments.map(({ bytes }) => bytes).reduce((sum, bytes) => sum + bytes);
    assertEquals(sizes > HEAD_SIZE && library.extent("front").bytes >= sizes, true);
    assertEquals(log.lines.filter((line) => !line.startsWith("info recording started")), []);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});

function numbers(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i + 1);
}
