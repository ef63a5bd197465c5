import { assertEquals } from "@std/assert";
import type { Bytes } from "../../../lib/bytes.ts";
import type { Jpeg } from "../../../lib/frame.ts";
import { ffmpeg } from "../../ffmpeg.ts";
import type { RecordedSound } from "./clip_library.ts";

/** Duration of a flash and of a beep, in milliseconds. */
const FLASH = 200;

/** A recording with flashes and beeps; times in milliseconds since the Unix epoch. */
export interface Flashes {
  readonly frames: { at: number; jpeg: Jpeg }[];
  readonly sound: RecordedSound;
}

/**
 * Returns frames that flash at each whole second, and sound that beeps there.
 *
 * @param silence Periods without clusters of sound.
 */
export async function flashes(
  { from, to, fps = 25, rate = 24_000, silence = [] }: {
    from: number;
    to: number;
    fps?: number;
    rate?: number;
    silence?: readonly (readonly [from: number, to: number])[];
  },
): Promise<Flashes> {
  const [black, white] = await Promise.all([picture(16), picture(200)]);
  const frames = [];
  for (let i = 0, at; (at = from + Math.round(i * 1000 / fps)) < to; i++) {
    frames.push({ at, jpeg: at % 1000 < FLASH ? white : black });
  }
  const clusters = [];
  for (let at = from; at < to; at += 100) {
    if (silence.some(([begin, end]) => at >= begin && at < end)) continue;
    const samples = new Int16Array(Math.round(Math.min(100, to - at) * rate / 1000));
    for (let i = 0; i < samples.length; i++) {
      const time = at + i * 1000 / rate;
      const isLoud = time % 1000 < FLASH;
      samples[i] = isLoud ? 12_000 * Math.sin(2 * Math.PI * 1000 * time / 1000) : 0;
    }
    clusters.push({ at, samples: new Uint8Array(samples.buffer) });
  }
  return { frames, sound: { rate, clusters } };
}

/** Makes a dark or a bright picture. (ffmpeg misses the EOI of one that is black.) */
async function picture(brightness: number): Promise<Jpeg> {
  const source = `testsrc2=size=64x48,lutyuv=y=${brightness}+val/8`;
  const args = ["-f", "lavfi", "-i", source, "-frames:v", "1", "-f", "mjpeg", "-"];
  return (await ffmpeg(args)).output; // it may warn of the pixels' format
}

/** When a file flashes and beeps, in milliseconds since its start, as ffmpeg decodes it. */
export interface Decoded {
  readonly flashes: number[];
  readonly beeps: number[];
}

/** Decodes a file with ffmpeg, which must print no warning. */
export async function decodeFlashes(path: string): Promise<Decoded> {
  const rate = 8_000;
  const [video, times, sound] = await Promise.all([
    run(["-i", path, ...FRAMES, "-vf", "extractplanes=y,crop=48:48", "-f", "rawvideo", "-"]),
    run(["-i", path, ...FRAMES, "-f", "framecrc", "-"]),
    // Puts each sample at its time: gaps become silence.
    run([
      ...["-i", path, "-map", "0:a", "-af", "aresample=async=1:min_hard_comp=0.001:first_pts=0"],
      ...["-ar", `${rate}`, "-ac", "1", "-f", "s16le", "-"],
    ]),
  ]);
  const header = new TextDecoder().decode(times);
  const [, numerator, denominator] = /^#tb 0: (\d+)\/(\d+)$/m.exec(header)!;
  const unit = 1000 * Number(numerator) / Number(denominator);
  const shown = [...header.matchAll(/^0, *\d+, *(\d+)/gm)].map(([, pts]) => Number(pts) * unit);
  assertEquals(shown.length, video.length / PART);
  const samples = new Int16Array(sound.buffer, 0, sound.length >> 1);
  return {
    flashes: starts(video.filter((_, i) => i % PART === 0), (value) => value > 128)
      .map((frame) => shown[frame]!),
    beeps: starts(samples, (value) => Math.abs(value) > 2_000, 0.1 * rate)
      .map((sample) => sample * 1000 / rate),
  };
}

/** All frames, with their times in milliseconds. */
const FRAMES = ["-map", "0:v", "-fps_mode", "passthrough", "-enc_time_base", "1:1000"];
/** Size of the part of a frame that is looked at. */
const PART = 48 * 48;

async function run(args: string[]): Promise<Bytes> {
  const { output, warnings } = await ffmpeg(args);
  // It says so for each PCM track of a Matroska file.
  assertEquals(warnings.filter((line) => !line.startsWith("Guessed Channel Layout")), []);
  return output;
}

/**
 * Returns where a condition begins to hold.
 *
 * @param pause Number of values without it that end it.
 */
function starts<T extends ArrayLike<number>>(
  values: T,
  holds: (value: number) => boolean,
  pause = 0,
): number[] {
  const found: number[] = [];
  let last = -Infinity;
  for (let i = 0; i < values.length; i++) {
    if (!holds(values[i]!)) continue;
    if (i - last > pause + 1) found.push(i);
    last = i;
  }
  return found;
}
