import {
  type CameraDriver,
  type CaptureSettings,
  readCaptureSettings,
} from "../lib/camera/driver.ts";
import { readChoice, readInteger } from "../lib/env.ts";
import { splitJpegs } from "../lib/jpeg/split.ts";
import { type KnownError, output, run } from "../lib/process/mod.ts";
import { type Defaults, defaultsFor } from "./pi/models.ts";
import requirements from "./pi/requirements.ts";

interface Settings extends Defaults {
  readonly camera: number | undefined;
  readonly rotation: "0" | "180";
}

/** The camera program of the Raspberry Pi, by its name since 2023, then by its old one. */
const PROGRAMS = ["rpicam-vid", "libcamera-vid"];
const INSTALL_HINT = "on Raspberry Pi OS: sudo apt install rpicam-apps-lite";

/** What the program says when it cannot go on. */
const KNOWN_ERRORS: readonly KnownError[] = [
  {
    pattern: /legacy camera stack/i,
    hint: "the old camera stack is switched on: switch it off with raspi-config and reboot",
    permanent: true,
  },
  {
    pattern: /currently only supports the Raspberry Pi/i,
    hint: "this machine is no Raspberry Pi; for a webcam use CAMERA=usb",
    permanent: true,
  },
  {
    pattern: /selected camera is not available/i,
    hint: "SOURCE is the camera's number from 0; `rpicam-hello --list-cameras` lists them",
    permanent: true,
  },
  {
    pattern: /unrecogni[sz]ed option|is invalid|illegal rotation|transforms requiring transpose/i,
    hint: "the installed rpicam-apps may be too old: sudo apt update && sudo apt upgrade",
    permanent: true,
  },
  {
    pattern: /no cameras available/i,
    hint:
      "is the ribbon cable seated, the right way round? `rpicam-hello --list-cameras` shows what is " +
      "found; other makers' sensors need a dtoverlay= line in /boot/firmware/config.txt",
  },
  {
    pattern: /in use by another process|failed to acquire camera/i,
    hint: "another program has the camera: `fuser -v /dev/media*` shows which",
  },
  {
    pattern: /frontend has timed out|device timeout detected/i,
    hint: "the sensor stopped delivering: look at the cable, its length, and the power supply",
  },
  {
    pattern: /failed to allocate|cannot allocate memory|unable to request buffers/i,
    hint: "the camera's memory is used up: try a smaller WIDTH and HEIGHT, or " +
      "dtoverlay=vc4-kms-v3d,cma-256 in /boot/firmware/config.txt",
  },
];

/**
 * The Raspberry Pi's camera, through `rpicam-vid`. `SOURCE` is its number where there are several. Without
 * wishes, size and rate are what the model of the Pi does with ease.
 */
export default {
  requirements,
  configure(env) {
    const camera = readInteger(env, "SOURCE", { min: 0, max: 99 });
    const rotation = readChoice(env, "ROTATE", ["0", "180"]) ?? "0";
    const { width, height, ...wishes } = readCaptureSettings(env);
    const usual = defaultsFor(modelHere());
    const size = sizeOf({ width, height }, usual);
    return {
      ...size,
      fps: wishes.fps ?? usual.fps,
      quality: wishes.quality ?? usual.quality,
      options: usual.options,
      camera,
      rotation,
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

/** The name of this Raspberry Pi; empty on other machines. Deno itself may not read it there. */
function modelHere(): string {
  try {
    const { stdout } = new Deno.Command("cat", { args: ["/proc/device-tree/model"] }).outputSync();
    return new TextDecoder().decode(stdout);
  } catch {
    return ""; // no such program: no Raspberry Pi either
  }
}

/** Only options that every release since 1.0.0 has, and those for a small Pi. */
function rpicamArguments(
  { width, height, fps, quality, options, camera, rotation }: Settings,
): string[] {
  return [
    ...["--nopreview", "--timeout", "0", "--codec", "mjpeg"],
    ...["--width", `${width}`, "--height", `${height}`],
    ...["--framerate", `${fps}`, "--quality", `${quality}`, ...options],
    ...(camera === undefined ? [] : ["--camera", `${camera}`]),
    ...(rotation === "0" ? [] : ["--rotation", rotation]),
    // Without --flush the end of each frame waits in the program until the next one comes.
    ...["--flush", "--verbose", "1", "--output", "-"],
  ];
}

/** Of a size of which one side was wished for, the other follows in the usual shape. */
function sizeOf({ width, height }: Pick<CaptureSettings, "width" | "height">, usual: Defaults) {
  if (width) return { width, height: height ?? even(width * usual.height / usual.width) };
  if (height) return { width: even(height * usual.width / usual.height), height };
  return { width: usual.width, height: usual.height };
}

function even(number: number): number {
  return 2 * Math.round(number / 2);
}
