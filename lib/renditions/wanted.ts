/** What a client wants instead of a camera's own pictures. */
export interface Wanted {
  /** Height in pixels: the client gets the smallest size that is at least so high. */
  readonly height?: number;
  /** JPEG quality from 1 to 100 on libjpeg's scale. */
  readonly quality?: number;
  /** Whether to write the camera's name and the time into the picture. */
  readonly overlay?: boolean;
}

/** Whether a client wants the camera's own pictures. */
export function wantsOwn({ height, quality, overlay = false }: Wanted): boolean {
  return height === undefined && quality === undefined && !overlay;
}
