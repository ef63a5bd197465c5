// @ts-check
/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
import { addressesOf, copy, noteOnAddresses } from "./addresses.js";
import { Link } from "./live.js";
import { followPointers } from "./pointers.js";
import { Tile } from "./tile.js";

/** @typedef {import("./live.js").CameraStatus} CameraStatus */

/** How often what is said is looked over, in milliseconds. */
const REFRESH = 250;
/** How far an arrow key moves the view, in parts of it; and how long a message stays, and the controls. */
const PAN_STEP = 0.1;
const TOAST_TIME = 4_000;
const CONTROLS_VISIBLE_TIME = 2_500;
/** A browser opens six connections to a server at most, and some have to be left for other requests. */
const PLAIN_STREAMS = 4;
/** Cameras so far out of sight are not watched yet. */
const PRELOAD_MARGIN = "200px";

/** @type {Tile[]} */
let tiles = [];
let paused = false;

const link = new Link({
  onState: () => {
    const { kind } = link.state;
    if (kind !== "live") tiles.forEach((tile) => tile.pause());
    layOut();
  },
  onStatus: updateCameras,
  onFrame: async (frame) => {
    const tile = tiles[frame.camera];
    if (paused || !tile || !watchedTiles().includes(tile)) return;
    const isFirst = !tile.hasPicture;
    await tile.paint(frame, link.clock);
    if (isFirst) refresh(); // now it can be saved
  },
});

/** @param {CameraStatus[]} cameras */
function updateCameras(cameras) {
  const isSame = cameras.length === tiles.length &&
    cameras.every(({ name }, i) => tiles[i]?.status.name === name);
  if (!isSame) build(cameras);
  const seen = watchedTiles();
  let lost = false;
  for (const [i, tile] of tiles.entries()) {
    const status = cameras[i];
    if (status && tile.update(status) && seen.includes(tile)) lost = true;
  }
  if (lost && link.state.kind === "live" && !paused) link.restart("The picture was frozen");
  refresh();
}

/** @param {CameraStatus[]} cameras */
function build(cameras) {
  tiles = cameras.map((status) => new Tile(status));
  element("#cameras").replaceChildren(...tiles.map((tile) => tile.element));
  intersections.disconnect();
  for (const tile of tiles) {
    intersections.observe(tile.element);
    followPointers(tile, () => singleTile() === tile, () => {
      tile.view.save();
      showView();
    });
  }
  const names = tiles.length > 1 ? ["", ...cameras.map(({ name }) => name)] : [];
  element("#names").replaceChildren(...names.map((name) => {
    const entry = document.createElement("a");
    entry.href = `#${encodeURIComponent(name)}`;
    entry.textContent = name || "All";
    return entry;
  }));
  layOut();
  document.body.classList.add("ready");
}

/** The camera that is shown alone, if one is. */
function singleTile() {
  if (tiles.length === 1) return tiles[0];
  const name = nameIn(location.hash);
  return tiles.find((tile) => tile.status.name === name);
}

/** The camera that a link's end names: `#front`. @param {string | null} hash */
function nameIn(hash) {
  try {
    return decodeURIComponent(hash?.slice(1) ?? "");
  } catch {
    return ""; // a link that was mangled
  }
}

/** The cameras that are on the page. */
function shownTiles() {
  const one = singleTile();
  return one ? [one] : tiles;
}

/** Of those the ones that can be seen where the page is scrolled to. */
function watchedTiles() {
  return singleTile() ? shownTiles() : tiles.filter((tile) => tile.isNear);
}

const intersections = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    const tile = tiles.find(({ element }) => element === target);
    if (tile) tile.isNear = isIntersecting;
  }
  layOut();
}, { root: element("#cameras"), rootMargin: PRELOAD_MARGIN });

/** Lays the page out, and asks for the pictures that it needs. */
function layOut() {
  const one = singleTile();
  const seen = watchedTiles();
  document.body.classList.toggle("one", one !== undefined);
  document.title = one && tiles.length > 1 ? `${one.status.name} – dinocam` : "dinocam";
  for (const tile of tiles) {
    const isWatched = seen.includes(tile) && !paused;
    tile.element.hidden = !shownTiles().includes(tile);
    tile.element.classList.toggle("alone", tile === one);
    const place = seen.indexOf(tile);
    tile.showPlain(link.state.kind === "plain" && isWatched && place < PLAIN_STREAMS);
    if (!isWatched) tile.pause();
  }
  for (const entry of document.querySelectorAll("#names a")) {
    const name = nameIn(entry.getAttribute("href"));
    if (name === (one?.status.name ?? "")) entry.setAttribute("aria-current", "page");
    else entry.removeAttribute("aria-current");
  }
  if (tiles.length > 0) link.watch(paused ? [] : seen.map((tile) => tile.status.name));
  showView();
  refresh();
}

