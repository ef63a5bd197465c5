import type { Jpeg } from "../frame.ts";
import { STANDARD_TABLES_BY_ID } from "../jpeg/tables.ts";
import { BitWriter } from "./bit_writer.ts";
import { bitsOf, sizeOf } from "./coefficient.ts";
import { MAX_BLOCK_SIZE, writeDifference } from "./encoded_mcu.ts";
import { type EntropyData, unstuff } from "./entropy_data.ts";
import { encodeHeader } from "./header.ts";
import type { PictureHeader, ReadHeader } from "./header_reader.ts";
import { type Encoder, encoderOf, findLong, INVALID, LOOK } from "./huffman.ts";
import { type BlockTables, blockTablesOf, lastDifference, readDc } from "./mcu_walk.ts";
import type { Refused } from "./task.ts";

/** By class and number of the table: DC for luminance and colour, AC for both. */
const ENCODERS: readonly Encoder[] = [0x00, 0x01, 0x10, 0x11].map((id) =>
  encoderOf(STANDARD_TABLES_BY_ID.get(id)!)
);
const DAMAGED: Refused = { refused: "damaged JPEG" };

/**
 * Replaces the Huffman tables of pictures by the standard tables, which have all symbols. All
 * coefficients stay as they are.
 */
export class Retabler {
  readonly #writer = new BitWriter(65_536);
  #data: EntropyData | undefined;
  #headers = new WeakMap<PictureHeader, PictureHeader>();

  /** Refuses data that are damaged. */
  retable(jpeg: Jpeg, { header, data: from }: ReadHeader): ReadHeader & { jpeg: Jpeg } | Refused {
    const { mcusX, mcusY, restart } = header.baseline;
    const data = this.#data = unstuff(jpeg, from, this.#data);
    const standard = this.#standardHeader(header);
    const blocks = blockTablesOf(header.baseline);
    const writer = this.#writer;
    writer.restart(standard.encoded);
    let pos = 0;
    for (let mcu = 0, segment = 0; mcu < mcusX * mcusY; mcu++) {
      if (restart > 0 && mcu > 0 && mcu % restart === 0) {
        if (segment === data.restarts.length) return DAMAGED;
        writer.restartMarker(segment);
        pos = data.restarts[segment++]! * 8;
      }
      writer.reserve(blocks.length * MAX_BLOCK_SIZE);
      for (const block of blocks) {
        pos = recode(data.view, pos, block, writer);
        if (pos < 0) return DAMAGED;
      }
      if (pos > (data.restarts[segment] ?? data.length) * 8) return DAMAGED;
    }
    return { jpeg: writer.finish(), header: standard, data: standard.encoded.length };
  }

  #standardHeader(header: PictureHeader): PictureHeader {
    let found = this.#headers.get(header);
    if (!found) {
      const components = header.baseline.components.map((component, index) => {
        const table = index === 0 ? 0 : 1;
        return { ...component, td: table, ta: table };
      });
      const baseline = { ...header.baseline, components, huffman: STANDARD_TABLES_BY_ID };
      const encoded = encodeHeader(baseline, header.application);
      this.#headers.set(header, found = { ...header, baseline, encoded });
    }
    return found;
  }
}

/** Writes a block with other codes. @returns The position behind it; -1 if it is damaged. */
function recode(
  view: DataView,
  from: number,
  { component, dc, ac }: BlockTables,
  writer: BitWriter,
): number {
  const table = component === 0 ? 0 : 1;
  const acEncoder = ENCODERS[2 + table]!;
  let pos = readDc(view, from, dc);
  if (pos < 0 || !writeDifference(writer, lastDifference, ENCODERS[table]!)) return -1;
  let k = 1;
  while (k < 64) {
    let bits = view.getUint32(pos >>> 3) << (pos & 7);
    const entry = ac.table[bits >>> (32 - LOOK)]! || findLong(ac, bits >>> 16);
    if (entry === INVALID) return -1;
    pos += entry & 31;
    const advance = entry >> 9 & 127, value = entry >> 16;
    let size = entry >> 5 & 15, rest = 0;
    if (size > 0) {
      bits = view.getUint32(pos >>> 3) << (pos & 7);
      rest = bits >>> (32 - size);
      pos += size;
    } else if (value !== 0) {
      size = sizeOf(value);
      rest = bitsOf(value, size);
    }
    const symbol = advance > 64 ? 0 : advance - 1 << 4 | size;
    if (acEncoder.lengths[symbol] === 0) return -1;
    writer.write(acEncoder.codes[symbol]!, acEncoder.lengths[symbol]!);
    if (size > 0) writer.write(rest, size);
    if (symbol === 0) return pos;
    k += advance;
  }
  return k === 64 ? pos : -1;
}
