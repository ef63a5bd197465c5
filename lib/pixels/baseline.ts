import type { Bytes } from "../bytes.ts";
import type { Jpeg } from "../frame.ts";
import { isFrameHeader, type Segment, segments } from "../jpeg/segments.ts";
import type { HuffmanTable } from "../jpeg/tables.ts";
import type { Refused } from "./task.ts";

/** Maximum number of pixels of a picture that is processed. */
const MAX_PIXELS = 1 << 26;

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

/** Reads the header of a JPEG. Refuses what is not baseline in one scan: it says what it is. */
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
    if (marker === 0xdb) readQuantization(body, quantization);
    else if (marker === 0xc4) readHuffman(body, huffman);
    else if (marker === 0xdd) restart = body[0]! << 8 | body[1]!;
    else if (isFrameHeader(marker)) {
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
  if (body[0] !== 8) return { refused: `JPEG of ${body[0]} bits` };
  const height = body[1]! << 8 | body[2]!, width = body[3]! << 8 | body[4]!;
  const count = body[5]!;
  if (!(width > 0) || !(height > 0) || body.length < 6 + 3 * count) return BROKEN;
  if (width * height > MAX_PIXELS) return { refused: `JPEG of ${width}x${height} pixels` };
  const components = Array.from({ length: count }, (_, i) => {
    const [id, sampling, tq] = body.subarray(6 + 3 * i) as unknown as [number, number, number];
    return { id, h: sampling >> 4, v: sampling & 15, tq, td: 0, ta: 0 };
  });
  const isValid = components.every(({ h, v }) => h >= 1 && h <= 4 && v >= 1 && v <= 4);
  return isValid && count > 0 ? { width, height, components } : BROKEN;
}

function readScan(body: Bytes, components: readonly Component[]): readonly Component[] | Refused {
  if (body[0] !== components.length) return { refused: "JPEG with several scans" };
  const found: Component[] = [];
  for (let i = 0; i < components.length; i++) {
    const component = components.find(({ id }) => id === body[1 + 2 * i]);
    if (!component) return BROKEN;
    found.push({ ...component, td: body[2 + 2 * i]! >> 4, ta: body[2 + 2 * i]! & 15 });
  }
  // The MCU of a single component is one block, whatever its factors say (ITU-T T.81, A.2.2).
  return found.length === 1 ? [{ ...found[0]!, h: 1, v: 1 }] : found;
}

function readQuantization(body: Bytes, tables: (Uint16Array | undefined)[]): void {
  for (let i = 0; i < body.length;) {
    const isWide = body[i]! >> 4 !== 0, id = body[i]! & 15;
    i++;
    const table = new Uint16Array(64);
    for (let k = 0; k < 64; k++) {
      table[k] = isWide ? body[i]! << 8 | body[i + 1]! : body[i]!;
      i += isWide ? 2 : 1;
    }
    if (i <= body.length && table.every((step) => step > 0)) tables[id] = table;
  }
}

function readHuffman(body: Bytes, tables: Map<number, HuffmanTable>): void {
  for (let i = 0; i + 17 <= body.length;) {
    const id = body[i]!;
    const counts = body.slice(i + 1, i + 17);
    const total = counts.reduce((sum, count) => sum + count, 0);
    const values = body.slice(i + 17, i + 17 + total);
    if (total <= 256 && values.length === total) tables.set(id, { id, counts, values });
    i += 17 + total;
  }
}
