// @ts-check
/// <reference lib="dom.iterable" />
import { updateAddresses } from "./addresses_dialog.js";
import { connectControls, showView } from "./controls.js";
import { arrange, button, element, messageOf, setPressed, setText, toast } from "./dom.js";
import { findBestGrid } from "./grid.js";
import { Link } from "./live.js";
import { isFullscreen } from "./fullscreen.js";
import { formatHash, parseHash } from "./moment.js";
import { followPointers } from "./pointers.js";
import { describeEmpty, describeTitle } from "./state_text.js";
import { showNotice, Tile } from "./tile.js";

/** @typedef {import("./live.js").CameraStatus} CameraStatus */

const REFRESH_INTERVAL = 250;
/** A browser opens six connections, and other requests need some. */
const MAX_PLAIN_STREAMS = 4;
/** Cameras within this distance of the visible part of the page are watched. */
const PRELOAD_MARGIN = "200px";
/** The speed of the link is judged from this number of skipped frames on. */
const MIN_SKIPPED = 10;
/** Distance between two tiles, and from the edges of the window, in CSS pixels. */
const GAP = 8;
/** Tiles narrower than this show no figures, in CSS pixels. */
const COMPACT_WIDTH = 300;

/** @type {Tile[]} */
let tiles = [];
/** Whether the server has sent the list of cameras. */
let isReady = false;
let paused = false;
/** Loaded when the server has recordings. @type {import("./playback.js").Playback | undefined} */
let playback;
/** Loaded when the user turns the sound on. @type {import("./sound.js").Sound | undefined} */
let sound;
/** @type {AudioContext | undefined} */
let audio;
/** A moment from a link, until it has been requested. @type {number | undefined} */
let linkedMoment;
/** Loaded when frames are skipped. @type {import("./link_speed.js").LinkSpeed | undefined} */
let speed;
/** Frames that are not painted yet, and the time that all have taken, were these painted at 0. */
let unpainted = 0, painting = 0;
/** The heights requested last, and those that the layout needs, as texts. */
let requestedHeights = "", neededHeights = "";

const link = new Link({
  onState: ({ kind }) => {
    if (kind !== "live") tiles.forEach((tile) => tile.pause());
    unpainted = painting = 0;
    speed?.settle(performance.now());
    layOut();
    if (kind === "live") onConnected();
  },
  onStatus: updateCameras,
  onFrame: async (frame) => {
    const tile = tiles.find(({ status }) => status.index === frame.camera);
    if (paused || !tile || !watchedTiles().includes(tile)) return;
    if (linkedMoment !== undefined) return; // the link is to a recorded picture
    const hold = sound?.holdOf(frame.camera) ?? 0;
    const painted = paint(tile, frame, hold);
    // A picture that waits is acknowledged now, so that the frame rate stays.
    if (hold) painted.catch(() => {}); // a corrupt JPEG is skipped
    else {
      unpainted++;
      painting -= performance.now();
      await painted.finally(() => {
        unpainted--;
        painting += performance.now();
      });
    }
    // The status is up to a second old: the camera has started since.
    if (!frame.recorded && tile.status.state !== "streaming") link.pingNow();
  },
  onSound: (packet) => sound?.onSound(packet),
  onReplay: (message) => {
    playback?.replay.onMessage(message);
    refresh();
  },
  onSizeError: (camera, reason) => {
    const tile = tiles.find(({ status }) => status.index === camera);
    if (tile) tile.sizeError = reason;
  },
});

/** @param {Tile} tile @param {import("./live.js").LiveFrame} frame @param {number} hold Its wait. */
async function paint(tile, frame, hold) {
  if (hold > 0) await new Promise((resolve) => setTimeout(resolve, hold));
  const isFirst = !tile.hasPicture;
  const isPainted = await tile.paint(frame, link.clock);
  if (isPainted && frame.recorded) playback?.onPainted(frame.camera, frame.capturedAt);
  if (isPainted) sound?.onPainted(frame, hold);
  if (isFirst) refresh(); // enables the button that saves a picture
}

