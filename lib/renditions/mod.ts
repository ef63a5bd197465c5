/**
 * Renditions: a camera's pictures in another size or quality, or with a text. Each is computed once
 * for all its viewers, in another thread, and only while it has viewers.
 *
 * @module
 */
export type { RenditionCounts } from "./conversions.ts";
export type { Engine } from "./engine.ts";
export { RenditionError } from "./rendition_error.ts";
export type { RenditionStats } from "./rendition.ts";
export {
  type CameraRenditionStats,
  openRenditions,
  type OverlaySettings,
  type Renditions,
  type RenditionsOptions,
} from "./renditions.ts";
export type { SmallSourceStats } from "./small_source.ts";
export { type Wanted, wantsOwn } from "./wanted.ts";
