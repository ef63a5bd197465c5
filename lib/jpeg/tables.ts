import type { Bytes } from "../bytes.ts";

/** A Huffman table of a DHT segment (ITU-T T.81, B.2.4.2). */
export interface HuffmanTable {
  /** Class and destination in one byte: 00 and 01 are for DC, 10 and 11 for AC coefficients. */
  readonly id: number;
  /** Number of codes of each length from 1 to 16 bits. */
  readonly counts: Bytes;
  /** Values of the codes, shortest code first. */
  readonly values: Bytes;
}

const DC_VALUES = "000102030405060708090a0b";

/** The tables that nearly every encoder uses (ITU-T T.81, K.3). */
export const STANDARD_TABLES: readonly HuffmanTable[] = [
  table(0x00, "00010501010101010100000000000000", DC_VALUES),
  table(0x01, "00030101010101010101010000000000", DC_VALUES),
  table(
    0x10,
    "0002010303020403050504040000017d",
    "01020300041105122131410613516107227114328191a1082342b1c11552d1f0" +
      "2433627282090a161718191a25262728292a3435363738393a43444546474849" +
      "4a535455565758595a636465666768696a737475767778797a83848586878889" +
      "8a92939495969798999aa2a3a4a5a6a7a8a9aab2b3b4b5b6b7b8b9bac2c3c4c5" +
      "c6c7c8c9cad2d3d4d5d6d7d8d9dae1e2e3e4e5e6e7e8e9eaf1f2f3f4f5f6f7f8f9fa",
  ),
  table(
    0x11,
    "00020102040403040705040400010277",
    "000102031104052131061241510761711322328108144291a1b1c109233352f0" +
      "156272d10a162434e125f11718191a262728292a35363738393a434445464748" +
      "494a535455565758595a636465666768696a737475767778797a828384858687" +
      "88898a92939495969798999aa2a3a4a5a6a7a8a9aab2b3b4b5b6b7b8b9bac2c3" +
      "c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae2e3e4e5e6e7e8e9eaf2f3f4f5f6f7f8f9fa",
  ),
];

/** The {@link STANDARD_TABLES} by their `id`. */
export const STANDARD_TABLES_BY_ID: ReadonlyMap<number, HuffmanTable> = new Map(
  STANDARD_TABLES.map((table) => [table.id, table]),
);

/** The {@link STANDARD_TABLES} as one DHT segment of 420 bytes. */
export const STANDARD_DHT: Bytes = dht(STANDARD_TABLES);

function table(id: number, counts: string, values: string): HuffmanTable {
  return { id, counts: Uint8Array.fromHex(counts), values: Uint8Array.fromHex(values) };
}

function dht(tables: readonly HuffmanTable[]): Bytes {
  const body = tables.flatMap(({ id, counts, values }) => [id, ...counts, ...values]);
  const length = body.length + 2;
  return Uint8Array.of(0xff, 0xc4, length >> 8, length & 0xff, ...body);
}
