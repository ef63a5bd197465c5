import type { Bytes } from "../bytes.ts";
import type { Size } from "../jpeg/segments.ts";
import {
  element,
  elements,
  encodeSize,
  float,
  join,
  readElement,
  readUint,
  text,
  uint,
} from "./ebml.ts";

/** IDs of the elements that we write (RFC 9559, section 5). */
const ID = {
  EBML: 0x1a45dfa3,
  SEGMENT: 0x18538067,
  SEEK_HEAD: 0x114d9b74,
  SEEK: 0x4dbb,
  SEEK_ID: 0x53ab,
  SEEK_POSITION: 0x53ac,
  VOID: 0xec,
  INFO: 0x1549a966,
  TIMESTAMP_SCALE: 0x2ad7b1,
  DURATION: 0x4489,
  DATE: 0x4461,
  MUXING_APP: 0x4d80,
  WRITING_APP: 0x5741,
  TRACKS: 0x1654ae6b,
  CUES: 0x1c53bb6b,
} as const;

/** Matroska counts dates from 2001-01-01, in nanoseconds. */
const EPOCH = Date.UTC(2001, 0, 1);
const NANOSECONDS = 1_000_000n;
/** Time unit of clusters and cues: 1 ms, in nanoseconds. */
const TIMESTAMP_SCALE = 1_000_000;
/** Length of {@link HeadOptions.writtenBy} in the file. */
const NAME_LENGTH = 24;

/** Contents of a file's head. */
export interface HeadOptions {
  /** Time of the first frame, in milliseconds since the Unix epoch. */
  readonly date: number;
  /** Size of the pictures. */
  readonly size: Size;
  /** Name of the writer, at most 24 ASCII characters. @default {"dinocam"} */
  readonly writtenBy?: string;
  /** Duration in milliseconds; missing while the file is being written. */
  readonly duration?: number;
  /** Size of the whole file in bytes; missing while the file is being written. */
  readonly fileSize?: number;
  /** Offset of the cues in the file; missing if it has none. */
  readonly cuesAt?: number;
}

/**
 * Encodes what precedes the first cluster of a Matroska file with one track of JPEGs (`V_MJPEG`).
 * It always has {@link HEAD_SIZE} bytes: when a file is complete, the head is written again over
 * the first one.
 */
export function encodeHead(options: HeadOptions): Bytes {
  const { date, size, writtenBy = "dinocam", duration = 0, fileSize, cuesAt } = options;
  const ebml = element(
    ID.EBML,
    ...[element(0x4286, uint(1, 1)), element(0x42f7, uint(1, 1)), element(0x42f2, uint(4, 1))],
    ...[element(0x42f3, uint(8, 1)), element(0x4282, text("matroska"))],
    ...[element(0x4287, uint(4, 1)), element(0x4285, uint(2, 1))],
  );
  const segment = join(
    uint(ID.SEGMENT, 4),
    fileSize === undefined
      ? uint(2 ** 56, 8).fill(0xff, 1)
      : encodeSize(fileSize - SEGMENT_DATA, 8),
  );
  const seek = element(
    ID.SEEK_HEAD,
    element(
      ID.SEEK,
      element(ID.SEEK_ID, uint(ID.CUES, 4)),
      element(ID.SEEK_POSITION, uint((cuesAt ?? SEGMENT_DATA) - SEGMENT_DATA, 8)),
    ),
  );
  const nanoseconds = new Uint8Array(8);
  new DataView(nanoseconds.buffer)
    .setBigInt64(0, BigInt(Math.round(date - EPOCH)) * NANOSECONDS);
  const info = element(
    ID.INFO,
    ...[
      element(ID.TIMESTAMP_SCALE, uint(TIMESTAMP_SCALE, 3)),
      element(ID.DURATION, float(duration)),
    ],
    element(ID.MUXING_APP, text("dinocam")),
    element(ID.WRITING_APP, text(writtenBy, NAME_LENGTH)),
    element(ID.DATE, nanoseconds),
  );
  const track = element(
    0xae,
    ...[element(0xd7, uint(1, 1)), element(0x73c5, uint(1, 1)), element(0x83, uint(1, 1))],
    ...[element(0x9c, uint(0, 1)), element(0x86, text("V_MJPEG"))],
    element(0xe0, element(0xb0, uint(size.width, 2)), element(0xba, uint(size.height, 2))),
  );
  return join(
    ebml,
    segment,
    cuesAt === undefined ? element(ID.VOID, new Uint8Array(seek.length - 2)) : seek,
    info,
    element(ID.TRACKS, track),
  );
}

/** Offset of the Segment's content, from which positions in a file are counted. */
export const SEGMENT_DATA = 52;

/** Size of a file's head, in bytes. */
export const HEAD_SIZE = encodeHead({ date: EPOCH, size: { width: 1, height: 1 } }).length;

/** A file's head, as {@link readHead} reads it. */
export interface Head extends HeadOptions {
  readonly writtenBy: string;
  readonly duration: number;
}

/**
 * Reads a head that {@link encodeHead} has written; undefined if it is anything else, or cut off.
 *
 * @param bytes The first {@link HEAD_SIZE} bytes of a file.
 */
export function readHead(bytes: Bytes): Head | undefined {
  const ebml = readElement(bytes, 0);
  const segment = ebml?.id === ID.EBML ? readElement(bytes, ebml.end) : undefined;
  if (segment?.id !== ID.SEGMENT || bytes.length < HEAD_SIZE) return undefined;
  let cuesAt: number | undefined;
  let info: Omit<Head, "size"> | undefined;
  let size: Size | undefined;
  for (const { id, start, end } of elements(bytes, segment.start, HEAD_SIZE)) {
    if (end > HEAD_SIZE) return undefined;
    if (id === ID.SEEK_HEAD) cuesAt = segment.start + readUint(bytes, end - 8, end);
    else if (id === ID.INFO) info = readInfo(bytes, start, end);
    else if (id === ID.TRACKS) {
      size = { width: readUint(bytes, end - 6, end - 4), height: readUint(bytes, end - 2, end) };
    }
  }
  if (!info || !size) return undefined;
  const fileSize = segment.end === Infinity ? undefined : segment.end;
  return { ...info, size, cuesAt, fileSize };
}

function readInfo(bytes: Bytes, from: number, to: number): Omit<Head, "size"> | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let [date, duration, writtenBy]: [number?, number?, string?] = [];
  for (const { id, start, end } of elements(bytes, from, to)) {
    if (id === ID.DURATION) duration = view.getFloat64(start);
    else if (id === ID.DATE) date = Number(view.getBigInt64(start) / NANOSECONDS) + EPOCH;
    else if (id === ID.WRITING_APP) {
      writtenBy = new TextDecoder().decode(bytes.subarray(start, end)).replace(/\0+$/, "");
    }
  }
  if (date === undefined || duration === undefined || writtenBy === undefined) return undefined;
  return { date, duration, writtenBy };
}
