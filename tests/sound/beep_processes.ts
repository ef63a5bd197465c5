import type { PulseAudio } from "../pulse_audio.ts";
import { ageOf, type Beep } from "./beeps.ts";
import { readLines } from "./text_lines.ts";

/** A beep that was heard, and its age then. */
export interface HeardBeep {
  /** When it began, in milliseconds since the Unix epoch. */
  readonly time: number;
  /** How long ago it was played then, in milliseconds. */
  readonly age: number;
}

/** Plays a beep at each whole second into the microphone, in a process. */
export class BeepPlayer implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;

  constructor(audio: PulseAudio) {
    this.#child = spawn("beep_player.ts", audio.microphone, { audio, stdout: "null" });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await stop(this.#child);
  }
}

/** Hears beeps from a source, in a process. */
export class BeepListener implements AsyncDisposable {
  /** The beeps heard so far. */
  readonly beeps: HeardBeep[] = [];
  readonly #child: Deno.ChildProcess;
  readonly #reading: Promise<void>;

  /** @param source The PulseAudio source, by default the one that hears what programs play. */
  constructor(audio: PulseAudio, { source = audio.ears } = {}) {
    this.#child = spawn("beep_listener.ts", source, { audio, stdout: "piped" });
    this.#reading = this.#read();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await stop(this.#child);
    await this.#reading;
  }

  async #read(): Promise<void> {
    for await (const line of readLines(this.#child.stdout)) {
      const beep: Beep = JSON.parse(line);
      this.beeps.push({ time: beep.time, age: ageOf(beep) });
    }
  }
}

/** Runs a program of this folder. */
function spawn(
  file: string,
  device: string,
  { audio, stdout }: { audio: PulseAudio; stdout: "null" | "piped" },
): Deno.ChildProcess {
  const path = new URL(file, import.meta.url).pathname;
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "-q", "--no-check", "--allow-ffi", path, device],
    env: audio.env,
    stdin: "null",
    stdout,
    stderr: "inherit",
  }).spawn();
}

async function stop(child: Deno.ChildProcess): Promise<void> {
  try {
    child.kill("SIGKILL"); // it blocks in the library, and has nothing to clean up
  } catch {
    // it has already exited
  }
  await child.status;
}
