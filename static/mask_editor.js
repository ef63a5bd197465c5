// @ts-check
/// <reference lib="dom.iterable" />
import { cameraAddress } from "./addresses.js";
import { element, fromTemplate, messageOf } from "./dom.js";
import { labelControls } from "./icons.js";
import { MaskDrawing } from "./mask_drawing.js";
import { describeArea, formatSetting, MAX_AREAS, parseAreas, variableOf } from "./mask_areas.js";

/** @typedef {import("./live.js").CameraStatus} CameraStatus */
/** @typedef {import("./mask_areas.js").Area} Area */

/** Interval between two pictures in the editor, and after a failure, in milliseconds. */
const PICTURE_INTERVAL = 1_000;
const RETRY_INTERVAL = 3_000;
/** How long the server may take to send a picture: the camera may have to start. */
const PICTURE_TIMEOUT = 20_000;
/** How far an arrow key moves a rectangle or its edges, in per cent of the picture. */
const KEY_STEP = 1;
/** Size of a rectangle that a key adds, in per cent. */
const NEW_SIZE = 20;

/** @type {Record<string, [x: number, y: number]>} */
const ARROW_KEYS = {
  ...{ ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] },
};

const CONTENT = `
  <div class="mask-picture">
    <canvas role="img"></canvas>
    <p class="mask-failure" role="alert"></p>
    <div class="mask-areas" role="application"></div>
  </div>
  <p class="mask-tools">
    <button class="text" data-tool="add" title="New rectangle (n)">New</button>
    <button class="text" data-tool="remove" title="Delete rectangle (Delete)">Delete</button>
    <button class="text" data-tool="undo" title="Undo (u)">Undo</button>
    <span role="status"></span>
  </p>
  <div class="mask-setting"></div>
  <p class="mask-advice"></p>
  <p class="mask-help">Draw rectangles on the picture. The server masks whole blocks of up to 16 × 16 pixels, as the dashed line shows. <span class="mask-keys">Keys: <kbd>n</kbd> new rectangle, <kbd>Tab</kbd> the next one, <kbd>← ↑ ↓ →</kbd> move, with <kbd>Shift</kbd> resize, <kbd>Delete</kbd>, <kbd>u</kbd> undo.</span></p>`;

/** The rectangles that were drawn and not set yet, by camera and the mask that the server had. */
const drafts = /** @type {Map<string, Area[]>} */ (new Map());

/** Opens the editor of a camera's privacy mask. @param {CameraStatus} camera @param {boolean} isOnly Whether it is the server's only camera. */
export async function openMaskEditor(camera, isOnly) {
  await loadStyle();
  if (!document.querySelector("dialog[open]")) new MaskEditor(camera, isOnly);
}

/** Loads the styles of the editor, once. */
function loadStyle() {
  if (document.querySelector("link[href$='mask_editor.css']")) return;
  const link = document.createElement("link");
  link.rel = "stylesheet";
  link.href = "static/mask_editor.css";
  return new Promise((resolve) => {
    link.onload = link.onerror = resolve;
    document.head.append(link);
  });
}

class MaskEditor {
  #camera;
  #isOnly;
  #draft;
  /** @type {Area[]} */
  #areas;
  /** Earlier states. @type {Area[][]} */
  #history = [];
  #dialog = document.createElement("dialog");
  #drawing;
  #closed = new AbortController();

