import type { Bytes } from "../bytes.ts";

/** The size in a header that means "until the end of the stream". */
const UNKNOWN_SIZE = 0xffffffff;

/**
 * Encodes the header of an endless WAV file: PCM, mono, 16 bits.
 *
 * @param rate Samples per second.
 */
export function wavHeader(rate: number): Bytes {
  const bytes = new Uint8Array(44);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, 0x52494646); // "RIFF"
  view.setUint32(4, UNKNOWN_SIZE, true);
  view.setUint32(8, 0x57415645); // "WAVE"
  view.setUint32(12, 0x666d7420); // "fmt "
  view.setUint32(16, 16, true); // size of the format
  view.setUint16(20, 1, true); // PCM
  view.setUint16(22, 1, true); // channels
  view.setUint32(24, rate, true);
  view.setUint32(28, rate * 2, true); // bytes per second
  view.setUint16(32, 2, true); // bytes per sample
  view.setUint16(34, 16, true); // bits per sample
  view.setUint32(36, 0x64617461); // "data"
  view.setUint32(40, UNKNOWN_SIZE, true);
  return bytes;
}
