import { type CameraDriver, readFps } from "../lib/camera/driver.ts";
import { type Env, variableName } from "../lib/env.ts";
import { ConfigError } from "../lib/errors.ts";
import { splitJpegs } from "../lib/jpeg/split.ts";
import { run } from "../lib/process/mod.ts";
import { splitShellWords } from "../lib/shell_words.ts";
import requirements from "./exec/requirements.ts";

interface Settings {
  readonly program: string;
  readonly args: readonly string[];
  readonly fps: number | undefined;
}

/**
 * Any program that prints JPEGs one after another: `SOURCE="ffmpeg -i rtsp://… -f mjpeg -"`. The
 * command is split into words like in a shell, with quotes, but no shell runs it. `FPS` states the
 * program's frame rate; it is required if the program prints less than one frame in several
 * seconds.
 */
export default {
  requirements,
  configure(env) {
    const [program, ...args] = readCommand(env);
    if (program) return { program, args, fps: readFps(env) };
    const name = variableName(env, "SOURCE");
    throw new ConfigError(
      `Cannot use camera driver "exec" without ${name}: set it to a command that prints JPEGs, ` +
        'such as "ffmpeg -i rtsp://… -f mjpeg -"',
    );
  },
  open({ program, args }, signal) {
    const installHint = "the first word of SOURCE must be the name or the path of a program";
    return splitJpegs(run(program, args, signal, { installHint }));
  },
} satisfies CameraDriver<Settings>;

function readCommand(env: Env): string[] {
  try {
    return splitShellWords(env.SOURCE ?? "");
  } catch (cause) {
    if (!(cause instanceof ConfigError)) throw cause;
    throw new ConfigError(`${cause.message} (in ${variableName(env, "SOURCE")})`, { cause });
  }
}
