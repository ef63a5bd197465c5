import { assert, assertEquals } from "@std/assert";
import { indexLine, indexText, parseIndex } from "../../../lib/recording/day_index.ts";
import type { Segment } from "../../../lib/recording/segment.ts";
import { DAY, parseSegmentName, segmentPlace } from "../../../lib/recording/segment_name.ts";
import { SegmentTable } from "../../../lib/recording/segment_table.ts";
import { Random } from "../../random.ts";

const DAY_START = Date.UTC(2026, 10, 27);
const PLACE = { camera: "front", day: "2026-11-27" };

Deno.test("parseIndex reads what indexLine has written", () => {
  const segments = [
    segment({ offset: 12 }),
    segment({ offset: 12, attempt: 2, number: 4_000_000_000 }),
    segment({ offset: DAY - 1, thinnedTo: 0.1, activity: "9-0" }),
    segment({ offset: 3_600_000, thinnedTo: 2, activity: "" }),
    segment({ offset: 7_200_000, bytes: 2 ** 40, activity: "-".repeat(3600) }),
  ].sort((a, b) => a.start - b.start);
  const { table, useless, isWhole } = parse(segments.map(indexLine).join(""));
  assertEquals([table.length, useless, isWhole], [5, 0, true]);
  assertEquals(listed(table), segments);
  assertEquals(indexText(table), segments.map(indexLine).join(""));
});

Deno.test("parseIndex ignores lines that are not valid, and tells how many", () => {
  const line = indexLine(segment({ offset: 12 }));
  const fields = line.trimEnd().split("\t");
  const replacements: [number, string][] = [
    ...["", "film.mkv", "00-00-00.013Z.mkv"].map((value): [number, string] => [0, value]),
    ...["", "-1", "1.5", "x", "5000000000"].map((value): [number, string] => [1, value]),
    ...["", "12", `${DAY_START + 13}`].map((value): [number, string] => [2, value]),
    ...["", "0", `${DAY_START + DAY * 2}`].map((value): [number, string] => [3, value]),
    ...["", "0", "1e3"].map((value): [number, string] => [4, value]),
    ...["", "0", "9999999999999999"].map((value): [number, string] => [5, value]),
    ...["0", "-1", "x"].map((value): [number, string] => [6, value]),
    ...["x", "0 1", "0\t1"].map((value): [number, string] => [7, value]),
  ];
  for (const [field, value] of replacements) {
    const damaged = fields.with(field, value).join("\t");
    const { table, useless } = parse(`${damaged}\n${line}`);
    assertEquals([table.length, useless], [1, 1], damaged);
  }
  const torn = parse(line + line.slice(0, -1));
  assertEquals([torn.table.length, torn.isWhole], [1, false]);
  assertEquals(parse("").isWhole, true);
});

Deno.test("parseIndex takes the last line of a segment", () => {
  const [old, thinned] = [segment({ offset: 12 }), segment({ offset: 12, thinnedTo: 1 })];
  const { table, useless } = parse([old, segment({ offset: 5 }), thinned].map(indexLine).join(""));
  assertEquals(useless, 1);
  assertEquals(listed(table).map(({ thinnedTo }) => thinnedTo), [undefined, 1]);
});

Deno.test("SegmentTable agrees with a sorted list, for random changes", () => {
  const random = new Random(1);
  const table = new SegmentTable(PLACE, DAY_START);
  const expected = new Map<string, Segment>();
  for (let i = 0; i < 2000; i++) {
    const one = segment({
      offset: random.integer(0, 300),
      attempt: random.integer(1, 2),
      number: i,
      activity: `${random.integer(0, 10 ** random.integer(0, 12))}`.replaceAll("5", "-"),
    });
    const name = parseSegmentName(one.name)!;
    if (random.integer(1, 3) > 1) {
      table.put({ ...name, ...one, duration: one.end - one.start, thinnedTo: one.thinnedTo });
      expected.set(one.name, one);
    } else {
      const row = table.find(name);
      assertEquals(row >= 0, expected.delete(one.name));
      if (row >= 0) table.remove(row);
    }
    if (i % 20 > 0) continue;
    const sorted = [...expected.values()].sort((a, b) =>
      a.start - b.start || a.name.length - b.name.length
    );
    assertEquals(listed(table), sorted);
    const from = DAY_START + random.integer(-10, 310);
    const first = sorted.findIndex(({ start }) => start >= from);
    assertEquals(table.firstFrom(from), first < 0 ? sorted.length : first);
  }
});

Deno.test("the segments of a month of four cameras take less than 15 MB", () => {
  let text = "";
  for (let offset = 0; offset < DAY; offset += 60_000) {
    text += indexLine(segment({ offset, activity: "0123456789".repeat(6) }));
  }
  const { table } = parse(text);
  assertEquals(table.length, 1440);
  assert(table.memory * 30 * 4 < 15e6, `${table.memory}`);
});

function segment(
  { offset, attempt = 1, number = 7, bytes = 90_000, activity = "012-", thinnedTo }: {
    offset: number;
    attempt?: number;
    number?: number;
    bytes?: number;
    activity?: string;
    thinnedTo?: number;
  },
): Segment {
  const start = DAY_START + offset;
  const place = segmentPlace("front", start, attempt);
  const common = { ...place, number, start, end: start + 3500, frames: 20, bytes, activity };
  return thinnedTo === undefined ? common : { ...common, thinnedTo };
}

function parse(text: string) {
  return parseIndex(new TextEncoder().encode(text), PLACE, DAY_START);
}

function listed(table: SegmentTable): Segment[] {
  return Array.from({ length: table.length }, (_, i) => table.segment(i));
}
