import type { Jpeg } from "../../lib/frame.ts";

/** Reads a file of consecutive JPEGs. */
export async function readFrames(file: string): Promise<Jpeg[]> {
  const bytes = await Deno.readFile(file);
  const starts: number[] = [];
  for (let i = 0; i + 3 < bytes.length; i++) {
    const isStart = bytes[i] === 0xff && bytes[i + 1] === 0xd8 && bytes[i + 2] === 0xff;
    if (isStart && (i === 0 || bytes[i - 1] === 0xd9 && bytes[i - 2] === 0xff)) starts.push(i);
  }
  return starts.map((start, i) => bytes.slice(start, starts[i + 1] ?? bytes.length));
}
