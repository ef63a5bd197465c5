import { assert, assertEquals, assertLess } from "@std/assert";
import type { RecordedSound } from "../../../lib/playback/mod.ts";
import { every, Recordings, SOUND_RATE, START } from "./recordings.ts";

/** Number in the samples, which is the time of the cluster in its segment. */
function numberIn({ samples }: RecordedSound): number {
  return new DataView(samples.buffer, samples.byteOffset).getUint16(0, true);
}

/** Reads all sound of a period. */
async function readAll(
  source: { read(from: number, to: number): Promise<RecordedSound | undefined> },
  from: number,
  to: number,
): Promise<[at: number, number: number][]> {
  const found: [number, number][] = [];
  for (let at = from;;) {
    const sound = await source.read(at, to);
    if (!sound) return found;
    assertEquals([sound.rate, sound.samples.length], [SOUND_RATE, SOUND_RATE / 5]);
    found.push([sound.at - START, numberIn(sound)]);
    at = sound.at + 100;
  }
}

Deno.test("a sound cursor reads the sound of a period, across segments", async () => {
  await using recordings = new Recordings();
  const written = { times: every(100, 20), sound: every(100, 20) };
  await recordings.write({ ...written, start: START });
  await recordings.write({ ...written, start: START + 2_000 });
  await recordings.write({ ...written, start: START + 60_000 });
  const library = await recordings.open();
  await using source = library.soundSource("front");
  assertEquals(
    await readAll(source, START + 1_750.4, START + 2_250),
    [[1_700, 1_700], [1_800, 1_800], [1_900, 1_900], [2_000, 0], [2_100, 100], [2_200, 200]],
  );
  assertEquals(await readAll(source, START + 3_898, START + 59_000), [[3_800, 1_800], [
    3_900,
    1_900,
  ]]);
  assertEquals(await source.read(START + 4_000, START + 60_000), undefined);
  assertEquals((await source.read(START + 4_000, START + 60_001))!.at, START + 60_000);
  assertEquals(await source.read(START - 500, START), undefined);
  assertEquals((await source.read(START - 500, START + 1))!.at, START);
});

Deno.test("a sound cursor reads what is being recorded, and keeps one file open", async () => {
  await using recordings = new Recordings();
  const library = await recordings.open();
  const written = { start: START, times: every(100, 20), sound: every(100, 10) };
  const writer = await recordings.writeOpen(written);
  library.add(writer.segment);
  const before = await openFiles();
  {
    await using source = library.soundSource("front");
    const first = await readAll(source, START, START + 5_000);
    assertEquals(first.length, 10);
    assertEquals(await openFiles(), before + 1);
    const samples = new Uint8Array(SOUND_RATE / 5);
    await writer.append([{ samples, at: START + 1_000 }]);
    assertEquals(await readAll(source, START + 1_000, START + 5_000), [[1_000, 0]]);
    await library.replace(writer.segment, (await writer.close())!);
    const rest = await readAll(source, START + 900, START + 5_000);
    assertEquals(rest, [[900, 900], [1_000, 0]]);
    assertLess(await openFiles(), before + 2);
  }
  assertLess(await openFiles(), before + 1);
});

Deno.test("a sound cursor finds nothing in segments without sound, and in deleted ones", async () => {
  await using recordings = new Recordings();
  const written = { times: every(100, 20), sound: every(100, 20) };
  await recordings.write({ times: every(100, 20), start: START });
  await recordings.write({ ...written, start: START + 2_000 });
  const deleted = await recordings.write({ ...written, start: START + 4_000 });
  await recordings.write({ ...written, start: START + 6_000 });
  const library = await recordings.open();
  await using source = library.soundSource("front");
  assertEquals((await readAll(source, START, START + 10_000)).length, 60);
  Deno.removeSync(recordings.path(deleted));
  const found = await readAll(source, START, START + 10_000);
  assert(found.every(([at]) => at < 4_000 || at >= 6_000));
});

Deno.test("damaged sound is passed over", async () => {
  await using recordings = new Recordings();
  const segment = await recordings.write({ start: START, sound: every(100, 10) });
  const library = await recordings.open();
  let damaged: number;
  for await (const { sound } of library.sounds("front", START, START + 5_000)) {
    damaged = sound.offset(4);
  }
  {
    using file = Deno.openSync(recordings.path(segment), { write: true });
    file.seekSync(damaged!, Deno.SeekMode.Start);
    file.writeSync(new Uint8Array(4));
  }
  await using source = library.soundSource("front");
  const found = await readAll(source, START, START + 5_000);
  assertEquals(found.map(([at]) => at), [0, 100, 200, 300, 500, 600, 700, 800, 900]);
});

/** Returns the number of files that this process has open in temporary folders; Linux only. */
async function openFiles(): Promise<number> {
  if (Deno.build.os !== "linux") return 0;
  let count = 0;
  for await (const { name } of Deno.readDir("/proc/self/fd")) {
    const target = await Deno.readLink(`/proc/self/fd/${name}`).catch(() => "");
    if (target.endsWith(".mkv")) count++;
  }
  return count;
}
