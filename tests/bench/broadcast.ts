import { systemClock } from "../../lib/clock.ts";
import type { Frame } from "../../lib/frame.ts";
import { Hub } from "../../lib/hub/hub.ts";
import { pushing } from "../../lib/hub/source.ts";
import { ViewerStream } from "../../lib/streaming/viewer_stream.ts";
import { multipartFormat } from "../../lib/multipart/encode.ts";
import { cameraFrame, SIZES } from "./camera_frames.ts";

const jpeg = cameraFrame(SIZES["720p"]);

/** A hub with viewers that receive every frame immediately. */
export class Broadcast {
  #wanted = Promise.withResolvers<void>();
  #delivered = Promise.withResolvers<void>();
  #missing = 0;
  #sequence = 0;
  readonly #viewers: number;

  constructor(viewers: number, watch: (hub: Hub<Frame>) => AsyncIterable<unknown>) {
    this.#viewers = viewers;
    const hub = new Hub(pushing(() => this.#frames()), { clock: systemClock, idleTimeout: 0 });
    for (let i = 0; i < viewers; i++) this.#take(watch(hub));
  }

  /** Broadcasts one frame. Resolves when all viewers have it. */
  frame(): Promise<void> {
    this.#missing = this.#viewers;
    this.#delivered = Promise.withResolvers();
    this.#wanted.resolve();
    return this.#delivered.promise;
  }

  async *#frames(): AsyncGenerator<Frame> {
    for (;;) {
      await this.#wanted.promise;
      this.#wanted = Promise.withResolvers();
      yield {
        jpeg,
        capturedAt: Date.now(),
        monotonic: performance.now(),
        sequence: ++this.#sequence,
      };
    }
  }

  async #take(frames: AsyncIterable<unknown>): Promise<void> {
    for await (const _ of frames) if (--this.#missing === 0) this.#delivered.resolve();
  }
}

/** Reads a viewer's stream: one chunk per frame, without the first delimiter. */
export async function* chunksOf(hub: Hub<Frame>): AsyncGenerator<unknown> {
  const format = multipartFormat("frame", false);
  const body = new ViewerStream({ format, onEnd: () => hub.leave(body) });
  hub.join(body);
  const reader = body.stream.getReader();
  await reader.read();
  for (;;) yield await reader.read();
}
