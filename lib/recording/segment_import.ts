import type { Clock } from "../clock.ts";
import { explain } from "../errors.ts";
import type { Log } from "../log.ts";
import { CLUSTER_HEADER } from "../matroska/mod.ts";
import { ActivityMeter } from "./activity.ts";
import type { Disk } from "./disk.ts";
import { GrowingSegment } from "./open_segment.ts";
import { inspect, repair } from "./repair.ts";
import type { SegmentPlace } from "./segment.ts";
import type { SegmentName } from "./segment_name.ts";
import type { SegmentContent } from "./segment_reader.ts";
import type { SegmentRow } from "./segment_table.ts";

/** A file without a head that was changed in this period may belong to a recorder that opens it. */
const OPENING = 60_000;

/** Options of {@link importSegment}. */
export interface ImportOptions {
  readonly disk: Disk;
  readonly clock: Clock;
  readonly log: Log;
  /** Whether the segment is being recorded. */
  readonly isOpen: () => boolean;
  /**
   * Whether a recorder of this process may be writing a segment with this number, or a segment
   * without a head.
   */
  readonly mayBeOpen: (number: number | undefined) => boolean;
}

/** A segment that was read from its file. */
export interface ImportedSegment extends Omit<SegmentRow, keyof SegmentName> {
  /** Whether its file is complete: otherwise it could not be repaired. */
  readonly isComplete: boolean;
}

/**
 * Reads a segment from its file, and repairs it if its recorder did not close it.
 *
 * @returns undefined if the file has no frame, and has been removed; or if it is being recorded.
 * @throws {HeadError} If the file is no segment of a recorder.
 */
export async function importSegment(
  place: SegmentPlace,
  path: string,
  options: ImportOptions,
): Promise<ImportedSegment | undefined> {
  const { disk, log, isOpen } = options;
  const fields = { camera: place.camera, file: path };
  const content = await inspect(disk, path);
  if (content?.isComplete) return describe(place, content, content.head.fileSize!);
  if (await mayBeOpen(path, content?.number, options) || isOpen()) return undefined;
  try {
    const repaired = await repair(disk, path, content);
    if (!repaired) log.info("empty recording deleted", fields);
    else log.info("recording repaired", { ...fields, bytesRemoved: repaired.cut });
    return repaired && describe(place, repaired, repaired.bytes);
  } catch (error) {
    if (!content || content.index.length === 0) throw error;
    log.warn("recording not repaired", { ...fields, reason: explain(error) });
    return describe(place, content, (await disk.stat(path)).size);
  }
}

/** Whether a recorder of this process may be writing a file that is not complete. */
async function mayBeOpen(
  path: string,
  number: number | undefined,
  { disk, clock, mayBeOpen }: ImportOptions,
): Promise<boolean> {
  if (!mayBeOpen(number)) return false;
  if (number !== undefined) return true;
  const { modified } = await disk.stat(path);
  return Math.abs(clock.now() - modified) < OPENING;
}

function describe(place: SegmentPlace, content: SegmentContent, bytes: number): ImportedSegment {
  const { number, thinnedTo, index, isComplete, head: { date: start } } = content;
  const activity = new ActivityMeter();
  const segment = new GrowingSegment({ place, number, start, bytes: 0, activity });
  for (let frame = 0; frame < index.length; frame++) {
    const clusterSize = index.endOffset(frame) - index.offset(frame);
    const size = clusterSize - CLUSTER_HEADER;
    segment.add({ at: start + index.time(frame), size, clusterSize });
  }
  return {
    ...{ number, thinnedTo, isComplete, bytes },
    ...{ duration: segment.end - start, frames: index.length, activity: segment.activity },
  };
}
