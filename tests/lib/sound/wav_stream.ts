import type { Bytes } from "../../../lib/bytes.ts";

/** Contents of {@link wav}. */
export interface WavContents {
  readonly samples?: readonly number[];
  readonly rate?: number;
  readonly channels?: number;
  readonly bits?: number;
  readonly format?: number;
  /** A chunk before the samples. */
  readonly before?: readonly [id: string, content: string];
  /** @default {0xffffffff} an endless stream */
  readonly dataSize?: number;
}

/** Encodes a WAV stream with 16-bit samples, whatever its head says. */
export function wav(contents: WavContents): Bytes {
  const { samples = [], rate = 24_000, channels = 1, bits = 16, format = 1 } = contents;
  const { before, dataSize = 0xffffffff } = contents;
  const head = new DataView(new ArrayBuffer(24));
  head.setUint32(0, 0x666d7420); // "fmt "
  head.setUint32(4, 16, true);
  head.setUint16(8, format, true);
  head.setUint16(10, channels, true);
  head.setUint32(12, rate, true);
  head.setUint32(16, rate * channels * 2, true);
  head.setUint16(20, channels * 2, true);
  head.setUint16(22, bits, true);
  const text = (text: string) => [...new TextEncoder().encode(text)];
  const size = (size: number) => [...new Uint8Array(Uint32Array.of(size).buffer)];
  const chunk = before
    ? [
      ...text(before[0]),
      ...size(before[1].length),
      ...text(before[1].padEnd(before[1].length + before[1].length % 2, "\0")),
    ]
    : [];
  return Uint8Array.from([
    ...text("RIFF"),
    ...size(0xffffffff),
    ...text("WAVE"),
    ...new Uint8Array(head.buffer),
    ...chunk,
    ...text("data"),
    ...size(dataSize),
    ...new Uint8Array(Int16Array.from(samples).buffer),
  ]);
}
