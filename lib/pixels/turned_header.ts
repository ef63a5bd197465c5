import type { Bytes } from "../bytes.ts";
import type { Jpeg } from "../frame.ts";
import { segments, type Size } from "../jpeg/segments.ts";
import type { HuffmanTable } from "../jpeg/tables.ts";
import type { Baseline } from "./baseline.ts";
import type { Axes } from "./orientation.ts";
import { TRANSPOSED } from "./turned_blocks.ts";

const SOI = [0xff, 0xd8];
const APP0 = 0xe0, APP14 = 0xee, DQT = 0xdb, DHT = 0xc4, SOS = 0xda;
/** Frame headers of 8-bit pictures: baseline, and those with more or finer tables. */
const SOF0 = 0xc0, SOF1 = 0xc1;

/** What a turned picture differs in. */
interface Turned {
  readonly axes: Axes;
  readonly size: Size;
  readonly tables: readonly HuffmanTable[];
}

/** Returns the header of a turned picture, with the segments that decoders need. */
export function turnedHeader(jpeg: Jpeg, baseline: Baseline, turned: Turned): Bytes {
  const { axes: { transposes }, size: { width, height }, tables } = turned;
  const { components } = baseline;
  const numbers = [...new Set(components.map(({ tq }) => tq))];
  const quantization = numbers.map((tq) => quantizationTable(tq, baseline, transposes));
  const isExtended = quantization.some(([first]) => first! >= 16) || numbers.some((tq) => tq > 3) ||
    components.some(({ td, ta }) => td > 1 || ta > 1);
  const frame = components.flatMap((
    { id, h, v, tq },
  ) => [id, transposes ? v << 4 | h : h << 4 | v, tq]);
  const scan = components.flatMap(({ id, td, ta }) => [id, td << 4 | ta]);
  const sides = [height >> 8, height & 0xff, width >> 8, width & 0xff];
  return Uint8Array.from([
    ...SOI,
    ...applicationData(jpeg, transposes),
    ...quantization.flatMap((table) => segment(DQT, table)),
    ...segment(isExtended ? SOF1 : SOF0, [8, ...sides, components.length, ...frame]),
    ...segment(DHT, tables.flatMap(({ id, counts, values }) => [id, ...counts, ...values])),
    ...segment(SOS, [components.length, ...scan, 0, 63, 0]),
  ]);
}

function segment(marker: number, body: readonly number[]): number[] {
  const length = body.length + 2;
  return [0xff, marker, length >> 8, length & 0xff, ...body];
}

function quantizationTable(tq: number, { quantization }: Baseline, transposes: boolean): number[] {
  const table = quantization[tq]!;
  const steps = Array.from(table, (step, k) => transposes ? table[TRANSPOSED[k]!]! : step);
  return steps.some((step) => step > 0xff)
    ? [0x10 | tq, ...steps.flatMap((step) => [step >> 8, step & 0xff])]
    : [tq, ...steps];
}

/** Returns the JFIF segment without its thumbnail, and the Adobe segment, which names the colour space. */
function applicationData(jpeg: Jpeg, transposes: boolean): number[] {
  const kept: number[] = [];
  for (const { marker, start, end } of segments(jpeg)) {
    const body = [...jpeg.subarray(start + 4, Math.min(end, start + 18))];
    const name = String.fromCharCode(...body.slice(0, 5));
    if (marker === APP0 && name === "JFIF\0" && body.length === 14) {
      const [x, y] = [body.slice(8, 10), body.slice(10, 12)];
      const density = transposes ? [...y, ...x] : [...x, ...y];
      kept.push(...segment(APP0, [...body.slice(0, 8), ...density, 0, 0]));
    } else if (marker === APP14 && name === "Adobe" && body.length >= 12) {
      kept.push(...segment(APP14, body.slice(0, 12)));
    }
  }
  return kept;
}
