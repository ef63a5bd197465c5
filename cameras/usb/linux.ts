import type { FoundCamera } from "../../lib/camera/driver.ts";
import { output } from "../../lib/process/mod.ts";
import { parseSizes, runFfmpeg, type WebcamSystem } from "./webcams.ts";

const INSTALL_HINT = "sudo apt install ffmpeg";

/** Video devices that are not webcams but parts of the Raspberry Pi. */
const PI_DEVICES = /^(bcm2835-|rpivid|rpi-hevc|pispbe|rp1-cfe|unicam)/;

/** Webcams on Linux, through Video4Linux. */
export const linux: WebcamSystem = {
  installHint: INSTALL_HINT,
  adaptsSize: true,
  notFoundHint: "check that it is plugged in: `ls -l /dev/video*` lists the video devices; " +
    "a container needs --device /dev/video0",

  list: (signal) => findWebcamsIn("/sys/class/video4linux", "/dev/v4l/by-id", signal),

  device: (source) => Promise.resolve(/^\d+$/.test(source) ? `/dev/video${source}` : source),

  async formats(device, signal) {
    const args = ["-f", "v4l2", "-list_formats", "all", "-i", device];
    return parseFormats(await runFfmpeg(args, INSTALL_HINT, signal));
  },

  input: (device, { jpeg, size, fps = 30 }) => [
    ...["-f", "v4l2"],
    ...(jpeg ? ["-input_format", "mjpeg"] : []),
    ...(size ? ["-video_size", `${size.width}x${size.height}`] : []),
    // The kernel replaces an unsupported frame rate with the nearest supported frame rate.
    ...["-framerate", `${fps}`, "-i", device],
  ],

  knownErrors: [
    {
      pattern: /(\/dev\/\S+): Permission denied/,
      hint:
        "this user has no access to cameras: sudo usermod -aG video $USER, then log in again; " +
        "a container needs --device $1",
    },
    {
      pattern: /(\/dev\/\S+): Device or resource busy/,
      hint: "another program is using the camera: `fuser -v $1` shows which",
    },
    {
      pattern: /No such file or directory|No such device/,
      hint: "check that the camera is plugged in; --list-cameras lists the cameras; " +
        "SOURCE=/dev/v4l/by-id/… stays valid when the camera is moved to another USB port",
    },
    {
      pattern: /No space left on device/,
      hint:
        "the USB port is too slow for all its cameras: set a smaller WIDTH and HEIGHT, or plug " +
        "a camera into another USB port",
    },
    {
      pattern: /Inappropriate ioctl for device|Not a video capture device/,
      hint: "SOURCE is not a camera; --list-cameras lists the cameras",
    },
    {
      pattern: /Cannot find a proper format|VIDIOC_STREAMON|VIDIOC_S_FMT/,
      hint: "the camera does not support this size or frame rate: unset WIDTH, HEIGHT and FPS",
    },
  ],
};

/**
 * Lists the video devices, such as `video0 0 Name of the camera`, and their persistent names, such
 * as `/dev/v4l/by-id/… -> video0`. A shell script, because Deno reads files under /sys and /dev
 * only with all permissions.
 */
const LIST_DEVICES = `
for device in "$1"/video*; do
  [ -r "$device/name" ] && echo "\${device##*/} $(cat "$device/index") $(cat "$device/name")"
done
for link in "$2"/*; do
  [ -L "$link" ] && target=$(readlink "$link") && echo "$link -> \${target##*/}"
done
:`;

/** Finds the webcams in the system's list of video devices. */
export async function findWebcamsIn(
  devices: string,
  names: string,
  signal: AbortSignal,
): Promise<FoundCamera[]> {
  const { stdout } = await output("sh", ["-c", LIST_DEVICES, "sh", devices, names], signal);
  const links = new Map<string, string>();
  for (const [, link, device] of stdout.matchAll(/^(\/.+) -> (video\d+)$/gm)) {
    links.set(device!, link!);
  }
  return [...stdout.matchAll(/^(video(\d+)) (\d+) (.*)$/gm)]
    // A webcam has several devices; the device with index 0 delivers the frames.
    .filter(([, , , index, name]) => index === "0" && !PI_DEVICES.test(name!))
    .sort(([, , a], [, , b]) => Number(a) - Number(b))
    .map(([, device, , , name]) => ({
      source: links.get(device!) ?? `/dev/${device}`,
      name: name!.trim(),
    }));
}

/**
 * Parses ffmpeg's list of formats: `Compressed: mjpeg : Motion-JPEG : 640x480 1280x720` and
 * `Raw : yuyv422 : …`.
 */
export function parseFormats(lines: string[]) {
  const jpeg = lines.find((line) => /Compressed *: *mjpeg *:/.test(line));
  const raw = lines.find((line) => /Raw *: *(?!Unsupported)\w+ *:/.test(line));
  return { jpeg: jpeg === undefined ? undefined : parseSizes(jpeg), raw: parseSizes(raw ?? "") };
}
