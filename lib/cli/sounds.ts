import type { Camera } from "../camera/camera.ts";
import type { Clock } from "../clock.ts";
import type { Log } from "../log.ts";
import type { Sounds } from "../sound/mod.ts";
import { hasSound } from "../sound/settings.ts";
import type { ServerConfig } from "./settings.ts";

/** Options of {@link openSounds}. */
export interface OpenSoundsOptions {
  /** All cameras of the server, in the order of their settings. */
  readonly cameras: readonly Camera[];
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Prepares the sound of all cameras with `AUDIO`; undefined if there is none. The module is loaded
 * only when it is needed.
 *
 * @throws {ConfigError} If `SOURCE_CERT` is invalid.
 */
export async function openSounds(
  configs: ServerConfig["cameras"],
  { cameras, ...common }: OpenSoundsOptions,
): Promise<Sounds | undefined> {
  if (!configs.some(({ sound }) => hasSound(sound))) return undefined;
  const { openSounds }: typeof import("../sound/mod.ts") = await import(
    import.meta.resolve("../sound/mod.ts")
  );
  return openSounds({
    ...common,
    cameras: configs.map(({ driver, env, idleTimeout, sound }, i) => ({
      camera: cameras[i]!,
      settings: sound,
      idleTimeout,
      relayOf: driver === "mjpeg" ? env.SOURCE : undefined,
      // Reading it tells the check of the settings that it has an effect.
      certificate: sound.audio?.type === "address" ? env.SOURCE_CERT : undefined,
    })),
  });
}
