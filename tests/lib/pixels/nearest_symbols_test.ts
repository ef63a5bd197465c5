import { assertEquals } from "@std/assert";
import { NearestSymbols } from "../../../lib/pixels/nearest_symbols.ts";

Deno.test("NearestSymbols chooses the nearest value with as many zeros before it", () => {
  const nearest = nearestIn([0x02, 0x05]);
  assertEquals(nearest.substitute(0, 12), { value: 16, before: -1 });
  assertEquals(nearest.substitute(0, -9), { value: -3, before: -1 });
  assertEquals(nearest.substitute(0, 100), { value: 31, before: -1 });
  assertEquals(nearest.substitute(0, -1), { value: 0, before: -1 });
});

Deno.test("NearestSymbols writes another coefficient among the zeros if that helps", () => {
  const nearest = nearestIn([0x21, 0x26, 0x52, 0x06]);
  assertEquals(nearest.substitute(5, 40), { value: 40, before: 2 });
  assertEquals(nearest.substitute(5, 100), { value: 63, before: 2 });
  assertEquals(nearest.substitute(5, -4), { value: -3, before: -1 });
  assertEquals(nearest.substitute(3, -40), { value: -40, before: 2 });
});

Deno.test("NearestSymbols leaves out what a table has no similar symbol for", () => {
  const nearest = nearestIn([0x11, 0x08]);
  assertEquals(nearest.substitute(7, 100).value, 0);
  assertEquals(nearest.substitute(0, 3).value, 0);
});

function nearestIn(symbols: number[]): NearestSymbols {
  const lengths = new Uint8Array(256);
  for (const symbol of symbols) lengths[symbol] = 8;
  return new NearestSymbols({ codes: new Uint16Array(256), lengths });
}
