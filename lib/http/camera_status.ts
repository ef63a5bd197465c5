import type { Camera } from "../camera/camera.ts";
import { formatMask } from "../camera/picture_edit.ts";
import type { CameraStats } from "../camera/stats.ts";
import { type CameraError, messageWithHint } from "../errors.ts";

/** Fields of a JSON object. */
export type Fields = Readonly<Record<string, unknown>>;

/** Adds what a module knows of the cameras to the server's JSON. */
export interface StatusSource {
  /** Fields for a camera in `GET /cameras`, and in the messages of the live protocol. */
  describe?(camera: string): Fields;
  /**
   * Fields for `GET /healthz`.
   *
   * @param authenticated Whether the client may see more than that there is a problem.
   */
  health?(authenticated: boolean): Fields;
}

/** Returns a camera's state as JSON, with the fields that the modules add. */
export function cameraStatus(camera: Camera, sources: readonly StatusSource[]): Fields {
  const added = sources.map((source) => source.describe?.(camera.name));
  const { mask } = camera.edit?.picture ?? {};
  const privacyMask = mask ? formatMask(mask) : null;
  return Object.assign(asJson(camera.stats()), { privacyMask }, ...added);
}

/** A camera's state as JSON, for clients. */
function asJson(
  { name, driver, state, fps, viewers, size, error, failingSince: _, lastFailure, sent, ...counts }:
    CameraStats,
) {
  return {
    name,
    driver,
    state,
    fps: Math.round(fps * 10) / 10,
    viewers,
    resolution: size ? `${size.width}x${size.height}` : null,
    lastError: error ? messageWithHint(error) : null,
    lastFailure: lastFailure ? asFailure(lastFailure) : null,
    ...counts,
    sent: sent.frames,
  };
}

/** A failure as JSON. `retried`: whether the server retries by itself. */
export function asFailure({ message, hint, permanent }: CameraError) {
  return { message, hint: hint ?? null, retried: !permanent };
}
