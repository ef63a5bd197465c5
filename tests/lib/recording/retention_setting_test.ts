import { assertEquals, assertThrows } from "@std/assert";
import { ConfigError } from "../../../lib/errors.ts";
import { readRetention } from "../../../lib/recording/retention_setting.ts";

const read = (text: string) => readRetention({ RETENTION: text }, "RETENTION");
const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

Deno.test("readRetention() reads an age", () => {
  for (
    const [text, maxAge] of [
      ...[["45s", 45_000], ["30m", 30 * MINUTE], ["12h", DAY / 2], ["7d", 7 * DAY]] as const,
      ...[["2w", 14 * DAY], ["1.5d", 1.5 * DAY], [" 7D ", 7 * DAY]] as const,
    ]
  ) {
    assertEquals(read(text), { maxAge, tiers: [] });
  }
  assertEquals(read(""), undefined);
});

Deno.test("readRetention() reads tiers", () => {
  assertEquals(read("10m,7d@1"), { maxAge: 7 * DAY, tiers: [{ after: 10 * MINUTE, fps: 1 }] });
  assertEquals(read("10m, 1d@1, 30d@0.1"), {
    maxAge: 30 * DAY,
    tiers: [{ after: 10 * MINUTE, fps: 1 }, { after: DAY, fps: 0.1 }],
  });
});

Deno.test("readRetention() rejects everything else, and says what is valid", () => {
  for (
    const text of [
      ...["7", "d", "-7d", "0d", "7 days", "7d,", ",7d", "7y", "1e3d", "99999999d"],
      ...["7d@1", "10m,7d", "7d,10m@1", "10m,7d@0", "10m,7d@-1", "10m,7d@0.0001", "10m,7d@241"],
      ...["10m,7d@1,7d@0.5", "10m,1d@1,7d@1", "10m,1d@1,7d@2", "10m@5,7d@1"],
    ]
  ) {
    assertThrows(() => read(text), ConfigError, "Cannot read RETENTION as an age such as", text);
  }
});
