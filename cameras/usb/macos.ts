import type { FoundCamera } from "../../lib/camera/driver.ts";
import { runFfmpeg, type WebcamSystem } from "./webcams.ts";

const INSTALL_HINT = "brew install ffmpeg";

/** Webcams on macOS, through AVFoundation. */
export const macos: WebcamSystem = {
  installHint: INSTALL_HINT,
  adaptsSize: false,
  notFoundHint: "check that it is plugged in, and that Photo Booth shows its picture",

  async list(signal) {
    const args = ["-f", "avfoundation", "-list_devices", "true", "-i", ""];
    return parseDevices(await runFfmpeg(args, INSTALL_HINT, signal));
  },

  device: (source) => Promise.resolve(source),

  // AVFoundation lists no formats and delivers no JPEGs.
  formats: () => Promise.resolve({ jpeg: undefined, raw: [] }),

  input: (device, { size, fps = 30 }) => [
    ...["-f", "avfoundation", "-framerate", `${fps}`],
    ...(size ? ["-video_size", `${size.width}x${size.height}`] : []),
    ...["-pixel_format", "uyvy422", "-i", `${device}:none`],
  ],

  knownErrors: [
    {
      pattern: /Selected framerate .* is not supported/,
      hint: "the camera does not support this frame rate: try FPS=29.97, 25 or 15",
      permanent: true,
    },
    {
      pattern: /Selected video size .* is not supported/,
      hint: "the camera does not support this size: try WIDTH=1280 HEIGHT=720, or unset both",
      permanent: true,
    },
    {
      pattern: /Failed to create AV capture input device|Cannot use|not authorized/i,
      hint: "allow the terminal to use the camera: System Settings, Privacy & Security, Camera",
    },
    {
      pattern: /Video device not found|Invalid device index/i,
      hint: "set SOURCE to the number or the name of a camera; --list-cameras lists them",
    },
  ],
};

/**
 * Parses ffmpeg's list of devices: `[0] FaceTime HD Camera` under `AVFoundation video devices:`.
 */
export function parseDevices(lines: string[]): FoundCamera[] {
  const found: FoundCamera[] = [];
  let inVideoList = false;
  for (const line of lines) {
    if (/devices:\s*$/.test(line)) inVideoList = /video devices:\s*$/.test(line);
    const [, source, name] = /\] \[(\d+)\] (.+?)\s*$/.exec(line) ?? [];
    if (inVideoList && source && name && !/^Capture screen/.test(name)) {
      found.push({ source, name });
    }
  }
  return found;
}
