import type { Frame } from "../../../lib/frame.ts";
import type { Subscriber } from "../../../lib/hub/hub.ts";
import type { FeedCamera } from "../../../lib/live/feed.ts";
import type { LiveSocket } from "../../../lib/live/session.ts";

/** A camera that gives a frame when a test says so. */
export class FakeCamera implements FeedCamera {
  dropped = 0;
  /** How often it was asked for frames. */
  asked = 0;
  /** The numbers of the frames that clients have painted, and the bytes that those took. */
  readonly painted: [sequence: number, bytes: number][] = [];
  latest: Frame | undefined;
  readonly name: string;
  readonly viewers = new Set<Subscriber<Frame>>();

  constructor(name: string) {
    this.name = name;
  }

  join(viewer: Subscriber<Frame>): void {
    this.viewers.add(viewer);
    if (this.latest) viewer.offer(this.latest);
  }

  leave(viewer: Subscriber<Frame>): void {
    this.viewers.delete(viewer);
  }

  retryNow(): void {
    this.asked++;
  }

  countDropped(): void {
    this.dropped++;
  }

  countDelivered({ sequence }: Frame, bytes: number): void {
    this.painted.push([sequence, bytes]);
  }

  /** Gives the frame of that number to all viewers. */
  emit(sequence: number, capturedAt = 1_000): Frame {
    const jpeg = Uint8Array.of(0xff, 0xd8, sequence, 0xff, 0xd9);
    const frame = this.latest = { jpeg, sequence, capturedAt, monotonic: capturedAt };
    for (const viewer of this.viewers) viewer.offer(frame);
    return frame;
  }

  /** There will be no more frames. */
  end(): void {
    for (const viewer of [...this.viewers]) {
      this.viewers.delete(viewer);
      viewer.end();
    }
  }
}

/** A socket that keeps what is sent. */
export class FakeSocket implements LiveSocket {
  bufferedAmount = 0;
  closed: { code: number; reason: string } | undefined;
  readonly sent: (string | Uint8Array<ArrayBuffer>)[] = [];

  send(message: string | Uint8Array<ArrayBuffer>): void {
    if (this.closed) throw new Error("It is sent to after it was closed");
    this.sent.push(message);
  }

  close(code: number, reason: string): void {
    if (this.closed) throw new Error("It is closed twice");
    this.closed = { code, reason };
  }

  /** Camera and sequence number of each frame that was sent. */
  get frames(): [camera: number, sequence: number][] {
    return this.sent.filter((message) => typeof message !== "string").map((message) => {
      const header = new DataView(message.buffer);
      return [header.getUint32(0), header.getUint32(4)];
    });
  }

  /** What was said in words. */
  // deno-lint-ignore no-explicit-any
  get words(): any[] {
    return this.sent.filter((message) => typeof message === "string").map((text) =>
      JSON.parse(text)
    );
  }
}
