import type { Bytes, ByteSource } from "../../lib/bytes.ts";
import { splitJpegs } from "../../lib/jpeg/split.ts";
import { cameraRun, SIZES } from "./camera_frames.ts";

/** Maximum number of bytes per read of a pipe. */
const READ = 65_536;

// An iteration is 10 MB, so ten times the iterations per second are MB/s.
for (const [size, bytes] of Object.entries(SIZES)) {
  const count = Math.round(10_000_000 / bytes);
  const run = cameraRun(bytes, count);

  Deno.bench(`split 10 MB of ${size} frames`, { group: size, baseline: true }, async () => {
    let found = 0;
    for await (const _ of splitJpegs(inMemory(run))) found++;
    if (found !== count) throw new Error(`Found ${found} of ${count} frames`);
  });

  Deno.bench(`only read 10 MB of ${size} frames`, { group: size }, async () => {
    const source = inMemory(run);
    let buffer: Bytes = new Uint8Array(READ);
    for (let read; (read = await source.read(buffer)) !== undefined;) {
      buffer = new Uint8Array(read.buffer);
    }
  });
}

/** Bytes as a program's output provides them: in the reader's buffer, which is transferred. */
function inMemory(run: Bytes): ByteSource {
  let at = 0;
  return {
    read(into) {
      const { byteOffset } = into;
      const length = Math.min(READ, into.length, run.length - at);
      if (length === 0) return Promise.resolve(undefined);
      const given = new Uint8Array(into.buffer.transfer(), byteOffset, length);
      given.set(run.subarray(at, at += length));
      return Promise.resolve(given);
    },
    [Symbol.asyncIterator]: () => {
      throw new Error("A byte source is read, not iterated");
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}
