import type { Bytes } from "../bytes.ts";
import type { Jpeg } from "../frame.ts";
import { segments } from "../jpeg/segments.ts";
import type { Baseline } from "./baseline.ts";
import { Editor } from "./editor.ts";
import { type EntropyData, unstuff } from "./entropy_data.ts";
import { exifOrientation, exifSegment } from "./exif_orientation.ts";
import { HeaderReader, type PictureHeader } from "./header_reader.ts";
import { isUpright, type Orientation, UPRIGHT } from "./orientation.ts";
import { formatOf, isSame, type PictureFormat, quantizationOf } from "./picture_format.ts";
import type { PictureSource } from "./picture_source.ts";
import { Requantizer } from "./requantizer.ts";
import { EIGHTHS, type Eighths, scaledSize } from "./scaled_size.ts";
import { Scaler } from "./scaler.ts";
import type { PictureProcessor, Processed, Refused, RenderTask } from "./task.ts";

/** How the pictures of a camera are rendered, for as long as their headers are the same. */
interface Plan {
  readonly header: PictureHeader;
  readonly orientation: Orientation;
  /** 8: the picture keeps its size. */
  readonly eighths: Eighths | 8;
  /** Undefined: the picture stays as it is. */
  readonly format: PictureFormat | undefined;
}

/** Makes smaller or coarser versions of pictures, or versions with a text. */
export class Renderer implements PictureProcessor {
  readonly #task: RenderTask;
  readonly #headers = new HeaderReader();
  readonly #scaler = new Scaler();
  readonly #requantizer = new Requantizer();
  readonly #editor: Editor | undefined;
  #plan: Plan | undefined;
  #data: EntropyData | undefined;

  constructor(task: RenderTask) {
    this.#task = task;
    const { overlay } = task;
    if (overlay) {
      this.#editor = new Editor({ type: "edit", orientation: UPRIGHT, mask: [], overlay });
    }
  }

  /** See {@link PictureProcessor.process}. */
  process(jpeg: Jpeg, capturedAt: number): Processed | Refused {
    const rendered = this.#render(jpeg);
    if ("refused" in rendered || !this.#editor) return rendered;
    return this.#editor.process(rendered.jpeg, capturedAt);
  }

  #render(jpeg: Jpeg): Processed | Refused {
    const parts = [...segments(jpeg)];
    const read = this.#headers.read(jpeg, parts);
    if ("refused" in read) return read;
    const { baseline } = read.header;
    const { eighths, format } = this.#planFor(read.header, exifOrientation(jpeg, parts));
    const { width, height } = format ?? baseline;
    if (!format) return { jpeg, size: { width, height } };
    const data = this.#data = unstuff(jpeg, read.data, this.#data);
    const source = { baseline, data };
    if (!isPlausible(source)) return { refused: "damaged JPEG" };
    const rendered = eighths === 8
      ? this.#requantizer.render(source, format)
      : this.#scaler.render(source, eighths, format);
    return { jpeg: rendered, size: { width, height } };
  }

  #planFor(header: PictureHeader, orientation: Orientation): Plan {
    const plan = this.#plan;
    if (plan?.header === header && plan.orientation === orientation) return plan;
    return this.#plan = makePlan(header, orientation, this.#task);
  }
}

function makePlan(header: PictureHeader, orientation: Orientation, task: RenderTask): Plan {
  const { baseline } = header;
  const { height = baseline.height, quality } = task;
  const eighths = EIGHTHS.find((n) => scaledSize(baseline, n).height >= height) ?? 8;
  const isNeeded = eighths < 8 || isCoarser(baseline, quality);
  const format = isNeeded
    ? formatOf(baseline, {
      size: scaledSize(baseline, eighths),
      quality,
      application: applicationOf(header, orientation),
    })
    : undefined;
  return { header, orientation, eighths, format };
}

/** Whether a quality needs larger steps than a picture has. */
function isCoarser(baseline: Baseline, quality: number | undefined): boolean {
  const own = quantizationOf(baseline, undefined);
  return !quantizationOf(baseline, quality).every((table, i) => isSame(table, own[i]!));
}

/** Returns the APPn segments of a rendition: clients turn it as they turn the camera's picture. */
function applicationOf({ application }: PictureHeader, orientation: Orientation): Bytes {
  if (isUpright(orientation)) return application;
  return Uint8Array.of(...application, ...exifSegment(orientation));
}

/** Whether there can be data for a part of the picture that is worth the work: a bit per block. */
function isPlausible({ baseline, data }: PictureSource): boolean {
  const { components, mcusX, mcusY } = baseline;
  const blocks = components.reduce((sum, { h, v }) => sum + h * v, 0);
  return data.length * 8 >= mcusX * mcusY * blocks;
}
