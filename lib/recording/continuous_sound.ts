import type { Bytes } from "../bytes.ts";
import {
  CLUSTER_HEADER,
  clusterHeader,
  encodeHead,
  readClusterHeader,
  readElement,
  readHead,
  type SoundTrack,
  TRACK,
} from "../matroska/mod.ts";
import { bytesOf, durationOf } from "./clip_sound.ts";

/** Gap or overlap that is no more than the drift of a microphone's clock, in milliseconds. */
const TOLERANCE = 20;
/** How far the sound may be behind the frames until silence takes its place, in milliseconds. */
const MAX_LAG = 500;
/** Maximum duration of a cluster of silence, in milliseconds. */
const MAX_SILENCE = 500;

/** Options of {@link continuousSound}; times in milliseconds since the start of the clip. */
export interface ContinuousSoundOptions {
  readonly sound: SoundTrack;
  /** Where the sound begins: what is earlier is left out. */
  readonly from: number;
  /** Where it ends. */
  readonly to: number;
}

/**
 * Passes a Matroska clip, and fills the gaps of its sound with silence, so that it is never far
 * behind the frames: an encoder then does not wait for it, and keeps no hour of silence in memory.
 * The result has no cues.
 *
 * @param clip Chunks of whole clusters, as `ClipFile` reads them.
 */
export async function* continuousSound(
  clip: AsyncIterable<Bytes>,
  options: ContinuousSoundOptions,
): AsyncGenerator<Bytes> {
  const filler = new SilenceFiller(options);
  for await (const chunk of clip) {
    const head = readHead(chunk);
    if (head) yield encodeHead({ ...head, cuesAt: undefined, fileSize: undefined });
    for (let at = head?.length ?? 0; at < chunk.length;) {
      const cluster = readClusterHeader(chunk, at);
      // A damaged frame has been replaced; the cues are the end.
      const end = cluster ? at + CLUSTER_HEADER + cluster.size : readElement(chunk, at)!.end;
      if (cluster?.track === TRACK.SOUND) {
        yield* filler.place(cluster.time, chunk.subarray(at + CLUSTER_HEADER, end));
      } else if (cluster) {
        yield* filler.fill(cluster.time - MAX_LAG);
        yield chunk.subarray(at, end);
      }
      at = end;
    }
  }
  yield* filler.fill(options.to);
}

class SilenceFiller {
  readonly #sound: SoundTrack;
  readonly #silence: Bytes;
  /** Where the sound ends so far. */
  #end: number;
  #hasBegun = false;

  constructor({ sound, from }: ContinuousSoundOptions) {
    this.#sound = sound;
    this.#silence = new Uint8Array(bytesOf(MAX_SILENCE, sound));
    this.#end = from;
  }

  /** Encodes silence up to a time. */
  *fill(until: number): Generator<Bytes> {
    while (until > this.#end) {
      const size = Math.min(bytesOf(until - this.#end, this.#sound), this.#silence.length);
      if (size === 0) return;
      yield* this.#encode(this.#end, this.#silence.subarray(0, size));
    }
  }

  /** Encodes samples, with silence before them if there is a gap, and without an overlap. */
  *place(time: number, samples: Bytes): Generator<Bytes> {
    const tolerance = this.#hasBegun ? TOLERANCE : 0;
    if (time > this.#end + tolerance) yield* this.fill(time);
    const skipped = time < this.#end - tolerance ? bytesOf(this.#end - time, this.#sound) : 0;
    if (skipped >= samples.length) return;
    yield* this.#encode(skipped > 0 ? this.#end : time, samples.subarray(skipped));
  }

  *#encode(time: number, samples: Bytes): Generator<Bytes> {
    this.#hasBegun = true;
    this.#end = time + durationOf(samples.length, this.#sound);
    yield clusterHeader(Math.round(time), samples.length, TRACK.SOUND);
    yield samples;
  }
}