/** Continues the replay after a reconnect, or goes to the moment of a link. */
async function onConnected() {
  if (!link.canReplay) {
    playback?.replay.reset();
    if (linkedMoment !== undefined) toast("The server has no recordings");
    linkedMoment = undefined;
    return;
  }
  if (!playback) {
    const { Playback } = await import("./playback.js");
    playback ??= new Playback(page);
  }
  playback.onConnected(linkedMoment);
  linkedMoment = undefined;
  refresh();
}

/** @param {CameraStatus[]} cameras */
function updateCameras(cameras) {
  const before = tiles.map(({ status }) => status.name);
  if (!isReady || `${before}` !== `${cameras.map(({ name }) => name)}`) updateTiles(cameras);
  const watched = watchedTiles();
  let isFrozen = false;
  for (const [i, tile] of tiles.entries()) {
    const status = cameras[i];
    if (status && tile.update(status) && watched.includes(tile)) isFrozen = true;
  }
  judgeLink().catch(() => {}); // not loaded: the next status tries again
  if (isFrozen && link.state.kind === "live" && !paused && !document.hidden) {
    link.restart("The picture was frozen");
  }
  refresh();
}

/** Adds and removes tiles, and links to the cameras. @param {CameraStatus[]} cameras */
function updateTiles(cameras) {
  const before = tiles;
  tiles = cameras.map((status) =>
    before.find((tile) => tile.status.name === status.name) ?? createTile(status)
  );
  for (const tile of before) {
    if (tiles.includes(tile)) continue;
    intersections.unobserve(tile.element);
    tile.showPlain(false);
    playback?.replay.forget(tile.status.index ?? -1);
  }
  arrange(element("#cameras"), tiles.map((tile) => tile.element));
  const names = tiles.length > 1 ? ["", ...cameras.map(({ name }) => name)] : [];
  const nav = element("#names");
  const links = /** @type {HTMLAnchorElement[]} */ ([...nav.children]);
  arrange(
    nav,
    names.map((name) => links.find(({ dataset }) => dataset.name === name) ?? linkTo(name)),
  );
  isReady = true;
  document.body.classList.add("ready");
  layOut();
  updateAddresses(shownTiles().map(({ status }) => status), link.server);
}

/** @param {CameraStatus} status */
function createTile(status) {
  const tile = new Tile(status, layOutGrid);
  tile.setReplaying(playback?.replay.isActive ?? false);
  intersections.observe(tile.element);
  followPointers(tile, () => singleTile() === tile, () => {
    tile.view.save();
    showView(tile);
  });
  return tile;
}

/** @param {string} name Empty: all cameras. */
function linkTo(name) {
  const anchor = document.createElement("a");
  anchor.href = formatHash(name);
  anchor.dataset.name = name;
  anchor.textContent = name || "All";
  return anchor;
}

/** Returns the camera that is shown on its own, if any. */
function singleTile() {
  if (tiles.length === 1) return tiles[0];
  const { camera } = parseHash(location.hash);
  return tiles.find((tile) => tile.status.name === camera);
}

function shownTiles() {
  const single = singleTile();
  return single ? [single] : tiles;
}

/** Returns the cameras in or near the visible part of the page. */
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

function layOut() {
  const single = singleTile();
  const watched = document.hidden ? [] : watchedTiles();
  const shown = shownTiles();
  document.body.classList.toggle("single-camera", single !== undefined);
  for (const tile of tiles) {
    const isWatched = watched.includes(tile) && !paused;
    const isPlain = watched.indexOf(tile) < MAX_PLAIN_STREAMS;
    tile.element.hidden = !shown.includes(tile);
    tile.element.classList.toggle("single", tile === single);
    tile.element.classList.toggle("in-grid", tile !== single);
    tile.showPlain(link.state.kind === "plain" && isWatched && isPlain);
    if (!isWatched) tile.pause();
  }
  // A hidden link would keep the keyboard focus.
  const focused = document.activeElement;
  if (single && focused instanceof HTMLElement && focused.matches(".open")) focused.blur();
  for (const anchor of document.querySelectorAll("#names a")) {
    const { camera } = parseHash(anchor.getAttribute("href"));
    if (camera === (single?.status.name ?? "")) {
      if (!anchor.hasAttribute("aria-current")) {
        anchor.scrollIntoView({ block: "nearest", inline: "nearest" });
      }
      anchor.setAttribute("aria-current", "page");
    } else anchor.removeAttribute("aria-current");
  }
  layOutGrid();
  if (tiles.length > 0) watch(chooseHeights());
  playback?.onLayout();
  if (single) showView(single);
  refresh();
}

