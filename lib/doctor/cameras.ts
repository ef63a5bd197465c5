import type { FoundCamera, Images } from "../camera/driver.ts";
import { BrokenImages } from "../camera/normalize.ts";
import { slowHint, stallTimeouts } from "../camera/stall.ts";
import { messageWithHint } from "../errors.ts";
import { sizeOf } from "../jpeg/segments.ts";
import { shellQuote } from "../quote.ts";
import { type Finding, problemOf } from "./finding.ts";

/** A configured camera. */
export interface CameraUnderTest {
  readonly name: string;
  readonly driver: string;
  /** Requested frames per second, if known. */
  readonly fps?: number;
  open(signal: AbortSignal): Images;
}

/** A driver that can list its cameras. */
export interface Lister {
  readonly driver: string;
  /** Whether the driver also discovers cameras, so that one camera needs a name. @default {false} */
  readonly discovers?: boolean;
  list(signal: AbortSignal): Promise<readonly FoundCamera[]>;
}

/** Minimum timeout for the first frame of a camera, in milliseconds. */
const MIN_FIRST_FRAME_TIMEOUT = 15_000;

/** Lists the cameras of this machine by driver, as lines of text. */
export async function* listCameras(
  listers: readonly Lister[],
  signal: AbortSignal,
): AsyncGenerator<string> {
  for (const lister of listers) {
    const { driver, list } = lister;
    try {
      const found = await list(signal);
      for (const { source, name } of found) {
        yield `CAMERA=${oneOf(lister)} SOURCE=${shellQuote(source)}  ${name}`;
      }
      if (found.length === 0) yield `CAMERA=${driver}  no camera found`;
    } catch (error) {
      yield `CAMERA=${driver}  ${messageWithHint(error, { causes: true })}`;
    }
  }
}

/** Returns the value of `CAMERA` for one camera of a driver. */
function oneOf({ driver, discovers = false }: Lister): string {
  return discovers ? `front=${driver}` : driver;
}

/** Reports the cameras that a driver finds. */
export async function checkCameras(
  lister: Lister,
  signal: AbortSignal,
): Promise<Finding[]> {
  const { driver, list } = lister;
  try {
    const found = await list(signal);
    if (found.length === 0) {
      return [{ verdict: "note", text: `No camera found for CAMERA=${driver}` }];
    }
    return found.map(({ source, name }) => ({
      verdict: "ok",
      text: `Found ${name}: CAMERA=${oneOf(lister)} SOURCE=${shellQuote(source)}`,
    }));
  } catch {
    return []; // checkPrograms() reports a missing program
  }
}

/** Checks whether a camera delivers a first frame in time. */
export async function checkFirstFrame(
  { name, driver, fps, open }: CameraUnderTest,
  signal: AbortSignal,
): Promise<Finding> {
  const label = name === driver ? `Camera ${name}` : `Camera ${name} (${driver})`;
  const startedAt = performance.now();
  try {
    const timeout = Math.max(MIN_FIRST_FRAME_TIMEOUT, stallTimeouts(fps).firstFrame);
    const images = open(AbortSignal.any([signal, AbortSignal.timeout(timeout)]));
    const broken = new BrokenImages();
    broken.begin(images);
    for await (const image of images) {
      const jpeg = "jpeg" in image ? image.jpeg : image;
      const size = sizeOf(jpeg);
      if (!size) {
        broken.add(jpeg);
        continue;
      }
      const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
      const text =
        `${label} delivers pictures: ${size.width}x${size.height}, the first after ${seconds} s`;
      return { verdict: "ok", text };
    }
    const received = broken.explain();
    return {
      verdict: "problem",
      text: [`${label} delivers no picture`, received?.text].filter(Boolean).join(": "),
      advice: received?.mayBeSlow && performance.now() - startedAt >= timeout
        ? slowHint(timeout / 1000)
        : images.hint,
    };
  } catch (error) {
    return problemOf(label, error);
  }
}
