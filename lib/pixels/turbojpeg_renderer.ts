import type { Jpeg } from "../frame.ts";
import { insertSegment } from "../jpeg/insert_segment.ts";
import { segments, type Size } from "../jpeg/segments.ts";
import { Editor } from "./editor.ts";
import { exifOrientation, exifSegment } from "./exif_orientation.ts";
import { isUpright, UPRIGHT } from "./orientation.ts";
import { estimateQuality } from "./quality.ts";
import { scaledSize } from "./scaled_size.ts";
import type { PictureWorker, Processed, Refused, RenderTask } from "./task.ts";
import { TurboJpeg } from "./turbojpeg.ts";
import { TURBOJPEG_EIGHTHS, type TurboJpegFunctions } from "./turbojpeg_library.ts";

/** Options of {@link TurboJpegRenderer}. */
export interface TurboJpegRendererOptions {
  readonly library: TurboJpegFunctions;
  /** Opens the task for pictures that keep their size: their coefficients are not decoded. */
  readonly openUnscaled: (task: RenderTask) => PictureWorker;
}

/** Makes smaller versions of pictures with libturbojpeg, also of progressive ones. */
export class TurboJpegRenderer implements PictureWorker {
  readonly #task: RenderTask;
  readonly #scaler: TurboJpeg;
  readonly #openUnscaled: TurboJpegRendererOptions["openUnscaled"];
  readonly #editor: Editor | undefined;
  #unscaled: PictureWorker | undefined;
  #isClosed = false;

  constructor(task: RenderTask, { library, openUnscaled }: TurboJpegRendererOptions) {
    this.#task = task;
    this.#scaler = new TurboJpeg(library);
    this.#openUnscaled = openUnscaled;
    const { overlay } = task;
    if (overlay) {
      this.#editor = new Editor({ type: "edit", orientation: UPRIGHT, mask: [], overlay });
    }
  }

  /** See {@link PictureWorker.process}. */
  async process(jpeg: Jpeg, capturedAt: number): Promise<Processed | Refused> {
    if (this.#isClosed) return CLOSED;
    const info = this.#scaler.read(jpeg);
    if (!info) return { refused: "damaged JPEG, or one with other colours" };
    const eighths = eighthsFor(info, this.#task.height);
    if (eighths === undefined) {
      this.#unscaled ??= this.#openUnscaled(this.#task);
      return await this.#unscaled.process(jpeg, capturedAt);
    }
    const { quality = 100 } = this.#task;
    const options = { eighths, quality: Math.min(quality, estimateQuality(jpeg)) };
    const scaled = await this.#scaler.scale(jpeg, info, options);
    if (this.#isClosed) return CLOSED;
    if (!scaled) return { refused: "damaged JPEG" };
    const rendered = asTurned(scaled, jpeg);
    if (this.#editor) return this.#editor.process(rendered, capturedAt);
    return { jpeg: rendered, size: scaledSize(info, eighths) };
  }

  /** Ends the picture in progress as refused. */
  [Symbol.dispose](): void {
    this.#isClosed = true;
    this.#scaler[Symbol.dispose]();
    this.#unscaled?.[Symbol.dispose]();
  }
}

const CLOSED: Refused = { refused: "the task is closed" };

/** Returns the smallest size with at least that height; undefined: the picture's own. */
function eighthsFor(size: Size, height = size.height): number | undefined {
  return TURBOJPEG_EIGHTHS.find((eighths) => scaledSize(size, eighths).height >= height);
}

/** Adds the orientation of the source: clients turn the picture as they turn the source. */
function asTurned(jpeg: Jpeg, source: Jpeg): Jpeg {
  const orientation = exifOrientation(source, segments(source));
  return isUpright(orientation) ? jpeg : insertSegment(jpeg, exifSegment(orientation));
}
