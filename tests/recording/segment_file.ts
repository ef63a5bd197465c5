import type { Bytes } from "../../lib/bytes.ts";
import type { Jpeg } from "../../lib/frame.ts";
import {
  CLUSTER_HEADER,
  clusterHeader,
  cuesSize,
  encodeCues,
  encodeHead,
  headSize,
  TRACK,
} from "../../lib/matroska/mod.ts";
import { join } from "../lib/jpeg/sample_jpegs.ts";

/** A frame in a file. */
export interface FileFrame {
  /** Time since the file's first frame, in milliseconds. */
  readonly time: number;
  readonly jpeg: Jpeg;
}

/** Sound in a file. */
export interface FileSound {
  /** Time of the first sample since the file's first frame, in milliseconds. */
  readonly time: number;
  readonly samples: Bytes;
}

/** Options of {@link encodeSegment}. */
export interface SegmentOptions {
  /** Time of the first frame, in milliseconds since the Unix epoch. */
  readonly date?: number;
  /** Whether the file is complete, as after the recorder has closed it. @default {true} */
  readonly complete?: boolean;
  /** Number of the segment. @default {1} */
  readonly number?: number;
  /** Its sound, if it has any. */
  readonly sound?: { readonly rate: number; readonly clusters: readonly FileSound[] };
}

/** Encodes a segment as the recorder writes it. */
export function encodeSegment(frames: readonly FileFrame[], options: SegmentOptions = {}): Bytes {
  const { date = Date.UTC(2026, 10, 27, 5, 43, 33, 123), complete = true, number = 1, sound } =
    options;
  const clusters = [
    ...frames.map(({ time, jpeg }) => ({ time, data: jpeg, track: TRACK.VIDEO, writtenAt: time })),
    ...(sound?.clusters ?? []).map(({ time, samples }) => ({
      ...{ time, data: samples, track: TRACK.SOUND },
      writtenAt: time + samples.length / 2 / sound!.rate * 1000, // when its last sample is heard
    })),
  ].sort((a, b) => a.writtenAt - b.writtenAt);
  let cuesAt = headSize(sound);
  const cues = clusters.map(({ time, data, track }) => {
    const offset = cuesAt;
    cuesAt += CLUSTER_HEADER + data.length;
    return { time, offset, track };
  }).sort((a, b) => a.time - b.time);
  const bytes = clusters.flatMap(({ time, data, track }) => [
    clusterHeader(time, data.length, track),
    data,
  ]);
  const head = { date, size: { width: 64, height: 48 }, sound, writtenBy: `dinocam ${number}` };
  if (!complete) return join(encodeHead(head), ...bytes);
  const last = frames.at(-1)?.time ?? 0;
  const end = last + last / Math.max(1, frames.length - 1);
  const duration = Math.max(end, ...clusters.map(({ writtenAt }) => writtenAt));
  const fileSize = cuesAt + cuesSize(clusters.length);
  const index = encodeCues({
    times: Uint32Array.from(cues, ({ time }) => time),
    offsets: Float64Array.from(cues, ({ offset }) => offset),
    tracks: Uint8Array.from(cues, ({ track }) => track),
  });
  return join(encodeHead({ ...head, duration, fileSize, cuesAt }), ...bytes, index);
}

/** What {@link decodeMatroska} finds. */
export interface Decoded {
  readonly frames: readonly FileFrame[];
  readonly sound: readonly FileSound[];
  /** Entries of the index. */
  readonly cues: readonly { readonly time: number; readonly at: number; readonly track: number }[];
  /** In milliseconds; 0 if the file does not say. */
  readonly duration: number;
  /** Offset of each cluster. */
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
  const sound: FileSound[] = [];
  const cues: { time: number; at: number; track: number }[] = [];
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
      const { time, data, track } = readCluster(file, part);
      if (track === 1) frames.push({ time, jpeg: data });
      else sound.push({ time, samples: data });
      offsets.push(at);
    } else if (part.id === 0x1c53bb6b) {
      for (const point of inside(file, part)) {
        const [time, place] = [...inside(file, point)];
        const [track, position] = [...inside(file, place!)];
        cues.push({
          time: number(file, time!),
          at: number(file, position!) + segment.start,
          track: number(file, track!),
        });
      }
    } else if (![0xec, 0x114d9b74, 0x1654ae6b].includes(part.id)) {
      throw new Error(`Unexpected element ${part.id.toString(16)} at ${at}`);
    }
    at = part.end;
  }
  const declared = segment.end === Infinity ? undefined : segment.end - segment.start;
  return { frames, sound, cues, duration, offsets, torn: file.length - at, declared };
}

interface Part {
  readonly id: number;
  readonly start: number;
  readonly end: number;
}

/** Reads a cluster with one block. @returns The number of its track: 1 or 2. */
function readCluster(file: Bytes, cluster: Part): { time: number; data: Bytes; track: number } {
  const [time, block, ...others] = [...inside(file, cluster)];
  const start = block!.start;
  const track = file[start]! & 0x7f;
  if (
    time?.id !== 0xe7 || block?.id !== 0xa3 || others.length > 0 || !(track === 1 || track === 2)
  ) {
    throw new Error(`Not a cluster with one block at ${cluster.start}`);
  }
  const relative = file[start + 1]! << 8 | file[start + 2]!;
  return { time: number(file, time) + relative, data: file.slice(start + 4, block.end), track };
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
