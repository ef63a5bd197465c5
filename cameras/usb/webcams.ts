import type { FoundCamera } from "../../lib/camera/driver.ts";
import { CameraError } from "../../lib/errors.ts";
import type { Size } from "../../lib/jpeg/segments.ts";
import { type KnownError, output } from "../../lib/process/mod.ts";
import requirements from "./requirements.ts";

/** The commands of ffmpeg. */
export const FFMPEG = requirements.programs[0].commands;

/** The formats that a webcam supports. An empty list means that the sizes are unknown. */
export interface Formats {
  /** The sizes of its JPEGs; undefined if it delivers no JPEGs. */
  readonly jpeg: readonly Size[] | undefined;
  /** The sizes of its raw frames. */
  readonly raw: readonly Size[];
}

/** Requested input of ffmpeg. */
export interface InputOptions {
  /** Whether to request JPEGs instead of raw frames. */
  readonly jpeg: boolean;
  /** Undefined for the webcam's default. */
  readonly size: Size | undefined;
  /** Frames per second; undefined for the default. */
  readonly fps: number | undefined;
}

/** Webcam support of one operating system. */
export interface WebcamSystem {
  /** Lists the webcams of this machine. */
  list(signal: AbortSignal): Promise<FoundCamera[]>;
  /** Converts `SOURCE`, a number or a name, to the name by which ffmpeg opens the device. */
  device(source: string, signal: AbortSignal): Promise<string>;
  /** Asks a webcam for its formats. */
  formats(device: string, signal: AbortSignal): Promise<Formats>;
  /** The input arguments of ffmpeg's command line. */
  input(device: string, options: InputOptions): string[];
  /**
   * Whether the system replaces an unsupported size with the nearest supported size, instead of
   * failing.
   */
  readonly adaptsSize: boolean;
  /** Errors that ffmpeg prints on this system. */
  readonly knownErrors: readonly KnownError[];
  /** How to install ffmpeg on this system. */
  readonly installHint: string;
  /** What to do when no webcam is found. */
  readonly notFoundHint: string;
}

/**
 * Finds the webcam of `SOURCE`, or the first webcam.
 *
 * @throws {CameraError} If there is no webcam.
 */
export async function findWebcam(
  webcams: WebcamSystem,
  source: string | undefined,
  signal: AbortSignal,
): Promise<string> {
  if (source !== undefined) return await webcams.device(source, signal);
  const [first] = await webcams.list(signal);
  if (first) return first.source;
  throw new CameraError("Cannot find a webcam on this machine", { hint: webcams.notFoundHint });
}

/**
 * Runs ffmpeg to print a list, and returns the lines of its standard error, where ffmpeg prints
 * lists.
 */
export async function runFfmpeg(args: string[], installHint: string, signal: AbortSignal) {
  const { stderr } = await output(FFMPEG, ["-hide_banner", "-nostdin", ...args], signal, {
    installHint,
  });
  return stderr.split(/\r?\n/);
}

/** Reads the sizes in a line such as `640x480 1280x720`. */
export function parseSizes(line: string): Size[] {
  return [...line.matchAll(/(?<![\w{])(\d+)x(\d+)\b/g)].map(([, width, height]) => ({
    width: Number(width),
    height: Number(height),
  }));
}

/** A requested size, in pixels; width or height may be missing. */
export interface RequestedSize {
  readonly width?: number;
  readonly height?: number;
}

/** Finds the supported size that is nearest to the requested size. */
export function nearestSize(
  supported: readonly Size[],
  { width, height }: RequestedSize,
): Size | undefined {
  const distance = (size: Size) =>
    Math.abs(size.width - (width ?? size.width)) + Math.abs(size.height - (height ?? size.height));
  return supported.toSorted((a, b) => distance(a) - distance(b) || b.width - a.width)[0];
}