  /** @param {CameraStatus} camera @param {boolean} isOnly */
  constructor(camera, isOnly) {
    this.#camera = camera;
    this.#isOnly = isOnly;
    this.#draft = `${camera.name} ${camera.privacyMask}`;
    this.#areas = drafts.get(this.#draft) ?? parseAreas(camera.privacyMask);
    this.#buildDialog();
    this.#drawing = new MaskDrawing(this.#find(".mask-areas"), {
      areas: () => this.#areas,
      onChange: (areas, before) => this.#set(areas, before),
      onSelect: () => this.#refresh(),
    });
    this.#dialog.showModal();
    this.#refresh();
    this.#tool("add").focus();
    this.#showPictures();
  }

  #buildDialog() {
    const dialog = this.#dialog;
    const title = `Privacy mask of ${this.#camera.name}`;
    dialog.id = "mask";
    dialog.innerHTML = CONTENT;
    const root = new DocumentFragment();
    root.append(dialog);
    labelControls(root);
    dialog.ariaLabel = this.#find("h2").textContent = title;
    this.#find("canvas").ariaLabel = `Picture of camera ${this.#camera.name}`;
    this.#find(".mask-areas").ariaLabel = "Rectangles";
    const setting = fromTemplate("#address");
    element(".title", setting).textContent = "Line for the settings";
    element("button", setting).ariaLabel = "Copy the line for the settings";
    this.#find(".mask-setting").append(setting);
    dialog.addEventListener("click", (event) => this.#onClick(event));
    dialog.addEventListener("keydown", (event) => this.#onKey(event));
    dialog.addEventListener("close", () => {
      this.#closed.abort();
      dialog.remove();
    });
    document.body.append(root);
  }

  /** @param {MouseEvent} event */
  #onClick(event) {
    // The end of a drag outside of the dialog does not close it.
    if (event.target === this.#dialog) event.stopPropagation();
    const tool = event.target instanceof Element && event.target.closest("[data-tool]");
    if (tool instanceof HTMLElement) this.#use(tool.dataset.tool);
  }

  /** @param {KeyboardEvent} event */
  #onKey(event) {
    const { key, target, shiftKey, ctrlKey, metaKey, altKey } = event;
    if (target instanceof HTMLInputElement || altKey) return;
    const isUndo = key.toLowerCase() === (ctrlKey || metaKey ? "z" : "u");
    if ((ctrlKey || metaKey) && !isUndo) return;
    const arrow = ARROW_KEYS[key];
    if (isUndo) this.#use("undo");
    else if (key.toLowerCase() === "n") this.#use("add");
    else if (key === "Delete" || key === "Backspace") this.#use("remove");
    else if (arrow) this.#drawing.nudge(arrow.map((by) => by * KEY_STEP), shiftKey);
    else return;
    event.preventDefault();
  }

  /** @param {string | undefined} tool */
  #use(tool) {
    const { selected } = this.#drawing;
    if (tool === "undo") {
      const before = this.#history.pop();
      if (before) this.#show(before);
    } else if (tool === "add" && this.#areas.length < MAX_AREAS) {
      // Each beside the one before, so that none is hidden.
      const start = 10 + this.#areas.length * 5 % (90 - NEW_SIZE);
      const end = start + NEW_SIZE;
      this.#set([...this.#areas, { left: start, top: start, right: end, bottom: end }]);
      this.#drawing.select(this.#areas.length - 1);
    } else if (tool === "remove" && selected !== undefined) {
      this.#set(this.#areas.filter((_, i) => i !== selected));
      this.#drawing.select(Math.min(selected, this.#areas.length - 1));
    }
  }

  /** Sets the rectangles, so that it can be undone. @param {Area[]} areas */
  #set(areas, before = this.#areas) {
    this.#history.push(before);
    this.#show(areas);
  }

  /** @param {Area[]} areas */
  #show(areas) {
    this.#areas = areas;
    drafts.set(this.#draft, areas);
    this.#refresh();
    // The keys work only while the focus is in the dialog.
    if (!this.#dialog.contains(document.activeElement)) this.#tool("add").focus();
  }

  #refresh() {
    this.#drawing.draw();
    const { selected } = this.#drawing;
    const area = this.#areas[selected ?? -1];
    const count = this.#areas.length;
    this.#find("[role=status]").textContent = area && selected !== undefined
      ? `Rectangle ${selected + 1} of ${count}: ${describeArea(area)}`
      : `${count === 0 ? "No" : count} rectangle${count === 1 ? "" : "s"}`;
    this.#tool("add").disabled = count >= MAX_AREAS;
    this.#tool("remove").disabled = area === undefined;
    this.#tool("undo").disabled = this.#history.length === 0;
    const camera = this.#isOnly ? undefined : this.#camera.name;
    const field = /** @type {HTMLInputElement} */ (this.#find(".mask-setting input"));
    field.value = count > 0 ? formatSetting(camera, this.#areas) : "";
    element("button", this.#find(".mask-setting")).hidden = count === 0;
    this.#find(".mask-advice").textContent = this.#advice(variableOf(camera));
  }

  /** Says what to do with the line. @param {string} variable */
  #advice(variable) {
    const restart = "restart the server: this page changes nothing.";
    if (this.#areas.length === 0) {
      return this.#camera.privacyMask
        ? `To remove the mask, remove ${variable} from the settings and ${restart}`
        : "Nothing is masked. Draw what nobody may ever see.";
    }
    return `Put this line into the file .env or the environment of the service, and ${restart} ` +
      "From then on, nobody gets a picture without the mask; " +
      "recordings that were made before stay as they are.";
  }

  async #showPictures() {
    const { signal } = this.#closed;
    while (!signal.aborted) {
      let failure = "";
      try {
        await this.#showPicture(signal);
      } catch (error) {
        failure = `No picture: ${messageOf(error)}`;
      }
      if (signal.aborted) return;
      this.#find(".mask-failure").textContent = failure;
      await new Promise((resolve) =>
        setTimeout(resolve, failure ? RETRY_INTERVAL : PICTURE_INTERVAL)
      );
    }
  }

  /** @param {AbortSignal} closed */
  async #showPicture(closed) {
    const signal = AbortSignal.any([closed, AbortSignal.timeout(PICTURE_TIMEOUT)]);
    const address = cameraAddress(this.#camera.name, "snapshot.jpg?max_age=1000");
    const response = await fetch(address, { signal });
    if (!response.ok) throw new Error(await response.text());
    const bitmap = await createImageBitmap(await response.blob());
    const canvas = /** @type {HTMLCanvasElement} */ (this.#find("canvas"));
    const { width, height } = bitmap;
    if (canvas.width !== width) canvas.width = width;
    if (canvas.height !== height) canvas.height = height;
    this.#find(".mask-picture").style.setProperty("--ratio", `${width / height}`);
    canvas.getContext("bitmaprenderer")?.transferFromImageBitmap(bitmap);
    this.#drawing.setSize({ width, height });
  }

  /** @param {string} name */
  #tool(name) {
    return /** @type {HTMLButtonElement} */ (this.#find(`[data-tool=${name}]`));
  }

  /** @param {string} selector */
  #find(selector) {
    return element(selector, this.#dialog);
  }
}
