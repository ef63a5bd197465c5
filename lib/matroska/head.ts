import type { Bytes } from "../bytes.ts";
import type { Size } from "../jpeg/segments.ts";
import { TRACK, type Track } from "./cluster.ts";
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
  TRACK: 0xae,
  TRACK_TYPE: 0x83,
  DEFAULT_DURATION: 0x23e383,
  VIDEO: 0xe0,
  WIDTH: 0xb0,
  HEIGHT: 0xba,
  AUDIO: 0xe1,
  SAMPLING_FREQUENCY: 0xb5,
  CHANNELS: 0x9f,
  BIT_DEPTH: 0x6264,
  CUES: 0x1c53bb6b,
} as const;

/** Matroska counts dates from 2001-01-01, in nanoseconds. */
const EPOCH = Date.UTC(2001, 0, 1);
const NANOSECONDS = 1_000_000n;
/** Time unit of clusters and cues: 1 ms, in nanoseconds. */
const TIMESTAMP_SCALE = 1_000_000;
/** Length of {@link HeadOptions.writtenBy} in the file. */
const NAME_LENGTH = 24;

/** The sound track of a file: mono, 16 bits, little-endian. */
export interface SoundTrack {
  /** Samples per second. */
  readonly rate: number;
}

/** Contents of a file's head. */
export interface HeadOptions {
  /** Time 0 of the clusters, in milliseconds since the Unix epoch: that of the first frame. */
  readonly date: number;
  /** Size of the pictures; missing for a file without pictures. A recording always has it. */
  readonly size?: Size;
  /** Missing for a file without sound. */
  readonly sound?: SoundTrack;
  /**
   * Frames per second of the pictures, for a live file: without it, ffmpeg measures it by the first
   * 40 frames before it opens the file. Makes the head longer than {@link headSize}.
   */
  readonly frameRate?: number;
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
 * Encodes what precedes the first cluster of a Matroska file with a track of JPEGs (`V_MJPEG`), and
 * one of samples (`A_PCM/INT/LIT`) if it has sound. With pictures it always has {@link headSize}
 * bytes: when a file is complete, the head is written again over the first one.
 */
export function encodeHead(options: HeadOptions): Bytes {
  const { date, size, sound, frameRate, fileSize, cuesAt } = options;
  const { writtenBy = "dinocam", duration = 0 } = options;
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
  return join(
    ebml,
    segment,
    cuesAt === undefined ? element(ID.VOID, new Uint8Array(seek.length - 2)) : seek,
    info,
    element(
      ID.TRACKS,
      ...size ? [encodeVideoTrack(size, frameRate)] : [],
      ...sound ? [encodeSoundTrack(sound)] : [],
    ),
  );
}

function encodeVideoTrack({ width, height }: Size, frameRate: number | undefined): Bytes {
  return element(
    ID.TRACK,
    ...encodeTrackType(TRACK.VIDEO, 1, "V_MJPEG"),
    ...frameRate ? [element(ID.DEFAULT_DURATION, uint(Math.round(1e9 / frameRate), 6))] : [],
    element(ID.VIDEO, element(ID.WIDTH, uint(width, 2)), element(ID.HEIGHT, uint(height, 2))),
  );
}

function encodeSoundTrack({ rate }: SoundTrack): Bytes {
  return element(
    ID.TRACK,
    ...encodeTrackType(TRACK.SOUND, 2, "A_PCM/INT/LIT"),
    element(
      ID.AUDIO,
      element(ID.SAMPLING_FREQUENCY, float(rate)),
      element(ID.CHANNELS, uint(1, 1)),
      element(ID.BIT_DEPTH, uint(16, 1)),
    ),
  );
}

function encodeTrackType(track: Track, type: number, codec: string): Bytes[] {
  return [
    element(0xd7, uint(track, 1)), // TrackNumber
    element(0x73c5, uint(track, 1)), // TrackUID
    element(ID.TRACK_TYPE, uint(type, 1)),
    element(0x9c, uint(0, 1)), // FlagLacing
    element(0x86, text(codec)), // CodecID
  ];
}

/** Offset of the Segment's content, from which positions in a file are counted. */
export const SEGMENT_DATA = 52;

/** Size of the head of a file without sound, in bytes. */
export const HEAD_SIZE = sizeWith(undefined);
/** Maximum size of a head, in bytes: that of a file with sound. */
export const MAX_HEAD_SIZE = sizeWith({ rate: 1 });

/** Returns the size of a file's head, in bytes. */
export function headSize(sound: SoundTrack | undefined): number {
  return sound ? MAX_HEAD_SIZE : HEAD_SIZE;
}

function sizeWith(sound: SoundTrack | undefined): number {
  return encodeHead({ date: EPOCH, size: { width: 1, height: 1 }, sound }).length;
}

/** A file's head, as {@link readHead} reads it. */
export interface Head extends HeadOptions {
  readonly size: Size;
  readonly writtenBy: string;
  readonly duration: number;
  /** Size of the head, in bytes: offset of the first cluster. */
  readonly length: number;
}

/**
 * Reads a head that {@link encodeHead} has written; undefined if it is anything else, or cut off.
 *
 * @param bytes The first {@link MAX_HEAD_SIZE} bytes of a file, or the whole file.
 */
export function readHead(bytes: Bytes): Head | undefined {
  const head = readLiveHead(bytes);
  const { size } = head ?? {};
  return head && size && headSize(head.sound) === head.length ? { ...head, size } : undefined;
}

/** The head of a live file, which may have no pictures. */
export type LiveHead = Omit<Head, "size"> & Pick<HeadOptions, "size">;

/** Like {@link readHead}, also for a head without pictures. */
export function readLiveHead(bytes: Bytes): LiveHead | undefined {
  const ebml = readElement(bytes, 0);
  const segment = ebml?.id === ID.EBML ? readElement(bytes, ebml.end) : undefined;
  if (segment?.id !== ID.SEGMENT) return undefined;
  let cuesAt: number | undefined;
  let info: Info | undefined;
  for (const { id, start, end } of elements(bytes, segment.start)) {
    if (end > bytes.length) return undefined;
    if (id === ID.SEEK_HEAD) cuesAt = segment.start + readUint(bytes, end - 8, end);
    else if (id === ID.INFO) info = readInfo(bytes, start, end);
    else if (id === ID.TRACKS) {
      if (!info) return undefined;
      const fileSize = segment.end === Infinity ? undefined : segment.end;
      return { ...info, ...readTracks(bytes, start, end), cuesAt, fileSize, length: end };
    }
  }
}

/** Reads the size of the pictures, and the rate of the sound if there is any. */
function readTracks(
  bytes: Bytes,
  from: number,
  to: number,
): { size?: Size; sound: SoundTrack | undefined } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let size: Size | undefined;
  let sound: SoundTrack | undefined;
  for (const track of elements(bytes, from, to)) {
    for (const { id, start, end } of elements(bytes, track.start, track.end)) {
      if (id === ID.VIDEO && end - start === 8) {
        size = { width: view.getUint16(start + 2), height: view.getUint16(start + 6) };
      } else if (id === ID.AUDIO && bytes[start] === ID.SAMPLING_FREQUENCY) {
        sound = { rate: view.getFloat64(start + 2) };
      }
    }
  }
  return { size, sound };
}

/** What the Info element tells. */
type Info = Pick<Head, "date" | "duration" | "writtenBy">;

function readInfo(bytes: Bytes, from: number, to: number): Info | undefined {
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
