import { eTag } from "@std/http/etag";
import type { Bytes } from "../bytes.ts";
import { type Clock, settlesWithin, systemClock } from "../clock.ts";
import { CameraError, explain, ImmediateStop } from "../errors.ts";
import type { Log } from "../log.ts";
import { TRACK } from "../matroska/mod.ts";
import { clipBody } from "./clip_body.ts";
import { ClipFile, type ClipFileFormat } from "./clip_file.ts";
import { type ClipPlan, planMarks, planPeriod } from "./clip_plan.ts";
import { type Download, Downloads } from "./downloads.ts";
import { checkEncoder, encodeMp4, FRAGMENT_FRAMES, NoEncoderError } from "./encode.ts";
import type { Library } from "./library.ts";
import type { Marks } from "./marks.ts";
import type { ProcessPicture } from "../pixels/task.ts";
import { CannotRenderError, type FirstPicture, RenderedClip } from "./rendered_clip.ts";
import type { Segment } from "./segment.ts";

/** Maximum number of MP4s that are made at the same time. */
const MAX_ENCODINGS = 2;
/** Maximum number of other clips that are sent at the same time: each takes about 3 MB of memory. */
const MAX_FILES = 32;
/** Maximum number of damaged segments that are reported once. */
const MAX_REPORTS = 1_000;
/** Maximum frame rate of an MP4 and of a timelapse, unless the client requests another. */
const DEFAULT_MAX_FPS = 60;

/** Timeout for the first bytes of an MP4, in milliseconds. A Raspberry Pi needs a second. */
const START_TIMEOUT = 30_000;

/** Formats of clips: the recorded JPEGs in a Matroska file or one after another, or H.264. */
export type ClipFormat = ClipFileFormat | "mp4";

/** What to put into a clip. */
export interface ClipQuery {
  /** First and last possible capture time, in milliseconds since the Unix epoch. */
  readonly from: number;
  readonly to: number;
  /** 60 for a timelapse with 60 times the speed, 0.5 for slow motion. @default {1} */
  readonly speed?: number;
  /**
   * Maximum frame rate of the clip; with `marks` its frame rate, by default 25. By default all
   * frames of the period, but at most 60 per second of an MP4, or if `speed` is above 1.
   */
  readonly fps?: number;
  /** Instead of all frames of the period, one for each of its marks with this label. */
  readonly marks?: string;
}

/** Why no clip can be sent. */
export interface Refusal {
  readonly refused: "busy" | "no encoder" | "cannot render" | "failed";
  /** For the client. */
  readonly message: string;
}

/** How the pictures of a clip are rendered. */
export interface Rendering extends Pick<FirstPicture, "size"> {
  readonly render: ProcessPicture;
  /** Estimated size of the file with the rendered pictures, in bytes. */
  readonly estimatedLength: number;
}

/** A clip that is being sent, or why not. */
export type Sending = { readonly body: ReadableStream<Bytes> } | Refusal;

const FILES_BUSY: Refusal = {
  refused: "busy",
  message: `Cannot send another clip now: ${MAX_FILES} are being sent`,
};

/** Options of {@link Clips}. */
export interface ClipsOptions {
  library: Pick<Library, "cursor" | "frames" | "openFile">;
  marks: Pick<Marks, "list">;
  log: Log;
  /** Name or path of ffmpeg. @default {"ffmpeg"} */
  ffmpeg?: string;
  clock?: Pick<Clock, "monotonic">;
}

/** Makes clips of recordings. */
export class Clips implements Disposable {
  /** Number of frames of each fragment of an MP4, except the last one. */
  readonly fragmentFrames = FRAGMENT_FRAMES;
  readonly #library: ClipsOptions["library"];
  readonly #marks: ClipsOptions["marks"];
  readonly #log: Log;
  readonly #ffmpeg: string;
  readonly #closed = new AbortController();
  readonly #files: Downloads;
  /** Segments with frames that are damaged or cannot be rendered, and that were reported. */
  readonly #damaged = new Set<string>();
  readonly #encodings: Downloads;

