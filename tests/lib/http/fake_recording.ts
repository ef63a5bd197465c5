import type { Hono } from "hono";
import { Authenticator } from "../../../lib/auth/mod.ts";
import { Camera } from "../../../lib/camera/camera.ts";
import type { Jpeg } from "../../../lib/frame.ts";
import type {
  Clips,
  Cursor,
  FrameRef,
  Library,
  Mark,
  Marks,
  RecorderStatus,
  Recording,
} from "../../../lib/recording/mod.ts";
import { type Engine, openRenditions } from "../../../lib/renditions/mod.ts";
import { ManualClock } from "../../manual_clock.ts";
import { noEvents } from "../../silent.ts";
import { jpegWith } from "./fake_source.ts";
import { createServerApp } from "./server_app.ts";

type Segment = FrameRef["segment"];

/** Recordings in memory of the camera "front". Each list of times is a segment. */
export class FakeRecording implements Recording {
  state: RecorderStatus = {
    state: "recording",
    since: 1_000,
    frames: 7,
    dropped: 1,
    bytesPerSecond: 1_234.5,
  };
  holds: number | undefined = 22_800_000;
  readonly summary = "Recording front";
  /** Arguments of the calls of `library.timeline`. */
  readonly timelines: [string, number, number][] = [];
  /** Times of frames that cannot be read. */
  readonly damaged = new Set<number>();
  readonly added: Mark[] = [];
  /** Set by tests of clips. */
  clips!: Clips;
  /** The error of `marks.add`. */
  failure: Error | undefined;
  openCursors = 0;
  readonly #frames: FrameRef[];

  constructor(...segments: readonly (readonly number[])[]) {
    this.#frames = segments.flatMap((times) => {
      const segment = {
        start: times[0],
        end: times.at(-1),
        frames: times.length,
      } as Segment;
      return times.map((at, index) => ({ at, index, segment, size: imageOf(at).length }));
    });
  }

  get library(): Library {
    return {
      progress: 1,
      extent: (camera: string) => ({
        oldest: camera === "front" ? this.#frames[0]?.at : undefined,
        newest: camera === "front" ? this.#frames.at(-1)?.at : undefined,
        bytes: 5_000,
      }),
      timeline: (camera: string, from: number, to: number) => {
        this.timelines.push([camera, from, to]);
        const spans = [{ start: from, end: to, frames: 3, bytes: 300 }];
        return Promise.resolve({ spans, activityInterval: 1_000, activity: "0".repeat(2_000) });
      },
      cursor: () => this.#cursor(),
    } as Partial<Library> as Library;
  }

  get marks(): Marks {
    return {
      add: (_, mark) => {
        if (this.failure) return Promise.reject(this.failure);
        this.added.push(mark);
        return Promise.resolve();
      },
      list: (_, from, to, label) =>
        Promise.resolve(
          this.added.filter((mark) =>
            mark.at >= from && mark.at <= to && mark.label === (label ?? mark.label)
          ),
        ),
      keeps: () => Promise.resolve(false),
    };
  }

  status(camera: string): RecorderStatus {
    return camera === "front" ? this.state : { ...this.state, state: "off" };
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }

  #cursor(): Cursor {
    this.openCursors++;
    let current = -1;
    const moveTo = (index: number) => {
      const frame = this.#frames[index];
      if (frame) current = index;
      return Promise.resolve(frame);
    };
    return {
      seek: (at, edge) =>
        moveTo(
          edge === "before"
            ? this.#frames.findLastIndex((frame) => frame.at <= at)
            : this.#frames.findIndex((frame) => frame.at >= at),
        ),
      step: (by) => moveTo(current + by),
      read: () => {
        const { at } = this.#frames[current]!;
        return Promise.resolve(this.damaged.has(at) ? undefined : imageOf(at));
      },
      [Symbol.asyncDispose]: () => {
        this.openCursors--;
        return Promise.resolve();
      },
    };
  }
}

/** The image of the frame at a time. */
export function imageOf(at: number): Jpeg {
  return jpegWith(`recorded at ${at}`);
}

/**
 * Creates the app with the cameras "front" and "back", and a clock that starts at the beginning of
 * 2026.
 */
export function setUpRecording(
  recording: Recording | undefined,
  { password = "", engine }: { password?: string; engine?: Engine } = {},
): { app: Hono; clock: ManualClock } {
  const clock = new ManualClock();
  const log = { info() {}, warn() {}, error() {} };
  const common = { clock, log };
  const cameras = ["front", "back"].map((name) =>
    new Camera({
      name,
      driver: "fake",
      open: async function* () {},
      idleTimeout: 0,
      clock,
      events: noEvents,
    })
  );
  const access = password ? { user: "me", password } : "this machine";
  const authenticator = new Authenticator(access, common);
  const renditions = openRenditions({ ...common, engine, eighths: [1, 2, 3, 4] });
  const app = createServerApp({ ...common, cameras, recording, renditions, authenticator });
  return { app, clock };
}
