import type { Tools } from "./tools.ts";

/** Height and frame rate of the camera. */
export interface Picture {
  readonly height: 480 | 720 | 1080;
  readonly fps: number;
}

/** A server to be measured. */
export interface Contestant {
  readonly name: string;
  /** Path of its stream. */
  readonly path: string;
  /** Path of the stream of one of several cameras: an asterisk stands for the camera's number. */
  readonly cameraPath?: string;
  /** Whether it has a page at `/`. */
  readonly hasPage: boolean;
  /** Time after which its CPU use with a number of viewers is steady, in seconds. */
  readonly warmup: (viewers: number) => number;
  /** Returns the shell command that starts the server on a port. */
  command(picture: Picture, port: number): string;
  /** Additional environment variables. */
  readonly env?: Record<string, string>;
}

const ROOT = new URL("../..", import.meta.url).pathname;

const WIDTHS = { 480: 640, 720: 1280, 1080: 1920 };

/**
 * Returns the environment with the stand-in camera, which gives every server the same frames: as
 * the Raspberry Pi's camera program, or as a V4L2 camera by `LD_PRELOAD`.
 *
 * @param cameras Number of cameras. Several are called `c1`, `c2` and so on.
 */
export function cameraEnv(
  tools: Tools,
  { height, fps }: Picture,
  cameras = 1,
): Record<string, string> {
  const names = Array.from({ length: cameras }, (_, i) => `c${i + 1}=pi`);
  return {
    FAKECAM_DIR: tools.frames,
    PATH: `${tools.path}:${Deno.env.get("PATH")}`,
    CAMERA: cameras === 1 ? "pi" : names.join(),
    WIDTH: `${WIDTHS[height]}`,
    HEIGHT: `${height}`,
    FPS: `${fps}`,
  };
}

/** What all versions of this project's server have. */
const DINOCAM = {
  path: "/video_feed",
  cameraPath: "/cameras/c*/video_feed",
  hasPage: true,
  // A server runs for days: until then, V8 compiles functions again and again, and the garbage
  // collector finds its pace. The fewer frames are sent, the longer V8 takes.
  warmup: (viewers: number) => viewers > 10 ? 45 : 100,
};

/** Warm-up time of other servers, in seconds. */
const otherWarmup = () => 8;

/** This project's server, started as by a user. */
export function dinocam(): Contestant {
  return { ...DINOCAM, name: "dinocam", command: (_, port) => startTask(ROOT, port) };
}

/** This project's server, started without Deno's task runner, which remains its parent process. */
export async function dinocamWithoutTask(): Promise<Contestant> {
  const { tasks } = JSON.parse(await Deno.readTextFile(`${ROOT}deno.json`));
  return {
    ...DINOCAM,
    name: "dinocam, deno run",
    command: (_, port) => `cd ${ROOT} && export PORT=${port} && exec ${tasks.start.command}`,
  };
}

/** Another version of this project's server. */
export function build(folder: string, version: string): Contestant {
  return {
    ...DINOCAM,
    name: `dinocam ${version}`,
    command: (_, port) => startTask(folder, port),
  };
}

function startTask(folder: string, port: number): string {
  return `cd "${folder}" && export PORT=${port} && exec deno task start`;
}

/** µStreamer as in Debian, with a camera whose JPEGs it passes through unchanged. */
export function ustreamer(tools: Tools, version: string): Contestant {
  return {
    name: `µStreamer ${version}`,
    path: "/stream",
    hasPage: true,
    warmup: otherWarmup,
    env: { LD_PRELOAD: tools.v4l2 },
    command: ({ height, fps }, port) =>
      "exec ustreamer --device /dev/video0 --format MJPEG --encoder HW --desired-fps " +
      `${fps} --resolution ${WIDTHS[height]}x${height} --host 127.0.0.1 --port ${port}`,
  };
}

/** The minimal C server that only sends: the baseline. */
export function floor(tools: Tools): Contestant {
  return {
    name: "C, only sends",
    path: "/",
    hasPage: false,
    warmup: otherWarmup,
    command: ({ height, fps }, port) => `exec ${tools.floor} ${port} ${height} ${fps}`,
  };
}

/**
 * Another server, given by its name, the path of its stream, and a command with the placeholders
 * `{port}`, `{width}`, `{height}`, `{fps}` and `{v4l2}` (the library for `LD_PRELOAD`).
 */
export function peer(tools: Tools, text: string): Contestant {
  const [, name, path, command] = /^(\S+)\s+(\/\S*)\s+(.+)$/s.exec(text) ?? [];
  if (!name || !path || !command) {
    throw new Error(
      `Cannot read --peer as a name, a path and a command: current value is "${text}"`,
    );
  }
  return {
    name,
    path,
    hasPage: true,
    warmup: otherWarmup,
    command: ({ height, fps }, port) => {
      const values = { port, width: WIDTHS[height], height, fps, v4l2: tools.v4l2 };
      return command.replaceAll(
        /\{(port|width|height|fps|v4l2)\}/g,
        (_, key) => `${values[key as keyof typeof values]}`,
      );
    },
  };
}
