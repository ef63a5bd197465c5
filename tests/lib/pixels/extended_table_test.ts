import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import type { Bytes } from "../../../lib/bytes.ts";
import { STANDARD_TABLES } from "../../../lib/jpeg/tables.ts";
import { extendTable } from "../../../lib/pixels/extended_table.ts";
import { fittedTable } from "../../../lib/pixels/fitted_table.ts";
import { makeEncoder } from "../../../lib/pixels/huffman.ts";
import { Random } from "../../random.ts";

const ALL = Array.from({ length: 256 }, (_, symbol) => symbol);

Deno.test("extendTable() adds codes, and leaves those that a table has as they are", () => {
  const random = new Random(7);
  for (let round = 0; round < 200; round++) {
    const counts = new Uint32Array(256);
    for (let i = random.integer(1, 120); i > 0; i--) {
      counts[random.integer(0, 255)] = 2 ** random.integer(0, round % 24);
    }
    const table = fittedTable(0x10, counts);
    const extended = extendTable(table, ALL);
    const before = makeEncoder(table), after = makeEncoder(extended);
    for (const symbol of table.values) {
      assertEquals(after.codes[symbol], before.codes[symbol]);
      assertEquals(after.lengths[symbol], before.lengths[symbol]);
    }
    const added = extended.values.length - table.values.length;
    assertEquals(new Set(extended.values).size, extended.values.length);
    assertEquals(added, Math.min(roomIn(table.counts), 256 - table.values.length));
    assertEquals(extended.counts.reduce((sum, count) => sum + count), extended.values.length);
    for (const symbol of extended.values) {
      const ones = (1 << after.lengths[symbol]!) - 1;
      assert(after.codes[symbol]! < ones, "a code of ones only");
    }
  }
});

Deno.test("extendTable() adds the first symbols where there is no room for all", () => {
  // Codes of 1 to 15 bits leave two codes of 16 bits, and the last one is not used.
  const table = { id: 0, counts: Uint8Array.of(...Array(15).fill(1), 0), values: bytes(0, 15) };
  assertEquals(extendTable(table, [3, 20, 21, 22]).values, Uint8Array.of(...table.values, 20));
  const full = { id: 0, counts: Uint8Array.of(...Array(16).fill(1)), values: bytes(0, 16) };
  assertStrictEquals(extendTable(full, [20]), full);
});

Deno.test("extendTable() returns a table that has all symbols as it is", () => {
  for (const table of STANDARD_TABLES) {
    assertStrictEquals(extendTable(table, [...table.values].reverse()), table);
  }
});

/** Counts the codes of 16 bits behind the last code, but the last one. */
function roomIn(counts: Uint8Array): number {
  return 65_535 - counts.reduce((sum, count, index) => sum + count * 2 ** (15 - index), 0);
}

function bytes(from: number, to: number): Bytes {
  return Uint8Array.from({ length: to - from }, (_, i) => from + i);
}
