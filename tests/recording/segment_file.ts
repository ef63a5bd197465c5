import type { Bytes } from "../../lib/bytes.ts";
import type { Jpeg } from "../../lib/frame.ts";
import {
  CLUSTER_HEADER,
  clusterHeader,
  cuesSize,
  encodeCues,
  encodeHead,
  HEAD_SIZE,
} from "../../lib/matroska/mod.ts";
import { join } from "../lib/jpeg/sample_jpegs.ts";

/** A frame in a file. */
export interface FileFrame {
  /** Time since the file's first frame, in milliseconds. */
  readonly time: number;
  readonly jpeg: Jpeg;
}

/** Options of {@link encodeSegment}. */
export interface SegmentOptions {
  /** Time of the first frame, in milliseconds since the Unix epoch. */
  readonly date?: number;
  /** Whether the file is complete, as after the recorder has closed it. @default {true} */
  readonly complete?: boolean;
  /** Number of the segment. @default {1} */
  readonly number?: number;
}

/** Encodes a segment as the recorder writes it. */
export function encodeSegment(frames: readonly FileFrame[], options: SegmentOptions = {}): Bytes {
  const { date = Date.UTC(2026, 10, 27, 5, 43, 33, 123), complete = true, number = 1 } = options;
  const times = Uint32Array.from(frames, ({ time }) => time);
  const offsets = new Float64Array(frames.length);
  let cuesAt = HEAD_SIZE;
  for (const [i, { jpeg }] of frames.entries()) {
    offsets[i] = cuesAt;
    cuesAt += CLUSTER_HEADER + jpeg.length;
  }
  const clusters = frames.flatMap(({ time, jpeg }) => [clusterHeader(time, jpeg.length), jpeg]);
  const head = { date, size: { width: 64, height: 48 }, writtenBy: `dinocam ${number}` };
  if (!complete) return join(encodeHead(head), ...clusters);
  const last = times.at(-1) ?? 0;
  const duration = last + last / Math.max(1, frames.length - 1);
  const fileSize = cuesAt + cuesSize(frames.length);
  const cues = encodeCues({ times, offsets });
  return join(encodeHead({ ...head, duration, fileSize, cuesAt }), ...clusters, cues);
}

/** What {@link decodeMatroska} finds. */
export interface Decoded {
  readonly frames: readonly FileFrame[];
  /** Entries of the index. */
  readonly cues: readonly { readonly time: number; readonly at: number }[];
  /** In milliseconds; 0 if the file does not say. */
  readonly duration: number;
  /** Offset of each frame's cluster. */
  readonly offsets: readonly number[];
  /** Number of bytes behind the last whole element. */
  readonly torn: number;
  /** Size of the segment element's content; undefined while the file is open. */
  readonly declared: number | undefined;
}

/**
 * Reads a Matroska file by the specification (RFC 8794, RFC 9559), without the code of
 * lib/matroska, so that the two can be compared.
 *
 * @throws {Error} If an element is not what a file of JPEGs may contain.
 */
export function decodeMatroska(file: Bytes): Decoded {
  const frames: FileFrame[] = [];
  const cues: { time: number; at: number }[] = [];
  const offsets: number[] = [];
  const view = new DataView(file.buffer, file.byteOffset, file.length);
  const ebml = next(file, 0);
  const segment = ebml && next(file, ebml.end);
  if (ebml?.id !== 0x1a45dfa3 || segment?.id !== 0x18538067) throw new Error("Not Matroska");
  let [duration, at] = [0, segment.start];
  const end = Math.min(segment.end, file.length);
  while (at < end) {
    const part = next(file, at);
    if (!part || part.end > end) break;
    if (part.id === 0x1549a966) {
      const info = [...inside(file, part)].find(({ id }) => id === 0x4489);
      if (info) duration = view.getFloat64(info.start);
    } else if (part.id === 0x1f43b675) {
      frames.push(readCluster(file, part));
      offsets.push(at);
    } else if (part.id === 0x1c53bb6b) {
      for (const point of inside(file, part)) {
        const [time, track] = [...inside(file, point)];
        const [, position] = [...inside(file, track!)];
        cues.push({ time: number(file, time!), at: number(file, position!) + segment.start });
      }
    } else if (![0xec, 0x114d9b74, 0x1654ae6b].includes(part.id)) {
      throw new Error(`Unexpected element ${part.id.toString(16)} at ${at}`);
    }
    at = part.end;
  }
  const declared = segment.end === Infinity ? undefined : segment.end - segment.start;
  return { frames, cues, duration, offsets, torn: file.length - at, declared };
}

interface Part {
  readonly id: number;
  readonly start: number;
  readonly end: number;
}

function readCluster(file: Bytes, cluster: Part): FileFrame {
  const [time, block, ...others] = [...inside(file, cluster)];
  const start = block!.start;
  if (time?.id !== 0xe7 || block?.id !== 0xa3 || others.length > 0 || file[start] !== 0x81) {
    throw new Error(`Not a cluster with one frame at ${cluster.start}`);
  }
  const relative = file[start + 1]! << 8 | file[start + 2]!;
  return { time: number(file, time) + relative, jpeg: file.slice(start + 4, block.end) };
}

function* inside(file: Bytes, { start, end }: Part): Generator<Part> {
  for (let at = start; at < end;) {
    const part = next(file, at);
    if (!part || part.end > end) throw new Error(`An element passes the end of its parent: ${at}`);
    yield part;
    at = part.end;
  }
}

/** Reads the ID and the size of an element; undefined if they are cut off. */
function next(file: Bytes, at: number): Part | undefined {
  const idWidth = Math.clz32(file[at] ?? 0) - 23;
  const sizeAt = at + idWidth;
  const width = Math.clz32(file[sizeAt] ?? 0) - 23;
  const start = sizeAt + width;
  if (idWidth > 4 || width > 8 || start > file.length) return undefined;
  let size = BigInt(file[sizeAt]! & 0xff >> width);
  for (let i = sizeAt + 1; i < start; i++) size = size << 8n | BigInt(file[i]!);
  const isUnknown = size === 2n ** BigInt(7 * width) - 1n;
  const end = isUnknown ? Infinity : start + Number(size);
  return { id: number(file, { start: at, end: sizeAt }), start, end };
}

function number(file: Bytes, { start, end }: Pick<Part, "start" | "end">): number {
  return file.subarray(start, end).reduce((value, byte) => value * 256 + byte, 0);
}
