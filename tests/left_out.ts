import type { LeftOut } from "./parts.ts";

type System = typeof Deno.build.os;

/** Debian packages of programs, where the package has another name. */
const DEBIAN_PACKAGES: Readonly<Record<string, string>> = {
  "arecord": "alsa-utils",
  "cat": "coreutils",
  "cjpeg": "libjpeg-turbo-progs",
  "dd": "coreutils",
  "djpeg": "libjpeg-turbo-progs",
  "env": "coreutils",
  "ffprobe": "ffmpeg",
  "fsfreeze": "util-linux",
  "gst-launch-1.0": "gstreamer1.0-tools gstreamer1.0-plugins-good",
  "head": "coreutils",
  "ip": "iproute2",
  "jpegtran": "libjpeg-turbo-progs",
  "mkfifo": "coreutils",
  "mkfs.ext4": "e2fsprogs",
  "mkvextract": "mkvtoolnix",
  "mkvmerge": "mkvtoolnix",
  "nginx": "nginx-light",
  "pactl": "pulseaudio-utils",
  "parec": "pulseaudio-utils",
  "readlink": "coreutils",
  "script": "bsdutils",
  "setsid": "util-linux",
  "sh": "dash",
  "sleep": "coreutils",
  "setpriv": "util-linux",
  "sysctl": "procps",
  "systemd-analyze": "systemd",
  "tail": "coreutils",
  "tc": "iproute2",
  "umount": "mount",
  "v4l2-ctl": "v4l-utils",
  "zbarimg": "zbar-tools",
};

/** Homebrew packages of programs, where the package has another name. */
const HOMEBREW_PACKAGES: Readonly<Record<string, string>> = {
  "cjpeg": "jpeg-turbo",
  "djpeg": "jpeg-turbo",
  "ffprobe": "ffmpeg",
  "gst-launch-1.0": "gstreamer",
  "jpegtran": "jpeg-turbo",
  "mkvextract": "mkvtoolnix",
  "mkvmerge": "mkvtoolnix",
  "pactl": "pulseaudio",
  "parec": "pulseaudio",
  "python3": "python",
  "setsid": "util-linux",
  "zbarimg": "zbar",
};

/**
 * Describes in one line which tests `deno test` has left out, what they need, and how to install
 * that.
 *
 * @param entries One {@link LeftOut} per line, as JSON.
 * @param report The JUnit report of `deno test`.
 * @returns Undefined if no test was left out because something is missing.
 */
export function describeLeftOut(
  entries: string,
  report: string,
  os: System = Deno.build.os,
): string | undefined {
  const count = [...report.matchAll(LEFT_OUT)].length;
  const all: LeftOut[] = entries.split("\n").filter(Boolean).map((line) => JSON.parse(line));
  const programs = sorted(all.map(({ program }) => program));
  const missing = [...programs, ...sorted(all.map(({ reason }) => reason))];
  if (count === 0 || missing.length === 0) return undefined;
  return `Left out: ${count} ${count === 1 ? "test" : "tests"}, as this machine lacks ` +
    LIST.format(missing) + (programs.length > 0 ? `; ${installCommand(programs, os)}` : "");
}

/** A test that was left out. A test that a `--filter` excludes has no time in the report. */
const LEFT_OUT = /<testcase [^>]*\btime="[^>]*>\s*<skipped/g;
const LIST = new Intl.ListFormat("en");

function installCommand(programs: readonly string[], os: System): string {
  const packages = (names: Readonly<Record<string, string>>) =>
    sorted(programs.map((program) => names[program] ?? program)).join(" ");
  if (os === "linux") return `on Debian: sudo apt install ${packages(DEBIAN_PACKAGES)}`;
  if (os === "darwin") return `to install them: brew install ${packages(HOMEBREW_PACKAGES)}`;
  return "install them, with their folders in PATH";
}

function sorted(texts: readonly (string | undefined)[]): string[] {
  return [...new Set(texts.filter((text) => text !== undefined))].sort();
}
