import type { HuffmanTable } from "../jpeg/tables.ts";

/**
 * Adds symbols to a Huffman table, with codes of 16 bits behind its last one: the codes that it has
 * stay as they are, and so do data that were encoded with it. Tables made for a single picture
 * usually have room, as they lack the rare symbols.
 *
 * @param symbols The most important ones first: the last ones are left out if there is no room.
 * @returns The same object if nothing was added.
 */
export function extendTable(table: HuffmanTable, symbols: Iterable<number>): HuffmanTable {
  const added: number[] = [];
  let room = roomOf(table);
  for (const symbol of symbols) {
    if (room === 0) break;
    if (table.values.includes(symbol) || added.includes(symbol)) continue;
    added.push(symbol);
    room--;
  }
  if (added.length === 0) return table;
  const counts = Uint8Array.from(table.counts);
  counts[15]! += added.length;
  return { id: table.id, counts, values: Uint8Array.of(...table.values, ...added) };
}

/** Returns how many codes of 16 bits are free, apart from the one of only ones. */
function roomOf({ counts, values }: HuffmanTable): number {
  let code = 0;
  for (const count of counts) code = code * 2 + count;
  return Math.max(0, Math.min(0xffff - code, 256 - values.length, 255 - counts[15]!));
}