/** Returns the heights of the pictures that the layout and the link need, by camera. */
function chooseHeights() {
  const tiles = paused || document.hidden ? [] : watchedTiles();
  const isFull = singleTile() !== undefined && isFullscreen();
  return Object.fromEntries(
    tiles.map((tile) => [tile.status.name, tile.chooseHeight(speed?.steps ?? 0, isFull)]),
  );
}

/** @param {Record<string, number | undefined>} heights */
function watch(heights) {
  neededHeights = JSON.stringify(heights);
  if (neededHeights !== requestedHeights) speed?.settle(performance.now());
  requestedHeights = neededHeights;
  link.watch(Object.keys(heights), heights);
}

/** Requests other sizes when the link has become slow or fast, or after a resize. */
function updateHeights() {
  const heights = chooseHeights();
  const before = neededHeights;
  neededHeights = JSON.stringify(heights);
  if (neededHeights === requestedHeights || paused) return;
  if (neededHeights === before) watch(heights); // otherwise the layout may still be changing
}

/** Judges the link by the latest status. Sequence numbers also have gaps if the server is slow. */
async function judgeLink() {
  const watched = watchedTiles(), now = performance.now();
  const total = {
    painted: tiles.reduce((sum, { meter }) => sum + meter.painted, 0),
    skipped: tiles.reduce((sum, { status }) => sum + (status.skipped ?? 0), 0),
    painting: (painting + unpainted * now) / (watched.length || 1),
  };
  speed?.update(now, total, watched.some((tile) => tile.canShrink));
  if (speed || total.skipped < MIN_SKIPPED || !tiles[0]?.status.heights) return;
  const { LinkSpeed } = await import("./link_speed.js");
  speed ??= new LinkSpeed();
  speed.settle(now);
}

/** Sets the size of the tiles with which the pictures fill the window best. */
function layOutGrid() {
  const main = element("#cameras");
  if (tiles.length > 0 && !singleTile()) {
    const ratios = tiles.map((tile) => tile.ratio);
    const spaceOf = (/** @type {number} */ width) => ({
      width: width - 2 * GAP,
      height: main.offsetHeight - 2 * GAP,
      gap: GAP,
    });
    let grid = findBestGrid(ratios, spaceOf(main.offsetWidth));
    main.classList.toggle("scrolls", grid.scrolls);
    // A scroll bar may take some of the width.
    if (grid.scrolls) grid = findBestGrid(ratios, spaceOf(main.clientWidth));
    const { columns, rows, width, height } = grid;
    // A tile spans two tracks, so that an incomplete last row can be centred.
    main.style.setProperty("--tracks", `${2 * columns}`);
    main.style.setProperty("--track-width", `${(width - GAP) / 2}px`);
    main.style.setProperty("--tile-height", `${height}px`);
    main.classList.toggle("compact", width < COMPACT_WIDTH);
    const lastRow = columns * (rows - 1);
    for (const [i, tile] of tiles.entries()) {
      const column = columns - (tiles.length - lastRow) + 1;
      tile.element.style.gridColumnStart = i === lastRow ? `${column}` : "";
    }
  }
  for (const tile of shownTiles()) tile.applyView();
}

function refresh() {
  const now = performance.now();
  const watched = watchedTiles();
  playback?.update();
  sound?.refresh();
  setPressed("pause", paused || playback?.replay.isPaused === true);
  for (const tile of tiles) {
    if (!watched.includes(tile)) continue;
    const replay = playback?.stateOf(tile);
    const isSlow = speed !== undefined && speed.steps > 0;
    const page = { link: link.state, paused, lastMessageAt: link.lastMessageAt, replay, isSlow };
    tile.refresh(page, link.clock, now);
  }
  const cameras = shownTiles().map(({ status, text }) => ({ name: status.name, text }));
  const title = describeTitle(cameras, tiles.length > 1);
  if (document.title !== title) document.title = title;
  if (!paused && watched.some((tile) => tile.isLate(now))) link.pingNow();
  element("#plain-stream").hidden = link.state.kind !== "plain";
  element("#outdated").hidden = link.state.kind !== "outdated";
  button("snapshot").disabled = !singleTile()?.hasPicture;
  const announcements = watched.map((tile) => tile.announcement);
  if (isReady && tiles.length === 0) {
    const empty = describeEmpty(link.state, now, link.emptyReason);
    showNotice(element("#empty"), empty);
    announcements.push([empty.headline, empty.reason, empty.advice].filter(Boolean).join(". "));
  } else element("#empty").hidden = true;
  setText(element("#announcement"), announcements.join("; "));
  showAbsent();
  const { error } = link.clock;
  const digits = error !== undefined && error < 1 ? 1 : 0;
  setText(element("#error"), error === undefined ? "" : ` (± ${error.toFixed(digits)} ms)`);
}