/** Says how things are. */
function refresh() {
  const around = { link: link.state, paused, heard: link.lastMessageAt };
  const now = performance.now();
  const seen = watchedTiles();
  for (const tile of seen) tile.refresh(around, now);
  if (!paused && seen.some((tile) => tile.isLate(now))) link.pingNow();
  const pill = element("#link");
  pill.hidden = link.state.kind !== "plain";
  pill.textContent = "Plain stream";
  pill.title = "No WebSocket gets through to the server: on a slow link you may see old pictures";
  button("snapshot").disabled = !singleTile()?.hasPicture;
  const news = seen.map((tile) => tile.announcement).join("; ");
  if (element("#news").textContent !== news) element("#news").textContent = news;
  const { error } = link.clock;
  const digits = error !== undefined && error < 1 ? 1 : 0;
  element("#error").textContent = error === undefined ? "" : ` (± ${error.toFixed(digits)} ms)`;
}

/** Shows how the picture is looked at. */
function showView() {
  for (const tile of tiles) tile.applyView();
  const look = singleTile()?.view;
  if (!look) return;
  const percent = `${Math.round(look.zoom * 100)} %`;
  button("whole").textContent = percent;
  button("whole").setAttribute("aria-label", `Zoom: ${percent}, show the whole picture`);
  setPressed("mirror", look.mirrored);
}

/** @type {Record<string, (target?: HTMLElement) => void>} */
const actions = {
  pause() {
    paused = !paused;
    setPressed("pause", paused);
    layOut();
  },
  async snapshot() {
    const tile = singleTile();
    if (!tile?.hasPicture) return;
    try {
      const { jpeg, capturedAt } = await tile.file();
      save(jpeg, `${tile.status.name}-${fileTime(capturedAt)}.jpg`);
    } catch (error) {
      toast(`Cannot save the picture: ${error instanceof Error ? error.message : error}`);
    }
  },
  rotate: () => changeView((look) => look.rotate()),
  mirror: () => changeView((look) => look.mirror()),
  larger: () => changeView((look) => look.zoomBy(1)),
  smaller: () => changeView((look) => look.zoomBy(-1)),
  whole: () => changeView((look) => look.zoomTo(1)),
  full: toggleFull,
  retry: () => layOut(),
  help: () => /** @type {HTMLDialogElement} */ (element("#help")).showModal(),
  addresses: showAddresses,
  async copy(target) {
    const field = target?.closest(".address")?.querySelector("input");
    if (!target || !field) return;
    try {
      await copy(field.value, field);
      target.textContent = "Copied";
    } catch {
      target.textContent = "Press Ctrl+C";
    }
    setTimeout(() => target.textContent = "Copy", TOAST_TIME / 2);
  },
  grid: () => location.hash = "",
};

/** @type {Record<string, keyof typeof actions>} */
const keys = {
  " ": "pause",
  k: "pause",
  s: "snapshot",
  r: "rotate",
  m: "mirror",
  "+": "larger",
  "=": "larger",
  "-": "smaller",
  "0": "whole",
  f: "full",
  g: "grid",
  a: "addresses",
  "?": "help",
};

/** @type {Record<string, [number, number]>} */
const arrows = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

/** @param {(look: import("./view.js").View) => void} change */
function changeView(change) {
  const look = singleTile()?.view;
  if (!look) return;
  change(look);
  look.save();
  showView();
}

/** Moves in a zoomed picture, else to another camera. @param {number} x @param {number} y */
function panOrSwitch(x, y) {
  const one = singleTile();
  if (one && one.view.zoom > 1) {
    const { view } = one;
    const step = PAN_STEP / view.zoom;
    return changeView(() => view.moveTo(view.x + x * step, view.y + y * step));
  }
  if (tiles.length < 2) return;
  const places = tiles.length + 1; // with the one for all
  const place = one ? tiles.indexOf(one) + 1 : 0;
  const next = tiles[(place + x + y + places) % places - 1];
  location.hash = next ? encodeURIComponent(next.status.name) : "";
}

function toggleFull() {
  const page = document.documentElement;
  if (document.fullscreenElement) document.exitFullscreen();
  else if (page.requestFullscreen && !page.classList.contains("full")) {
    page.requestFullscreen().catch(() => showFull(true));
  } else showFull(!page.classList.contains("full"));
}

/** Where there is no full screen, as on an iPhone, the picture at least fills the window. @param {boolean} full */
function showFull(full) {
  document.documentElement.classList.toggle("full", full);
  setPressed("full", full);
}

