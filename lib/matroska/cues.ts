import type { Bytes } from "../bytes.ts";
import { TRACK } from "./cluster.ts";
import { readElement } from "./ebml.ts";
import { SEGMENT_DATA } from "./head.ts";

/** Size of the Cues element's ID and size, in bytes. */
export const CUES_HEADER = 8;
/** Size of one cue, in bytes. */
export const CUE_SIZE = 22;

/** The index of a file: the time, offset and track of each cluster listed. */
export interface CuesOptions {
  /** Times since the start of the file, in milliseconds. */
  readonly times: Uint32Array;
  /** Offsets of the clusters in the file. */
  readonly offsets: Float64Array;
  /** The clusters' tracks; without it, all are of the video. */
  readonly tracks?: Uint8Array;
}

/** The index of a file, as {@link readCues} reads it. */
export type Cues = Required<CuesOptions>;

/** Returns the size of the Cues element for a number of cues, in bytes; 0 for none. */
export function cuesSize(count: number): number {
  return count === 0 ? 0 : CUES_HEADER + count * CUE_SIZE;
}

/** Encodes the Cues element, the index at the end of a file. Empty without cues. */
export function encodeCues({ times, offsets, tracks }: CuesOptions): Bytes {
  const bytes = new Uint8Array(cuesSize(times.length));
  if (times.length === 0) return bytes;
  const view = new DataView(bytes.buffer);
  view.setUint32(0, 0x1c53bb6b);
  view.setUint32(4, 0x10000000 + times.length * CUE_SIZE);
  for (let i = 0, at = CUES_HEADER; i < times.length; i++, at += CUE_SIZE) {
    const position = offsets[i]! - SEGMENT_DATA;
    view.setUint32(at, 0xbb94b384); // CuePoint, 20 bytes: CueTime, 4 bytes
    view.setUint32(at + 4, times[i]!);
    view.setUint32(at + 8, 0xb78cf781); // CueTrackPositions, 12 bytes: CueTrack, 1 byte
    view.setUint8(at + 12, tracks?.[i] ?? TRACK.VIDEO);
    view.setUint16(at + 13, 0xf187); // CueClusterPosition, 7 bytes
    view.setUint8(at + 15, Math.floor(position / 2 ** 48));
    view.setUint16(at + 16, Math.floor(position / 2 ** 32) % 2 ** 16);
    view.setUint32(at + 18, position % 2 ** 32);
  }
  return bytes;
}

/**
 * Reads the cues that {@link encodeCues} has written; undefined if they are anything else.
 *
 * @param bytes The bytes from the start of the Cues element.
 */
export function readCues(bytes: Bytes): Cues | undefined {
  const element = readElement(bytes, 0);
  if (element?.id !== 0x1c53bb6b || element.end > bytes.length) return undefined;
  const count = (element.end - element.start) / CUE_SIZE;
  if (!Number.isInteger(count)) return undefined;
  const [times, offsets] = [new Uint32Array(count), new Float64Array(count)];
  const tracks = new Uint8Array(count);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let i = 0, at = element.start; i < count; i++, at += CUE_SIZE) {
    if (view.getUint32(at) !== 0xbb94b384) return undefined;
    times[i] = view.getUint32(at + 4);
    tracks[i] = view.getUint8(at + 12);
    offsets[i] = view.getUint16(at + 16) * 2 ** 32 + view.getUint32(at + 18) + SEGMENT_DATA;
  }
  return { times, offsets, tracks };
}
