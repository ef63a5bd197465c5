import { CLUSTER_HEADER, readClusterHeader, TRACK } from "../matroska/mod.ts";
import type { Bytes } from "../bytes.ts";
import type { RecordedSound, RecordedSoundSource } from "../playback/mod.ts";
import { endOf, SHORTEST } from "./clip_sound.ts";
import type { DiskFile } from "./disk.ts";
import type { Library, SoundRange } from "./library.ts";
import type { Segment } from "./segment.ts";

/**
 * Reads the recorded sound of a camera. Keeps at most one file open. Sound that has been deleted
 * meanwhile or is damaged is silence.
 */
export class SoundCursor implements RecordedSoundSource {
  readonly #library: Pick<Library, "sounds" | "openFile">;
  readonly #camera: string;
  #file: { readonly key: string; readonly file: DiskFile } | undefined;

  constructor(library: Pick<Library, "sounds" | "openFile">, camera: string) {
    this.#library = library;
    this.#camera = camera;
  }

  async read(from: number, to: number): Promise<RecordedSound | undefined> {
    const period = [Math.floor(from), Math.ceil(to) - 1] as const;
    for await (const range of this.#library.sounds(this.#camera, ...period)) {
      const { segment, sound, first, last } = range;
      for (let cluster = first; cluster <= last; cluster++) {
        if (segment.start + endOf(sound, cluster) <= from + SHORTEST) continue;
        const samples = await this.#readCluster(range, cluster);
        if (!samples) continue;
        return { at: segment.start + sound.time(cluster), rate: sound.rate, samples };
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    await file?.file.close();
  }

  async #readCluster({ segment, sound }: SoundRange, cluster: number): Promise<Bytes | undefined> {
    const offset = sound.offset(cluster);
    const bytes = new Uint8Array(sound.endOffset(cluster) - offset);
    try {
      const file = await this.#open(segment);
      if (await file.readAt(offset, bytes) < bytes.length) return undefined;
    } catch {
      return undefined; // the reader of the frames reports it
    }
    const header = readClusterHeader(bytes);
    const isExpected = header?.track === TRACK.SOUND && header.time === sound.time(cluster) &&
      header.size === bytes.length - CLUSTER_HEADER;
    return isExpected ? bytes.subarray(CLUSTER_HEADER) : undefined;
  }

  async #open(segment: Segment): Promise<DiskFile> {
    const key = `${segment.day}/${segment.name}`;
    if (this.#file?.key !== key) {
      await this[Symbol.asyncDispose]();
      this.#file = { key, file: await this.#library.openFile(segment) };
    }
    return this.#file.file;
  }
}
