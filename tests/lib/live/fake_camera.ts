import { MutableCameraList } from "../../../lib/camera/camera_list.ts";
import type { CameraError } from "../../../lib/errors.ts";
import type { Frame } from "../../../lib/frame.ts";
import type { Subscriber } from "../../../lib/hub/hub.ts";
import type { FeedCamera } from "../../../lib/live/feed_camera.ts";
import {
  LiveSession,
  type LiveSessionOptions,
  type LiveSocket,
} from "../../../lib/live/session.ts";

/** A camera whose frames a test emits by hand. */
export class FakeCamera implements FeedCamera {
  dropped = 0;
  /** Number of calls of `retryNow`. */
  retries = 0;
  /** Whether the last call skips the delay. */
  skipsDelay = false;
  /** Sequence number and message size, in bytes, of each frame that a client has acknowledged. */
  readonly painted: [sequence: number, bytes: number][] = [];
  latest: Frame | undefined;
  error: CameraError | undefined;
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

  retryNow({ skipDelay = false } = {}): void {
    this.skipsDelay = skipDelay;
    this.retries++;
  }

  countDropped(): void {
    this.dropped++;
  }

  countDelivered({ sequence }: Frame, bytes: number): void {
    this.painted.push([sequence, bytes]);
  }

  /** Emits a frame with this sequence number to all viewers. */
  emit(sequence: number, capturedAt = 1_000): Frame {
    const jpeg = Uint8Array.of(0xff, 0xd8, sequence, 0xff, 0xd9);
    const frame = this.latest = { jpeg, sequence, capturedAt, monotonic: capturedAt };
    for (const viewer of this.viewers) viewer.offer(frame);
    return frame;
  }

  /** Ends the camera: there will be no more frames. */
  end(): void {
    for (const viewer of [...this.viewers]) {
      this.viewers.delete(viewer);
      viewer.end();
    }
  }
}

/** A socket that records the messages sent. */
export class FakeSocket implements LiveSocket {
  bufferedAmount = 0;
  closed: { code: number; reason: string } | undefined;
  /** The first message of {@link startSession}. */
  // deno-lint-ignore no-explicit-any
  hello: any;
  readonly sent: (string | Uint8Array<ArrayBuffer>)[] = [];

  send(message: string | Uint8Array<ArrayBuffer>): void {
    if (this.closed) throw new Error("send() after close()");
    this.sent.push(message);
  }

  close(code: number, reason: string): void {
    if (this.closed) throw new Error("close() called twice");
    this.closed = { code, reason };
  }

  /** Camera index and sequence number of each frame sent. */
  get frames(): [camera: number, sequence: number][] {
    return this.sent.filter((message) => typeof message !== "string").map((message) => {
      const header = new DataView(message.buffer);
      return [header.getUint16(2), header.getUint32(4)];
    });
  }

  /** The text messages sent, parsed. */
  // deno-lint-ignore no-explicit-any
  get texts(): any[] {
    return this.sent.filter((message) => typeof message === "string").map((text) =>
      JSON.parse(text)
    );
  }
}

/** Options of {@link startSession}. */
export type SessionOptions =
  & Omit<LiveSessionOptions<FakeCamera>, "cameras" | "status" | "socket">
  & { socket: FakeSocket; cameras: readonly FakeCamera[] | MutableCameraList<FakeCamera> };

/** Starts a session that watches no camera. Its `hello` is not among the messages sent. */
export function startSession({ cameras, ...options }: SessionOptions): LiveSession<FakeCamera> {
  const list = cameras instanceof MutableCameraList ? cameras : new MutableCameraList(cameras);
  const status = ({ name }: FakeCamera) => ({ name });
  const session = new LiveSession({ ...options, cameras: list, status });
  session.start([]);
  options.socket.hello = options.socket.texts[0];
  options.socket.sent.length = 0;
  return session;
}
