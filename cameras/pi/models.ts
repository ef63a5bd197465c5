/** What a Raspberry Pi does without being asked for something else. */
export interface Defaults {
  readonly width: number;
  readonly height: number;
  readonly fps: number;
  readonly quality: number;
  /** More options of `rpicam-vid`. */
  readonly options: readonly string[];
}

const PI_5: Defaults = { width: 1280, height: 720, fps: 30, quality: 70, options: [] };

/**
 * The defaults for a model, as `/proc/device-tree/model` names it. `rpicam-vid` makes JPEGs in software on
 * every Pi: these sizes take about half a core.
 */
export function defaultsFor(model: string): Defaults {
  if (/Pi Zero 2/.test(model)) {
    // Its memory for the camera is small, and its wireless network slow.
    const options = ["--buffer-count", "4", "--denoise", "cdn_off"];
    return { width: 640, height: 480, fps: 15, quality: 50, options };
  }
  if (/Pi (3|Compute Module 3)/.test(model)) return { ...PI_5, fps: 15, quality: 50 };
  if (/Pi (4|Compute Module 4)/.test(model)) return { ...PI_5, quality: 60 };
  return PI_5;
}
