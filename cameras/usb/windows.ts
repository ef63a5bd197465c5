import type { FoundCamera } from "../../lib/camera/driver.ts";
import { type Formats, parseSizes, runFfmpeg, type WebcamSystem } from "./webcams.ts";

const INSTALL_HINT = "winget install ffmpeg, then open a new terminal";

/** Webcams on Windows, through DirectShow. */
export const windows: WebcamSystem = {
  installHint: INSTALL_HINT,
  adaptsSize: false,
  notFoundHint: "check that it is plugged in, and that the Camera app shows its picture",

  async list(signal) {
    const args = ["-f", "dshow", "-list_devices", "true", "-i", "dummy"];
    return parseDevices(await runFfmpeg(args, INSTALL_HINT, signal));
  },

  async device(source, signal) {
    if (!/^\d+$/.test(source)) return source;
    return (await this.list(signal))[Number(source)]?.source ?? source;
  },

  async formats(device, signal) {
    const args = ["-f", "dshow", "-list_options", "true", "-i", `video=${device}`];
    return parseFormats(await runFfmpeg(args, INSTALL_HINT, signal));
  },

  input: (device, { jpeg, size, fps }) => [
    ...["-f", "dshow", "-rtbufsize", "32M"],
    ...(jpeg ? ["-vcodec", "mjpeg"] : []),
    ...(size ? ["-video_size", `${size.width}x${size.height}`] : []),
    // DirectShow accepts only frame rates that the camera supports.
    ...(fps === undefined ? [] : ["-framerate", `${fps}`]),
    ...["-i", `video=${device}`],
  ],

  knownErrors: [
    {
      pattern: /Could not set video options/,
      hint: "the camera does not support this size or frame rate: unset WIDTH, HEIGHT and FPS",
      permanent: true,
    },
    {
      pattern: /Could not run graph|device already in use/i,
      hint: "another program is using the camera: close that program",
    },
    {
      pattern: /Could not find video device|Could not enumerate video devices/i,
      hint: "set SOURCE to the name of a camera; --list-cameras lists them",
    },
  ],
};

/**
 * Parses ffmpeg's list of devices: `"Integrated Camera" (video)`; before ffmpeg 5 under
 * `DirectShow video devices`.
 */
export function parseDevices(lines: string[]): FoundCamera[] {
  const found: FoundCamera[] = [];
  let inVideoList = true;
  for (const line of lines) {
    if (/DirectShow (video|audio) devices/.test(line)) inVideoList = line.includes("video devices");
    const [, name, kind = "video"] = /\] +"([^"]+)"(?: \((\w+))?/.exec(line) ?? [];
    if (inVideoList && name && kind === "video") found.push({ source: name, name });
  }
  return found;
}

/**
 * Parses ffmpeg's list of formats: `vcodec=mjpeg  min s=640x480 fps=5 max s=1280x720 fps=30`,
 * `pixel_format=yuyv422 …`.
 */
export function parseFormats(lines: string[]): Formats {
  const sizes = (kind: string) =>
    lines.filter((line) => line.includes(kind)).flatMap((line) => parseSizes(line).slice(-1));
  const jpeg = sizes("vcodec=mjpeg");
  return { jpeg: jpeg.length > 0 ? jpeg : undefined, raw: sizes("pixel_format=") };
}
