import { accepts } from "@std/http/negotiation";
import { type Context, Hono } from "hono";
import type { Camera } from "../camera/camera.ts";
import type { Clock } from "../clock.ts";
import type { Renditions } from "../renditions/mod.ts";
import {
  type KeepAlive,
  MATROSKA_SOUND,
  openAvStream,
  openSoundStream,
  type Viewers,
  WAV,
} from "../streaming/mod.ts";
import type { CameraSounds } from "./camera_sounds.ts";
import type { Cameras } from "./cameras.ts";
import { clientAddress } from "./client_address.ts";
import { orUnavailable, refuseLoop, refuseSoundLoop } from "./errors.ts";
import { LIVE_HEADERS } from "./headers.ts";
import { readNumberQuery } from "./query.ts";
import { FPS_RANGE } from "./stream_response.ts";
import { readWantedQuery } from "./wanted_query.ts";

/** Options of {@link soundRoutes}. */
export interface SoundRoutesOptions {
  cameras: Cameras;
  sounds: CameraSounds;
  renditions: Renditions;
  keepAlive: KeepAlive;
  viewers: Viewers;
  clock: Clock;
}

/**
 * `GET /audio.wav`: a camera's sound, as an endless WAV file, or for a relay, which accepts
 * `audio/x-matroska`, with the time of each packet. `GET /av.mkv`: the pictures with the sound, as a
 * live Matroska file; `?fps=` limits the frame rate, and `?height=`, `?quality=` and `?overlay=1` select
 * a rendition.
 */
export function soundRoutes(options: SoundRoutesOptions): Hono {
  const { cameras, sounds, renditions, ...dependencies } = options;
  return new Hono()
    .get("/audio.wav", (c) => playSound(c, cameras.get()))
    .get("/cameras/:name/audio.wav", (c) => playSound(c, cameras.get(c.req.param("name"))))
    .get("/av.mkv", (c) => playBoth(c, cameras.get()))
    .get("/cameras/:name/av.mkv", (c) => playBoth(c, cameras.get(c.req.param("name"))));

  async function playSound(c: Context, camera: Camera): Promise<Response> {
    const sound = sounds.get(camera.name);
    const accepted = accepts(c.req.raw, WAV.contentType, MATROSKA_SOUND.contentType);
    const format = accepted === MATROSKA_SOUND.contentType ? MATROSKA_SOUND : WAV;
    const headers = { "Content-Type": format.contentType, "Vary": "Accept", ...LIVE_HEADERS };
    if (c.req.method === "HEAD") return c.body(null, 200, headers);
    refuseSoundLoop(camera, c.req.header("Via"));
    const body = await openSoundStream(sound, {
      ...dependencies,
      camera: camera.name,
      format,
      address: clientAddress(c),
      onDropped: () => sounds.countDropped(camera.name),
    });
    return c.body(body, 200, headers);
  }

  async function playBoth(c: Context, camera: Camera): Promise<Response> {
    const sound = sounds.get(camera.name);
    const fps = readNumberQuery(c, "fps", FPS_RANGE);
    const wanted = readWantedQuery(c);
    const headers = { "Content-Type": "video/x-matroska", ...LIVE_HEADERS };
    if (c.req.method === "HEAD") return c.body(null, 200, headers);
    const via = c.req.header("Via");
    refuseLoop(camera, via);
    refuseSoundLoop(camera, via);
    const request = {
      ...dependencies,
      sound,
      address: clientAddress(c),
      fps,
      onSoundDropped: () => sounds.countDropped(camera.name),
    };
    const stream = renditions.feedOf(camera, wanted).then((feed) => openAvStream(feed, request));
    return c.body(await orUnavailable(camera, via, stream), 200, headers);
  }
}
