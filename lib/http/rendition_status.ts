import type { Camera } from "../camera/camera.ts";
import type { CameraRenditionStats } from "../metrics/mod.ts";
import type { Renditions } from "../renditions/mod.ts";
import type { Cameras } from "./cameras.ts";
import type { Fields, StatusSource } from "./camera_status.ts";

/** What the server tells of the renditions of its cameras. */
export interface RenditionStatus {
  readonly status: StatusSource;
  /** Returns the state of all cameras, for metrics. */
  stats(): readonly CameraRenditionStats[];
}

/**
 * Describes the renditions: `heights`, which can be requested, and `renditions`, which are in use. A
 * camera with `SMALL_SOURCE` has `smallSource`; while only that runs, its state is that of the camera.
 */
export function renditionStatus(renditions: Renditions, cameras: Cameras): RenditionStatus {
  const describe = (name: string): Fields => {
    const camera = cameras.all.find((camera) => camera.name === name);
    return camera ? fieldsOf(camera, renditions) : {};
  };
  return {
    status: { describe },
    stats: () =>
      cameras.all.map((camera) => ({ camera: camera.name, ...renditions.statsOf(camera) })),
  };
}

function fieldsOf(camera: Camera, renditions: Renditions): Fields {
  const { renditions: current, smallSource: small } = renditions.statsOf(camera);
  const fields = {
    heights: renditions.heightsOf(camera),
    renditions: current.map(({ height, quality, fps, ...counts }) => ({
      height: height ?? null,
      quality: quality ?? null,
      fps: round(fps),
      ...counts,
    })),
  };
  if (!small) return fields;
  const { state, error, fps } = small;
  const isAlone = state !== "off" && camera.stats().state === "off";
  return {
    ...fields,
    ...isAlone && { state, fps: round(fps) },
    smallSource: { state, error },
  };
}

function round(fps: number): number {
  return Math.round(fps * 10) / 10;
}
