import { type Context, Hono } from "hono";
import type { Camera } from "../camera/camera.ts";
import type { CameraList } from "../camera/camera_list.ts";
import type { Clock } from "../clock.ts";
import { explain } from "../errors.ts";
import {
  CameraIndexes,
  CLOSE,
  closeOutdated,
  type FeedCamera,
  type Heights,
  isHeight,
  LiveSession,
  PROTOCOL_VERSION,
  type ServerInfo,
} from "../live/mod.ts";
import type { Log } from "../log.ts";
import type { ProcessPicture } from "../pixels/task.ts";
import type { FrameSource, RecordedSoundSource } from "../playback/mod.ts";
import { TooManyViewers, type Viewers, type ViewerSession } from "../streaming/mod.ts";
import { clientAddress } from "./client_address.ts";
import { cameraStatus, type StatusSource } from "./camera_status.ts";
import type { CameraSounds } from "./camera_sounds.ts";
import { HttpError } from "./errors.ts";
import { readQuery } from "./query.ts";
import { isSameOrigin } from "./same_origin.ts";

/** How long a client may leave a WebSocket ping unanswered, in seconds. */
const IDLE_TIMEOUT = 60;
/** Minimum time between two log lines about the sizes of a camera, in milliseconds. */
const LOG_INTERVAL = 60_000;
/** The only version of the WebSocket protocol (RFC 6455, section 4.1). */
const WEBSOCKET_VERSION = "13";

/** Options of {@link liveRoutes}. */
export interface LiveRoutesOptions {
  cameras: CameraList;
  viewers: Viewers;
  /** Returns the feed with a camera's pictures of at least this height; undefined: there are none. */
  feedOf?: (camera: Camera, height: number) => Promise<FeedCamera>;
  /** Returns what converts a camera's recorded pictures to a height; undefined: they stay the same. */
  rendererOf?: (camera: string, height: number) => ProcessPicture | undefined;
  /** Returns how clients reach the server, for the page. */
  serverInfo?: () => ServerInfo;
  /** Modules that add fields to the cameras' status. */
  status?: readonly StatusSource[];
  /** Opens a camera's recordings; undefined if the server has none. */
  replay?: (camera: string) => FrameSource;
  /** Opens a camera's recorded sound; undefined if the server has no recordings. */
  replaySound?: (camera: string) => RecordedSoundSource;
  sounds: CameraSounds;
  clock: Clock;
  log: Pick<Log, "warn">;
}

/**
 * `GET /live?version=3`: the WebSocket of the live player. It starts with all cameras, or with
 * those in `&watch=front,back` (an empty list: no camera). `&heights=360,` gives each of them the
 * height of its pictures; empty: its own. Cameras that appear follow. The socket of
 * a page with another protocol version is closed. Deno closes the sockets at shutdown.
 */
