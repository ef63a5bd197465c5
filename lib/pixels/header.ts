import type { Bytes } from "../bytes.ts";
import type { Baseline } from "./baseline.ts";

/** What of a header is encoded. `components` are those of the frame and of the only scan. */
export type HeaderFields = Pick<
  Baseline,
  "width" | "height" | "components" | "quantization" | "huffman" | "restart"
>;

/**
 * Encodes a header from SOI to the end of SOS, with the tables that its components need: the same
 * for every decoder, whatever the camera's header was like.
 *
 * @param application The APPn segments that decoders need, see `applicationSegments`.
 */
export function encodeHeader(fields: HeaderFields, application: Bytes = new Uint8Array(0)): Bytes {
  const { components, quantization, huffman, restart } = fields;
  const tq = unique(components.map((component) => component.tq));
  const tables = unique(components.flatMap(({ td, ta }) => [td, 0x10 | ta]));
  const isExtended = tq.some((id) => isWide(quantization[id]!)) ||
    tables.some((id) => (id & 15) > 1);
  const parts = [
    Uint8Array.of(0xff, 0xd8),
    application,
    segment(0xdb, tq.flatMap((id) => quantizationTable(id, quantization[id]!))),
    segment(isExtended ? 0xc1 : 0xc0, frame(fields)),
    segment(
      0xc4,
      tables.flatMap((id) => [id, ...huffman.get(id)!.counts, ...huffman.get(id)!.values]),
    ),
    restart > 0 ? segment(0xdd, [restart >> 8, restart & 0xff]) : new Uint8Array(0),
    segment(0xda, [
      components.length,
      ...components.flatMap(({ id, td, ta }) => [id, td << 4 | ta]),
      ...[0, 63, 0],
    ]),
  ];
  const header = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    header.set(part, at);
    at += part.length;
  }
  return header;
}

function frame({ width, height, components }: HeaderFields): number[] {
  return [
    ...[8, height >> 8, height & 0xff, width >> 8, width & 0xff, components.length],
    ...components.flatMap(({ id, h, v, tq }) => [id, h << 4 | v, tq]),
  ];
}

function quantizationTable(id: number, steps: Uint16Array): number[] {
  if (!isWide(steps)) return [id, ...steps];
  return [0x10 | id, ...[...steps].flatMap((step) => [step >> 8, step & 0xff])];
}

function isWide(steps: Uint16Array): boolean {
  return steps.some((step) => step > 255);
}

function segment(marker: number, content: readonly number[]): Bytes {
  const length = content.length + 2;
  return Uint8Array.of(0xff, marker, length >> 8, length & 0xff, ...content);
}

function unique(values: readonly number[]): number[] {
  return [...new Set(values)];
}
