import {
  type CameraDriver,
  type CaptureSettings,
  readCaptureSettings,
  readOrientation,
  refuseAddress,
} from "../lib/camera/driver.ts";
import { readInteger } from "../lib/env.ts";
import { splitJpegs } from "../lib/jpeg/split.ts";
import { type Axes, axesOf, type Orientation } from "../lib/pixels/orientation.ts";
import { type KnownError, output, run } from "../lib/process/mod.ts";
import { type Defaults, defaultsFor } from "./pi/models.ts";
import requirements from "./pi/requirements.ts";

interface Settings extends Defaults {
  readonly camera: number | undefined;
  /** How the sensor turns the picture. */
  readonly orientation: Orientation;
}

const { commands: PROGRAMS, installHint: INSTALL_HINT } = requirements.programs[0];

/** Errors that `rpicam-vid` and libcamera print. */
const KNOWN_ERRORS: readonly KnownError[] = [
  {
    pattern: /legacy camera stack/i,
    hint: "the legacy camera stack is enabled: disable it with sudo raspi-config, then reboot",
    permanent: true,
  },
  {
    pattern: /currently only supports the Raspberry Pi/i,
    hint: "this machine is not a Raspberry Pi; for a webcam set CAMERA=usb",
    permanent: true,
  },
  {
    pattern: /selected camera is not available/i,
    hint: "set SOURCE to the number of a camera; `rpicam-hello --list-cameras` lists them",
    permanent: true,
  },
  {
    pattern: /unrecogni[sz]ed option|is invalid|illegal rotation|transforms requiring transpose/i,
    hint: "the installed rpicam-apps may be too old: sudo apt update && sudo apt upgrade",
    permanent: true,
  },
  {
    pattern: /no cameras available/i,
    hint: "check that the ribbon cable is fully inserted, the right way round; " +
      "`rpicam-hello --list-cameras` lists the cameras; third-party sensors need a dtoverlay= " +
      "line in /boot/firmware/config.txt",
  },
  {
    pattern: /in use by another process|failed to acquire camera/i,
    hint: "another program is using the camera: `fuser -v /dev/media*` shows which",
  },
  {
    pattern: /frontend has timed out|device timeout detected/i,
    hint: "the sensor stopped sending frames: check the cable, its length, and the power supply",
  },
  {
    pattern: /failed to allocate|cannot allocate memory|unable to request buffers/i,
    hint: "not enough memory for the camera: set a smaller WIDTH and HEIGHT, or add " +
      "dtoverlay=vc4-kms-v3d,cma-256 to /boot/firmware/config.txt and reboot",
  },
];

/**
 * The Raspberry Pi's camera, captured by `rpicam-vid`. `SOURCE` is the camera's number if there are
 * several. The default size and frame rate depend on the model of the Pi. The sensor mirrors
 * pictures and turns them by 180 degrees; for 90 degrees, it mirrors them so that nothing has to be
 * cut off when the server turns them.
 */
export default {
  requirements,
  captureDelay: 80,
  configure(env) {
    refuseAddress(env, "pi");
    const camera = readInteger(env, "SOURCE", { min: 0, max: 99 });
    const axes = axesOf(readOrientation(env));
    const requested = readCaptureSettings(env);
    const defaults = defaultsFor(readModel());
    return {
      ...captureSize(requested, defaults),
      fps: requested.fps ?? defaults.fps,
      quality: requested.quality ?? defaults.quality,
      options: defaults.options,
      camera,
      // The sensor reads its rows and columns in either order. The server exchanges them.
      orientation: reversed(axes),
    };
  },
  open(settings, signal) {
    return splitJpegs(run(PROGRAMS, rpicamArguments(settings), signal, {
      knownErrors: KNOWN_ERRORS,
      installHint: INSTALL_HINT,
    }));
  },
  async list(signal) {
    const { stdout } = await output(PROGRAMS, ["--list-cameras"], signal, {
      installHint: INSTALL_HINT,
    });
    const lines = stdout.matchAll(/^(\d+) : (\S+)(?: \[(\d+x\d+)[^\]]*\])? \(.+\)$/gm);
    return [...lines].map(([, source, sensor, size]) => ({
      source: source!,
      name: size ? `${sensor} (${size})` : sensor!,
    }));
  },
} satisfies CameraDriver<Settings>;

/**
 * Reads the model of this Raspberry Pi; empty on other machines. Deno may not read the file itself.
 */
function readModel(): string {
  try {
    const { stdout } = new Deno.Command("cat", { args: ["/proc/device-tree/model"] }).outputSync();
    return new TextDecoder().decode(stdout);
  } catch {
    return ""; // a system without cat is not a Raspberry Pi
  }
}

/**
 * Builds the arguments. Except for the Zero 2 W, uses only options that exist since release 1.0.0.
 */
function rpicamArguments(
  { width, height, fps, quality, options, camera, orientation }: Settings,
): string[] {
  const { reversesX, reversesY } = axesOf(orientation);
  return [
    ...["--nopreview", "--timeout", "0", "--codec", "mjpeg"],
    ...["--width", `${width}`, "--height", `${height}`],
    ...["--framerate", `${fps}`, "--quality", `${quality}`, ...options],
    ...(camera === undefined ? [] : ["--camera", `${camera}`]),
    ...(reversesX ? ["--hflip"] : []),
    ...(reversesY ? ["--vflip"] : []),
    // Without --flush, the end of each frame stays in the program until the next frame.
    ...["--flush", "--verbose", "1", "--output", "-"],
  ];
}

/** Returns the orientation that only reverses axes. */
function reversed({ reversesX, reversesY }: Axes): Orientation {
  return { rotation: reversesY ? 180 : 0, mirrored: reversesX !== reversesY };
}

/** Completes a requested size: a missing side follows from the aspect ratio of the default size. */
function captureSize({ width, height }: CaptureSettings, defaults: Defaults) {
  if (width) {
    return { width, height: height ?? roundToEven(width * defaults.height / defaults.width) };
  }
  if (height) return { width: roundToEven(height * defaults.width / defaults.height), height };
  return { width: defaults.width, height: defaults.height };
}

function roundToEven(number: number): number {
  return 2 * Math.round(number / 2);
}
