import { splitShellWords } from "../lib/shell_words.ts";
import { type CameraDriver, readCaptureSettings } from "../lib/camera/driver.ts";
import { type Env, variableName } from "../lib/env.ts";
import { ConfigError } from "../lib/errors.ts";
import { splitJpegs } from "../lib/jpeg/split.ts";
import { run } from "../lib/process/mod.ts";
import requirements from "./exec/requirements.ts";

interface Settings {
  readonly program: string;
  readonly args: readonly string[];
  readonly fps: number | undefined;
}

/**
 * Any program that prints JPEGs, one after another: `SOURCE="ffmpeg -i rtsp://… -f mjpeg -"`. It is split
 * into words as a shell does it, quotes and all, but no shell runs it. `FPS` says how often it prints one,
 * if that is less than once in a few seconds.
 */
export default {
  requirements,
  configure(env) {
    const [program, ...args] = wordsOf(env);
    if (program) return { program, args, fps: readCaptureSettings(env).fps };
    throw new ConfigError(
      `Cannot use camera driver "exec" without ${
        variableName(env, "SOURCE")
      }: set it to a command ` +
        'that prints JPEGs, as "ffmpeg -i rtsp://… -f mjpeg -"',
    );
  },
  open({ program, args }, signal) {
    return splitJpegs(run(program, args, signal, {
      installHint: "SOURCE is a command: its first word is a program's name or path",
    }));
  },
} satisfies CameraDriver<Settings>;

function wordsOf(env: Env): string[] {
  try {
    return splitShellWords(env.SOURCE ?? "");
  } catch (cause) {
    if (!(cause instanceof ConfigError)) throw cause;
    throw new ConfigError(`${cause.message} (in ${variableName(env, "SOURCE")})`, { cause });
  }
}
