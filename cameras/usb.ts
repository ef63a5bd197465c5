import { type CameraDriver, readCaptureSettings } from "../lib/camera/driver.ts";
import { readChoice } from "../lib/env.ts";
import type { Jpeg } from "../lib/frame.ts";
import { type SplitImages, splitJpegs } from "../lib/jpeg/split.ts";
import { type KnownError, run } from "../lib/process/mod.ts";
import { linux } from "./usb/linux.ts";
import { macos } from "./usb/macos.ts";
import { findWebcam, nearest, type RequestedSize, type Webcams } from "./usb/webcams.ts";
import { windows } from "./usb/windows.ts";
import requirements from "./usb/requirements.ts";

interface Settings {
  readonly source: string | undefined;
  readonly size: RequestedSize;
  readonly fps: number | undefined;
  readonly quality: number;
  readonly rotation: "0" | "90" | "180" | "270";
}

/** What is wished for where the user wishes for nothing: raw pictures are many bytes for USB. */
const DEFAULT_SIZE = { jpeg: { width: 1280, height: 720 }, raw: { width: 640, height: 480 } };

/** ffmpeg's filters that turn a picture clockwise. */
const TURNS = { "90": "transpose=clock", "180": "hflip,vflip", "270": "transpose=cclock" };

/** What ffmpeg says on every system. */
const KNOWN_ERRORS: readonly KnownError[] = [
  {
    pattern: /Unknown input format|Unrecognized option|Option \S+ not found/,
    hint: "this ffmpeg is too old, or was built without webcams: install the system's own",
    permanent: true,
  },
];

/**
 * A webcam, through ffmpeg: its own JPEGs as they are, where it makes them, else encoded here. `SOURCE` is
 * a device, a number, or, on a Mac and on Windows, a name.
 */
export default {
  requirements,
  configure(env) {
    const { width, height, fps, quality = 85 } = readCaptureSettings(env);
    const rotation = readChoice(env, "ROTATE", ["0", "90", "180", "270"]) ?? "0";
    return {
      source: env.SOURCE?.trim() || undefined,
      size: { width, height },
      fps,
      quality,
      rotation,
    };
  },
  open(settings, signal) {
    const webcams = webcamsHere();
    const images = splitJpegs(
      run("ffmpeg", () => ffmpegArguments(webcams, settings, signal), signal, {
        knownErrors: [...webcams.knownErrors, ...KNOWN_ERRORS],
        installHint: webcams.installHint,
      }),
    );
    // At a rate of a frame in several seconds, a bad one is better than none.
    return (settings.fps ?? 30) < 5 ? images : withoutFirst(images);
  },
  list: (signal) => webcamsHere().list(signal),
} satisfies CameraDriver<Settings>;

function webcamsHere(): Webcams {
  return { darwin: macos, windows }[Deno.build.os as string] ?? linux;
}

async function ffmpegArguments(
  webcams: Webcams,
  { source, size, fps, quality, rotation }: Settings,
  signal: AbortSignal,
): Promise<string[]> {
  const device = await findWebcam(webcams, source, signal);
  const offered = await webcams.formats(device, signal);
  const kind = offered.jpeg ? "jpeg" : "raw";
  const { width = 0, height = 0 } = size;
  const isWished = width > 0 || height > 0;
  const usual = DEFAULT_SIZE[kind];
  const chosen = nearest(offered[kind]!, isWished ? size : usual) ??
    (width && height ? { width, height } : webcams.adapts && !isWished ? usual : undefined);
  const input = webcams.input(device, { jpeg: kind === "jpeg", size: chosen, fps });
  // The camera's JPEGs pass as they are: encoding them again would cost a CPU core, and quality.
  const output = kind === "jpeg" && rotation === "0"
    ? ["-c:v", "copy"]
    : ["-c:v", "mjpeg", "-q:v", `${qscale(quality)}`, "-pix_fmt", "yuvj420p", "-threads", "2"];
  const turn = rotation === "0" ? [] : ["-vf", TURNS[rotation]];
  return [
    ...["-hide_banner", "-nostdin", "-nostats", "-loglevel", "error"],
    ...["-fflags", "nobuffer", "-probesize", "32", "-analyzeduration", "0"],
    ...[...input, ...turn, ...output, "-f", "mjpeg", "-flush_packets", "1", "pipe:1"],
  ];
}

/** libjpeg's quality in ffmpeg's measure, from 2 (best) to 31: both are factors of a table. */
function qscale(quality: number): number {
  const factor = quality < 50 ? 50 / quality : (100 - quality) / 50;
  return Math.min(31, Math.max(2, Math.round(17 * factor)));
}

/** Webcams often begin with a picture that is damaged, or of which a part is missing. */
function withoutFirst(images: SplitImages): SplitImages {
  async function* rest(): AsyncGenerator<Jpeg> {
    let first = true;
    for await (const jpeg of images) {
      if (!first) yield jpeg;
      first = false;
    }
  }
  return Object.assign(rest(), { counts: images.counts });
}
