import type { Hono } from "hono";
import type { CameraList } from "../camera/camera_list.ts";
import type { Clock } from "../clock.ts";
import type { ServerInfo } from "../live/mod.ts";
import type { Log } from "../log.ts";
import { KeepAlive, Viewers } from "../streaming/mod.ts";
import type { NatsHub } from "../nats/mod.ts";
import type { Recording } from "../recording/mod.ts";
import { openRenditions, type Renditions } from "../renditions/mod.ts";
import { cameraRoutes } from "./camera_routes.ts";
import type { Sounds } from "../sound/mod.ts";
import type { StatusSource } from "./camera_status.ts";
import { CameraSounds } from "./camera_sounds.ts";
import { Cameras } from "./cameras.ts";
import { liveRoutes } from "./live_routes.ts";
import { metricsRoutes } from "./metrics_routes.ts";
import { natsStatus } from "./nats_status.ts";
import { pageRoutes, type Pages } from "./page_routes.ts";
import { renditionStatus } from "./rendition_status.ts";
import { recordingRoutes } from "./recording_routes.ts";
import { recordingStatus } from "./recording_status.ts";
import { soundRoutes } from "./sound_routes.ts";
import { snapshotRoutes } from "./snapshot_routes.ts";
import { playbackRoutes } from "./playback_routes.ts";
import type { DirectTo } from "./stream_response.ts";
import { streamRoutes } from "./stream_routes.ts";

/** Options of {@link serverRoutes}. */
export interface ServerRoutesOptions {
  /** Routes without a camera's name are for the first camera. */
  cameras: CameraList;
  pages: Pages;
  /** Maximum number of viewers. @default {Infinity} */
  maxViewers?: number;
  /** Returns how clients reach the server, for the page. */
  serverInfo?: () => ServerInfo;
  /** Opens direct sends, which bypass Deno, where the platform supports them. */
  directTo?: DirectTo;
  /** The server's version, for metrics. @default {"unknown"} */
  version?: string;
  /** When the server has started, for metrics. @default {now} */
  startedAt?: number;
  /** Modules that add fields to the cameras' status. */
  status?: readonly StatusSource[];
  /** Undefined if the server does not record: the routes of recordings then say so. */
  recording?: Recording;
  /** Undefined if no camera has sound: the routes of sound then say so. */
  sounds?: Sounds;
  /** Pictures in other sizes and qualities. @default {without the settings of the cameras} */
  renditions?: Renditions;
  /** The connection to the NATS hub. Undefined without `NATS_URL`. */
  hub?: NatsHub;
  clock: Clock;
  log: Log;
}

/**
 * The server's own routes: streams, snapshots, live player, recordings, status, metrics and pages.
 */
export function serverRoutes(options: ServerRoutesOptions): Hono[] {
  const { pages, maxViewers, serverInfo, directTo, version = "unknown", clock, log } = options;
  const { startedAt = clock.now(), recording } = options;
  const { renditions = openRenditions({ clock, log }) } = options;
  const cameras = new Cameras(options.cameras);
  const names = () => cameras.all.map(({ name }) => name);
  const sounds = new CameraSounds(options.sounds);
  const recorded = recordingStatus(recording, names);
  const nats = natsStatus(options.hub, names);
  const rendered = renditionStatus(renditions, cameras);
  const status = [
    ...options.status ?? [],
    ...recorded.status,
    sounds.status,
    ...nats.status,
    rendered.status,
  ];
  const viewers = new Viewers({ max: maxViewers, clock, log });
  const keepAlive = new KeepAlive(clock, log);
  const replay = recording && ((camera: string) => recording.library.cursor(camera));
  const replaySound = recording && ((camera: string) => recording.library.soundSource(camera));
  const server = () => ({
    version,
    startedAt,
    memory: Deno.memoryUsage().rss,
    viewers: viewers.count,
  });
  return [
    // First those that are for requests with a time: the others are for the live picture.
    ...recordingRoutes({ cameras, recording, renditions, clock, log }),
    playbackRoutes({ cameras, recording, renditions, keepAlive, viewers, directTo, clock, log }),
    streamRoutes({ cameras, renditions, keepAlive, viewers, directTo }),
    soundRoutes({ cameras, sounds, renditions, keepAlive, viewers, clock }),
    snapshotRoutes(cameras, renditions),
    cameraRoutes(cameras, status),
    liveRoutes({
      cameras: options.cameras,
      viewers,
      feedOf: (camera, height) => renditions.feedOf(camera, { height }),
      serverInfo,
      status,
      replay,
      replaySound,
      rendererOf: (camera, height) => renditions.rendererOf(camera, { height }),
      sounds,
      clock,
      log,
    }),
    metricsRoutes(() => ({
      cameras: cameras.all.map((camera) => camera.stats()),
      server: server(),
      recordings: recorded.stats(),
      sounds: sounds.stats(names()),
      hub: nats.stats(),
      renditions: rendered.stats(),
    })),
    pageRoutes(pages),
  ];
}
