import { STANDARD_TABLES } from "../../../lib/jpeg/tables.ts";
import type { Baseline } from "../../../lib/pixels/baseline.ts";

/** Makes the header of a picture in colour. @param sampling That of the luminance, as for `cjpeg`. */
export function headerOf(
  { width, height, sampling = "2x2" }: { width: number; height: number; sampling?: string },
): Baseline {
  const [h, v] = sampling.split("x").map(Number) as [number, number];
  const components = [1, 2, 3].map((id) => {
    const table = id === 1 ? 0 : 1;
    return { id, h: id === 1 ? h : 1, v: id === 1 ? v : 1, tq: table, td: table, ta: table };
  });
  const mcuWidth = 8 * h, mcuHeight = 8 * v;
  return {
    ...{ width, height, components, mcuWidth, mcuHeight, restart: 0, data: 0 },
    quantization: [new Uint16Array(64).fill(3), new Uint16Array(64).fill(300)],
    huffman: new Map(STANDARD_TABLES.map((table) => [table.id, table])),
    mcusX: Math.ceil(width / mcuWidth),
    mcusY: Math.ceil(height / mcuHeight),
  };
}
