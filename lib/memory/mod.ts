import type { CameraEvent } from "../camera/events.ts";
import type { Clock } from "../clock.ts";
import type { Events } from "../events.ts";
import { releaseMemory } from "./release.ts";

/** Delay after the start, in milliseconds: the server has loaded what it needs to listen. */
const START_DELAY = 5_000;
/**
 * Delays after the first frame, in milliseconds: V8 has compiled most of what each frame runs; with
 * few viewers, it compiles the rest later.
 */
const CAPTURE_DELAYS = [20_000, 90_000];

/** Options of {@link releaseStartMemory}. */
export interface StartMemoryOptions {
  clock: Clock;
  /** Releases the memory, instead of {@link releaseMemory}. */
  release?: () => unknown;
}

/**
 * Releases memory that only the start needed: 5 s after the call, and 20 and 90 s after the first
 * frame of the first camera that starts. Call it when the server listens. See {@link releaseMemory}
 * for what it releases and what that costs.
 *
 * @returns An object whose disposal cancels the pending releases.
 */
export function releaseStartMemory(
  events: Pick<Events<CameraEvent>, "subscribe">,
  { clock, release = releaseMemory }: StartMemoryOptions,
): Disposable {
  const stack = new DisposableStack();
  const stop = new AbortController();
  stack.defer(() => stop.abort());
  // `sleep` rejects when it is cancelled.
  const releaseAfter = (ms: number) => void clock.sleep(ms, stop.signal).then(release, () => {});
  releaseAfter(START_DELAY);
  const subscription = stack.use(events.subscribe(({ type }) => {
    if (type !== "camera started") return;
    subscription[Symbol.dispose]();
    for (const delay of CAPTURE_DELAYS) releaseAfter(delay);
  }));
  return stack;
}
