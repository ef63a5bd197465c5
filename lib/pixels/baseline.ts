import type { Bytes } from "../bytes.ts";
import type { Jpeg } from "../frame.ts";
import { isFrameHeader, type Segment, segments } from "../jpeg/segments.ts";
import type { HuffmanTable } from "../jpeg/tables.ts";
import type { Refused } from "./task.ts";

/** Maximum number of pixels of a picture that is processed. */
export const MAX_PIXELS = 1 << 26;
/** Maximum number of blocks in an MCU (ITU-T T.81, B.2.3). */
const MAX_BLOCKS = 10;

/** A component of a picture: luminance, or one of two for colour. */
export interface Component {
  readonly id: number;
  /** Blocks of an MCU, across and down. */
  readonly h: number;
  readonly v: number;
  /** Numbers of its tables: quantization, DC and AC. */
  readonly tq: number;
  readonly td: number;
  readonly ta: number;
}

/** The header of a baseline JPEG whose only scan has all components. */
export interface Baseline {
  readonly width: number;
  readonly height: number;
  readonly components: readonly Component[];
  /** Quantization tables by number, in zigzag order. */
  readonly quantization: readonly (Uint16Array | undefined)[];
  /** Huffman tables by their `id`. */
  readonly huffman: ReadonlyMap<number, HuffmanTable>;
  /** Number of MCUs between two restart markers; 0 without markers. */
  readonly restart: number;
  /** Where the entropy-coded data begins. */
  readonly data: number;
  /** Size of an MCU in pixels, and their numbers. */
  readonly mcuWidth: number;
  readonly mcuHeight: number;
  readonly mcusX: number;
  readonly mcusY: number;
}

/**
 * Reads the header of a JPEG: sequential, 8 bits, Huffman coding, one scan with one or three
 * components. Refuses everything else, and tables that decoders may understand differently.
 *
 * @param parts The segments of `jpeg`, if they have been read already.
 */
export function readBaseline(
  jpeg: Jpeg,
  parts: Iterable<Segment> = segments(jpeg),
): Baseline | Refused {
  const quantization: (Uint16Array | undefined)[] = [];
  const huffman = new Map<number, HuffmanTable>();
  let frame: Frame | undefined;
  let restart = 0;
  for (const { marker, start, end } of parts) {
    const body = jpeg.subarray(start + 4, end);
    if (marker === 0xdb) {
      if (!readQuantization(body, quantization)) return BROKEN;
    } else if (marker === 0xc4) {
      if (!readHuffman(body, huffman)) return BROKEN;
    } else if (marker === 0xdd) {
      if (body.length !== 2) return BROKEN;
      restart = body[0]! << 8 | body[1]!;
    } else if (isFrameHeader(marker)) {
      if (frame) return { refused: "JPEG with two frame headers" };
      const read = readFrame(marker, body);
      if ("refused" in read) return read;
      frame = read;
    } else if (marker === 0xda) {
      if (!frame) return BROKEN;
      const components = readScan(body, frame.components);
      if ("refused" in components) return components;
      const isComplete = components.every(({ tq, td, ta }) =>
        quantization[tq] && huffman.has(td) && huffman.has(0x10 | ta)
      );
      if (!isComplete) return { refused: "JPEG without its tables" };
      const mcuWidth = 8 * Math.max(...components.map(({ h }) => h));
      const mcuHeight = 8 * Math.max(...components.map(({ v }) => v));
      const { width, height } = frame;
      const [mcusX, mcusY] = [Math.ceil(width / mcuWidth), Math.ceil(height / mcuHeight)];
      const mcu = { mcuWidth, mcuHeight, mcusX, mcusY };
      return { width, height, components, quantization, huffman, restart, data: end, ...mcu };
    }
  }
  return BROKEN;
}

const BROKEN: Refused = { refused: "damaged JPEG" };

type Frame = Pick<Baseline, "width" | "height" | "components">;

