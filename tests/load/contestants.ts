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
  /** Returns the shell command that starts the server on a port. */
  command(picture: Picture, port: number): string;
  /** Additional environment variables. */
  readonly env?: Record<string, string>;
}

const WIDTHS = { 480: 640, 720: 1280, 1080: 1920 };

/**
 * Returns the environment with the stand-in camera, which gives every server the same frames: as
 * the Raspberry Pi's camera program, or as a V4L2 camera by `LD_PRELOAD`.
 */
export function cameraEnv(tools: Tools, { height, fps }: Picture): Record<string, string> {
  return {
    FAKECAM_DIR: tools.frames,
    PATH: `${tools.path}:${Deno.env.get("PATH")}`,
    CAMERA: "pi",
    WIDTH: `${WIDTHS[height]}`,
    HEIGHT: `${height}`,
    FPS: `${fps}`,
  };
}

/** This project's server, started like `deno task start`. */
export async function dinocam(): Promise<Contestant> {
  const root = new URL("../..", import.meta.url);
  const { tasks } = JSON.parse(await Deno.readTextFile(new URL("deno.json", root)));
  return {
    name: "dinocam",
    path: "/video_feed",
    command: (_, port) =>
      `cd ${root.pathname} && export PORT=${port} && exec ${tasks.start.command}`,
  };
}

/** µStreamer as in Debian, with a camera whose JPEGs it passes through unchanged. */
export function ustreamer(tools: Tools, version: string): Contestant {
  return {
    name: `µStreamer ${version}`,
    path: "/stream",
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
    command: ({ height, fps }, port) => {
      const values = { port, width: WIDTHS[height], height, fps, v4l2: tools.v4l2 };
      return command.replaceAll(
        /\{(port|width|height|fps|v4l2)\}/g,
        (_, key) => `${values[key as keyof typeof values]}`,
      );
    },
  };
}
