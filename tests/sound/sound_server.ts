import type { PulseAudio } from "../pulse_audio.ts";
import { descendants, Server } from "../server.ts";

/** Folder with the driver of the camera that flashes. */
const CAMERAS = new URL("cameras/", import.meta.url).pathname;

/** Selects the loudspeaker button of the page's first camera. */
export const LOUDSPEAKER = ".loudspeaker";

/**
 * Starts a server with a camera `front` that flashes at each whole second, and the private
 * PulseAudio server's microphone.
 *
 * @param env More settings.
 */
export function startSoundServer(
  audio: PulseAudio,
  env: Readonly<Record<string, string>> = {},
): Promise<Server> {
  return Server.start({
    env: {
      ...audio.env,
      CAMERA: "front=flash",
      CAMERAS_DIR: CAMERAS,
      FPS: "30",
      AUDIO: `pulse:${audio.source}`,
      AUDIO_DELAY: "0",
      ...env,
    },
  });
}

/**
 * Returns an `AUDIO` setting for a microphone whose clock is off. The sound card is the private
 * PulseAudio server's; ffmpeg changes the number of samples per second.
 *
 * @param ppm By how much it is fast, in millionths.
 */
export function inexactMicrophone(audio: PulseAudio, ppm: number): string {
  const rate = Math.round(24_000 * (1 + ppm / 1e6)); // labelled 24000
  return [
    ...["exec:ffmpeg", "-nostdin", "-v", "error", "-f", "pulse", "-fragment_size", "480"],
    ...["-channels", "1", "-sample_rate", "24000", "-i", audio.source],
    ...["-af", `asetpts=N/SR/TB,aresample=${rate}`, "-f", "s16le", "-"],
  ].join(" ");
}

/** Returns the process ids of the server's captures of sound. */
export async function soundCaptures(server: Server): Promise<number[]> {
  return [...await descendants(server.pid)]
    .filter(([, command]) => /\bffmpeg\b.*\bpulse\b/.test(command)).map(([pid]) => pid);
}

/** Returns the status of the server's first camera. */
// deno-lint-ignore no-explicit-any
export async function cameraStatus(server: Server): Promise<any> {
  return (await (await fetch(`${server.url}/cameras`)).json())[0];
}
