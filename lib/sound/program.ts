import type { Clock } from "../clock.ts";
import { run } from "../process/mod.ts";
import type { OpenSound } from "./chunk.ts";
import { readChunks } from "./read_chunks.ts";
import { SampleRateCheck } from "./sample_rate_check.ts";
import { WavDecoder } from "./wav.ts";

/** Options of {@link openProgram}. */
export interface ProgramOptions {
  readonly program: string;
  readonly args: readonly string[];
  /** Samples per second. */
  readonly rate: number;
  readonly clock: Clock;
}

const INSTALL_HINT = "the first word after exec: must be the name or the path of a program";

/**
 * Returns the source that runs a program: it prints 16-bit samples, mono, little-endian, or a WAV
 * file with such samples, as `arecord` does without `-t raw`.
 *
 * The iteration throws a `CameraError` if the samples are of another rate or format.
 */
export function openProgram({ program, args, rate, clock }: ProgramOptions): OpenSound {
  return async function* (signal) {
    let decoder: WavDecoder | undefined;
    const check = new SampleRateCheck(rate);
    let isFirst = true;
    const chunks = readChunks(run(program, args, signal, { installHint: INSTALL_HINT }));
    for await (const { bytes } of chunks) {
      if (isFirst && startsLikeWav(bytes)) decoder = new WavDecoder({ rate, name: "The program" });
      isFirst = false;
      if (!decoder) check.add(bytes.length / 2, clock.monotonic());
      yield { bytes: decoder ? decoder.push(bytes) : bytes };
    }
  };
}

/** Whether bytes are the beginning of a WAV file. */
function startsLikeWav(bytes: Uint8Array): boolean {
  return [0x52, 0x49, 0x46, 0x46].every((byte, i) => bytes[i] === byte);
}
