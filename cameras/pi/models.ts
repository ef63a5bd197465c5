/** Default capture settings for a model of the Raspberry Pi. */
export interface Defaults {
  /** In pixels. */
  readonly width: number;
  /** In pixels. */
  readonly height: number;
  /** Frames per second. */
  readonly fps: number;
  /** JPEG quality, from 1 to 100. */
  readonly quality: number;
  /** Additional options of `rpicam-vid`. */
  readonly options: readonly string[];
}

const PI_5: Defaults = { width: 1280, height: 720, fps: 30, quality: 70, options: [] };

/**
 * Returns the defaults for a model by its name in `/proc/device-tree/model`. `rpicam-vid` encodes
 * JPEGs in software on every Pi: with these defaults, that takes about half a CPU core.
 */
export function defaultsFor(model: string): Defaults {
  if (/Pi Zero 2/.test(model)) {
    // This model has little memory for the camera and a slow wireless network.
    const options = ["--buffer-count", "4", "--denoise", "cdn_off"];
    return { width: 640, height: 480, fps: 15, quality: 50, options };
  }
  if (/Pi (3|Compute Module 3)/.test(model)) return { ...PI_5, fps: 15, quality: 50 };
  if (/Pi (4|Compute Module 4)/.test(model)) return { ...PI_5, quality: 60 };
  return PI_5;
}
