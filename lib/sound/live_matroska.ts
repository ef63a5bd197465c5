import { type Bytes, concat } from "../bytes.ts";
import {
  CLUSTER_HEADER,
  type LiveHead,
  MAX_HEAD_SIZE,
  readClusterHeader,
  readLiveHead,
  TRACK,
} from "../matroska/mod.ts";
import type { SoundChunk } from "./chunk.ts";

/**
 * Decodes the sound of a live Matroska stream of another dinocam. Its clusters have absolute times:
 * the date in its head, and the time since then.
 */
export class LiveMatroskaDecoder {
  #head: LiveHead | undefined;
  #pending: Bytes = new Uint8Array(0);

  /** Samples per second; undefined before the head has arrived, or if there is no sound track. */
  get rate(): number | undefined {
    return this.#head?.sound?.rate;
  }

  /** Whether the head has arrived. */
  get hasHead(): boolean {
    return this.#head !== undefined;
  }

  /** Decodes further bytes. @throws {SyntaxError} If a dinocam could not have sent them. */
  push(bytes: Bytes): SoundChunk[] {
    let rest = concat(this.#pending, bytes);
    const chunks: SoundChunk[] = [];
    if (!this.#head) {
      this.#head = readLiveHead(rest);
      if (this.#head) rest = rest.subarray(this.#head.length);
      else if (rest.length > MAX_HEAD_SIZE) throw new SyntaxError("Unknown head");
    }
    while (this.#head && rest.length >= CLUSTER_HEADER) {
      const cluster = readClusterHeader(rest);
      if (!cluster) throw new SyntaxError("Unknown cluster");
      const end = CLUSTER_HEADER + cluster.size;
      if (rest.length < end) break;
      if (cluster.track === TRACK.SOUND) {
        const heardAt = this.#head.date + cluster.time;
        chunks.push({ bytes: rest.subarray(CLUSTER_HEADER, end), heardAt });
      }
      rest = rest.subarray(end);
    }
    this.#pending = rest.slice(); // the chunks are valid until the next call only
    return chunks;
  }
}
