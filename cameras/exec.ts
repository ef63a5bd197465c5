import { type CameraDriver, readFps } from "../lib/camera/driver.ts";
import { type Env, variableName } from "../lib/env.ts";
import { ConfigError } from "../lib/errors.ts";
import { splitJpegs } from "../lib/jpeg/split.ts";
import { run } from "../lib/process/mod.ts";
import { Received } from "../lib/received.ts";
import { Redactor } from "../lib/redact.ts";
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
    if (program?.includes("://")) throw notACommand(env);
    if (program) return { program, args, fps: readFps(env) };
    const name = variableName(env, "SOURCE");
    throw new ConfigError(
      `Cannot use camera driver "exec" without ${name}: set it to a command that prints JPEGs, ` +
        'such as "ffmpeg -i rtsp://… -f mjpeg -"',
    );
  },
  open({ program, args }, signal) {
    const installHint = "the first word of SOURCE must be the name or the path of a program";
    const hint = isFfmpeg(program)
      ? "add `-f mjpeg -` at the end of the command, without another -f after -i"
      : "the command must print JPEGs on standard output";
    const redactor = new Redactor(args);
    const received = new Received((text) => redactor.redact(text));
    const images = splitJpegs(run(program, args, signal, { installHint }), { received });
    return Object.assign(images, { hint });
  },
} satisfies CameraDriver<Settings>;

function isFfmpeg(program: string): boolean {
  return /(^|[/\\])ffmpeg(\.exe)?$/i.test(program);
}

/** An address can contain a password, so the message does not. */
function notACommand(env: Env): ConfigError {
  return new ConfigError(
    `Cannot run ${variableName(env, "SOURCE")}, which is an address: set it to a command that ` +
      'prints JPEGs, such as "ffmpeg -i rtsp://… -f mjpeg -"',
  );
}

function readCommand(env: Env): string[] {
  try {
    return splitShellWords(env.SOURCE ?? "");
  } catch (cause) {
    if (!(cause instanceof ConfigError)) throw cause;
    throw new ConfigError(`${cause.message} (in ${variableName(env, "SOURCE")})`, { cause });
  }
}
