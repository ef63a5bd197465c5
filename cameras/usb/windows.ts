import type { FoundCamera } from "../../lib/camera/driver.ts";
import { askFfmpeg, type Formats, sizesIn, type Webcams } from "./webcams.ts";

const INSTALL_HINT = "winget install ffmpeg, then open a new terminal";

/** Webcams on Windows, by DirectShow. */
export const windows: Webcams = {
  installHint: INSTALL_HINT,
  adapts: false,
  noneHint: "is it plugged in? The Camera app shows what the system sees",

  async list(signal) {
    const args = ["-f", "dshow", "-list_devices", "true", "-i", "dummy"];
    return readDevices(await askFfmpeg(args, INSTALL_HINT, signal));
  },

  async device(source, signal) {
    if (!/^\d+$/.test(source)) return source;
    return (await this.list(signal))[Number(source)]?.source ?? source;
  },

  async formats(device, signal) {
    const args = ["-f", "dshow", "-list_options", "true", "-i", `video=${device}`];
    return readFormats(await askFfmpeg(args, INSTALL_HINT, signal));
  },

  input: (device, { jpeg, size, fps }) => [
    ...["-f", "dshow", "-rtbufsize", "32M"],
    ...(jpeg ? ["-vcodec", "mjpeg"] : []),
    ...(size ? ["-video_size", `${size.width}x${size.height}`] : []),
    // It insists on a rate that the camera offers.
    ...(fps === undefined ? [] : ["-framerate", `${fps}`]),
    ...["-i", `video=${device}`],
  ],

  knownErrors: [
    {
      pattern: /Could not set video options/,
      hint: "the camera refuses this size or rate: try without WIDTH, HEIGHT and FPS",
      permanent: true,
    },
    {
      pattern: /Could not run graph|device already in use/i,
      hint: "another program has the camera: close it",
    },
    {
      pattern: /Could not find video device|Could not enumerate video devices/i,
      hint: "SOURCE is a camera's name: --list-cameras shows what there is",
    },
  ],
};

/** Reads ffmpeg's list: `"Integrated Camera" (video)`; before ffmpeg 5 under `DirectShow video devices`. */
export function readDevices(lines: string[]): FoundCamera[] {
  const found: FoundCamera[] = [];
  let video = true;
  for (const line of lines) {
    if (/DirectShow (video|audio) devices/.test(line)) video = line.includes("video devices");
    const [, name, kind = "video"] = /\] +"([^"]+)"(?: \((\w+))?/.exec(line) ?? [];
    if (video && name && kind === "video") found.push({ source: name, name });
  }
  return found;
}

/** Reads ffmpeg's list: `vcodec=mjpeg  min s=640x480 fps=5 max s=1280x720 fps=30`, `pixel_format=yuyv422 …`. */
export function readFormats(lines: string[]): Formats {
  const sizes = (kind: string) =>
    lines.filter((line) => line.includes(kind)).flatMap((line) => sizesIn(line).slice(-1));
  const jpeg = sizes("vcodec=mjpeg");
  return { jpeg: jpeg.length > 0 ? jpeg : undefined, raw: sizes("pixel_format=") };
}
