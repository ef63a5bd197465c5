import type { HuffmanTable } from "../jpeg/tables.ts";

/** How many bits are looked up at once. */
export const LOOK = 12;

/**
 * What the next {@link LOOK} bits mean. An entry has, from its lowest bit: 5 bits how many bits to take, 4 bits
 * how many more belong to the value (0 if it is in the entry), 7 bits how many coefficients it is long (65: the
 * block ends), 16 bits the value. 0: the code is longer than {@link LOOK}.
 */
export interface Decoder {
  readonly table: Int32Array;
  /** Of 16 bits each: the code and its value, for the long ones. */
  readonly long: { readonly code: number; readonly length: number; readonly entry: number }[];
}

function extend(bits: number, size: number): number {
  return bits < 1 << (size - 1) ? bits - (1 << size) + 1 : bits;
}

export function makeDecoder({ counts, values }: HuffmanTable, ac: boolean): Decoder {
  const table = new Int32Array(1 << LOOK);
  const long: Decoder["long"] = [];
  let code = 0, next = 0;
  for (let length = 1; length <= 16; length++) {
    for (let i = 0; i < counts[length - 1]!; i++, code++) {
      const symbol = values[next++]!;
      const size = symbol & 15;
      const advance = !ac ? 1 : symbol === 0xf0 ? 16 : size === 0 ? 65 : (symbol >> 4) + 1;
      const plain = length | size << 5 | advance << 9;
      if (length > LOOK) {
        long.push({ code: code << (16 - length), length, entry: plain });
        continue;
      }
      const spare = LOOK - length;
      for (let rest = 0; rest < 1 << spare; rest++) {
        const index = code << spare | rest;
        if (size === 0 || size > spare) table[index] = plain;
        else {
          const value = extend(rest >> (spare - size), size);
          table[index] = (length + size) | advance << 9 | value << 16;
        }
      }
    }
    code <<= 1;
  }
  return { table, long };
}

/** The entry of a code that is longer than {@link LOOK}, from the next 16 bits. */
export function findLong({ long }: Decoder, bits: number): number {
  for (const { code, length, entry } of long) {
    if (bits >> (16 - length) === code >> (16 - length)) return entry;
  }
  return 16 | 65 << 9; // broken data: the block ends
}

export interface Encoder {
  /** By symbol. A length of 0: the table has no such symbol. */
  readonly codes: Uint16Array;
  readonly lengths: Uint8Array;
}

export function makeEncoder({ counts, values }: HuffmanTable): Encoder {
  const codes = new Uint16Array(256), lengths = new Uint8Array(256);
  let code = 0, next = 0;
  for (let length = 1; length <= 16; length++) {
    for (let i = 0; i < counts[length - 1]!; i++) {
      const symbol = values[next++]!;
      codes[symbol] = code++;
      lengths[symbol] = length;
    }
    code <<= 1;
  }
  return { codes, lengths };
}

const decoders = new Map<string, Decoder>();

/** The same decoder for the same table: a camera's tables are alike in all its pictures. */
export function decoderOf(spec: HuffmanTable, ac: boolean): Decoder {
  const key = `${ac} ${spec.counts} ${spec.values}`;
  let found = decoders.get(key);
  if (!found) decoders.set(key, found = makeDecoder(spec, ac));
  return found;
}
