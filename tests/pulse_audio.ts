import { join } from "@std/path";
import { settlesWithin } from "../lib/clock.ts";

/** Programs that tests with {@link PulseAudio} need. */
export const PULSE_AUDIO = ["pulseaudio"];

/** Sinks of the server: what is played into `microphone` is heard on its monitor. */
const SINKS = { microphone: "mic", loudspeaker: "speaker" };

/** Time limit for the server to accept connections, and to exit, in milliseconds. */
const TIMEOUT = 10_000;

/**
 * A private PulseAudio server without hardware: a null sink `mic`, whose monitor is a microphone,
 * and a null sink `speaker`, into which programs play. It needs no session, no D-Bus and no user
 * other than root. Linux only.
 */
export class PulseAudio implements AsyncDisposable {
  /** The sink to play into what {@link source} hears. */
  readonly microphone = SINKS.microphone;
  /** The source that hears what is played into {@link microphone}: `AUDIO=pulse:mic.monitor`. */
  readonly source = `${SINKS.microphone}.monitor`;
  /** The source that hears what programs play. */
  readonly ears = `${SINKS.loudspeaker}.monitor`;
  /**
   * Environment variables for programs that use this server. They play into the loudspeaker; ALSA
   * programs use it as well, with the device `default`.
   */
  readonly env: Readonly<Record<string, string>>;
  readonly #folder: string;
  readonly #child: Deno.ChildProcess;
  readonly #reading: Promise<void>;
  #output = "";

  private constructor(folder: string, child: Deno.ChildProcess) {
    this.#folder = folder;
    this.#child = child;
    this.env = {
      PULSE_SERVER: `unix:${socketIn(folder)}`,
      PULSE_SINK: SINKS.loudspeaker,
      XDG_RUNTIME_DIR: folder,
    };
    this.#reading = this.#read();
  }

  /** Starts a server and waits until it accepts connections. */
  static async start(): Promise<PulseAudio> {
    const folder = await Deno.makeTempDir({ prefix: "dinocam-pulse-" });
    const modules = [
      `module-null-sink sink_name=${SINKS.microphone} rate=48000`,
      `module-null-sink sink_name=${SINKS.loudspeaker} rate=48000`,
      `module-native-protocol-unix socket=${socketIn(folder)} auth-anonymous=1`,
    ];
    const child = new Deno.Command("pulseaudio", {
      args: [
        ...["-n", "--daemonize=no", "--use-pid-file=no", "--exit-idle-time=-1"],
        ...["--realtime=no", "--high-priority=no", "--disable-shm=yes"],
        ...modules.flatMap((module) => ["-L", module]),
      ],
      env: { HOME: folder, XDG_RUNTIME_DIR: folder, DBUS_SESSION_BUS_ADDRESS: "" },
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).spawn();
    const server = new PulseAudio(folder, child);
    if (await server.#accepts()) return server;
    const output = server.#output;
    await server[Symbol.asyncDispose]();
    throw new Error(`PulseAudio does not listen: ${output}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const signal of ["SIGTERM", "SIGKILL"] as const) {
      try {
        this.#child.kill(signal);
      } catch {
        break; // it has already exited
      }
      if (await settlesWithin(this.#child.status, TIMEOUT)) break;
    }
    await this.#reading;
    await Deno.remove(this.#folder, { recursive: true });
  }

  async #accepts(): Promise<boolean> {
    for (const begun = performance.now(); performance.now() - begun < TIMEOUT;) {
      try {
        (await Deno.connect({ transport: "unix", path: socketIn(this.#folder) })).close();
        return true;
      } catch {
        if (await settlesWithin(this.#child.status, 20)) return false; // not yet, or it has exited
      }
    }
    return false;
  }

  async #read(): Promise<void> {
    for await (const text of this.#child.stderr.pipeThrough(new TextDecoderStream())) {
      if (this.#output.length < 10_000) this.#output += text;
    }
  }
}

function socketIn(folder: string): string {
  return join(folder, "native");
}
