import type { FoundCamera } from "../../lib/camera/driver.ts";
import { askFfmpeg, type Webcams } from "./webcams.ts";

const INSTALL_HINT = "brew install ffmpeg";

/** Webcams on a Mac, by AVFoundation. */
export const macos: Webcams = {
  installHint: INSTALL_HINT,
  adapts: false,
  noneHint: "is it plugged in? Photo Booth shows what the system sees",

  async list(signal) {
    const args = ["-f", "avfoundation", "-list_devices", "true", "-i", ""];
    return readDevices(await askFfmpeg(args, INSTALL_HINT, signal));
  },

  device: (source) => Promise.resolve(source),

  // It does not tell them, and it gives no JPEGs.
  formats: () => Promise.resolve({ jpeg: undefined, raw: [] }),

  input: (device, { size, fps = 30 }) => [
    ...["-f", "avfoundation", "-framerate", `${fps}`],
    ...(size ? ["-video_size", `${size.width}x${size.height}`] : []),
    ...["-pixel_format", "uyvy422", "-i", `${device}:none`],
  ],

  knownErrors: [
    {
      pattern: /Selected framerate .* is not supported/,
      hint: "the camera has other rates: try FPS=29.97, 25 or 15",
      permanent: true,
    },
    {
      pattern: /Selected video size .* is not supported/,
      hint: "the camera has other sizes: try WIDTH=1280 HEIGHT=720, or leave them away",
      permanent: true,
    },
    {
      pattern: /Failed to create AV capture input device|Cannot use|not authorized/i,
      hint: "allow the terminal to use the camera: System Settings, Privacy & Security, Camera",
    },
    {
      pattern: /Video device not found|Invalid device index/i,
      hint: "SOURCE is a camera's number or name: --list-cameras shows what there is",
    },
  ],
};

/** Reads ffmpeg's list: `[0] FaceTime HD Camera` under `AVFoundation video devices:`. */
export function readDevices(lines: string[]): FoundCamera[] {
  const found: FoundCamera[] = [];
  let video = false;
  for (const line of lines) {
    if (/devices:\s*$/.test(line)) video = /video devices:\s*$/.test(line);
    const [, source, name] = /\] \[(\d+)\] (.+?)\s*$/.exec(line) ?? [];
    if (video && source && name && !/^Capture screen/.test(name)) found.push({ source, name });
  }
  return found;
}
