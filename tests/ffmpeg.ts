import type { Bytes } from "../lib/bytes.ts";
import type { Jpeg } from "../lib/frame.ts";

/**
 * Runs ffmpeg until it exits.
 *
 * @returns Its standard output, and the lines of its standard error.
 */
export async function ffmpeg(
  args: string[],
  input: Bytes = new Uint8Array(0),
): Promise<{ output: Bytes; warnings: string[] }> {
  const child = new Deno.Command("ffmpeg", {
    args: ["-v", "warning", ...args],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const written = new Blob([input]).stream().pipeTo(child.stdin);
  const [{ stdout, stderr }] = await Promise.all([child.output(), written]);
  const warnings = new TextDecoder().decode(stderr).split("\n").filter((line) => line !== "");
  return { output: stdout, warnings };
}

/** Decodes a JPEG to planar YCbCr: Y, then the smaller Cb and Cr. */
export function decodeJpeg(jpeg: Jpeg): Promise<{ output: Bytes; warnings: string[] }> {
  return ffmpeg(["-f", "mjpeg", "-i", "pipe:0", "-f", "rawvideo", "pipe:1"], jpeg);
}
