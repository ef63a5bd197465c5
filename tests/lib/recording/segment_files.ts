import { assert, assertEquals } from "@std/assert";
import type { Bytes } from "../../../lib/bytes.ts";
import type { Frame, Jpeg } from "../../../lib/frame.ts";
import {
  CLUSTER_HEADER,
  type Head,
  readClusterHeader,
  readCues,
  readHead,
  TRACK,
} from "../../../lib/matroska/mod.ts";

/** A frame as a file has it. */
export interface FileFrame {
  /** In milliseconds since the Unix epoch. */
  readonly at: number;
  readonly jpeg: Jpeg;
}

/** Sound as a file has it. */
export interface FileSound {
  /** Time of the first sample, in milliseconds since the Unix epoch. */
  readonly at: number;
  readonly samples: Bytes;
}

/** The content of a segment's file. */
export interface FileContent {
  readonly head: Head;
  readonly frames: readonly FileFrame[];
  readonly sound: readonly FileSound[];
  readonly isComplete: boolean;
}

/** Reads a segment, and checks that it is whole: that it ends after a cluster or after the cues. */
export function parseSegment(bytes: Bytes): FileContent {
  const head = readHead(bytes);
  assert(head, "The file has no head");
  const frames: FileFrame[] = [];
  const sound: FileSound[] = [];
  const cues: { time: number; offset: number; track: number }[] = [];
  let at = head.length;
  for (let found; (found = readClusterHeader(bytes, at));) {
    const { time, size, track } = found;
    const end = at + CLUSTER_HEADER + size;
    assert(end <= bytes.length, "The last cluster is cut off");
    const data = bytes.slice(at + CLUSTER_HEADER, end);
    if (track === TRACK.VIDEO) frames.push({ at: head.date + time, jpeg: data });
    else sound.push({ at: head.date + time, samples: data });
    cues.push({ time, offset: at, track });
    at = end;
  }
  const isComplete = head.fileSize !== undefined;
  if (!isComplete) assertEquals(at, bytes.length, "There is something after the last cluster");
  else {
    assertEquals([head.fileSize, head.cuesAt], [bytes.length, at]);
    const { times, offsets, tracks } = readCues(bytes.subarray(at))!;
    const expected = cues.sort((a, b) => a.time - b.time || a.track - b.track);
    const found = Array.from(times, (time, i) => ({ time, offset: offsets[i], track: tracks[i] }));
    assertEquals(found, expected);
  }
  return { head, frames, sound, isComplete };
}

/** Makes a JPEG with a frame header, which is not decodable, with a number in it. */
export function makeJpeg(
  { width = 1280, height = 720, bytes = 2_000, number = 0 }: {
    width?: number;
    height?: number;
    bytes?: number;
    number?: number;
  } = {},
): Jpeg {
  const jpeg = new Uint8Array(bytes);
  jpeg.set([0xff, 0xd8, 0xff, 0xc0, 0, 17, 8]);
  const view = new DataView(jpeg.buffer);
  view.setUint16(7, height);
  view.setUint16(9, width);
  view.setUint32(21, number);
  jpeg.set([0xff, 0xd9], bytes - 2);
  return jpeg;
}

/** Returns the number in a JPEG of {@link makeJpeg}. */
export function numberOf(jpeg: Jpeg): number {
  return new DataView(jpeg.buffer, jpeg.byteOffset).getUint32(21);
}

/** Makes the frame of a JPEG. */
export function makeFrame(jpeg: Jpeg, frame: Omit<Frame, "jpeg">): Frame {
  return { jpeg, ...frame };
}
