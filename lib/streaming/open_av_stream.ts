import type { Bytes } from "../bytes.ts";
import type { CameraFeed } from "../camera/camera_feed.ts";
import type { Clock } from "../clock.ts";
import { limitFps } from "../limit_fps.ts";
import type { CameraSound } from "../sound_packet.ts";
import { AvStream } from "./av_stream.ts";
import type { KeepAlive } from "./keep_alive.ts";
import { soundReady } from "./sound_unavailable.ts";
import type { Viewers } from "./viewers.ts";

/** Options of {@link openAvStream}. */
export interface OpenAvStreamOptions {
  sound: CameraSound;
  viewers: Viewers;
  keepAlive: KeepAlive;
  /** The client's IP address. */
  address: string;
  /** Maximum frame rate. @default {Infinity} */
  fps?: number;
  clock: Clock;
  /** Called for each packet of sound that the client was too slow to receive. */
  onSoundDropped: () => void;
}

/** Assumed frame rate of a camera that has just started. If it is too high, it does no harm. */
const ASSUMED_FPS = 30;
/** Number of frames by which a camera's frame rate is known. */
const KNOWN_AFTER = 30;

/** Returns a camera's frame rate, rounded, as far as it is known. */
function frameRateOf(camera: CameraFeed): number {
  const { fps, frames } = camera.stats();
  if (frames < KNOWN_AFTER || fps === 0) return ASSUMED_FPS;
  return fps > 2 ? Math.round(fps) : fps;
}

/**
 * Opens a camera's pictures and sound, in one Matroska file, for a new viewer, and waits until both
 * are flowing. The stream ends when the client disconnects or stops reading, or when the camera
 * closes.
 *
 * @throws {TooManyViewers} If the viewer limit is reached.
 * @throws {CameraError} If the camera delivers no frames in time.
 * @throws {SoundUnavailable} If the microphone delivers no sound in time.
 */
export async function openAvStream(
  camera: CameraFeed,
  { sound, viewers, keepAlive, address, fps, clock, onSoundDropped }: OpenAvStreamOptions,
): Promise<ReadableStream<Bytes>> {
  const session = viewers.admit(address, camera.name);
  const cleanup = new DisposableStack();
  const viewer = new AvStream({
    rate: sound.rate,
    frameRate: () => Math.min(fps ?? Infinity, frameRateOf(camera)),
    now: () => clock.monotonic(),
    wanted: fps === undefined ? undefined : limitFps(fps),
    onDelivered: (frame, bytes) => camera.countDelivered(frame, bytes),
    onDropped: () => camera.countDropped("viewer"),
    onSoundDropped,
    onEnd: () => cleanup.dispose(),
  });
  cleanup.defer(() => {
    const { sent: frames, dropped, soundDropped, endReason: reason } = viewer;
    session.end({ frames, dropped, soundDropped, reason });
  });
  cleanup.defer(() => keepAlive.delete(viewer));
  cleanup.defer(() => sound.leave(viewer.sound));
  cleanup.defer(() => camera.leave(viewer.frames));
  keepAlive.add(viewer, camera);
  sound.join(viewer.sound);
  camera.join(viewer.frames); // a closed camera ends the stream at once
  try {
    await Promise.all([camera.ready(), soundReady(camera.name, sound)]);
  } catch (error) {
    viewer.end();
    throw error;
  }
  session.start();
  viewer.start(camera.latest);
  return viewer.body;
}
