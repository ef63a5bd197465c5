import type { Jpeg } from "../frame.ts";
import { segments } from "../jpeg/segments.ts";
import { exifOrientation } from "./exif_orientation.ts";
import { HeaderReader, type PictureHeader, type ReadHeader } from "./header_reader.ts";
import { combine, isUpright, type Orientation, UPRIGHT } from "./orientation.ts";
import { OverlayText } from "./overlay_text.ts";
import { LACKS_SYMBOL, Patcher, type Patches } from "./patcher.ts";
import { PatchMaker } from "./patch_maker.ts";
import { Retabler } from "./retabler.ts";
import type { EditTask, PictureProcessor, Processed, Refused } from "./task.ts";
import type { Text } from "./text_block_cache.ts";
import { Turner } from "./turner.ts";

/** Turns and masks the pictures of a camera, and writes a text into them. */
export class Editor implements PictureProcessor {
  readonly #task: EditTask;
  readonly #text: OverlayText | undefined;
  readonly #headers = new HeaderReader();
  readonly #turnedHeaders = new HeaderReader();
  readonly #turner = new Turner();
  readonly #patcher = new Patcher();
  readonly #retabler = new Retabler();
  /** The patches for the camera's pictures, and for those with the standard Huffman tables. */
  readonly #patches: PatchCache;
  readonly #standardPatches: PatchCache;

  #exif = UPRIGHT;
  #orientation: Orientation;

  constructor(task: EditTask) {
    this.#task = task;
    this.#orientation = combine(this.#exif, task.orientation);
    this.#text = task.overlay && new OverlayText(task.overlay);
    const maker = new PatchMaker(task.mask);
    this.#patches = new PatchCache(maker);
    this.#standardPatches = new PatchCache(maker);
  }

  /** See {@link PictureProcessor.process}. */
  process(jpeg: Jpeg, capturedAt: number): Processed | Refused {
    const parts = [...segments(jpeg)];
    const read = this.#headers.read(jpeg, parts);
    if ("refused" in read) return read;
    const turned = this.#turn(jpeg, read, this.#orientationOf(exifOrientation(jpeg, parts)));
    if ("refused" in turned) return turned;
    const edited = this.#edit(turned, this.#textAt(capturedAt));
    if ("refused" in edited) return edited;
    const { width, height } = turned.header.baseline;
    return { jpeg: edited, size: { width, height } };
  }

  /** Returns how a picture is to be turned: the same object for the same orientation. */
  #orientationOf(exif: Orientation): Orientation {
    if (exif !== this.#exif) {
      this.#exif = exif;
      this.#orientation = combine(exif, this.#task.orientation);
    }
    return this.#orientation;
  }

  #turn(jpeg: Jpeg, read: ReadHeader, orientation: Orientation): Picture | Refused {
    if (isUpright(orientation)) return { ...read, jpeg };
    const turned = this.#turner.turn(jpeg, read, orientation);
    if ("refused" in turned) return turned;
    const header = this.#turnedHeaders.read(turned);
    return "refused" in header ? header : { ...header, jpeg: turned };
  }

  #textAt(time: number): Text | undefined {
    const { overlay } = this.#task;
    return overlay && { line: this.#text!.at(time), place: overlay.place };
  }

  #edit(picture: Picture, text: Text | undefined): Jpeg | Refused {
    const edited = this.#patch(picture, text, this.#patches);
    if (edited !== LACKS_SYMBOL) return edited;
    const standard = this.#retabler.retable(picture.jpeg, picture);
    if ("refused" in standard) return standard;
    return this.#patch(standard, text, this.#standardPatches);
  }

  #patch(
    { jpeg, header, data }: Picture,
    text: Text | undefined,
    cache: PatchCache,
  ): Jpeg | Refused {
    const patches = cache.get(header, text);
    return "refused" in patches ? patches : this.#patcher.patch(jpeg, data, patches);
  }
}

/** A picture whose header was read. */
interface Picture extends ReadHeader {
  readonly jpeg: Jpeg;
}

/** The last patches: they change when the text or the camera's header does. */
class PatchCache {
  readonly #maker: PatchMaker;
  #header: PictureHeader | undefined;
  #line: string | undefined;
  #patches: Patches | Refused | undefined;

  constructor(maker: PatchMaker) {
    this.#maker = maker;
  }

  get(header: PictureHeader, text: Text | undefined): Patches | Refused {
    if (!this.#patches || header !== this.#header || text?.line !== this.#line) {
      this.#header = header;
      this.#line = text?.line;
      this.#patches = this.#maker.make(header, text);
    }
    return this.#patches;
  }
}
