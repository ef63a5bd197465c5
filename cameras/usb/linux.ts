import type { FoundCamera } from "../../lib/camera/driver.ts";
import { output } from "../../lib/process/mod.ts";
import { askFfmpeg, sizesIn, type Webcams } from "./webcams.ts";

const INSTALL_HINT = "sudo apt install ffmpeg";

/** What looks like a webcam to the system but is a part of the Raspberry Pi. */
const NO_WEBCAM = /^(bcm2835-|rpivid|rpi-hevc|pispbe|rp1-cfe|unicam)/;

/** Webcams on Linux, by Video4Linux. */
export const linux: Webcams = {
  installHint: INSTALL_HINT,
  adapts: true,
  noneHint: "is it plugged in? `ls -l /dev/video*` shows what the system sees; " +
    "in a container it needs --device /dev/video0",

  list: (signal) => findIn("/sys/class/video4linux", "/dev/v4l/by-id", signal),

  device: (source) => Promise.resolve(/^\d+$/.test(source) ? `/dev/video${source}` : source),

  async formats(device, signal) {
    const args = ["-f", "v4l2", "-list_formats", "all", "-i", device];
    return readFormats(await askFfmpeg(args, INSTALL_HINT, signal));
  },

  input: (device, { jpeg, size, fps = 30 }) => [
    ...["-f", "v4l2"],
    ...(jpeg ? ["-input_format", "mjpeg"] : []),
    ...(size ? ["-video_size", `${size.width}x${size.height}`] : []),
    // What the camera does not offer becomes what is nearest to it.
    ...["-framerate", `${fps}`, "-i", device],
  ],

  knownErrors: [
    {
      pattern: /(\/dev\/\S+): Permission denied/,
      hint: "this user may not use cameras: sudo usermod -aG video $USER, then log in again; " +
        "in a container it needs --device $1",
    },
    {
      pattern: /(\/dev\/\S+): Device or resource busy/,
      hint: "another program has the camera: `fuser -v $1` shows which",
    },
    {
      pattern: /No such file or directory|No such device/,
      hint: "is the camera plugged in? SOURCE=/dev/v4l/by-id/… is a name that stays the same; " +
        "--list-cameras shows what there is",
    },
    {
      pattern: /No space left on device/,
      hint:
        "the USB port is too slow for all its cameras: try a smaller WIDTH and HEIGHT, or plug " +
        "one camera into another port",
    },
    {
      pattern: /Inappropriate ioctl for device|Not a video capture device/,
      hint: "that is no camera: --list-cameras shows what there is",
    },
    {
      pattern: /Cannot find a proper format|VIDIOC_STREAMON|VIDIOC_S_FMT/,
      hint: "the camera refuses this size or rate: try without WIDTH, HEIGHT and FPS",
    },
  ],
};

/**
 * Lists the video devices, as `video0 0 Its name`, and the names that stay when a camera is plugged in
 * elsewhere, as `/dev/v4l/by-id/… -> video0`. Deno itself reads nothing under /sys and /dev unless it may
 * do everything.
 */
const LIST_DEVICES = `
for device in "$1"/video*; do
  [ -r "$device/name" ] && echo "\${device##*/} $(cat "$device/index") $(cat "$device/name")"
done
for link in "$2"/*; do
  [ -L "$link" ] && target=$(readlink "$link") && echo "$link -> \${target##*/}"
done
:`;

/** Looks through the system's list of video devices for the cameras. */
export async function findIn(
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
    // Of the devices of one webcam, the one with index 0 gives pictures.
    .filter(([, , , index, name]) => index === "0" && !NO_WEBCAM.test(name!))
    .sort(([, , a], [, , b]) => Number(a) - Number(b))
    .map(([, device, , , name]) => ({
      source: links.get(device!) ?? `/dev/${device}`,
      name: name!.trim(),
    }));
}

/** Reads ffmpeg's list: `Compressed: mjpeg : Motion-JPEG : 640x480 1280x720` and `Raw : yuyv422 : …`. */
export function readFormats(lines: string[]) {
  const jpeg = lines.find((line) => /Compressed *: *mjpeg *:/.test(line));
  const raw = lines.find((line) => /Raw *: *(?!Unsupported)\w+ *:/.test(line));
  return { jpeg: jpeg === undefined ? undefined : sizesIn(jpeg), raw: sizesIn(raw ?? "") };
}
