import type { Jpeg } from "../frame.ts";
import { HeaderReader, type PictureHeader, type ReadHeader } from "./header_reader.ts";
import { isUpright } from "./orientation.ts";
import { OverlayText } from "./overlay_text.ts";
import { LACKS_SYMBOL, Patcher, type Patches } from "./patcher.ts";
import { type Contents, makePatches } from "./patches.ts";
import { Retabler } from "./retable.ts";
import type { EditTask, PictureProcessor, Processed, Refused } from "./task.ts";

/** Turns and masks the pictures of a camera, and writes a text into them. */
export class Editor implements PictureProcessor {
  readonly #task: EditTask;
  readonly #text: OverlayText | undefined;
  readonly #headers = new HeaderReader();
  readonly #patcher = new Patcher();
  readonly #retabler = new Retabler();
  /** The patches for the camera's pictures, and for those with the standard Huffman tables. */
  readonly #patches = new PatchCache();
  readonly #standardPatches = new PatchCache();

  constructor(task: EditTask) {
    this.#task = task;
    this.#text = task.overlay && new OverlayText(task.overlay);
  }

  /** See {@link PictureProcessor.process}. */
  process(jpeg: Jpeg, capturedAt: number): Processed | Refused {
    if (!isUpright(this.#task.orientation)) return { refused: "rotation is not implemented" };
    const read = this.#headers.read(jpeg);
    if ("refused" in read) return read;
    const edited = this.#edit(jpeg, read, this.#contentsAt(capturedAt));
    if ("refused" in edited) return edited;
    const { width, height } = read.header.baseline;
    return { jpeg: edited, size: { width, height } };
  }

  #contentsAt(time: number): Contents {
    const { mask, overlay } = this.#task;
    return { mask, text: overlay && { line: this.#text!.at(time), place: overlay.place } };
  }

  #edit(jpeg: Jpeg, read: ReadHeader, contents: Contents): Jpeg | Refused {
    const patches = this.#patches.get(read.header, contents);
    const edited = "refused" in patches ? patches : this.#patcher.patch(jpeg, read.data, patches);
    if (edited !== LACKS_SYMBOL) return edited;
    const standard = this.#retabler.retable(jpeg, read);
    if ("refused" in standard) return standard;
    const others = this.#standardPatches.get(standard.header, contents);
    if ("refused" in others) return others;
    return this.#patcher.patch(standard.jpeg, standard.data, others);
  }
}

/** The last patches: they change when the text or the camera's header does. */
class PatchCache {
  #header: PictureHeader | undefined;
  #line: string | undefined;
  #patches: Patches | Refused | undefined;

  get(header: PictureHeader, contents: Contents): Patches | Refused {
    const line = contents.text?.line;
    if (!this.#patches || header !== this.#header || line !== this.#line) {
      this.#header = header;
      this.#line = line;
      this.#patches = makePatches(header, contents);
    }
    return this.#patches;
  }
}
