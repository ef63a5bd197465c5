import type { Bytes } from "../bytes.ts";

/**
 * Size of a cluster's header, in bytes. A cluster holds one frame or some sound: the header, then
 * the JPEG or the samples.
 */
export const CLUSTER_HEADER = 23;

/** Maximum size of a frame, which the four bytes of a cluster's size can express. */
export const MAX_CLUSTER_FRAME = 2 ** 28 - 32;

/** Numbers of the tracks. */
export const TRACK = { VIDEO: 1, SOUND: 2 } as const;
/** Number of a track. */
export type Track = typeof TRACK[keyof typeof TRACK];

/** Size of the Cluster element's content without the data: Timestamp, and SimpleBlock's header. */
const CONTENT = CLUSTER_HEADER - 8;
/** Size of the SimpleBlock's content without the data. */
const BLOCK = 4;
/** The marker bit of a size of four bytes. */
const FOUR_BYTES = 0x10000000;

/**
 * Encodes the header of a cluster with one frame, which is a key frame, or with samples.
 *
 * @param time Time since the start of the file, in milliseconds.
 * @param size Size of the JPEG or the samples, in bytes.
 */
export function clusterHeader(time: number, size: number, track: Track = TRACK.VIDEO): Bytes {
  const bytes = new Uint8Array(CLUSTER_HEADER);
  writeClusterHeader(bytes, { time, size, track });
  return bytes;
}

/** Writes {@link clusterHeader} to a buffer. */
export function writeClusterHeader(
  bytes: Bytes,
  { time, size, track = TRACK.VIDEO }: ClusterOptions,
  at = 0,
): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, CLUSTER_HEADER);
  view.setUint32(0, 0x1f43b675); // Cluster
  view.setUint32(4, FOUR_BYTES + CONTENT + size);
  view.setUint16(8, 0xe784); // Timestamp, 4 bytes
  view.setUint32(10, time);
  view.setUint8(14, 0xa3); // SimpleBlock
  view.setUint32(15, FOUR_BYTES + BLOCK + size);
  view.setUint32(19, (0x80 + track) * 2 ** 24 + 0x80); // relative time 0, key frame
}

/**
 * Replaces a cluster by a Void element of the same size, which players skip.
 *
 * @param size Size of the cluster's JPEG or samples, in bytes.
 */
export function writeVoid(bytes: Bytes, size: number, at = 0): void {
  const length = CLUSTER_HEADER + size;
  bytes.fill(0, at, at + length);
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, CLUSTER_HEADER);
  view.setUint8(0, 0xec); // Void
  view.setUint32(1, 0x01000000); // a size of eight bytes
  view.setUint32(5, length - 9);
}

/** Contents of a cluster's header. */
export interface ClusterOptions {
  /** Time since the start of the file, in milliseconds. */
  readonly time: number;
  /** Size of the JPEG or the samples, in bytes. */
  readonly size: number;
  /** @default {TRACK.VIDEO} */
  readonly track?: Track;
}

/** The header of a cluster. */
export type Cluster = Required<ClusterOptions>;

/** Reads a cluster's header; undefined if there is none that {@link clusterHeader} can write. */
export function readClusterHeader(bytes: Bytes, at = 0): Cluster | undefined {
  if (at + CLUSTER_HEADER > bytes.length) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, CLUSTER_HEADER);
  if (view.getUint32(0) !== 0x1f43b675 || view.getUint16(8) !== 0xe784) return undefined;
  const size = view.getUint32(4) - FOUR_BYTES - CONTENT;
  const track = view.getUint8(19) - 0x80;
  if (track !== TRACK.VIDEO && track !== TRACK.SOUND) return undefined;
  const isOurs = size > 0 && size <= MAX_CLUSTER_FRAME && view.getUint8(14) === 0xa3 &&
    view.getUint32(15) === FOUR_BYTES + BLOCK + size && view.getUint16(20) === 0 &&
    view.getUint8(22) === 0x80;
  return isOurs ? { time: view.getUint32(10), size, track } : undefined;
}