export function liveRoutes(
  options: LiveRoutesOptions,
): Hono {
  const { cameras, viewers, serverInfo, status = [], feedOf, replay, replaySound } = options;
  const { rendererOf, sounds, clock, log } = options;
  let indexes = new CameraIndexes();
  /** When a size was not available, by camera: in monotonic time. */
  const loggedAt = new Map<string, number>();
  return new Hono().get("/live", (c) => {
    const watch = c.req.query("watch")?.split(",");
    const heights = readHeights(c, watch);
    const address = clientAddress(c); // not available once the socket is open
    const version = c.req.query("version") ?? (isProgram(c) ? `${PROTOCOL_VERSION}` : undefined);
    const { socket, response } = upgrade(c, viewers);
    if (version !== `${PROTOCOL_VERSION}`) {
      closeOutdated(socket, version, clock);
      return response;
    }
    if (indexes.isFull) indexes = new CameraIndexes();
    const session = new LiveSession({
      socket,
      cameras,
      indexes,
      status: (camera) => cameraStatus(camera, status),
      server: serverInfo,
      feedOf,
      onSizeError: (camera, height, error) => {
        if (isLogged(camera)) {
          log.warn("size not available", { camera, height, reason: explain(error) });
        }
      },
      replay,
      replaySound,
      rendererOf,
      onReplayError: (camera, error) =>
        log.warn("recording cannot be played", { camera, reason: explain(error) }),
      sounds: (camera) => sounds.of(camera),
      onSoundDropped: (camera) => sounds.countDropped(camera),
      clock,
    });
    let viewer: ViewerSession | undefined;
    // If a client disconnects during the handshake, neither onopen nor onclose is called.
    socket.onopen = () => {
      viewer = admit(session, address, watch);
      if (viewer) session.start(watch, { heights });
    };
    socket.onclose = () => {
      session.end();
      viewer?.end({ frames: session.sent, dropped: session.dropped });
    };
    socket.onerror = () => {}; // a close follows
    socket.onmessage = ({ data }) => session.receive(data);
    return response;
  });

  /** Whether to log that a size of a camera is not available: clients can request sizes all the time. */
  function isLogged(camera: string): boolean {
    const now = clock.monotonic();
    if (now < (loggedAt.get(camera) ?? -Infinity) + LOG_INTERVAL) return false;
    loggedAt.set(camera, now);
    return true;
  }

  /** Counts a viewer, or closes its session if the limit was reached during the handshake. */
  function admit(
    session: Pick<LiveSession, "close">,
    address: string,
    watch: readonly string[] | undefined,
  ): ViewerSession | undefined {
    const names = cameras.all.map(({ name }) => name);
    const watched = watch ? names.filter((name) => watch.includes(name)) : names;
    try {
      const viewer = viewers.admit(address, watched.join(","));
      viewer.start();
      return viewer;
    } catch (error) {
      if (!(error instanceof TooManyViewers)) throw error;
      session.close(CLOSE.TRY_LATER, error.message);
    }
  }
}

/**
 * Reads the heights of the watched cameras.
 *
 * @throws {HttpError} 400 if there are more than cameras, or one is not a height.
 */
function readHeights(c: Context, watch: readonly string[] = []): Heights | undefined {
  const expected = 'heights in pixels, one for each camera of "watch"';
  return readQuery(c, "heights", expected, (text) => {
    const heights = text.split(",").map((height) => /^\d+$/.test(height) ? Number(height) : height);
    if (heights.length > watch.length) return undefined;
    if (!heights.every((height) => height === "" || isHeight(height))) return undefined;
    return new Map(watch.flatMap((name, i) => isHeight(heights[i]) ? [[name, heights[i]]] : []));
  });
}

/**
 * Accepts a WebSocket.
 *
 * @throws {HttpError} If the request is not a WebSocket handshake, or is from another origin.
 * @throws {TooManyViewers} If the viewer limit is reached.
 */
function upgrade(c: Context, viewers: Viewers): Deno.WebSocketUpgrade {
  const isHandshake = c.req.method === "GET" &&
    c.req.header("Upgrade")?.toLowerCase() === "websocket" &&
    c.req.header("Sec-WebSocket-Version") === WEBSOCKET_VERSION;
  if (!isHandshake) {
    // A page cannot read the response to a rejected handshake, so it sends a plain request.
    viewers.ensureCapacity();
    throw new HttpError(426, "WebSocket required", {
      "Upgrade": "websocket",
      "Sec-WebSocket-Version": WEBSOCKET_VERSION,
    });
  }
  if (!isSameOrigin(c)) {
    throw new HttpError(403, "WebSockets from other origins are not allowed");
  }
  viewers.ensureCapacity();
  try {
    return Deno.upgradeWebSocket(c.req.raw, { idleTimeout: IDLE_TIMEOUT });
  } catch {
    // Deno's error says only that the handshake is invalid.
    throw new HttpError(400, "Cannot read the request as a WebSocket handshake");
  }
}

/** Whether a request is from a program: browsers always send the page's origin. */
function isProgram(c: Context): boolean {
  return c.req.header("Origin") === undefined;
}
