import type { Bytes } from "../bytes.ts";
import type { Jpeg } from "../frame.ts";
import { BitWriter } from "./bit_writer.ts";
import { type EncodedMcu, MAX_BLOCK_SIZE, writeBlock, writeDifference } from "./encoded_mcu.ts";
import { type EntropyData, hasExtraData, unstuff } from "./entropy_data.ts";
import type { PictureHeader } from "./header_reader.ts";
import { type Encoder, encoderOf } from "./huffman.ts";
import {
  type BlockTables,
  blockTablesOf,
  lastDifference,
  readDc,
  skipAc,
  skipMcus,
} from "./mcu_walk.ts";
import type { Refused } from "./task.ts";

/** Consecutive MCUs that get other contents. */
export interface Run {
  /** Number of the first MCU, row by row. */
  readonly start: number;
  readonly mcus: readonly EncodedMcu[];
}

/** What changes in pictures with a certain header. */
export interface Patches {
  readonly header: PictureHeader;
  /** The header of the result, from SOI to the end of SOS. */
  readonly encoded: Bytes;
  /** The tables for DC coefficients by component: those of the header, maybe with more symbols. */
  readonly encoders: readonly Encoder[];
  /** In the order of their MCUs, with at least one MCU between them. */
  readonly runs: readonly Run[];
  /**
   * Whether all data of a picture are read, and refused if they are damaged anywhere. Otherwise
   * those behind the last run are copied as they are.
   */
  readonly isStrict: boolean;
}

/** What {@link Patcher.patch} returns if the Huffman tables of a picture lack a symbol. */
export const LACKS_SYMBOL: Refused = { refused: "JPEG with Huffman tables that lack a symbol" };

const DAMAGED: Refused = { refused: "damaged JPEG" };
const LENGTH: Refused = { refused: "damaged JPEG: its data end too early, or too late" };
const RESTARTS: Refused = { refused: "damaged JPEG: restart markers are missing or out of order" };

/** Maximum difference of two DC coefficients (ITU-T T.81, F.1.2.1). */
const MAX_DIFFERENCE = 2047;
/**
 * Replaces MCUs of pictures. All coefficients outside of them stay as they are, bit for bit: DC
 * coefficients are coded as differences, so the next MCU gets new ones, and everything else is copied.
 *
 * No bit of the replaced MCUs is in the result, and every decoder finds the others in the same places:
 * the header is encoded anew, codes that decoders understand differently are refused, there is one
 * scan, its restart markers are in order, and nothing follows it.
 */
export class Patcher {
  readonly #writer = new BitWriter(65_536);
  #data: EntropyData | undefined;
  #patches: Patches | undefined;
  #blocks: readonly BlockTables[] = [];
  /** The last DC coefficient of each component, of the camera's picture and of the result. */
  #read = new Int32Array(0);
  #written = new Int32Array(0);
  /** Positions in bits: up to which the camera's data were read, and written. */
  #position = 0;
  #copied = 0;
  /** The next run. */
  #run = 0;
  /** Number of MCUs. */
  #total = 0;

  /** @param from Start of the entropy-coded data in `jpeg`. */
  patch(jpeg: Jpeg, from: number, patches: Patches): Jpeg | Refused {
    const { encoded, header: { baseline } } = patches;
    const data = this.#data = unstuff(jpeg, from, this.#data);
    const total = this.#total = baseline.mcusX * baseline.mcusY;
    const perSegment = baseline.restart || total;
    const segments = Math.ceil(total / perSegment);
    if (data.restarts.length !== segments - 1 || !data.isOrdered) return RESTARTS;
    this.#prepare(patches);
    this.#writer.restart(encoded);
    for (let i = 0; i < segments; i++) {
      if (i > 0) this.#writer.restartMarker(i - 1);
      this.#position = this.#copied = (i > 0 ? data.restarts[i - 1]! : 0) * 8;
      const end = (data.restarts[i] ?? data.length) * 8;
      const next = Math.min(total, (i + 1) * perSegment);
      const refused = this.#patchSegment(i * perSegment, next, end);
      if (refused) return refused;
    }
    return this.#writer.finish();
  }

