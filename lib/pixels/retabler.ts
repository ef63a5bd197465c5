import type { Jpeg } from "../frame.ts";
import { STANDARD_TABLES_BY_ID } from "../jpeg/tables.ts";
import type { Baseline } from "./baseline.ts";
import { BitWriter } from "./bit_writer.ts";
import { type EntropyData, hasExtraData, unstuff } from "./entropy_data.ts";
import { encodeHeader } from "./header.ts";
import type { PictureHeader, ReadHeader } from "./header_reader.ts";
import { type Encoder, encoderOf } from "./huffman.ts";
import { type BlockTranscoding, makeTranscoding, recodeMcus } from "./recode_mcus.ts";
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
    const blocks = transcodingsOf(header.baseline);
    const writer = this.#writer;
    writer.restart(standard.encoded);
    const total = mcusX * mcusY, perSegment = restart || total;
    const segments = Math.ceil(total / perSegment);
    if (data.restarts.length !== segments - 1 || !data.isOrdered) return DAMAGED;
    for (let i = 0; i < segments; i++) {
      if (i > 0) writer.restartMarker(i - 1);
      const from = i > 0 ? data.restarts[i - 1]! * 8 : 0;
      const end = (data.restarts[i] ?? data.length) * 8;
      const count = Math.min(perSegment, total - i * perSegment);
      const position = recodeMcus(data.view, from, blocks, writer, { count, end });
      if (position < 0 || hasExtraData(data, position, end)) return DAMAGED;
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

/** Returns how to write each block of an MCU with the standard tables. */
function transcodingsOf({ components, huffman }: Baseline): BlockTranscoding[] {
  return components.flatMap(({ h, v, td, ta }, component) => {
    const table = component === 0 ? 0 : 1;
    const codes = makeTranscoding({
      from: { dc: huffman.get(td)!, ac: huffman.get(0x10 | ta)! },
      to: { dc: ENCODERS[table]!, ac: ENCODERS[2 + table]! },
    });
    return Array<BlockTranscoding>(h * v).fill(codes);
  });
}
