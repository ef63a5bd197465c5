import { type CameraDriver, readCaptureSettings, refuseAddress } from "../lib/camera/driver.ts";
import type { Size } from "../lib/jpeg/segments.ts";
import { splitJpegs } from "../lib/jpeg/split.ts";
import { type KnownError, run } from "../lib/process/mod.ts";
import { linux } from "./usb/linux.ts";
import { macos } from "./usb/macos.ts";
import {
  FFMPEG,
  findWebcam,
  nearestSize,
  type RequestedSize,
  type WebcamSystem,
} from "./usb/webcams.ts";
import { windows } from "./usb/windows.ts";
import requirements from "./usb/requirements.ts";

interface Settings {
  readonly source: string | undefined;
  readonly size: RequestedSize;
  readonly fps: number | undefined;
  readonly quality: number;
}

/** Default sizes by the webcam's format, in pixels. Raw frames need more of the USB bandwidth. */
const DEFAULT_SIZES = { jpeg: { width: 1280, height: 720 }, raw: { width: 640, height: 480 } };

/** Errors that ffmpeg prints on every operating system. */
const KNOWN_ERRORS: readonly KnownError[] = [
  {
    pattern: /Unknown input format|Unrecognized option|Option \S+ not found/,
    hint: "this ffmpeg is too old or lacks webcam support: install the operating system's package",
    permanent: true,
  },
];

/**
 * A webcam, captured by ffmpeg. JPEGs from the webcam are passed through unchanged; raw frames are
 * encoded by ffmpeg. `SOURCE` is a device, a number, or, on macOS and Windows, a name.
 */
export default {
  requirements,
  captureDelay: 50,
  configure(env) {
    refuseAddress(env, "usb");
    const { width, height, fps, quality = 85 } = readCaptureSettings(env);
    const source = env.SOURCE?.trim() || undefined;
    return { source, size: { width, height }, fps, quality };
  },
  open(settings, signal) {
    const webcams = webcamSystem();
    return splitJpegs(
      run(FFMPEG, () => ffmpegArguments(webcams, settings, signal), signal, {
        knownErrors: [...webcams.knownErrors, ...KNOWN_ERRORS],
        installHint: webcams.installHint,
      }),
      // The first frame is often damaged or incomplete. At a low frame rate, that is better than a
      // long wait for the second frame.
      { skip: (settings.fps ?? 30) < 5 ? 0 : 1 },
    );
  },
  list: (signal) => webcamSystem().list(signal),
} satisfies CameraDriver<Settings>;

/** Returns the webcam support for this operating system. */
function webcamSystem(): WebcamSystem {
  return { darwin: macos, windows }[Deno.build.os as string] ?? linux;
}

async function ffmpegArguments(
  webcams: WebcamSystem,
  { source, size, fps, quality }: Settings,
  signal: AbortSignal,
): Promise<string[]> {
  const device = await findWebcam(webcams, source, signal);
  const formats = await webcams.formats(device, signal);
  const format = formats.jpeg ? "jpeg" : "raw";
  const input = webcams.input(device, {
    jpeg: format === "jpeg",
    size: chooseSize(formats[format]!, size, DEFAULT_SIZES[format], webcams.adaptsSize),
    fps,
  });
  // The webcam's JPEGs are copied: encoding them again would cost a CPU core, and quality.
  const output = format === "jpeg"
    ? ["-c:v", "copy"]
    : ["-c:v", "mjpeg", "-q:v", `${qscale(quality)}`, "-pix_fmt", "yuvj420p", "-threads", "2"];
  return [
    ...["-hide_banner", "-nostdin", "-nostats", "-loglevel", "error"],
    ...["-fflags", "nobuffer", "-probesize", "32", "-analyzeduration", "0"],
    ...[...input, ...output, "-f", "mjpeg", "-flush_packets", "1", "pipe:1"],
  ];
}

/** Chooses the size to request from a webcam; undefined for the webcam's default. */
function chooseSize(
  supported: readonly Size[],
  { width, height }: RequestedSize,
  defaultSize: Size,
  adaptsSize: boolean,
): Size | undefined {
  const isRequested = width !== undefined || height !== undefined;
  const nearest = nearestSize(supported, isRequested ? { width, height } : defaultSize);
  if (nearest) return nearest;
  // The sizes are unknown.
  if (width && height) return { width, height };
  return adaptsSize && !isRequested ? defaultSize : undefined;
}

/**
 * Converts libjpeg's quality to ffmpeg's quantiser scale, from 2 (best) to 31. Both scale a
 * quantization table.
 */
function qscale(quality: number): number {
  const factor = quality < 50 ? 50 / quality : (100 - quality) / 50;
  return Math.min(31, Math.max(2, Math.round(17 * factor)));
}
