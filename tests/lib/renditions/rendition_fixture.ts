import { Camera } from "../../../lib/camera/camera.ts";
import type { CameraEvent } from "../../../lib/camera/events.ts";
import { Events } from "../../../lib/events.ts";
import type { Frame, Jpeg } from "../../../lib/frame.ts";
import type { Role, Subscriber } from "../../../lib/hub/hub.ts";
import { sizeOf } from "../../../lib/jpeg/segments.ts";
import { createLog } from "../../../lib/log.ts";
import { openRenditions, type OverlaySettings } from "../../../lib/renditions/mod.ts";
import { FakeSource } from "../../fake_source.ts";
import { ManualClock, settle } from "../../manual_clock.ts";
import { sampleJpeg } from "../jpeg/sample_jpegs.ts";
import { FakeEngine } from "./fake_engine.ts";

/** A viewer that remembers its frames. */
export class FakeViewer implements Subscriber<Frame> {
  readonly frames: Frame[] = [];
  isEnded = false;

  constructor(readonly role: Role = "viewer") {}

  offer(frame: Frame): void {
    this.frames.push(frame);
  }

  end(): void {
    this.isEnded = true;
  }

  /** The heights of its pictures. */
  get heights(): (number | undefined)[] {
    return this.frames.map(({ jpeg }) => sizeOf(jpeg)?.height);
  }

  get numbers(): number[] {
    return this.frames.map(({ sequence }) => sequence);
  }
}

/** Options of {@link setUp}. */
export interface Options {
  /** @default {10_000} */
  idleTimeout?: number;
  settings?: OverlaySettings;
  /** Whether the camera has a small source. */
  hasSmallSource?: boolean;
}

/** Creates a camera of 1280x720, its small source of 640x360, and renditions with a fake engine. */
export function setUp({ idleTimeout = 10_000, settings, hasSmallSource = false }: Options = {}) {
  const clock = new ManualClock();
  const events = new Events<CameraEvent>();
  const lines: string[] = [];
  const log = createLog({ clock, write: (line) => lines.push(line.slice(25)) });
  const engine = new FakeEngine();
  const create = (name: string) => {
    const source = new FakeSource<Jpeg>();
    const common = { driver: "fake", idleTimeout, clock, events };
    return { source, camera: new Camera({ ...common, name, open: source.open }) };
  };
  const { source, camera } = create("front");
  const small = create("front (small source)");
  const renditions = openRenditions({
    clock,
    log,
    events,
    engine: engine.open,
    settingsOf: settings && (() => settings),
    smallSourceOf: () => hasSmallSource ? small.camera : undefined,
  });
  return {
    ...{ clock, engine, lines, renditions, camera, source },
    ...{ small: small.camera, smallSource: small.source },
    /** Delivers frames of the camera, one every 100 ms. */
    flow: (count = 1) => flow(source, clock, { count, size: { width: 1280, height: 720 } }),
    /** Delivers frames of the small source, one every 100 ms. */
    flowSmall: (count = 1) =>
      flow(small.source, clock, { count, size: { width: 640, height: 360 } }),
    async [Symbol.asyncDispose]() {
      await renditions[Symbol.asyncDispose]();
      await camera.close();
      await small.camera.close();
    },
  };
}

async function flow(
  source: FakeSource<Jpeg>,
  clock: ManualClock,
  { count, size }: { count: number; size: { width: number; height: number } },
): Promise<void> {
  for (let n = 0; n < count; n++) {
    await clock.advance(100);
    source.push(sampleJpeg(size));
    await settle();
  }
}
