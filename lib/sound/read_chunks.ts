import type { Bytes, ByteSource } from "../bytes.ts";
import type { SoundChunk } from "./chunk.ts";

/** Size of a read, in bytes: 43 ms at 48 kHz. */
const CHUNK_SIZE = 4_096;

/** Reads the samples that a program prints, in one buffer. */
export async function* readChunks(source: ByteSource): AsyncGenerator<SoundChunk> {
  await using _ = source;
  let buffer: Bytes = new Uint8Array(CHUNK_SIZE);
  for (;;) {
    const bytes = await source.read(buffer);
    if (!bytes) return;
    yield { bytes };
    buffer = new Uint8Array(bytes.buffer);
  }
}
