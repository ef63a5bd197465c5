import { assert, assertEquals, assertLess } from "@std/assert";
import { fittedTable } from "../../../lib/pixels/fitted_table.ts";
import { makeDecoder, makeEncoder } from "../../../lib/pixels/huffman.ts";
import { Random } from "../../random.ts";

Deno.test("fittedTable() gives frequent symbols short codes", () => {
  const { counts, values } = fittedTable(0x10, countsOf({ 1: 100, 2: 50, 3: 25, 4: 1 }));
  assertEquals([...values], [1, 2, 3, 4]);
  assertEquals([...counts].slice(0, 6), [1, 1, 1, 1, 0, 0]);
});

Deno.test("fittedTable() limits codes to 16 bits, and uses none of ones only", () => {
  const random = new Random(16);
  for (let round = 0; round < 300; round++) {
    // Powers of two would need codes of up to 160 bits.
    const steep = round % 3 === 0;
    const size = random.integer(1, 162);
    const counts = countsOf(Object.fromEntries(
      Array.from({ length: size }, (_, i) => [i, steep ? 2 ** (i % 32) : random.integer(1, 1e6)]),
    ));
    const table = fittedTable(0x10, counts);
    assertEquals(table.counts.reduce((sum, number) => sum + number), size);
    const { codes, lengths } = makeEncoder(table);
    // Kraft's sum is below 1: there is room for the code that is not used.
    const kraft = table.counts.reduce((sum, number, i) => sum + number * 2 ** -(i + 1), 0);
    assert(kraft < 1, `${kraft}`);
    for (const symbol of table.values) {
      assert(lengths[symbol]! > 0 && codes[symbol]! < 2 ** lengths[symbol]! - 1);
    }
    makeDecoder(table, true);
  }
});

Deno.test("fittedTable() needs at most one bit per symbol more than the entropy", () => {
  const weights = { 0: 5000, 1: 3000, 2: 900, 17: 800, 33: 500, 240: 20, 3: 7, 4: 1 };
  const { lengths } = makeEncoder(fittedTable(0x10, countsOf(weights)));
  const total = Object.values(weights).reduce((sum, count) => sum + count);
  let bits = 0, entropy = 0;
  for (const [symbol, count] of Object.entries(weights)) {
    bits += count * lengths[Number(symbol)]!;
    entropy -= count * Math.log2(count / total);
  }
  assertLess(bits, entropy + total);
  assertLess(bits, entropy * 1.05);
});

function countsOf(numbers: Record<number, number>): Uint32Array {
  const counts = new Uint32Array(256);
  for (const [symbol, number] of Object.entries(numbers)) counts[Number(symbol)] = number;
  return counts;
}
