import { output } from "../process/mod.ts";
import type { Finding } from "./mod.ts";

/** A program, what it is for, and how to tell that it is there. */
interface Requirement {
  readonly what: string;
  /** By drivers that cannot do without. */
  readonly drivers: readonly string[];
  readonly programs: readonly string[];
  readonly args: readonly string[];
  /** Finds its version in what it says. */
  readonly version: RegExp;
  readonly install: string;
}

const REQUIREMENTS: readonly Requirement[] = [
  {
    what: "rpicam-vid",
    drivers: ["pi"],
    programs: ["rpicam-vid", "libcamera-vid"],
    args: ["--version"],
    version: /build: v?(\S+)/,
    install: "on Raspberry Pi OS: sudo apt install rpicam-apps-lite",
  },
  {
    what: "ffmpeg",
    drivers: ["usb"],
    programs: ["ffmpeg"],
    args: ["-version"],
    version: /version (\S+)/,
    install:
      "sudo apt install ffmpeg, on a Mac brew install ffmpeg, on Windows winget install ffmpeg",
  },
  {
    what: "OpenCV for Python",
    drivers: ["opencv"],
    programs: ["/usr/bin/python3", "python3", "python"],
    args: ["-c", "import cv2; print('version', cv2.__version__)"],
    version: /version (\S+)/,
    install: "sudo apt install python3-opencv",
  },
];

/** Looks for the programs that the drivers need. Only for those in use it is a problem if one is missing. */
export async function* checkPrograms(
  used: ReadonlySet<string>,
  signal: AbortSignal,
): AsyncGenerator<Finding> {
  for (const needed of REQUIREMENTS) {
    const version = await versionOf(needed, signal);
    const { what, drivers, install: advice } = needed;
    const purpose = `CAMERA=${drivers.join(" and CAMERA=")}`;
    if (version) yield { verdict: "ok", text: `${what} ${version}, for ${purpose}` };
    else {
      const verdict = drivers.some((driver) => used.has(driver)) ? "problem" : "note";
      yield { verdict, text: `There is no ${what}, for ${purpose}`, advice };
    }
  }
}

async function versionOf(
  { programs, args, version }: Requirement,
  signal: AbortSignal,
): Promise<string | undefined> {
  try {
    const { stdout } = await output(programs, args, signal);
    return version.exec(stdout)?.[1];
  } catch {
    return undefined; // no such program
  }
}
