import { Backoff } from "../../../lib/camera/backoff.ts";
import { restarting } from "../../../lib/camera/restart.ts";
import { CameraError } from "../../../lib/errors.ts";
import { pushing } from "../../../lib/hub/source.ts";
import type { Fields, Log } from "../../../lib/log.ts";
import { EdgeLinks, type WatchOptions } from "../../../lib/nats/edge_links.ts";
import type { FakeClient, FakeHub } from "../../fake_bus.ts";
import { iterating } from "../../iterating.ts";

/** An edge in a test, with its log. */
export class TestEdge implements Disposable {
  readonly links: EdgeLinks;
  /** The events and fields of the log, as text. */
  readonly logged: string[] = [];
  readonly hub: FakeHub;

  constructor(hub: FakeHub, readonly client: FakeClient) {
    this.hub = hub;
    const write = (event: string, fields: Fields = {}) =>
      void this.logged.push([event, ...Object.values(fields)].join(" "));
    const log: Log = { info: write, warn: write, error: write };
    this.links = new EdgeLinks(client, { clock: client.clock, log });
  }

  /** Watches a camera. */
  watch(options: Partial<ViewingOptions> = {}): Viewing {
    return new Viewing(this, { source: "front", camera: "front", ...options });
  }

  [Symbol.dispose](): void {
    this.links[Symbol.dispose]();
  }
}

/** A frame that a {@link Viewing} has got. Times are those of the hub's clock, in milliseconds. */
export interface ViewedFrame {
  readonly at: number;
  readonly age: number;
  readonly size: number;
}

/** Options of a {@link Viewing}. */
export interface ViewingOptions extends WatchOptions {
  /** Whether the camera is opened again after a failure, as the server does. */
  restart?: boolean;
}

/** Reads a camera until it fails, or is stopped. */
export class Viewing implements Disposable {
  readonly frames: ViewedFrame[] = [];
  readonly failures: { at: number; error: CameraError }[] = [];
  error: CameraError | undefined;
  ended = false;
  /** Difference of the origin's wall clock, in milliseconds: by it ages are computed. */
  originOffset = 0;
  readonly #stop = new AbortController();

  constructor(edge: TestEdge, options: ViewingOptions) {
    this.#read(edge, options);
  }

  /** Stops watching. */
  [Symbol.dispose](): void {
    this.#stop.abort();
  }

  /** Returns the frames of a period. */
  between(from: number, to: number): ViewedFrame[] {
    return this.frames.filter(({ at }) => at >= from && at < to);
  }

  async #read({ links, hub, client: { clock } }: TestEdge, options: ViewingOptions): Promise<void> {
    const open = (signal: AbortSignal) => links.watch(options, signal);
    const backoff = new Backoff<CameraError>({
      clock,
      onFailure: (error) => this.failures.push({ at: hub.clock.monotonic(), error }),
    });
    const restarted = restarting(pushing(open), backoff, {
      onEnd: () => new CameraError("ended"),
      toFailure: (error) => error as CameraError,
    });
    const images = options.restart ? iterating(restarted) : open;
    try {
      for await (const image of images(this.#stop.signal)) {
        if (!("jpeg" in image)) throw new Error("no capture time");
        const age = hub.clock.now() - (image.capturedAt - this.originOffset);
        this.frames.push({ at: hub.clock.monotonic(), age, size: image.jpeg.length });
      }
    } catch (error) {
      if (!(error instanceof CameraError)) throw error;
      this.error = error;
    }
    this.ended = true;
  }
}

/** Returns the `p`-quantile. */
export function quantile(values: readonly number[], p: number): number {
  return values.toSorted((a, b) =>
    a - b
  )[Math.min(values.length - 1, Math.floor(p * values.length))]!;
}

/** The greatest of some ages. */
export function oldest(frames: readonly ViewedFrame[]): number {
  return Math.max(0, ...frames.map(({ age }) => age));
}
