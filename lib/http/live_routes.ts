import { type Context, Hono } from "hono";
import type { Clock } from "../clock.ts";
import {
  CLOSE,
  closeOutdated,
  LiveSession,
  PROTOCOL_VERSION,
  type ServerInfo,
} from "../live/mod.ts";
import { clientAddress } from "./client_address.ts";
import { asJson } from "./camera_routes.ts";
import type { Cameras } from "./cameras.ts";
import { HttpError } from "./errors.ts";
import type { Viewers, ViewerSession } from "../streaming/viewers.ts";

/** A client that does not answer the WebSocket's own pings for so long is gone, in seconds. */
const IDLE_TIMEOUT = 60;
/** Of the WebSocket protocol: there is no other (RFC 6455, 4.1). */
const VERSION = "13";

/** Options of {@link liveRoutes}. */
export interface LiveRoutesOptions {
  cameras: Cameras;
  viewers: Viewers;
  /** Returns how clients reach the server; the page shows it. */
  serverInfo?: () => ServerInfo;
  clock: Clock;
}

/**
 * `GET /live?version=2`: the WebSocket of the live player. It starts with all cameras, or with those in
 * `&watch=front,back` (an empty list: no camera). The socket of a page of another version is closed. Deno
 * closes the sockets at shutdown.
 */
export function liveRoutes({ cameras, viewers, serverInfo, clock }: LiveRoutesOptions): Hono {
  return new Hono().get("/live", (c) => {
    const names = cameras.all.map(({ name }) => name);
    const asked = c.req.query("watch")?.split(",");
    const watch = asked ? names.filter((name) => asked.includes(name)) : names;
    const address = clientAddress(c); // cannot be asked for once the socket is open
    const version = c.req.query("version") ?? (isProgram(c) ? `${PROTOCOL_VERSION}` : undefined);
    const { socket, response } = upgrade(c, viewers);
    if (version !== `${PROTOCOL_VERSION}`) {
      closeOutdated(socket, version, clock);
      return response;
    }
    const session = new LiveSession({
      socket,
      cameras: cameras.all,
      status: () => cameras.all.map((camera) => asJson(camera.stats())),
      server: serverInfo,
      clock,
    });
    let visit: ViewerSession | undefined;
    // A client that goes in the middle of the handshake leaves no trace: neither is called then.
    socket.onopen = () => {
      visit = enter(session, address, watch);
      if (visit) session.start(watch);
    };
    socket.onclose = () => {
      session.end();
      visit?.end({ frames: session.sent, dropped: session.dropped });
    };
    socket.onerror = () => {}; // a close follows
    socket.onmessage = ({ data }) => session.receive(data);
    return response;
  });

  /** Counts a viewer; one for whom there is no room any more is sent away. */
  function enter(
    session: LiveSession,
    address: string,
    watch: string[],
  ): ViewerSession | undefined {
    try {
      const visit = viewers.admit(address, watch.join(","));
      visit.begin();
      return visit;
    } catch (error) {
      if (!(error instanceof HttpError)) throw error;
      session.close(CLOSE.TRY_LATER, error.message);
    }
  }
}

/** @throws {HttpError} If the request is none for a WebSocket, another site's page made it, or all is full. */
function upgrade(c: Context, viewers: Viewers): Deno.WebSocketUpgrade {
  const isHandshake = c.req.method === "GET" &&
    c.req.header("Upgrade")?.toLowerCase() === "websocket" &&
    c.req.header("Sec-WebSocket-Version") === VERSION;
  if (!isHandshake) {
    // A page cannot read the response to a rejected handshake, so it asks with a plain request.
    viewers.ensureCapacity();
    throw new HttpError(426, "This address speaks WebSocket only", {
      "Upgrade": "websocket",
      "Sec-WebSocket-Version": VERSION,
    });
  }
  if (!isOwnPage(c)) {
    throw new HttpError(403, "Pages of other sites may not watch through a WebSocket");
  }
  viewers.ensureCapacity();
  try {
    return Deno.upgradeWebSocket(c.req.raw, { idleTimeout: IDLE_TIMEOUT });
  } catch {
    throw new HttpError(400, "Cannot read the request as a WebSocket's handshake");
  }
}

/** Whether a request comes from a program: browsers name the origin of the page. */
function isProgram(c: Context): boolean {
  return c.req.header("Origin") === undefined;
}

/**
 * Whether a request was not made by another site's page. A browser always says whose page it was; behind
 * a proxy this server's own name stands in `X-Forwarded-Host`, which no page can set.
 */
function isOwnPage(c: Context): boolean {
  const origin = c.req.header("Origin");
  if (origin === undefined) return true; // no browser
  const host = URL.parse(origin)?.host;
  return [c.req.header("Host"), c.req.header("X-Forwarded-Host")].some((own) =>
    own !== undefined && own.toLowerCase() === host
  );
}
