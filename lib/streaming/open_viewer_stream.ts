import type { Bytes } from "../bytes.ts";
import type { CameraFeed } from "../camera/camera_feed.ts";
import type { MultipartFormat } from "../multipart/encode.ts";
import type { KeepAlive } from "./keep_alive.ts";
import { limitFps } from "../limit_fps.ts";
import { type DirectSender, ViewerStream } from "./viewer_stream.ts";
import type { Viewers } from "./viewers.ts";

/** Options of {@link openViewerStream}. */
export interface OpenViewerStreamOptions {
  viewers: Viewers;
  keepAlive: KeepAlive;
  /** The client's IP address. */
  address: string;
  format: MultipartFormat;
  /** Maximum frame rate. @default {Infinity} */
  fps?: number;
  /** Opens the client's connection for direct sends, once the viewer is admitted. */
  openDirect?: () => DirectSender & { close(): void } | undefined;
}

/**
 * Opens a camera's stream for a new viewer and waits until the camera delivers frames. The stream
 * ends when the client disconnects or stops reading, or when the camera closes.
 *
 * @throws {TooManyViewers} If the viewer limit is reached.
 * @throws {CameraError} If the camera delivers no frames in time.
 */
export async function openViewerStream(
  camera: CameraFeed,
  { viewers, keepAlive, address, format, fps, openDirect }: OpenViewerStreamOptions,
): Promise<ReadableStream<Bytes>> {
  const session = viewers.admit(address, camera.name);
  const direct = openDirect?.();
  const cleanup = new DisposableStack();
  const viewer = new ViewerStream({
    format,
    direct,
    wanted: fps === undefined ? undefined : limitFps(fps),
    onDelivered: (frame, bytes) => camera.countDelivered(frame, bytes),
    onDropped: () => camera.countDropped("viewer"),
    onEnd: () => cleanup.dispose(),
  });
  cleanup.defer(() => {
    session.end({ frames: viewer.sent, dropped: viewer.dropped, reason: viewer.endReason });
  });
  cleanup.defer(() => direct?.close());
  cleanup.defer(() => keepAlive.delete(viewer));
  cleanup.defer(() => camera.leave(viewer));
  keepAlive.add(viewer, camera);
  camera.join(viewer); // a closed camera ends the stream at once
  try {
    await camera.ready();
  } catch (error) {
    viewer.end();
    throw error;
  }
  session.start();
  return viewer.stream;
}