/** Says that the camera in the page's address is not there. */
function showAbsent() {
  const { camera } = parseHash(location.hash);
  const isAbsent = isReady && camera && !tiles.some(({ status }) => status.name === camera);
  const text = `Camera "${camera}" is not available: it is shown as soon as it appears`;
  element("#absent").hidden = !isAbsent;
  setText(element("#absent"), isAbsent ? text : "");
}

/** What the controls and the playback use of the page. */
const page = {
  ...{ link, layOut, refresh, singleTile, shownTiles, watchedTiles },
  tiles: () => tiles,
  playback: () => playback,
  ...{ toggleSound, sound: () => sound },
  isPaused: () => paused,
  retryNow() {
    for (const tile of tiles) tile.retryNow();
    link.retryNow();
  },
  togglePaused() {
    // Without recordings, a pause stops the pictures.
    if (playback?.isAvailable && !paused) return playback.togglePaused();
    paused = !paused;
    layOut();
  },
};
connectControls(page);

/** Turns a camera's sound on or off; browsers permit it only within a click. @param {Tile | undefined} tile */
async function toggleSound(tile) {
  tile ??= singleTile() ?? tiles.find(({ status }) => status.name === sound?.camera) ??
    tiles.find(({ status }) => status.sound);
  if (!tile || !tile.status.sound && tile.status.name !== sound?.camera) {
    return toast("There is no sound");
  }
  if (link.state.kind === "plain") return toast("Sound needs a WebSocket: see Addresses");
  try {
    if (!audio) {
      audio = new AudioContext({ latencyHint: "interactive" });
      // Otherwise, an iPhone with its ringer off plays nothing.
      const { audioSession } = /** @type {any} */ (navigator);
      if (audioSession) audioSession.type = "playback";
      audio.resume();
    }
    if (!sound) {
      const { Sound } = await import("./sound.js");
      sound ??= new Sound(page, audio);
    }
    sound.toggle(tile.status.name);
  } catch (error) {
    toast(`Cannot play sound: ${messageOf(error)}`);
  }
}
/** @typedef {typeof page} Page */

addEventListener("hashchange", () => {
  layOut();
  openMoment();
});

/** Goes to the moment in the page's address. */
function openMoment() {
  linkedMoment = parseHash(location.hash).at;
  if (linkedMoment !== undefined && link.state.kind === "live") onConnected();
}
new ResizeObserver(layOutGrid).observe(element("#cameras"));

// A hidden page disconnects, so that the camera can stop; with sound, only the pictures stop.
document.addEventListener("visibilitychange", () => {
  if (document.hidden && !sound?.isLive) return link.stop();
  for (const tile of tiles) tile.pause();
  layOut();
  if (!document.hidden) link.start();
});
addEventListener("pagehide", () => link.stop());
addEventListener("pageshow", () => document.hidden || link.start());
addEventListener("online", () => {
  if (link.state.kind !== "live" && !document.hidden) {
    link.stop();
    link.start();
  }
});

// The first request already names the camera: that saves a round trip.
const { camera } = parseHash(location.hash);
// Without a name, the first status tells which sizes the layout needs.
const screenHeight = Math.ceil(Math.max(innerWidth, innerHeight) * devicePixelRatio);
link.watch(camera ? [camera] : [], camera ? { [camera]: screenHeight } : {});
openMoment();
if (!document.hidden) link.start();
setInterval(() => {
  if (document.hidden) return;
  if (isReady) updateHeights();
  refresh();
}, REFRESH_INTERVAL);
