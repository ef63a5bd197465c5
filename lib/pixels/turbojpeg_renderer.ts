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
  /**
   * Opens the task for pictures that are not decoded, as they keep their size, and for those that the
   * library cannot scale, such as RGB: it makes them smaller, or says what they are.
   */
  readonly openOther: (task: RenderTask) => PictureWorker;
}

/** Makes smaller versions of pictures with libturbojpeg, also of progressive ones. */
export class TurboJpegRenderer implements PictureWorker {
  readonly #task: RenderTask;
  readonly #scaler: TurboJpeg;
  readonly #openOther: TurboJpegRendererOptions["openOther"];
  readonly #editor: Editor | undefined;
  #other: PictureWorker | undefined;
  #isClosed = false;

  constructor(task: RenderTask, { library, openOther }: TurboJpegRendererOptions) {
    this.#task = task;
    this.#scaler = new TurboJpeg(library);
    this.#openOther = openOther;
    const { overlay } = task;
    if (overlay) {
      this.#editor = new Editor({ type: "edit", orientation: UPRIGHT, mask: [], overlay });
    }
  }

  /** See {@link PictureWorker.process}. */
  async process(jpeg: Jpeg, capturedAt: number): Promise<Processed | Refused> {
    if (this.#isClosed) return CLOSED;
    const info = this.#scaler.read(jpeg);
    const eighths = info && eighthsFor(info, this.#task.height);
    if (!info || eighths === undefined) {
      this.#other ??= this.#openOther(this.#task);
      return await this.#other.process(jpeg, capturedAt);
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
    this.#other?.[Symbol.dispose]();
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
