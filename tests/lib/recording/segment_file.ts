import type { Bytes } from "../../../lib/bytes.ts";
import type { Jpeg } from "../../../lib/frame.ts";
import { ActivityMeter } from "../../../lib/recording/activity.ts";
import type { Disk } from "../../../lib/recording/disk.ts";
import type { Segment } from "../../../lib/recording/segment.ts";
import { segmentPath } from "../../../lib/recording/segment_name.ts";
import { readSegment } from "../../../lib/recording/segment_reader.ts";
import { SegmentWriter } from "../../../lib/recording/segment_writer.ts";

/** A frame in a file. */
export interface StoredFrame {
  /** In milliseconds since the Unix epoch. */
  readonly at: number;
  readonly jpeg: Bytes;
}

/** Returns bytes that begin and end like a JPEG and contain a number. */
export function fakeJpeg(number: number, size = 200): Jpeg {
  const jpeg = new Uint8Array(size).fill(number % 251, 2);
  jpeg.set([0xff, 0xd8]);
  new DataView(jpeg.buffer).setUint32(2, number);
  jpeg.set([0xff, 0xd9], size - 2);
  return jpeg;
}

/** Writes a closed segment as the recorder does. */
export async function writeSegment(
  disk: Disk,
  { camera = "front", number = 1, frames }: {
    camera?: string;
    number?: number;
    frames: readonly StoredFrame[];
  },
): Promise<Segment> {
  const start = frames[0]!.at;
  const day = new Date(start).toISOString().slice(0, 10);
  for (const folder of [`/r/${camera}`, `/r/${camera}/${day}`]) await disk.makeFolder(folder);
  const writer = await SegmentWriter.create({
    ...{ disk, root: "/r", camera, number, start, size: { width: 64, height: 48 } },
    activity: new ActivityMeter(),
  });
  await writer.append(frames);
  return (await writer.close())!;
}

/** Reads all frames of a segment's file. */
export async function readFrames(disk: Disk, segment: Segment): Promise<StoredFrame[]> {
  const file = await disk.open(segmentPath("/r", segment), "read");
  try {
    const { head, index, isComplete } = await readSegment(file);
    if (!isComplete) throw new Error("The segment is not complete");
    const frames: StoredFrame[] = [];
    for (let i = 0; i < index.length; i++) {
      const jpeg = new Uint8Array(index.endOffset(i) - index.offset(i) - 23);
      await file.readAt(index.offset(i) + 23, jpeg);
      frames.push({ at: head.date + index.time(i), jpeg });
    }
    return frames;
  } finally {
    await file.close();
  }
}
