import type { FoundCamera } from "../../lib/camera/driver.ts";
import { CameraError } from "../../lib/errors.ts";
import type { Size } from "../../lib/jpeg/segments.ts";
import { type KnownError, output } from "../../lib/process/mod.ts";

/** What a webcam offers. An empty list means that the sizes are not known. */
export interface Formats {
  /** The sizes of its own JPEGs; undefined if it makes none. */
  readonly jpeg: readonly Size[] | undefined;
  /** The sizes of its pictures that are still to be encoded. */
  readonly raw: readonly Size[];
}

/** How ffmpeg is to open a webcam. */
export interface Choice {
  readonly jpeg: boolean;
  /** Undefined: as the webcam likes. */
  readonly size: Size | undefined;
  readonly fps: number | undefined;
}

/** How one kind of system has its webcams. */
export interface Webcams {
  list(signal: AbortSignal): Promise<FoundCamera[]>;
  /** The name by which ffmpeg opens what the user calls by a number or a name. */
  device(source: string, signal: AbortSignal): Promise<string>;
  formats(device: string, signal: AbortSignal): Promise<Formats>;
  /** The part of ffmpeg's command line that opens it. */
  input(device: string, choice: Choice): string[];
  /** Whether a size that is not offered becomes the nearest that is; else the webcam is refused. */
  readonly adapts: boolean;
  readonly knownErrors: readonly KnownError[];
  /** What to do when ffmpeg is missing. */
  readonly installHint: string;
  /** What to do when there is no webcam. */
  readonly noneHint: string;
}

/** The webcam that `SOURCE` names. @throws {CameraError} If there is none. */
export async function findWebcam(
  webcams: Webcams,
  source: string | undefined,
  signal: AbortSignal,
): Promise<string> {
  if (source !== undefined) return await webcams.device(source, signal);
  const [first] = await webcams.list(signal);
  if (first) return first.source;
  throw new CameraError("There is no webcam on this machine", { hint: webcams.noneHint });
}

/** What ffmpeg says, which is on its standard error, when it is asked for a list. */
export async function askFfmpeg(args: string[], installHint: string, signal: AbortSignal) {
  const { stderr } = await output("ffmpeg", ["-hide_banner", "-nostdin", ...args], signal, {
    installHint,
  });
  return stderr.split(/\r?\n/);
}

/** The sizes in a line, as `640x480 1280x720`. */
export function sizesIn(line: string): Size[] {
  return [...line.matchAll(/(?<![\w{])(\d+)x(\d+)\b/g)].map(([, width, height]) => ({
    width: Number(width),
    height: Number(height),
  }));
}

/** What is known of a wish for a size. */
export interface RequestedSize {
  readonly width?: number;
  readonly height?: number;
}

/** Of the sizes that are offered, the one that is nearest to what was wished for. */
export function nearest(
  offered: readonly Size[],
  { width, height }: RequestedSize,
): Size | undefined {
  const distance = (size: Size) =>
    Math.abs(size.width - (width ?? size.width)) + Math.abs(size.height - (height ?? size.height));
  return offered.toSorted((a, b) => distance(a) - distance(b) || b.width - a.width)[0];
}
