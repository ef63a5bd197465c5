import type { Bytes } from "../bytes.ts";
import type { Size } from "../jpeg/segments.ts";
import { STANDARD_TABLES_BY_ID } from "../jpeg/tables.ts";
import type { Baseline, Component } from "./baseline.ts";
import { encodeHeader } from "./header.ts";
import { coarser, tableOf } from "./quality.ts";

/** How a picture is encoded. */
export interface PictureFormat extends Size {
  readonly components: readonly Component[];
  /** Quantization table of each component, in zigzag order. */
  readonly quantization: readonly Uint16Array[];
  /** The header, from SOI to the end of SOS. */
  readonly header: Bytes;
  readonly mcusX: number;
  readonly mcusY: number;
}

/** Options of {@link formatOf}. */
export interface FormatOptions {
  readonly size: Size;
  /** JPEG quality from 1 to 100; undefined: that of the source. */
  readonly quality: number | undefined;
  /** Segments to put behind SOI. */
  readonly application: Bytes;
}

/** Returns how the rendition of a picture is encoded: with the standard Huffman tables. */
export function formatOf(source: Baseline, options: FormatOptions): PictureFormat {
  const { size: { width, height }, application } = options;
  const quantization = quantizationOf(source, options.quality);
  const components = source.components.map((component, i): Component => ({
    ...component,
    tq: quantization.findIndex((table) => isSame(table, quantization[i]!)),
    td: i === 0 ? 0 : 1,
    ta: i === 0 ? 0 : 1,
  }));
  const header = encodeHeader(
    { width, height, components, quantization, huffman: STANDARD_TABLES_BY_ID, restart: 0 },
    application,
  );
  const mcusX = Math.ceil(width / source.mcuWidth), mcusY = Math.ceil(height / source.mcuHeight);
  return { width, height, components, quantization, header, mcusX, mcusY };
}

/** Returns the quantization table of each component: never finer than that of the source. */
export function quantizationOf(
  { components, quantization }: Baseline,
  quality: number | undefined,
): Uint16Array[] {
  return components.map(({ tq }, i) => {
    const table = quantization[tq]!;
    return quality === undefined ? table : coarser(table, tableOf(quality, i > 0));
  });
}

/** Whether two quantization tables are equal. */
export function isSame(a: Uint16Array, b: Uint16Array): boolean {
  return a.every((step, k) => step === b[k]);
}
