import type { Bytes } from "../bytes.ts";
import type { Clock } from "../clock.ts";
import type { CameraSound } from "../sound_packet.ts";
import type { KeepAlive } from "./keep_alive.ts";
import type { SoundFormat } from "./sound_format.ts";
import { SoundStream } from "./sound_stream.ts";
import { soundReady } from "./sound_unavailable.ts";
import type { Viewers } from "./viewers.ts";

/** Options of {@link openSoundStream}. */
export interface OpenSoundStreamOptions {
  /** The camera's name. */
  camera: string;
  format: SoundFormat;
  viewers: Viewers;
  keepAlive: KeepAlive;
  /** The client's IP address. */
  address: string;
  clock: Clock;
  /** Called for each packet that the client was too slow to receive. */
  onDropped: () => void;
}

/**
 * Opens a camera's sound for a new listener and waits until it is flowing. The stream ends when the
 * client disconnects or stops reading, or when the microphone is closed.
 *
 * @throws {TooManyViewers} If the viewer limit is reached.
 * @throws {SoundUnavailable} If the microphone delivers no sound in time.
 */
export async function openSoundStream(
  sound: CameraSound,
  { camera, format, viewers, keepAlive, address, clock, onDropped }: OpenSoundStreamOptions,
): Promise<ReadableStream<Bytes>> {
  const session = viewers.admit(address, camera, { client: "listener" });
  const cleanup = new DisposableStack();
  const listener = new SoundStream({
    encoder: format.encoder(sound.rate),
    now: () => clock.monotonic(),
    onDropped,
    onEnd: () => cleanup.dispose(),
  });
  cleanup.defer(() => {
    session.end({
      packets: listener.sent,
      dropped: listener.dropped,
      reason: listener.endReason,
    });
  });
  cleanup.defer(() => keepAlive.delete(listener));
  cleanup.defer(() => sound.leave(listener));
  keepAlive.addSound(listener);
  sound.join(listener); // a closed microphone ends the stream at once
  try {
    await soundReady(camera, sound);
  } catch (error) {
    listener.end();
    throw error;
  }
  session.start();
  return listener.body;
}
