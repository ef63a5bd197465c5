import { HEADROOM, markHeadroom } from "../bytes.ts";
import type { Jpeg } from "../frame.ts";
import { CLUSTER_HEADER, readClusterHeader } from "../matroska/mod.ts";
import type { Cursor, FrameRef } from "./cursor.ts";
import type { DiskFile } from "./disk.ts";
import type { Segment, SegmentIndex } from "./segment.ts";
import { framesIn, type Piece } from "./visible.ts";

/** Where a {@link SegmentCursor} finds segments: a library. */
export interface PieceSource {
  version(camera: string): number;
  piece(camera: string, at: number, edge: "before" | "after"): Promise<Piece | undefined>;
  index(segment: Segment, open?: () => Promise<DiskFile>): Promise<SegmentIndex | undefined>;
  openFile(segment: Segment): Promise<DiskFile>;
  reject(segment: Segment, error: unknown): Promise<void>;
}

/** A frame, and where it is. */
interface Position {
  readonly piece: Piece;
  readonly index: SegmentIndex;
  readonly frame: number;
  /** Version of the segments for which the piece is valid. */
  readonly version: number;
}

/** Reads the recordings of a camera. */
export class SegmentCursor implements Cursor {
  readonly #source: PieceSource;
  readonly #camera: string;
  #position: Position | undefined;
  #file: { readonly key: string; readonly file: DiskFile } | undefined;

  constructor(source: PieceSource, camera: string) {
    this.#source = source;
    this.#camera = camera;
  }

  async seek(at: number, edge: "before" | "after"): Promise<FrameRef | undefined> {
    return this.#moveTo(await this.#find(at, edge));
  }

  async step(by: 1 | -1): Promise<FrameRef | undefined> {
    const position = this.#position;
    if (!position) {
      return by === 1 ? await this.seek(-Infinity, "after") : undefined;
    }
    const next = this.#neighbour(position, by);
    if (next) return this.#moveTo(next);
    const at = refOf(position).at + by;
    return this.#moveTo(await this.#find(at, by === 1 ? "after" : "before"));
  }

  async read(): Promise<Jpeg | undefined> {
    if (!this.#position) return undefined;
    const position = await this.#refresh(this.#position);
    if (!position) return undefined;
    this.#position = position;
    const { piece: { segment }, index, frame } = position;
    const offset = index.offset(frame);
    const length = index.endOffset(frame) - offset;
    const buffer = new Uint8Array(2 * HEADROOM + length - CLUSTER_HEADER);
    const cluster = buffer.subarray(HEADROOM - CLUSTER_HEADER, buffer.length - HEADROOM);
    try {
      const file = await this.#open(segment);
      if (await file.readAt(offset, cluster) < length) return undefined;
    } catch (error) {
      await this.#source.reject(segment, error);
      return undefined;
    }
    const header = readClusterHeader(cluster);
    const isExpected = header?.time === index.time(frame) &&
      header.size === length - CLUSTER_HEADER;
    return isExpected ? markHeadroom(cluster.subarray(CLUSTER_HEADER)) : undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#position = undefined;
    await this.#close();
  }

  #moveTo(position: Position | undefined): FrameRef | undefined {
    if (!position) return undefined;
    this.#position = position;
    return refOf(position);
  }

  /** Returns the next or previous frame, if it is in the same piece. */
  #neighbour({ piece, index, frame, version }: Position, by: 1 | -1): Position | undefined {
    const next = frame + by;
    if (version !== this.#source.version(this.#camera)) return undefined;
    if (next < 0 || next >= index.length) return undefined;
    const at = piece.segment.start + index.time(next);
    return at < piece.from || at > piece.to ? undefined : { piece, index, frame: next, version };
  }

  async #find(at: number, edge: "before" | "after"): Promise<Position | undefined> {
    for (let time = at;;) {
      const version = this.#source.version(this.#camera);
      const piece = await this.#source.piece(this.#camera, time, edge);
      if (!piece) return undefined;
      const { segment } = piece;
      const index = await this.#source.index(segment, () => this.#open(segment));
      if (!index) continue; // it is gone, and no piece any more
      const part = edge === "after"
        ? { ...piece, from: Math.max(piece.from, time) }
        : { ...piece, to: Math.min(piece.to, time) };
      const frames = framesIn(index, part);
      const frame = edge === "after" ? frames?.first : frames?.last;
      if (frame !== undefined) return { piece, index, frame, version };
      time = edge === "after" ? piece.to + 1 : piece.from - 1;
    }
  }

  /** Finds a frame again if segments have changed since; undefined if it is gone. */
  async #refresh(position: Position): Promise<Position | undefined> {
    if (position.version === this.#source.version(this.#camera)) return position;
    const { at } = refOf(position);
    const found = await this.#find(at, "after");
    return found && refOf(found).at === at ? found : undefined;
  }

  async #open(segment: Segment): Promise<DiskFile> {
    const key = keyOf(segment);
    if (this.#file?.key !== key) {
      await this.#close();
      this.#file = { key, file: await this.#source.openFile(segment) };
    }
    return this.#file.file;
  }

  async #close(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    await file?.file.close();
  }
}

function refOf({ piece: { segment }, index, frame }: Position): FrameRef {
  const size = index.endOffset(frame) - index.offset(frame) - CLUSTER_HEADER;
  return { at: segment.start + index.time(frame), size, segment, index: frame };
}

/** A segment that was closed has the same frames, one that was thinned does not. */
function keyOf({ day, name, thinnedTo }: Segment): string {
  return `${day}/${name}@${thinnedTo ?? ""}`;
}
