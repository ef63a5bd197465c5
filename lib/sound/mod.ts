/**
 * The sound of cameras. A microphone is captured only while somebody listens, by one capture for
 * all listeners and all cameras with the same `AUDIO`.
 *
 *     source (ffmpeg, program, other server, beeps) -> packets -> microphone (restart, hub) -> camera
 *
 * @module
 */
import type { Camera } from "../camera/camera.ts";
import type { Clock } from "../clock.ts";
import { ImmediateStop } from "../errors.ts";
import type { Log } from "../log.ts";
import type { CameraSound } from "../sound_packet.ts";
import { type Address, parseAddress } from "../upstream/settings.ts";
import { openBeeps } from "./beeps.ts";
import { MicrophoneSound, type SoundStatus } from "./camera_sound.ts";
import type { OpenSound } from "./chunk.ts";
import { Microphone } from "./microphone.ts";
import { MicrophoneLog } from "./microphone_log.ts";
import { type AudioSource, hasSound, type SoundSettings } from "./settings.ts";
import { openMicrophone } from "./source.ts";

export { type CameraToCheck, checkSound } from "./check.ts";
export { describeMicrophones } from "./list.ts";
export type { SoundStatus } from "./camera_sound.ts";

/**
 * Idle timeout of a microphone whose cameras always run, in milliseconds: a microphone never runs
 * without a listener.
 */
const MAX_RUNNING_IDLE = 10_000;

/** A camera, and the settings of its sound. */
export interface CameraToHear {
  readonly camera: Pick<Camera, "name" | "captureDelay" | "latest" | "join" | "leave">;
  readonly settings: SoundSettings;
  /** `IDLE_SECONDS` of the camera, in milliseconds; `Infinity`: the camera always runs. */
  readonly idleTimeout: number;
  /** `SOURCE` of a camera that relays another server's pictures. */
  readonly relayOf?: string;
  /** `SOURCE_CERT`, for a microphone behind https. */
  readonly certificate?: string;
}

/** Options of {@link openSounds}. */
export interface OpenSoundsOptions {
  readonly cameras: readonly CameraToHear[];
  readonly clock: Clock;
  readonly log: Log;
}

/** The sound of all cameras. Disposal ends all subscribers and stops the captures. */
export interface Sounds extends AsyncDisposable {
  /** Returns the sound of a camera; undefined if it has none, or no such camera exists. */
  of(camera: string): CameraSound | undefined;
  /** Returns the state of a camera's sound; undefined if it has none. */
  status(camera: string): SoundStatus | undefined;
}

/**
 * Prepares the sound of all cameras with `AUDIO`. Captures start with their first listeners.
 *
 * @throws {ConfigError} If `SOURCE_CERT` is invalid.
 */
export function openSounds({ cameras, clock, log }: OpenSoundsOptions): Sounds {
  return new CameraSounds(cameras.filter(({ settings }) => hasSound(settings)), { clock, log });
}

class CameraSounds implements Sounds {
  readonly #microphones: Microphone[] = [];
  readonly #sounds = new Map<string, MicrophoneSound>();
  readonly #log: MicrophoneLog;

  constructor(cameras: readonly CameraToHear[], { clock, log }: { clock: Clock; log: Log }) {
    this.#log = new MicrophoneLog({ clock, log });
    for (const users of Map.groupBy(cameras, microphoneOf).values()) {
      const microphone = new Microphone({
        cameras: users.map(({ camera }) => camera.name).join(","),
        open: openSource(users, clock),
        rate: users[0]!.settings.rate,
        idleTimeout: idleTimeoutOf(users),
        clock,
        log: this.#log,
      });
      this.#microphones.push(microphone);
      for (const { camera, settings, relayOf } of users) {
        const { audio, delay } = settings;
        const timed = isTimed(audio!, relayOf);
        const sound = new MicrophoneSound({
          microphone,
          camera,
          timed,
          delay: delay ?? (timed ? 0 : camera.captureDelay),
          clock,
        });
        this.#sounds.set(camera.name, sound);
      }
    }
  }

  of(camera: string): CameraSound | undefined {
    return this.#sounds.get(camera);
  }

  status(camera: string): SoundStatus | undefined {
    return this.#sounds.get(camera)?.status();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const reason = new ImmediateStop("Shutdown");
    await Promise.all(this.#microphones.map((microphone) => microphone.close(reason)));
    this.#log[Symbol.dispose]();
  }
}

/** Returns a text that is equal for cameras with the same microphone: a device can be opened once. */
function microphoneOf({ camera, settings, certificate }: CameraToHear): string {
  const { audio, rate } = settings;
  switch (audio!.type) {
    case "test": // its beeps are those of the camera
      return `test ${camera.name}`;
    case "device":
      return JSON.stringify([audio!.format, audio!.device, rate]);
    default:
      return JSON.stringify([audio!.text, rate, certificate]);
  }
}

function idleTimeoutOf(users: readonly CameraToHear[]): number {
  const timeouts = users.map(({ idleTimeout }) =>
    idleTimeout === Infinity ? MAX_RUNNING_IDLE : idleTimeout
  );
  return Math.max(...timeouts);
}

function openSource(users: readonly CameraToHear[], clock: Clock): OpenSound {
  const { camera, settings: { audio, rate }, certificate } = users[0]!;
  if (audio!.type === "test") return openBeeps({ camera, rate, clock });
  const cameras = users.map(({ camera }) => camera.name);
  return openMicrophone({ audio: audio!, rate, certificate, cameras, clock })!;
}

/** Whether the times of the sound are by the same clock as those of the camera's pictures. */
function isTimed(audio: AudioSource, relayOf: string | undefined): boolean {
  if (audio.type === "test") return true;
  if (audio.type !== "address" || relayOf === undefined) return false;
  return hostOf(audio.address) === hostOf(parseAddress(relayOf, "SOURCE"));
}

/** Returns the host and the port of an address. */
function hostOf({ url: { hostname, port, protocol } }: Address): string {
  return `${hostname}:${port || (protocol === "https:" ? 443 : 80)}`;
}
