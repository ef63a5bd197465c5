import type { FoundCamera, Images } from "../camera/driver.ts";
import { BrokenImages, normalize } from "../camera/normalize.ts";
import type { PictureEdit } from "../camera/picture_edit.ts";
import { slowHint, stallTimeouts } from "../camera/stall.ts";
import { systemClock as clock } from "../clock.ts";
import { messageWithHint } from "../errors.ts";
import type { Size } from "../jpeg/segments.ts";
import { shellQuote } from "../quote.ts";
import { EditCheck } from "./edit_check.ts";
import { type Finding, problemOf } from "./finding.ts";

/** A configured camera. */
export interface CameraUnderTest {
  readonly name: string;
  readonly driver: string;
  /** Requested frames per second, if known. */
  readonly fps?: number;
  /** What is changed in its pictures. @default {nothing} */
  readonly edit?: PictureEdit;
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

/**
 * Checks whether a camera delivers a first frame in time, and whether it can be edited as the
 * settings demand.
 */
export async function checkFirstFrame(
  { name, driver, fps, edit, open }: CameraUnderTest,
  signal: AbortSignal,
): Promise<Finding[]> {
  const label = name === driver ? `Camera ${name}` : `Camera ${name} (${driver})`;
  const startedAt = performance.now();
  const timeout = Math.max(MIN_FIRST_FRAME_TIMEOUT, stallTimeouts(fps).firstFrame);
  const findings: Finding[] = [];
  const done = new AbortController();
  try {
    const editing = await EditCheck.open(label, { edit, fps });
    const images = open(AbortSignal.any([signal, done.signal, AbortSignal.timeout(timeout)]));
    const broken = new BrokenImages();
    await normalize(() => images, { clock, broken })(done.signal, (image) => {
      if (done.signal.aborted) return;
      if (findings.length === 0) findings.push(delivers(label, image.size, startedAt));
      const result = editing?.try(image);
      if (result) findings.push(result);
      if (result || !editing) done.abort();
    });
    if (done.signal.aborted) return findings;
    const refusal = editing?.refusal();
    if (refusal) return [...findings, refusal];
    const received = broken.explain();
    return [{
      verdict: "problem",
      text: [`${label} delivers no picture`, received?.text].filter(Boolean).join(": "),
      advice: received?.mayBeSlow && performance.now() - startedAt >= timeout
        ? slowHint(timeout / 1000)
        : images.hint,
    }];
  } catch (error) {
    return [...findings, problemOf(label, error)];
  }
}

function delivers(label: string, { width, height }: Size, startedAt: number): Finding {
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  const text = `${label} delivers pictures: ${width}x${height}, the first after ${seconds} s`;
  return { verdict: "ok", text };
}
