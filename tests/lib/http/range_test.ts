import { assertEquals } from "@std/assert";
import { allowsRange, readRange } from "../../../lib/http/range.ts";

Deno.test("readRange reads a single range of a file with 100 bytes", () => {
  for (
    const [header, expected] of [
      ["bytes=0-99", [0, 100]],
      ["bytes=0-0", [0, 1]],
      ["bytes=10-", [10, 100]],
      ["bytes=99-1000", [99, 100]],
      ["bytes=-1", [99, 100]],
      ["bytes=-1000", [0, 100]],
      ["Bytes= 5-6 ", [5, 7]],
      ["bytes=100-", "unsatisfiable"],
      ["bytes=100-200", "unsatisfiable"],
      ["bytes=-0", "unsatisfiable"],
    ] as const
  ) {
    const [start, end] = expected;
    const range = typeof expected === "string" ? expected : { start, end };
    assertEquals<unknown>(readRange(header, 100), range, header);
  }
});

Deno.test("readRange ignores what is not a single valid range of bytes", () => {
  for (
    const header of [
      ...[undefined, "", "bytes", "bytes=", "bytes=-", "bytes=5-4", "bytes=200-100", "items=0-1"],
      ...["bytes=0-1,5-6", "bytes=a-b", "bytes=1", "bytes=1-2-3"],
    ]
  ) assertEquals(readRange(header, 100), undefined, header);
});

Deno.test("allowsRange compares the whole entity tag", () => {
  assertEquals(allowsRange(undefined, '"a"'), true);
  assertEquals(allowsRange('"a"', '"a"'), true);
  for (const header of ['"b"', 'W/"a"', "a", "Fri, 27 Nov 2026 05:43:33 GMT", ""]) {
    assertEquals(allowsRange(header, '"a"'), false, header);
  }
});
