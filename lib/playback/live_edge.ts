import type { Clock } from "../clock.ts";
import type { Frame } from "../frame.ts";

/** Maximum difference between a frame's time of arrival and its recorded time, in milliseconds. */
export const ROUNDING = 2;

/**
 * Returns the time at which a live frame is recorded: its arrival on this server's clock, in
 * milliseconds since the Unix epoch. (`capturedAt` may be from another clock.)
 */
export function arrivalTime({ monotonic }: Frame, clock: Clock): number {
  return clock.now() - (clock.monotonic() - monotonic);
}

/**
 * Returns the sequence number up to which live frames have been shown from the recording; 0 if none
 * has.
 *
 * @param latest The latest live frame.
 * @param shown Time of the last recorded frame shown.
 */
export function shownUntil(
  latest: Frame | undefined,
  shown: number | undefined,
  clock: Clock,
): number {
  if (!latest || shown === undefined) return 0;
  return arrivalTime(latest, clock) <= shown + ROUNDING ? latest.sequence : latest.sequence - 1;
}