function showAddresses() {
  const template = /** @type {HTMLTemplateElement} */ (element("#address"));
  const list = element("#addresses .list");
  list.replaceChildren(
    ...shownTiles().flatMap((tile) => {
      const { name } = tile.status;
      const heading = document.createElement("h3");
      heading.textContent = name;
      return [
        heading,
        ...addressesOf(name).map(({ title, text, hint }) => {
          const copy = /** @type {DocumentFragment} */ (template.content.cloneNode(true));
          const one = /** @type {HTMLElement} */ (copy.firstElementChild);
          element(".title", one).textContent = title;
          element("small", one).textContent = hint ?? "";
          /** @type {HTMLInputElement} */ (element("input", one)).value = text;
          element("button", one).setAttribute("aria-label", `Copy: ${title}`);
          return one;
        }),
      ];
    }),
  );
  element("#addresses .note").textContent = noteOnAddresses();
  /** @type {HTMLDialogElement} */ (element("#addresses")).showModal();
}

/** @param {Blob} file @param {string} name */
function save(file, name) {
  const anchor = document.createElement("a");
  anchor.href = URL.createObjectURL(file);
  anchor.download = name;
  anchor.click();
  setTimeout(() => URL.revokeObjectURL(anchor.href), 10_000);
  toast(`Saved ${name}`);
}

/** @param {number} time In milliseconds since 1970. */
function fileTime(time) {
  const local = new Date(time - new Date(time).getTimezoneOffset() * 60_000);
  return local.toISOString().slice(0, 19).replaceAll(":", "-").replace("T", "_");
}

/** @type {ReturnType<typeof setTimeout> | undefined} */
let toastTimer;
/** @param {string} text */
function toast(text) {
  element("#toast").textContent = text;
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => element("#toast").textContent = "", TOAST_TIME);
}

/** @param {string} selector @param {ParentNode} [within] @returns {HTMLElement} */
function element(selector, within = document) {
  return /** @type {HTMLElement} */ (within.querySelector(selector));
}

/** @param {string} action @returns {HTMLButtonElement} */
function button(action) {
  return /** @type {HTMLButtonElement} */ (element(`button[data-does=${action}]`));
}

/** @param {string} action @param {boolean} pressed */
function setPressed(action, pressed) {
  button(action).setAttribute("aria-pressed", `${pressed}`);
}

document.addEventListener("click", ({ target }) => {
  const pressed = /** @type {Element} */ (target).closest?.("[data-does]");
  if (pressed instanceof HTMLElement) actions[pressed.dataset.does ?? ""]?.(pressed);
  // A click beside a sheet closes it.
  if (target instanceof HTMLDialogElement) target.close();
});

document.addEventListener("keydown", (event) => {
  const { key, target } = event;
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) {
    return;
  }
  if (target instanceof HTMLInputElement) return;
  // Where a button has the focus, the space bar presses that.
  if (key === " " && target instanceof Element && target.closest("button, a")) return;
  const action = keys[key] ?? keys[key.toLowerCase()];
  const arrow = arrows[key];
  const camera = tiles.length > 1 && /^[1-9]$/.test(key) ? tiles[Number(key) - 1] : undefined;
  if (action) actions[action]?.();
  else if (arrow) panOrSwitch(...arrow);
  else if (camera) location.hash = encodeURIComponent(camera.status.name);
  else if (key === "Escape" && document.documentElement.classList.contains("full")) showFull(false);
  else return;
  event.preventDefault();
});

document.addEventListener("fullscreenchange", () => showFull(document.fullscreenElement !== null));
addEventListener("hashchange", layOut);

// In full screen the controls show while the mouse moves or a finger touches.
/** @type {ReturnType<typeof setTimeout> | undefined} */
let hideTimer;
for (const kind of ["pointermove", "pointerdown", "keydown"]) {
  document.addEventListener(kind, () => {
    document.body.classList.add("awake");
    clearTimeout(hideTimer);
    hideTimer = setTimeout(() => document.body.classList.remove("awake"), CONTROLS_VISIBLE_TIME);
  });
}

// A page that nobody sees takes nothing, so that the camera can stop; it goes on at once when it is seen.
document.addEventListener("visibilitychange", () => document.hidden ? link.stop() : link.start());
addEventListener("pagehide", () => link.stop());
addEventListener("pageshow", () => document.hidden || link.start());
addEventListener("online", () => {
  if (link.state.kind !== "live" && !document.hidden) {
    link.stop();
    link.start();
  }
});

// At first the server is told what to show by the page's address: that saves a round trip.
if (nameIn(location.hash)) link.watch([nameIn(location.hash)]);
if (!document.hidden) link.start();
setInterval(() => document.hidden || refresh(), REFRESH);