function readFrame(marker: number, body: Bytes): Frame | Refused {
  if (marker === 0xc2) return { refused: "progressive JPEG" };
  if (marker > 0xc8) return { refused: "JPEG with arithmetic coding" };
  if (marker > 0xc1) return { refused: "lossless or hierarchical JPEG" };
  if (body.length < 6) return BROKEN;
  if (body[0] !== 8) return { refused: `JPEG of ${body[0]} bits` };
  const height = body[1]! << 8 | body[2]!, width = body[3]! << 8 | body[4]!;
  if (height === 0) return { refused: "JPEG without its height" };
  const count = body[5]!;
  if (width === 0 || body.length !== 6 + 3 * count) return BROKEN;
  if (width * height > MAX_PIXELS) return { refused: `JPEG of ${width}x${height} pixels` };
  if (count !== 1 && count !== 3) return { refused: `JPEG with ${count} components` };
  const components = Array.from({ length: count }, (_, i) => {
    const [id, sampling, tq] = body.subarray(6 + 3 * i) as unknown as [number, number, number];
    return { id, h: sampling >> 4, v: sampling & 15, tq, td: 0, ta: 0 };
  });
  const isValid = components.every(({ h, v, tq }) => isFactor(h) && isFactor(v) && tq <= 3);
  return isValid ? { width, height, components } : BROKEN;
}

function isFactor(factor: number): boolean {
  return factor >= 1 && factor <= 4;
}

/** Reads the header of a scan. Its components must be those of the frame, in the same order. */
function readScan(body: Bytes, components: readonly Component[]): readonly Component[] | Refused {
  if (body[0] !== components.length) return { refused: "JPEG with several scans" };
  if (body.length !== 4 + 2 * components.length) return BROKEN;
  const found: Component[] = [];
  for (const [i, component] of components.entries()) {
    const td = body[2 + 2 * i]! >> 4, ta = body[2 + 2 * i]! & 15;
    if (body[1 + 2 * i] !== component.id || td > 3 || ta > 3) return BROKEN;
    found.push({ ...component, td, ta });
  }
  // The MCU of a single component is one block, whatever its factors say (ITU-T T.81, A.2.2).
  if (found.length === 1) return [{ ...found[0]!, h: 1, v: 1 }];
  return found.reduce((sum, { h, v }) => sum + h * v, 0) <= MAX_BLOCKS ? found : BROKEN;
}

/** Reads the tables of a DQT segment. Returns false if it is malformed. */
function readQuantization(body: Bytes, tables: (Uint16Array | undefined)[]): boolean {
  let i = 0;
  while (i < body.length) {
    const isWide = body[i]! >> 4 !== 0, id = body[i]! & 15;
    i++;
    const table = new Uint16Array(64);
    for (let k = 0; k < 64; k++) {
      table[k] = isWide ? body[i]! << 8 | body[i + 1]! : body[i]!;
      i += isWide ? 2 : 1;
    }
    if (i > body.length || id > 3 || table.includes(0)) return false;
    tables[id] = table;
  }
  return true;
}

/** Reads the tables of a DHT segment. Returns false if it is malformed. */
function readHuffman(body: Bytes, tables: Map<number, HuffmanTable>): boolean {
  let i = 0;
  while (i < body.length) {
    const id = body[i]!;
    const counts = body.slice(i + 1, i + 17);
    const total = counts.reduce((sum, count) => sum + count, 0);
    const values = body.slice(i + 17, i + 17 + total);
    i += 17 + total;
    if (i > body.length || (id & 0xef) > 3 || total > 256 || !isPrefixCode(counts)) return false;
    tables.set(id, { id, counts, values });
  }
  return true;
}

/** Whether there can be codes of these lengths, without the code of ones only (ITU-T T.81, C.2). */
function isPrefixCode(counts: Bytes): boolean {
  let code = 0;
  for (let length = 1; length <= 16; length++) {
    code += counts[length - 1]!;
    if (counts[length - 1]! > 0 && code >= 1 << length) return false;
    code <<= 1;
  }
  return true;
}
