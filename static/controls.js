// @ts-check
import { copyAddress, showAddresses } from "./addresses_dialog.js";
import { button, messageOf, openDialog, saveFile, setPressed, toast } from "./dom.js";
import { isFullscreen, showFullscreen, toggleFullscreen } from "./fullscreen.js";
import { formatHash } from "./moment.js";
import { labelControls } from "./icons.js";
import { formatFileTime } from "./time_text.js";

/** @typedef {import("./tile.js").Tile} Tile */

/** How far an arrow key moves the view, as a fraction of its size. */
const PAN_STEP = 0.1;

/** @type {Record<string, string>} */
const ACTION_KEYS = {
  ...{ " ": "pause", k: "pause", s: "snapshot", r: "rotate", m: "mirror", f: "fullscreen" },
  ...{ "+": "zoomIn", "=": "zoomIn", "-": "zoomOut", "0": "resetZoom" },
  ...{ g: "showAll", a: "addresses", v: "sound", p: "mask", "?": "help" },
};

/** @type {Record<string, [x: number, y: number]>} */
const ARROW_KEYS = {
  ...{ ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] },
};

/** Keys that switch the camera, with recordings. @type {Record<string, 1 | -1>} */
const PAGE_KEYS = { PageUp: -1, PageDown: 1 };

/** Makes the buttons and keys work. @param {import("./page.js").Page} page */
export function connectControls(page) {
  labelControls(document);
  /** @type {Record<string, (target?: HTMLElement) => void>} */
  const actions = {
    pause: () => page.togglePaused(),
    snapshot: () => savePicture(page.singleTile()),
    rotate: () => changeView((view) => view.rotate()),
    mirror: () => changeView((view) => view.mirror()),
    zoomIn: () => changeView((view) => view.zoomBy(1)),
    zoomOut: () => changeView((view) => view.zoomBy(-1)),
    resetZoom: () => changeView((view) => view.zoomTo(1)),
    fullscreen: toggleFullscreen,
    retry: () => page.retryNow(),
    sound: (target) =>
      void page.toggleSound(page.tiles().find((tile) => tile.element.contains(target ?? null))),
    retrySound: () => page.sound()?.retry(),
    reload: () => location.reload(),
    help: () => openDialog("#help"),
    addresses: () => showAddresses(page.shownTiles().map(({ status }) => status), page.link.server),
    mask: openMask,
    copy: (target) => target && copyAddress(target),
    showAll: () => showCamera(undefined),
  };

  document.addEventListener("click", ({ target }) => {
    const control = /** @type {Element} */ (target).closest?.("[data-action]");
    if (control instanceof HTMLElement) {
      const { action = "" } = control.dataset;
      (actions[action] ?? page.playback()?.actions[action])?.(control);
    }
    // A click outside a dialog closes it.
    if (target instanceof HTMLDialogElement) target.close();
  });

  document.addEventListener("keydown", (event) => {
    const { key, target } = event;
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) {
      return;
    }
    if (target instanceof HTMLInputElement || target instanceof HTMLSelectElement) return;
    // The space bar activates the focused button.
    if (key === " " && target instanceof Element && target.closest("button, a")) return;
    const playback = page.playback();
    if (playback?.handleKey(event)) return event.preventDefault();
    const tiles = page.tiles();
    const action = ACTION_KEYS[key] ?? ACTION_KEYS[key.toLowerCase()];
    const arrow = ARROW_KEYS[key];
    const camera = tiles.length > 1 && /^[1-9]$/.test(key) ? tiles[Number(key) - 1] : undefined;
    if (action) actions[action]?.();
    else if (arrow) panOrSwitch(...arrow);
    else if (camera) showCamera(camera);
    else if (PAGE_KEYS[key] && playback?.isAvailable) switchCamera(PAGE_KEYS[key]);
    else if (key === "Escape" && isFullscreen()) showFullscreen(false);
    else return;
    event.preventDefault();
  });

  async function openMask() {
    const camera = page.singleTile()?.status;
    if (!camera) return;
    try {
      const { openMaskEditor } = await import("./mask_editor.js");
      await openMaskEditor(camera, page.tiles().length === 1);
    } catch (error) {
      toast(`Cannot open the privacy mask: ${messageOf(error)}`);
    }
  }

  /** @param {(view: import("./view.js").View) => void} change */
  function changeView(change) {
    const tile = page.singleTile();
    if (!tile) return;
    change(tile.view);
    tile.view.save();
    showView(tile);
  }

  /** Pans a zoomed picture, or switches the camera. @param {number} x @param {number} y */
  function panOrSwitch(x, y) {
    const tile = page.singleTile();
    if (tile && tile.view.zoom > 1) {
      const step = PAN_STEP / tile.view.zoom;
      return changeView((view) => view.moveBy(x * step, y * step));
    }
    switchCamera(x + y);
  }

  /** Shows the next (1) or the previous (-1) camera. @param {number} by */
  function switchCamera(by) {
    const tile = page.singleTile();
    const tiles = page.tiles();
    if (tiles.length < 2) return;
    const positions = tiles.length + 1; // position 0 shows all cameras
    const position = tile ? tiles.indexOf(tile) + 1 : 0;
    showCamera(tiles[(position + by + positions) % positions - 1]);
  }
}

/** Applies the view of the camera that is shown on its own. @param {Tile} tile */
export function showView(tile) {
  tile.applyView();
  const { zoom, mirrored } = tile.view;
  const percent = `${Math.round(zoom * 100)} %`;
  button("resetZoom").textContent = percent;
  button("resetZoom").setAttribute("aria-label", `Zoom: ${percent}. Show the whole picture`);
  setPressed("mirror", mirrored);
}

/** @param {Tile | undefined} tile */
function showCamera(tile) {
  location.hash = formatHash(tile?.status.name ?? "");
}

/** @param {Tile | undefined} tile */
async function savePicture(tile) {
  if (!tile?.hasPicture) return;
  try {
    const { jpeg, capturedAt } = await tile.file();
    const name = `${tile.status.name}-${formatFileTime(capturedAt)}.jpg`;
    saveFile(jpeg, name);
    toast(`Saved ${name}`);
  } catch (error) {
    toast(`Cannot save the picture: ${messageOf(error)}`);
  }
}
