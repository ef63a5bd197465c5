import {
  type CameraDriver,
  type CaptureSettings,
  readCaptureSettings,
} from "../lib/camera/driver.ts";
import { readChoice } from "../lib/env.ts";
import { splitJpegs } from "../lib/jpeg/split.ts";
import { type KnownError, run } from "../lib/process/mod.ts";
import requirements from "./opencv/requirements.ts";

interface Settings extends CaptureSettings {
  readonly source: string;
  readonly quality: number;
  readonly rotation: "0" | "90" | "180" | "270";
  readonly pythons: readonly string[];
}

/** The system's own comes first: a Python from elsewhere mostly has no OpenCV. */
const PYTHONS = ["/usr/bin/python3", "python3", "python"];
const INSTALL_HINT = "on Debian and Raspberry Pi OS: sudo apt install python3-opencv";

/** What the child says before it ends. */
const KNOWN_ERRORS: readonly KnownError[] = [
  {
    pattern: /cv2 missing/,
    hint: `${INSTALL_HINT}; PYTHON says which Python has it`,
    permanent: true,
  },
  {
    pattern: /could not open camera/,
    hint:
      "is it plugged in, used by no other program, and SOURCE its number, device, file or address?",
  },
  { pattern: /could not read a frame/, hint: "was it unplugged, or has the stream ended?" },
];

/**
 * What OpenCV can open: `SOURCE` is a number, a device, a file (shown again and again) or an address. It
 * runs in a small Python program, `PYTHON` if that is set. For a webcam `usb` needs less of the machine.
 */
export default {
  requirements,
  configure(env) {
    const { quality = 85, ...wishes } = readCaptureSettings(env);
    const rotation = readChoice(env, "ROTATE", ["0", "90", "180", "270"]) ?? "0";
    const python = env.PYTHON?.trim();
    const pythons = python ? [python] : PYTHONS;
    return { ...wishes, quality, rotation, pythons, source: env.SOURCE?.trim() || "0" };
  },
  open({ source, width = 0, height = 0, fps = 0, quality, rotation, pythons }, signal) {
    const wishes = [width, height, fps, quality, rotation].map(String);
    // As text, and not by its path: from within a compiled binary Python could not read it.
    const program = async () => ["-u", "-c", await readProgram(), source, ...wishes];
    return splitJpegs(
      run(pythons, program, signal, { knownErrors: KNOWN_ERRORS, installHint: INSTALL_HINT }),
    );
  },
} satisfies CameraDriver<Settings>;

function readProgram(): Promise<string> {
  return Deno.readTextFile(new URL("opencv/capture.py", import.meta.url));
}
