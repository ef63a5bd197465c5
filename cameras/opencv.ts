import {
  type CameraDriver,
  type CaptureSettings,
  readCaptureSettings,
  readOrientation,
} from "../lib/camera/driver.ts";
import { splitJpegs } from "../lib/jpeg/split.ts";
import type { Orientation } from "../lib/pixels/orientation.ts";
import { type KnownError, run } from "../lib/process/mod.ts";
import requirements from "./opencv/requirements.ts";

interface Settings extends CaptureSettings {
  readonly source: string;
  readonly quality: number;
  /** How `capture.py` turns the pictures, before it encodes them. */
  readonly orientation: Orientation;
  /** Python interpreters in the order of preference. */
  readonly pythons: readonly string[];
}

const { commands: PYTHONS, installHint: INSTALL_HINT } = requirements.programs[0];

/** Errors that `capture.py` prints before it exits. */
const KNOWN_ERRORS: readonly KnownError[] = [
  {
    pattern: /cv2 missing/,
    hint: `${INSTALL_HINT}; set PYTHON to the Python that has OpenCV`,
    permanent: true,
  },
  {
    pattern: /could not open camera/,
    hint:
      "check that the camera is plugged in, that no other program uses it, and that SOURCE is " +
      "its number, device, file or URL",
  },
  {
    pattern: /could not read a frame/,
    hint: "check that the camera is still plugged in, or that the stream has not ended",
  },
];

/**
 * Any source that OpenCV can open: `SOURCE` is a number, a device, a file (played in a loop) or a
 * URL. A small Python program captures it; `PYTHON` selects the interpreter. For webcams, `usb`
 * needs less CPU time.
 */
export default {
  requirements,
  configure(env) {
    const { quality = 85, ...capture } = readCaptureSettings(env);
    const orientation = readOrientation(env);
    const python = env.PYTHON?.trim();
    const pythons = python ? [python] : PYTHONS;
    return { ...capture, quality, orientation, pythons, source: env.SOURCE?.trim() || "0" };
  },
  open({ source, width = 0, height = 0, fps = 0, quality, orientation, pythons }, signal) {
    const { rotation, mirrored } = orientation;
    const capture = [width, height, fps, quality, rotation, Number(mirrored)].map(String);
    // Passed as an argument, because Python cannot read a file inside a compiled binary.
    const args = async () => ["-u", "-c", await readProgram(), source, ...capture];
    return splitJpegs(
      run(pythons, args, signal, { knownErrors: KNOWN_ERRORS, installHint: INSTALL_HINT }),
    );
  },
} satisfies CameraDriver<Settings>;

function readProgram(): Promise<string> {
  return Deno.readTextFile(new URL("opencv/capture.py", import.meta.url));
}
