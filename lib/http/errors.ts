import { accepts } from "@std/http/negotiation";
import type { Camera } from "../camera/camera.ts";
import { CameraError, explain, messageWithHint } from "../errors.ts";
import type { Log } from "../log.ts";

/** A request that cannot be answered as it was meant; the message is for the client. */
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

/** What `promise` gives; a failure of the camera becomes a 503 that says why and when to come again. */
export async function orUnavailable<T>(camera: Camera, promise: Promise<T>): Promise<T> {
  try {
    return await promise;
  } catch (error) {
    if (!(error instanceof CameraError)) throw error;
    throw new HttpError(503, `Cannot show camera "${camera.name}": ${messageWithHint(error)}`, {
      "Retry-After": `${Math.max(1, Math.ceil(camera.retryAfter / 1000))}`,
    });
  }
}

/** The answer to a request that failed: one line of text, or JSON where that was asked for. */
export function errorResponse(error: unknown, request: Request, log: Log): Response {
  if (!(error instanceof HttpError)) {
    log.error("request failed", {
      method: request.method,
      url: request.url,
      reason: explain(error),
    });
    error = new HttpError(500, "Something is wrong in the server; its log says what");
  }
  const { status, message, headers } = error as HttpError;
  const common = { ...headers, "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff" };
  return accepts(request, "text/plain", "application/json") === "application/json"
    ? Response.json({ error: message }, { status, headers: common })
    : new Response(`${message}\n`, { status, headers: common });
}
