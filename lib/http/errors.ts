import { accepts } from "@std/http/negotiation";
import type { Camera } from "../camera/camera.ts";
import { CameraError, explain, messageWithHint, RequestError } from "../errors.ts";
import type { Log } from "../log.ts";
import {
  isRelay,
  RelayLoopError,
  type RelayLoops,
  relayLoops,
  soundRelayLoops,
} from "../relay_loops.ts";
import { NO_STORE } from "./headers.ts";

/** An error response. The message is for the client. */
export class HttpError extends Error {
  override name = "HttpError";

  constructor(
    readonly status: number,
    message: string,
    readonly headers: Record<string, string> = {},
  ) {
    super(message);
  }
}

/**
 * Awaits a promise, and converts a camera's failure to a 503 with the reason and `Retry-After`. A
 * relay that has requested a relay loop gets a 508, so that its own camera reports the loop.
 *
 * @param via The `Via` header of the request.
 */
export async function orUnavailable<T>(
  camera: Camera,
  via: string | undefined,
  promise: Promise<T>,
): Promise<T> {
  try {
    return await promise;
  } catch (error) {
    if (!(error instanceof CameraError)) throw error;
    const isLoop = error instanceof RelayLoopError && isRelay(via);
    throw new HttpError(
      isLoop ? 508 : 503,
      `Cannot show camera "${camera.name}": ${messageWithHint(error)}`,
      retryAfter(camera.retryAfter),
    );
  }
}

/** Refuses a relay of a camera to itself. @param via The `Via` header of the request. */
export function refuseLoop({ name }: Camera, via: string | undefined): void {
  if (closesLoop(relayLoops, name, via)) {
    throw new HttpError(508, `Cannot show camera "${name}": it relays itself`);
  }
}

/** Refuses a relay of a camera's sound to itself. @param via The `Via` header of the request. */
export function refuseSoundLoop({ name }: Camera, via: string | undefined): void {
  if (closesLoop(soundRelayLoops, name, via)) {
    throw new HttpError(508, `Cannot play the sound of camera "${name}": it relays itself`);
  }
}

function closesLoop(loops: RelayLoops, camera: string, via: string | undefined): boolean {
  return via !== undefined && loops.closesLoop(camera, via);
}

/** Converts any error to a response: one line of text, or JSON if the client prefers that. */
export function errorResponse(error: unknown, request: Request, log: Log): Response {
  const { status, message, headers } = asHttpError(error, request, log);
  const init = { status, headers: { ...headers, ...NO_STORE } };
  return accepts(request, "text/plain", "application/json") === "application/json"
    ? Response.json({ error: message }, init)
    : new Response(`${message}\n`, init);
}

function asHttpError(error: unknown, { method, url, headers }: Request, log: Log): HttpError {
  if (error instanceof HttpError) return error;
  if (error instanceof RequestError) {
    const { message, cause, retryAfter: ms } = error;
    if (ms === undefined) return new HttpError(400, message);
    const isLoop = cause instanceof RelayLoopError && isRelay(headers.get("Via") ?? undefined);
    return new HttpError(isLoop ? 508 : 503, message, retryAfter(ms));
  }
  log.error("request failed", { method, url, reason: explain(error) });
  return new HttpError(500, "Internal server error; see the server's log");
}

/** Builds a `Retry-After` header, in whole seconds. @param ms Time in milliseconds. */
function retryAfter(ms: number): Record<string, string> {
  return { "Retry-After": `${Math.max(1, Math.ceil(ms / 1000))}` };
}
