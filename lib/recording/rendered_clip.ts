import type { Bytes } from "../bytes.ts";
import type { Size } from "../jpeg/segments.ts";
import {
  CLUSTER_HEADER,
  encodeHead,
  readClusterHeader,
  TRACK,
  type Track,
  writeClusterHeader,
} from "../matroska/mod.ts";
import type { ProcessPicture } from "../pixels/task.ts";
import type { ClipFileFormat } from "./clip_file.ts";
import type { ClipPiece, ClipPlan, FrameSource } from "./clip_plan.ts";
import { endOfRun, readRun, trackOf } from "./clip_run.ts";
import type { DiskFile } from "./disk.ts";
import type { Segment } from "./segment.ts";

/** Number of pictures that are rendered beside the one that is read. */
const MAX_AHEAD = 1;

/** Options of a {@link RenderedClip}. */
export interface RenderedClipOptions {
  /** Makes the picture that the clip has instead of a recorded one. */
  readonly render: ProcessPicture;
  /** Called for each frame that is damaged. */
  onDamage?(segment: Segment): void;
  /** Called for each frame that cannot be rendered. @param reason Such as "progressive JPEG". */
  onRefused?(segment: Segment, reason: string): void;
}

/** The first picture of a clip. */
export interface FirstPicture {
  /** Its size when it is rendered. */
  readonly size: Size;
  /** Size of the rendered JPEG in relation to the recorded one. */
  readonly ratio: number;
}

/** No frame of a clip can be rendered; the message is the reason, such as "progressive JPEG". */
export class CannotRenderError extends Error {
  override name = "CannotRenderError";
}

/**
 * A clip whose pictures are rendered while it is read, such as smaller ones: the length of the file
 * is not known in advance, so a Matroska file has no cues. It is rendered no faster than it is read.
 */
export class RenderedClip {
  readonly #source: Pick<FrameSource, "openFile">;
  readonly #plan: ClipPlan;
  readonly #options: RenderedClipOptions;

  constructor(
    source: Pick<FrameSource, "openFile">,
    plan: ClipPlan,
    options: RenderedClipOptions,
  ) {
    this.#source = source;
    this.#plan = plan;
    this.#options = options;
  }

  /**
   * Renders the first picture.
   *
   * @throws {CannotRenderError} If it cannot be rendered, or no frame can be read.
   */
  async first(): Promise<FirstPicture> {
    for await (const { track, data, capturedAt } of this.#clusters(() => {})) {
      if (track !== TRACK.VIDEO) continue;
      const rendered = await this.#options.render(data, capturedAt);
      if ("refused" in rendered) throw new CannotRenderError(rendered.refused);
      return { size: rendered.size, ratio: rendered.jpeg.length / data.length };
    }
    throw new CannotRenderError("all frames are damaged");
  }

  /**
   * Reads the file. Each chunk is a cluster, a JPEG, or the head. Frames that are damaged or cannot
   * be rendered are left out. Nothing is rendered any more when the generator has returned.
   *
   * @param size Size of the first picture.
   * @throws {Error} If a segment has been deleted or replaced meanwhile, or cannot be read at all.
   */
  async *read(format: ClipFileFormat, { size }: Pick<FirstPicture, "size">): AsyncGenerator<Bytes> {
    const { start, sound, duration } = this.#plan;
    const isMatroska = format === "mkv";
    if (isMatroska) yield encodeHead({ date: start, size, sound, duration });
    const ahead: Promise<Rendered | undefined>[] = [];
    try {
      for await (const cluster of this.#clusters(this.#options.onDamage)) {
        const rendering = this.#render(cluster);
        rendering.catch(() => {}); // thrown when it is awaited
        ahead.push(rendering);
        if (ahead.length <= MAX_AHEAD) continue;
        const rendered = await ahead.shift();
        if (rendered) yield isMatroska ? encodeCluster(rendered) : rendered.data;
      }
      while (ahead.length > 0) {
        const rendered = await ahead.shift();
        if (rendered) yield isMatroska ? encodeCluster(rendered) : rendered.data;
      }
    } finally {
      await Promise.allSettled(ahead);
    }
  }

  /** Renders a frame; undefined if that is not possible. Sound stays as it is. */
  async #render(cluster: RecordedCluster): Promise<Rendered | undefined> {
    const { segment, track, data, capturedAt } = cluster;
    if (track !== TRACK.VIDEO) return cluster;
    const rendered = await this.#options.render(data, capturedAt);
    if (!("refused" in rendered)) return { ...cluster, data: rendered.jpeg };
    this.#options.onRefused?.(segment, rendered.refused);
  }

  async *#clusters(onDamage?: (segment: Segment) => void): AsyncGenerator<RecordedCluster> {
    for (const piece of this.#plan.pieces) {
      const file = await this.#source.openFile(piece.segment);
      try {
        yield* readPiece(file, piece, onDamage);
      } finally {
        await file.close();
      }
    }
  }
}

/** A cluster of a clip. */
interface Rendered {
  readonly track: Track;
  /** In the clip, in milliseconds. */
  readonly time: number;
  /** A JPEG, or samples. */
  readonly data: Bytes;
}

/** A cluster that was read from a segment. */
interface RecordedCluster extends Rendered {
  readonly segment: Segment;
  /** In milliseconds since the Unix epoch. */
  readonly capturedAt: number;
}

async function* readPiece(
  file: DiskFile,
  piece: ClipPiece,
  onDamage?: (segment: Segment) => void,
): AsyncGenerator<RecordedCluster> {
  const { segment, offsets, sizes, times } = piece;
  for (let first = 0; first < sizes.length;) {
    const end = endOfRun(piece, first);
    const { bytes, usable } = await readRun(file, piece, { first, end });
    for (let i = first; i < end; i++) {
      if (!usable[i - first]) {
        onDamage?.(segment);
        continue;
      }
      const at = offsets[i]! - offsets[first]!;
      const capturedAt = segment.start + (readClusterHeader(bytes, at)?.time ?? 0);
      // A copy: a Worker would get the whole buffer.
      const data = bytes.slice(at + CLUSTER_HEADER, at + CLUSTER_HEADER + sizes[i]!);
      yield { segment, track: trackOf(piece, i), time: times[i]!, data, capturedAt };
    }
    first = end;
  }
}

function encodeCluster({ track, time, data }: Rendered): Bytes {
  const cluster = new Uint8Array(CLUSTER_HEADER + data.length);
  writeClusterHeader(cluster, { time, size: data.length, track }, 0);
  cluster.set(data, CLUSTER_HEADER);
  return cluster;
}
