import type { Bytes } from "../../../lib/bytes.ts";
import type { Jpeg } from "../../../lib/frame.ts";
import { Random } from "../../random.ts";

/** Programs of Debian's `libjpeg-turbo-progs`. */
export const LIBJPEG = ["cjpeg", "djpeg", "jpegtran"];

/** Options of `cjpeg` for each sampling of the colours. */
export const SAMPLINGS: Readonly<Record<string, readonly string[]>> = {
  "4:2:0": ["-sample", "2x2"],
  "4:2:2": ["-sample", "2x1"],
  "4:4:4": ["-sample", "1x1"],
  "4:4:0": ["-sample", "1x2"],
  "4:1:1": ["-sample", "4x1"],
  "mixed sampling": ["-sample", "2x2,1x2,2x1"],
  "grey": ["-grayscale"],
};

/** Options of {@link encode}. */
export interface PictureOptions {
  readonly width: number;
  readonly height: number;
  /** Options of `cjpeg`. */
  readonly args?: readonly string[];
}

/** Makes a JPEG of a picture that looks different in each of the eight orientations. */
export function encode({ width, height, args = [] }: PictureOptions): Promise<Jpeg> {
  return run("cjpeg", ["-dct", "int", ...args], pixmap(width, height));
}

/** Decodes a JPEG to a PPM or PGM file. */
export function decode(jpeg: Jpeg): Promise<Bytes> {
  return run("djpeg", ["-dct", "int", "-pnm"], jpeg);
}

/** Runs a program of libjpeg from memory to memory. Fails if it warns of damaged data. */
export async function run(program: string, args: readonly string[], input: Bytes): Promise<Bytes> {
  const child = new Deno.Command(program, {
    args: [...args],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const written = new Blob([input]).stream().pipeTo(child.stdin).catch(() => {});
  const [{ success, stdout, stderr }] = await Promise.all([child.output(), written]);
  const lines = new TextDecoder().decode(stderr).trim().split("\n");
  const warnings = lines.filter((line) => !line.startsWith("Caution:")).join("\n"); // of 16-bit tables
  if (!success || warnings) throw new Error(`${program} ${args.join(" ")}: ${warnings}`);
  return stdout;
}

/** A PPM file: coloured gradients, edges and noise. */
function pixmap(width: number, height: number): Bytes {
  const random = new Random(width * 10_000 + height);
  const header = new TextEncoder().encode(`P6\n${width} ${height}\n255\n`);
  const file = new Uint8Array(header.length + 3 * width * height);
  file.set(header);
  let at = header.length;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const noise = random.integer(-12, 12);
      const isBox = x % 37 < 9 && y % 53 < 21;
      file[at++] = clamp((isBox ? 230 : 200 * x / width) + noise);
      file[at++] = clamp((isBox ? 40 : 200 * y / height) + noise);
      file[at++] = clamp(80 + 50 * Math.sin(x * y / 700) + noise);
    }
  }
  return file;
}

function clamp(value: number): number {
  return Math.max(0, Math.min(255, value));
}
