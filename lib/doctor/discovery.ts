import type { DiscoveredCamera } from "../camera/driver.ts";
import { settlesWithin } from "../clock.ts";
import { isCameraName } from "../env.ts";
import { shellQuote } from "../quote.ts";
import { type CameraUnderTest, checkFirstFrame } from "./cameras.ts";
import { type Finding, problemOf } from "./finding.ts";

/** Time in which cameras are discovered, in milliseconds. */
const DISCOVERY_TIME = 5_000;
/** Time limit for a driver to end afterwards, in milliseconds. */
const STOP_TIMEOUT = 1_000;
/** Maximum number of discovered cameras whose first frame is checked. */
const MAX_CHECKED = 8;
/** Maximum number of discovered cameras that are listed. */
const MAX_LISTED = 64;

/** A driver that discovers cameras. */
export interface Discoverer {
  readonly driver: string;
  /** Calls the driver's `discover`. */
  discover(signal: AbortSignal): AsyncIterable<readonly DiscoveredCamera[]>;
  /** Why it finds no camera; completes "No camera yet: ". It is read afterwards. */
  readonly noCameraReason?: string;
  /** Reads the settings of a camera. @throws {ConfigError} If a value is invalid. */
  open(camera: DiscoveredCamera): Promise<CameraUnderTest>;
}

/** Lists the cameras that a driver discovers within 5 s, and checks the first ones. */
export async function* checkDiscovery(
  discoverer: Discoverer,
  signal: AbortSignal,
): AsyncGenerator<Finding> {
  const { driver, open } = discoverer;
  let found: readonly DiscoveredCamera[];
  try {
    found = await camerasOf(discoverer, signal);
  } catch (error) {
    return yield problemOf(`Cannot discover cameras for CAMERA=${driver}`, error);
  }
  if (found.length === 0) {
    const reason = discoverer.noCameraReason ?? `CAMERA=${driver} finds none`;
    const seconds = DISCOVERY_TIME / 1000;
    return yield { verdict: "warning", text: `No camera within ${seconds} s: ${reason}` };
  }
  for (const { name, source } of found.slice(0, MAX_LISTED)) {
    const settings = `CAMERA=${shellQuote(name)}=${driver} SOURCE=${shellQuote(source)}`;
    yield { verdict: "ok", text: `Found ${name}: ${settings}` };
  }
  if (found.length > MAX_LISTED) {
    yield { verdict: "note", text: `Found ${found.length - MAX_LISTED} more cameras` };
  }
  for (const camera of found.slice(0, MAX_CHECKED)) {
    try {
      yield* await checkFirstFrame(await open(camera), signal);
    } catch (error) {
      yield problemOf(`Camera ${camera.name} (${driver})`, error);
    }
  }
  if (found.length > MAX_CHECKED) {
    yield { verdict: "note", text: `Checked the first ${MAX_CHECKED} of ${found.length} cameras` };
  }
}

/** Returns the cameras in the last list that a driver yields in time, sorted by name. */
async function camerasOf(
  { driver, discover }: Discoverer,
  signal: AbortSignal,
): Promise<readonly DiscoveredCamera[]> {
  const stop = AbortSignal.any([signal, AbortSignal.timeout(DISCOVERY_TIME)]);
  let last: readonly DiscoveredCamera[] = [];
  const reading = (async () => {
    try {
      for await (const list of discover(stop)) {
        if (stop.aborted) return;
        last = list;
      }
    } catch (error) {
      if (!stop.aborted) throw error;
    }
  })();
  await settlesWithin(reading, DISCOVERY_TIME + STOP_TIMEOUT); // a user's driver may ignore `stop`
  if (!Array.isArray(last)) {
    throw new TypeError(`The driver "${driver}" has a bug: discover() yielded no list`);
  }
  // The server ignores cameras with other names.
  return last.filter(({ name }) => isCameraName(name)).sort((a, b) => a.name < b.name ? -1 : 1);
}
