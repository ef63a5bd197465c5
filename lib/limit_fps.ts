import type { Frame } from "./frame.ts";

/**
 * Limits a stream to `fps` frames per second. The returned function decides for each frame whether
 * to send it: a frame is sent if it is nearer to the due time than the next frame is expected to
 * be. So 30 fps become an even 10 fps, and a frame that arrives slightly early is not skipped.
 */
export function limitFps(fps: number): (frame: Pick<Frame, "monotonic">) => boolean {
  const interval = 1000 / fps;
  let due = -Infinity;
  let previous: number | undefined;
  let averageGap: number | undefined;
  return ({ monotonic: time }) => {
    const early = due - time;
    if (previous !== undefined) {
      const gap = Math.min(time - previous, interval);
      averageGap = averageGap === undefined ? gap : averageGap + (gap - averageGap) / 8;
    }
    previous = time;
    if (early > (averageGap ?? 0) / 2) return false;
    due = (-early > interval ? time : due) + interval;
    return true;
  };
}
