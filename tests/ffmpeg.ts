import type { Bytes } from "../lib/bytes.ts";
import type { Jpeg } from "../lib/frame.ts";

/** Whether there is an ffmpeg to compare with. */
export const hasFfmpeg = await new Deno.Command("ffmpeg", {
  args: ["-version"],
  stdout: "null",
  stderr: "null",
}).output().then(({ success }) => success, () => false);

/** Runs ffmpeg to its end. @returns What it writes, and the lines that it complains with. */
export async function ffmpeg(
  args: string[],
  input: Bytes = new Uint8Array(0),
): Promise<{ output: Bytes; complaints: string[] }> {
  const child = new Deno.Command("ffmpeg", {
    args: ["-v", "warning", ...args],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const written = new Blob([input]).stream().pipeTo(child.stdin);
  const [{ stdout, stderr }] = await Promise.all([child.output(), written]);
  const complaints = new TextDecoder().decode(stderr).split("\n").filter((line) => line !== "");
  return { output: stdout, complaints };
}

/** The pixels of a JPEG as planes: Y, and the smaller Cb and Cr. */
export function decodeJpeg(jpeg: Jpeg): Promise<{ output: Bytes; complaints: string[] }> {
  return ffmpeg(["-f", "mjpeg", "-i", "pipe:0", "-f", "rawvideo", "pipe:1"], jpeg);
}