  #prepare(patches: Patches): void {
    this.#run = 0;
    if (this.#patches?.header !== patches.header) {
      const { components } = patches.header.baseline;
      this.#blocks = blockTablesOf(patches.header.baseline);
      this.#read = new Int32Array(components.length);
      this.#written = new Int32Array(components.length);
    }
    this.#patches = patches;
  }

  /** Patches the MCUs between two restart markers: from `first` to the one before `next`. */
  #patchSegment(first: number, next: number, end: number): Refused | undefined {
    const { runs, isStrict } = this.#patches!;
    let mcu = first;
    this.#read.fill(0);
    for (let run; (run = runs[this.#run]) && run.start < next; this.#run++) {
      const start = Math.max(run.start, first);
      const runEnd = run.start + run.mcus.length;
      const stop = Math.min(runEnd, next);
      if (!this.#skip(start - mcu, end)) return DAMAGED;
      const refused = this.#replace(run, { start, stop, end }) ??
        (stop < next ? this.#resume(end) : undefined);
      if (refused) return refused;
      mcu = stop + 1;
      if (runEnd > next) break; // it continues behind the restart marker
    }
    if (!isStrict && mcu === first) this.#position = end;
    else if (!isStrict && next === this.#total && mcu < next) {
      this.#position = this.#withoutFilling(end);
    } else if (!this.#skip(next - mcu, end) || hasExtraData(this.#data!, this.#position, end)) {
      return LENGTH;
    }
    this.#writer.copy(this.#data!.view, this.#copied, this.#position);
  }

  /** Skips MCUs. @returns False if they are damaged, or exceed `end`. */
  #skip(count: number, end: number): boolean {
    const view = this.#data!.view;
    if (count > 0) {
      this.#position = skipMcus(view, this.#position, this.#blocks, this.#read, { count, end });
    }
    return this.#position >= 0;
  }

  /** Writes MCUs of a run instead of the camera's. */
  #replace(
    { start: runStart, mcus }: Run,
    { start, stop, end }: { start: number; stop: number; end: number },
  ): Refused | undefined {
    const writer = this.#writer, blocks = this.#blocks, written = this.#written;
    const { encoders } = this.#patches!;
    writer.copy(this.#data!.view, this.#copied, this.#position);
    written.set(this.#read);
    if (!this.#skip(stop - start, end)) return DAMAGED;
    this.#copied = this.#position;
    for (let mcu = start; mcu < stop; mcu++) {
      const encoded = mcus[mcu - runStart]!;
      writer.reserve(encoded.length * MAX_BLOCK_SIZE);
      for (let b = 0; b < blocks.length; b++) {
        const { component } = blocks[b]!;
        const block = encoded[b]!;
        const encoder = encoders[component]!;
        if (!writeBlock(writer, block, written[component]!, encoder)) return LACKS_SYMBOL;
        written[component] = block.dc;
      }
    }
  }

  /** Copies the MCU behind a run: the first block of each component gets another difference. */
  #resume(end: number): Refused | undefined {
    const { view } = this.#data!, { encoders } = this.#patches!, writer = this.#writer;
    writer.reserve(this.#blocks.length * 8);
    for (const { component, isFirst, dc, ac } of this.#blocks) {
      const start = this.#position;
      this.#position = readDc(view, start, dc);
      if (this.#position < 0) return DAMAGED;
      this.#read[component]! += lastDifference;
      if (isFirst) {
        writer.copy(view, this.#copied, start);
        const difference = this.#read[component]! - this.#written[component]!;
        if (Math.abs(difference) > MAX_DIFFERENCE) return DAMAGED;
        if (!writeDifference(writer, difference, encoders[component]!)) return LACKS_SYMBOL;
        this.#copied = this.#position;
      }
      this.#position = skipAc(view, this.#position, ac);
      if (this.#position < 0) return DAMAGED;
    }
    if (this.#position > end) return DAMAGED;
  }

  /**
   * Returns where data end that were not read: before the ones that fill their last byte. These can
   * be told from codes if the last block ends with its code for that.
   */
  #withoutFilling(end: number): number {
    const { component } = this.#blocks.at(-1)!;
    const { ta } = this.#patches!.header.baseline.components[component]!;
    const { codes, lengths } = encoderOf(this.#patches!.header.baseline.huffman.get(0x10 | ta)!);
    if (end < 32) return end;
    const last = this.#data!.view.getUint32(end / 8 - 4);
    const code = codes[0]!, length = lengths[0]!;
    const filling = onesAtEnd(last) - onesAtEnd(code);
    const isEndOfBlock = length > 0 && (last >>> filling & (1 << length) - 1) === code;
    return filling >= 0 && filling < 8 && isEndOfBlock ? end - filling : end;
  }
}

/** Returns the number of ones at the end of a value. */
function onesAtEnd(bits: number): number {
  return bits === -1 ? 32 : 31 - Math.clz32(~bits & -~bits);
}