  constructor({ library, marks, log, ffmpeg = "ffmpeg", clock = systemClock }: ClipsOptions) {
    this.#files = new Downloads(MAX_FILES, clock);
    this.#encodings = new Downloads(MAX_ENCODINGS, clock);
    this.#library = library;
    this.#marks = marks;
    this.#log = log;
    this.#ffmpeg = ffmpeg;
  }

  /**
   * Chooses the frames of a clip.
   *
   * @returns undefined if there are none.
   * @throws {RangeError} If the clip is too long; the message is for users.
   */
  async plan(camera: string, format: ClipFormat, query: ClipQuery): Promise<ClipPlan | undefined> {
    const { from, to, speed = 1, marks: label } = query;
    if (label !== undefined) {
      const marks = await this.#marks.list(camera, from, to, label);
      return await planMarks(this.#library, camera, { marks, fps: query.fps });
    }
    const isLimited = format === "mp4" || speed > 1;
    const fps = query.fps ?? (isLimited ? DEFAULT_MAX_FPS : undefined);
    const sound = format !== "mjpeg";
    return await planPeriod(this.#library, camera, { from, to, speed, fps, sound });
  }

  /** Returns the capture time of the recorded frame that is nearest to a period without frames. */
  async nearest(camera: string, { from, to }: { from: number; to: number }) {
    await using cursor = this.#library.cursor(camera);
    const before = await cursor.seek(from, "before");
    const after = await cursor.seek(to, "after");
    if (!before || !after) return (before ?? after)?.at;
    return from - before.at <= after.at - to ? before.at : after.at;
  }

  /** Returns the file for a plan, and its entity tag: that of the same frames is the same. */
  async file(plan: ClipPlan, format: ClipFileFormat): Promise<{ length: number; etag: string }> {
    const frames = plan.pieces.map(({ segment: { day, name, number, thinnedTo }, ...piece }) => {
      const { bytes, offsets, times } = piece;
      const [first, last] = [[offsets[0], times[0]], [offsets.at(-1), times.at(-1)]];
      return [day, name, number, thinnedTo, bytes, offsets.length, first, last];
    });
    const sound = plan.sound ? [plan.sound.rate] : []; // its clusters are among the frames
    const etag = await eTag(JSON.stringify([format, plan.camera, plan.start, frames, ...sound]));
    return { length: new ClipFile(this.#library, plan, format).length, etag: etag! };
  }

  /**
   * Returns a part of the file. The body must be read or cancelled. It fails if a frame has been
   * deleted meanwhile.
   */
  read(
    plan: ClipPlan,
    format: ClipFileFormat,
    { start, end }: { start: number; end: number },
  ): Sending {
    const download = this.#files.begin();
    if (!download) return FILES_BUSY;
    const chunks = new ClipFile(this.#library, plan, format, this.#onDamage).read(start, end);
    return { body: clipBody(chunks, this.#bodyOptions(plan, download)) };
  }

  /**
   * Renders the first picture of a clip. The others are rendered while the clip is read: see
   * {@link render} and {@link encode}.
   */
  async startRendering(plan: ClipPlan, render: ProcessPicture): Promise<Rendering | Refusal> {
    try {
      const { size, ratio } = await new RenderedClip(this.#library, plan, { render }).first();
      const sound = soundBytes(plan);
      const estimatedLength = Math.round((plan.bytes - sound) * ratio + sound);
      return { render, size, estimatedLength };
    } catch (error) {
      if (error instanceof CannotRenderError) {
        const message = `The recorded pictures cannot be converted: ${error.message}`;
        return { refused: "cannot render", message };
      }
      this.#report(plan, error);
      return refusalOf(error, "the clip");
    }
  }

  /**
   * Returns the file for a plan with rendered pictures. Its length is not known. The body must be
   * read or cancelled; pictures are rendered when they are read.
   */
  render(plan: ClipPlan, format: ClipFileFormat, rendering: Rendering): Sending {
    const download = this.#files.begin();
    if (!download) return FILES_BUSY;
    const chunks = this.#rendered(plan, rendering).read(format, rendering);
    return { body: clipBody(chunks, this.#bodyOptions(plan, download)) };
  }

  #rendered(plan: ClipPlan, { render }: Rendering): RenderedClip {
    const [onDamage, onRefused] = [this.#onDamage, this.#onRefused];
    return new RenderedClip(this.#library, plan, { render, onDamage, onRefused });
  }

  /** Returns why no MP4 can be made, for the client; undefined if one can. */
  async refusal(): Promise<Refusal | undefined> {
    try {
      await checkEncoder(this.#ffmpeg);
    } catch (error) {
      return refusalOf(error);
    }
  }

  /**
   * Begins to make an MP4 with H.264, and waits for its first bytes. The body must be read or
   * cancelled.
   *
   * @param rendering How its pictures are rendered. @default {they are the recorded ones}
   */
  async encode(plan: ClipPlan, rendering?: Rendering): Promise<Sending> {
    const download = this.#encodings.begin();
    if (!download) {
      const message = `Cannot make another MP4 now: ${MAX_ENCODINGS} are being made`;
      return { refused: "busy", message };
    }
    const abort = new AbortController();
    const onCancel = () => abort.abort(new ImmediateStop("The client has disconnected"));
    const options = this.#bodyOptions(plan, download);
    const input = rendering
      ? this.#rendered(plan, rendering).read("mkv", rendering)
      : new ClipFile(this.#library, plan, "mkv", this.#onDamage).read();
    const { size } = rendering ?? plan;
    const chunks = encodeMp4({ ...plan, size, input, ffmpeg: this.#ffmpeg }, abort.signal);
    try {
      const reading = chunks.next();
      if (!await settlesWithin(reading, START_TIMEOUT)) {
        onCancel();
        await reading;
        throw new CameraError("ffmpeg is not responding");
      }
      const first = await reading;
      if (first.done) throw new CameraError("ffmpeg could not read any frame");
      return { body: clipBody(chunks, { ...options, first, onCancel }) };
    } catch (error) {
      options.onEnd(error instanceof NoEncoderError ? undefined : error);
      return refusalOf(error);
    }
  }

  /** Aborts all clips. */
  [Symbol.dispose](): void {
    this.#closed.abort(new Error("The server is shutting down"));
  }

  #bodyOptions(plan: ClipPlan, download: Download) {
    const onAbort = () => this.#report(plan, download.signal.reason);
    download.signal.addEventListener("abort", onAbort);
    return {
      signal: AbortSignal.any([this.#closed.signal, download.signal]),
      onRead: download.onRead,
      onSend: download.onSend,
      onEnd: (failure?: unknown) => {
        download[Symbol.dispose]();
        this.#report(plan, failure);
      },
    };
  }

  readonly #onDamage = (segment: Segment): void => {
    this.#reportOnce("clip without damaged frames", segment);
  };

  readonly #onRefused = (segment: Segment, reason: string): void => {
    this.#reportOnce("clip without frames that cannot be converted", segment, { reason });
  };

  /** Reports a segment, unless it was reported before. */
  #reportOnce(event: string, { camera, day, name }: Segment, fields = {}): void {
    const file = `${camera}/${day}/${name}`;
    if (this.#damaged.has(file)) return;
    if (this.#damaged.size < MAX_REPORTS) this.#damaged.add(file);
    this.#log.warn(event, { camera, file, ...fields });
  }

  #report({ camera }: ClipPlan, failure: unknown): void {
    if (failure === undefined) return;
    this.#log.warn("clip failed", { camera, reason: explain(failure) });
  }
}

/** Returns the size of the samples of a clip, in bytes. */
function soundBytes({ pieces }: ClipPlan): number {
  let bytes = 0;
  for (const { sizes, tracks } of pieces) {
    tracks?.forEach((track, i) => bytes += track === TRACK.SOUND ? sizes[i]! : 0);
  }
  return bytes;
}

function refusalOf(error: unknown, what = "an MP4"): Refusal {
  if (error instanceof NoEncoderError) return { refused: "no encoder", message: error.message };
  const reason = error instanceof CameraError
    ? error.message
    : "a recorded frame was deleted meanwhile, or cannot be read"; // clients get no paths
  return { refused: "failed", message: `Cannot make ${what}: ${reason}` };
}
