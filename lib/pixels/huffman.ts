import type { HuffmanTable } from "../jpeg/tables.ts";
import { extend } from "./coefficient.ts";

/** Number of bits that are looked up at once. */
export const LOOK = 12;

/** The `advance` of the code that ends a block. */
export const END_OF_BLOCK = 65;

/**
 * What an invalid code means: it takes 16 bits, and the block ends. A decoder that must not accept
 * damaged data compares entries with it.
 */
export const INVALID = 16 | END_OF_BLOCK << 9 | 1 << 16;

/**
 * What the next {@link LOOK} bits mean. An entry has, from its lowest bit: 5 bits for the number of
 * bits to take, 4 bits for how many more belong to the value (0 if the entry has the value), 7 bits
 * for the number of coefficients (65: the block ends), 16 bits for the value. 0: the code is longer
 * than {@link LOOK}, or invalid; see {@link findLong}.
 */
export interface Decoder {
  readonly table: Int32Array;
  /** The entries of the longer codes, by the next 16 bits minus `firstLong`. */
  readonly long: Int32Array;
  /** The first longer code, as 16 bits: codes become larger as they become longer. */
  readonly firstLong: number;
}

/** Makes the decoder of a table. Symbols that a baseline JPEG cannot have are invalid. */
export function makeDecoder({ counts, values }: HuffmanTable, ac: boolean): Decoder {
  const table = new Int32Array(1 << LOOK);
  let long = new Int32Array(0), firstLong = 1 << 16;
  let code = 0, next = 0;
  for (let length = 1; length <= 16; length++) {
    if (length === LOOK + 1) {
      firstLong = code << (16 - length);
      long = new Int32Array((1 << 16) - firstLong).fill(INVALID);
    }
    for (let i = 0; i < counts[length - 1]!; i++, code++) {
      const symbol = values[next++]!;
      if (!isValid(symbol, ac)) continue;
      const size = symbol & 15;
      const advance = !ac ? 1 : symbol === 0 ? END_OF_BLOCK : (symbol >> 4) + 1;
      const plain = length | size << 5 | advance << 9;
      if (length > LOOK) {
        const from = (code << (16 - length)) - firstLong;
        long.fill(plain, from, from + (1 << (16 - length)));
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
  return { table, long, firstLong };
}

/**
 * Whether a baseline JPEG can have a symbol (ITU-T T.81, F.1.2). Decoders understand others
 * differently: a run without a value ends the block in libjpeg, and skips coefficients in ffmpeg.
 */
function isValid(symbol: number, ac: boolean): boolean {
  if (!ac) return symbol <= 11;
  return (symbol & 15) > 0 || symbol === 0 || symbol === 0xf0;
}

/** Returns the entry of a code that is longer than {@link LOOK}, from the next 16 bits. */
export function findLong({ long, firstLong }: Decoder, bits: number): number {
  return bits < firstLong ? INVALID : long[bits - firstLong]!;
}

/** The codes of a table. */
export interface Encoder {
  /** By symbol. */
  readonly codes: Uint16Array;
  /** By symbol; 0 if the table does not have it. */
  readonly lengths: Uint8Array;
}

/** Makes the encoder of a table. */
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

const decoders = new WeakMap<HuffmanTable, Decoder>();
const encoders = new WeakMap<HuffmanTable, Encoder>();

/** Returns the decoder of a table, and the same one for the same object. */
export function decoderOf(table: HuffmanTable, ac: boolean): Decoder {
  let found = decoders.get(table);
  if (!found) decoders.set(table, found = makeDecoder(table, ac));
  return found;
}

/** Returns the encoder of a table, and the same one for the same object. */
export function encoderOf(table: HuffmanTable): Encoder {
  let found = encoders.get(table);
  if (!found) encoders.set(table, found = makeEncoder(table));
  return found;
}
