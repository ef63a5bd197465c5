import type { Jpeg } from "../../../lib/frame.ts";
import { splitJpegs } from "../../../lib/jpeg/split.ts";
import { ffmpeg } from "../../ffmpeg.ts";

/**
 * Returns `count` JPEGs of a test picture, made by ffmpeg.
 *
 * @param size Such as "320x240".
 * @param source The filter that makes the picture. By default it moves.
 */
export async function pictures(
  size: string,
  count: number,
  source = "testsrc2",
): Promise<Jpeg[]> {
  const { output } = await ffmpeg([
    ...["-f", "lavfi", "-i", `${source}=size=${size}:rate=30`, "-frames:v", `${count}`],
    ...["-q:v", "4", "-f", "mjpeg", "pipe:1"],
  ]);
  return await Array.fromAsync(splitJpegs((async function* () {
    yield await Promise.resolve(output);
  })()));
}

/** Returns frames with uneven times from `at` on, 29 to 37 ms apart, and a gap of 2.5 s. */
export function uneven(at: number, jpegs: readonly Jpeg[]): { at: number; jpeg: Jpeg }[] {
  const gapAt = Math.floor(jpegs.length / 2);
  return jpegs.map((jpeg, i) => {
    const frame = { at, jpeg };
    at += i === gapAt ? 2_500 : 29 + i * 7 % 9;
    return frame;
  });
}
