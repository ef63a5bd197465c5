import { encodeCues, encodeHead, MAX_HEAD_SIZE } from "../matroska/mod.ts";
import { cuesOf, durationOf } from "./completion.ts";
import type { Disk, DiskFile } from "./disk.ts";
import { HeadError, readSegment, type SegmentContent } from "./segment_reader.ts";

/** A segment that is complete now. */
export interface CompleteSegment extends SegmentContent {
  /** Size of the file, in bytes. */
  readonly bytes: number;
  /** Bytes that were cut off, as they were no whole frame; undefined if it was complete before. */
  readonly cut: number | undefined;
}

/**
 * Completes a segment that a recorder did not close: cuts off what is no whole frame, and writes the
 * cues and the head. It can be interrupted at any time and repeated. A complete segment stays as it
 * is.
 *
 * @param content What {@link inspect} has returned.
 * @returns undefined if the file had no whole frame, and has been removed.
 * @throws {HeadError} If the file is no segment of a recorder; it is left as it is.
 */
export async function repair(
  disk: Disk,
  path: string,
  content?: SegmentContent,
): Promise<CompleteSegment | undefined> {
  const found = content ?? await inspect(disk, path);
  if (found?.isComplete) return { ...found, bytes: found.head.fileSize!, cut: undefined };
  if (!found || found.index.length === 0) {
    await disk.remove(path);
    return undefined;
  }
  const file = await disk.open(path, "append");
  try {
    return await complete(file, found);
  } finally {
    await file.close();
  }
}

/**
 * Reads a segment; undefined if the file is shorter than a head.
 *
 * @throws {HeadError} If the file is no segment of a recorder.
 */
export async function inspect(disk: Disk, path: string): Promise<SegmentContent | undefined> {
  const file = await disk.open(path, "read");
  try {
    return await readSegment(file);
  } catch (error) {
    if (error instanceof HeadError && await file.size() < MAX_HEAD_SIZE) return undefined;
    throw error;
  } finally {
    await file.close();
  }
}

async function complete(file: DiskFile, content: SegmentContent): Promise<CompleteSegment> {
  const { head, index } = content;
  const cut = await file.size() - index.end;
  await file.truncate(index.end);
  const cues = encodeCues(cuesOf(index));
  await file.append([cues]);
  // The head says that the file is complete: everything else must be on the disk before it.
  await file.sync();
  const fileSize = index.end + cues.length;
  const completed = { ...head, duration: durationOf(index), fileSize, cuesAt: index.end };
  await file.writeAt(0, encodeHead(completed));
  await file.sync();
  return { ...content, head: completed, isComplete: true, bytes: fileSize, cut };
}
