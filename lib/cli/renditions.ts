import type { CameraEvent } from "../camera/events.ts";
import type { ServerCameras } from "../camera/server_cameras.ts";
import type { Clock } from "../clock.ts";
import type { Env } from "../env.ts";
import type { Events } from "../events.ts";
import type { Log } from "../log.ts";
import { openRenditions, type OverlaySettings, type Renditions } from "../renditions/mod.ts";
import { readServerCamera } from "./settings.ts";

/** Options of {@link openServerRenditions}. */
export interface ServerRenditionsOptions {
  readonly env: Env;
  readonly events: Events<CameraEvent>;
  readonly clock: Clock;
  readonly log: Log;
}

/** Opens the renditions of the server's cameras. */
export function openServerRenditions(
  cameras: ServerCameras,
  { env, ...common }: ServerRenditionsOptions,
): Renditions {
  const settings = new Map<string, OverlaySettings>();
  const settingsOf = (name: string) => {
    const known = settings.get(name);
    if (known) return known;
    const { picture } = readServerCamera(env, { name, driver: "" });
    settings.set(name, picture);
    return picture;
  };
  return openRenditions({
    ...common,
    settingsOf,
    smallSourceOf: (camera) => cameras.smallSourceOf(camera),
  });
}
