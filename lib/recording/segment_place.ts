import type { SegmentPlace } from "./segment.ts";

/**
 * Returns the place of a segment by the time of its first frame.
 *
 * @param attempt 2 or more if the segment is not the first one of its millisecond.
 */
export function segmentPlace(camera: string, start: number, attempt = 1): SegmentPlace {
  const [day, time] = new Date(start).toISOString().split("T") as [string, string];
  const suffix = attempt === 1 ? "" : `-${attempt}`;
  return { camera, day, name: `${time.replaceAll(":", "-")}${suffix}.mkv` };
}

/** Returns the path of a segment's file. */
export function segmentPath(root: string, { camera, day, name }: SegmentPlace): string {
  return `${root}/${camera}/${day}/${name}`;
}
