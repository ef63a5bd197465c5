import { assert, assertEquals } from "@std/assert";
import type { SegmentLibrary } from "../../../lib/recording/segment_library.ts";
import { DAY } from "../../../lib/recording/segment_name.ts";
import { every, Recordings, START } from "./recordings.ts";

Deno.test("spans do not end at the edge of a segment, but at a gap", async () => {
  await using recordings = new Recordings();
  const starts = [0, 2000, 4000, 7900, 9901, 11_802];
  const written = [];
  for (const start of starts) written.push(await recordings.write({ start: START + start }));
  const library = await recordings.open();
  // 5900 to 7900: 2 s are no gap. 9800 to 11802 would be one, but 9901 to 11801 is recorded.
  assertEquals(await spansOf(library), [[0, 13_702, 120]]);
  await library.remove(written[4]!);
  assertEquals(await spansOf(library), [[0, 9800, 80], [11_802, 13_702, 20]]);
  const { spans } = await library.timeline("front", START, START + 10_000);
  assertEquals(spans.map(({ bytes }) => bytes), [4 * written[0]!.bytes]);
});

Deno.test("spans of rare frames end at a gap of more than five frame intervals", async () => {
  await using recordings = new Recordings();
  const times = [0, 10_000, 20_000];
  for (const start of [0, 70_000, 140_001]) {
    await recordings.write({ start: START + start, times });
  }
  const library = await recordings.open();
  assertEquals(await spansOf(library), [[0, 90_000, 6], [140_001, 160_001, 3]]);
});

Deno.test("spans end at a gap in a segment", async () => {
  await using recordings = new Recordings();
  const times = [...every(100, 31), ...every(100, 50).map((time) => 5500 + time)];
  const { bytes } = await recordings.write({ start: START, times });
  const library = await recordings.open();
  const expected = [[0, 3000, 31], [5500, 10_400, 50]];
  assertEquals(await spansOf(library), expected);
  const { spans } = await library.timeline("front", -Infinity, Infinity);
  assertEquals(spans.reduce((sum, span) => sum + span.bytes, 0), bytes);

  const writer = await recordings.writeOpen({ start: START + 20_000, times });
  library.add(writer.segment);
  assertEquals(await spansOf(library), [
    ...expected,
    ...expected.map(([start, end, frames]) => [start! + 20_000, end! + 20_000, frames]),
  ]);
  await library.remove(writer.segment);
  await writer.abandon();
});

Deno.test("an hour that was recorded twice has two spans, through all segments", async () => {
  await using recordings = new Recordings();
  const minutes = (from: number, to: number) =>
    every(60_000, to - from).map((t) => t + from * 60_000);
  for (const start of [...minutes(0, 60), ...minutes(10, 80).map((time) => time + 4321)]) {
    await recordings.write({ start: START + start, times: every(5000, 12), bytes: 100 });
  }
  const library = await recordings.open();
  assertEquals(await spansOf(library), [
    [0, 59 * 60_000 + 55_000, 60 * 12],
    [604_321, 79 * 60_000 + 59_321, 70 * 12],
  ]);
});

Deno.test("spans overlap a period, and are not cut", async () => {
  await using recordings = new Recordings();
  for (const start of [0, 10_000, 20_000]) await recordings.write({ start: START + start });
  const library = await recordings.open();
  const { spans } = await library.timeline("front", START + 11_000, START + 11_100);
  assertEquals(spans.map(({ start, end }) => [start - START, end - START]), [[10_000, 11_900]]);
  assertEquals((await library.timeline("front", START + 12_000, START + 19_999)).spans, []);
  assertEquals((await library.timeline("back", START, START + 5000)).activity, "------");
});

Deno.test("activity has a digit for each interval, from the start of the period", async () => {
  await using recordings = new Recordings();
  const library = await recordings.open();
  for (const [start, activity] of [[0, "0123456789"], [12_000, "00-7"]] as const) {
    const times = every(1000, activity.length).filter((_, i) => activity[i] !== "-");
    const closed = await recordings.write({ start: START + start, times });
    await library.replace(closed, { ...closed, activity });
  }
  const writer = await recordings.writeOpen({ start: START + 17_000, times: [0, 900, 1500] });
  library.add(writer.segment);
  const within = async (from: number, to: number) => {
    const period = [START + from, START + to] as const;
    const { activity, activityInterval } = await library.timeline("front", ...period);
    return [activity, activityInterval];
  };
  assertEquals(await within(0, 18_999), ["0123456789--00-7-00", 1000]);
  assertEquals(await within(-3000, 4999), ["---01234", 1000]);
  assertEquals(await within(5000, 5999), ["5", 1000]);
  assertEquals(await within(0, 2_999_999), ["2589070" + "-".repeat(993), 3000]);
  const [digits, interval] = await within(0, 30 * DAY) as [string, number];
  assertEquals([digits[0], digits.slice(1).replaceAll("-", "")], ["9", ""]);
  assert(digits.length <= 1000 && digits.length > 990);
  assertEquals(interval % 1000, 0);
  await library.remove(writer.segment);
  await writer.abandon();
});

/** Returns the spans of all recordings: start and end since START, and frames. */
async function spansOf(library: SegmentLibrary): Promise<number[][]> {
  const { spans } = await library.timeline("front", -Infinity, Infinity);
  return spans.map(({ start, end, frames }) => [start - START, end - START, frames]);
}
