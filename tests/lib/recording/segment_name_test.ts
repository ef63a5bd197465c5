import { assertEquals } from "@std/assert";
import {
  DAY,
  dayOf,
  isCameraName,
  isTemporaryName,
  parseDay,
  parseSegmentName,
  segmentName,
  segmentPath,
  segmentPlace,
} from "../../../lib/recording/segment_name.ts";

const START = Date.UTC(2026, 10, 27, 5, 43, 33, 123);

Deno.test("segmentPlace names a segment by its time in UTC", () => {
  const place = segmentPlace("front", START);
  assertEquals(place, { camera: "front", day: "2026-11-27", name: "05-43-33.123Z.mkv" });
  assertEquals(segmentPath("/r", place), "/r/front/2026-11-27/05-43-33.123Z.mkv");
  assertEquals(segmentPlace("front", START, 12).name, "05-43-33.123Z-12.mkv");
  assertEquals(segmentPlace("front", -1), {
    camera: "front",
    day: "1969-12-31",
    name: "23-59-59.999Z.mkv",
  });
});

Deno.test("parseSegmentName reads every name of segmentName", () => {
  for (let offset = 0; offset < DAY; offset += 7_654_321) {
    for (const attempt of [1, 2, 10, 9999]) {
      assertEquals(parseSegmentName(segmentName({ offset, attempt })), { offset, attempt });
    }
  }
  const last = segmentName({ offset: DAY - 1, attempt: 1 });
  assertEquals(parseSegmentName(last), { offset: DAY - 1, attempt: 1 });
});

Deno.test("parseSegmentName rejects other names", () => {
  const names = [
    ...["", ".mkv", "film.mkv", "05-43-33.123Z", "05-43-33.123Z.mkv ", "05-43-33.123Z.MKV"],
    ...["5-43-33.123Z.mkv", "24-00-00.000Z.mkv", "05-60-33.123Z.mkv", "05-43-60.123Z.mkv"],
    ...["05-43-33,123Z.mkv", "05-43-33.123.mkv", "05-43-33.12xZ.mkv", "05_43_33.123Z.mkv"],
    ...["05-43-33.123Z-1.mkv", "05-43-33.123Z-02.mkv", "05-43-33.123Z-.mkv"],
    ...["05-43-33.123Z-10000.mkv", "05-43-33.123Zx.mkv", "05-43-33.123Z.mkv.tmp"],
  ];
  for (const name of names) assertEquals(parseSegmentName(name), undefined, name);
});

Deno.test("parseDay rejects names that are no day", () => {
  assertEquals(parseDay("2026-11-27"), Date.UTC(2026, 10, 27));
  assertEquals(dayOf(START), "2026-11-27");
  for (const name of ["2026-02-30", "2026-13-01", "2026-1-1", "26-11-27", "2026-11-27 ", ".."]) {
    assertEquals(parseDay(name), undefined, name);
  }
});

Deno.test("isTemporaryName recognizes the files of thinning only", () => {
  assertEquals(isTemporaryName("05-43-33.123Z.mkv.tmp"), true);
  for (const name of ["05-43-33.123Z.mkv", "x.tmp", ".tmp", "film.mkv.tmp"]) {
    assertEquals(isTemporaryName(name), false, name);
  }
});

Deno.test("isCameraName rejects names that no camera has", () => {
  for (const name of ["front", "Cam-2", "v4l2", "a_b"]) assertEquals(isCameraName(name), true);
  for (const name of ["", ".dinocam", "..", "a b", "lost+found", "x".repeat(65)]) {
    assertEquals(isCameraName(name), false, name);
  }
});
