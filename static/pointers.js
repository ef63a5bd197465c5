// @ts-check
/// <reference lib="dom" />

/** How much a turn of the mouse wheel enlarges. */
const WHEEL = 0.0015;
/** What a double click enlarges to. */
const DOUBLE = 2.5;

/**
 * Zooms and moves a picture with the wheel, the mouse or fingers.
 *
 * @param {import("./tile.js").Tile} tile
 * @param {() => boolean} isActive
 * @param {() => void} onChange
 */
export function followPointers(tile, isActive, onChange) {
  const stage = /** @type {HTMLElement} */ (tile.element.querySelector(".stage"));
  const { view } = tile;
  /** @type {Map<number, { x: number, y: number }>} */
  const held = new Map();

  /** Where something is, from the middle of the view, in parts of the picture. @param {{ x: number, y: number }} point */
  const place = ({ x, y }) => {
    const { left, top, width, height } = stage.getBoundingClientRect();
    const size = tile.size;
    return [(x - left - width / 2) / size.width, (y - top - height / 2) / size.height];
  };

  stage.addEventListener("wheel", (event) => {
    if (!isActive()) return;
    event.preventDefault();
    const lines = event.deltaMode === 1 ? 30 : 1;
    view.zoomTo(view.zoom * Math.exp(-event.deltaY * lines * WHEEL), ...place(event));
    onChange();
  }, { passive: false });

  stage.addEventListener("dblclick", (event) => {
    if (!isActive() || isControl(event.target)) return;
    view.zoomTo(view.zoom > 1 ? 1 : DOUBLE, ...place(event));
    onChange();
  });

  stage.addEventListener("pointerdown", (event) => {
    if (!isActive() || isControl(event.target)) return;
    held.set(event.pointerId, { x: event.clientX, y: event.clientY });
    if (view.zoom > 1 || held.size > 1) stage.setPointerCapture(event.pointerId);
  });

  stage.addEventListener("pointermove", (event) => {
    if (event.buttons === 0) held.delete(event.pointerId); // it was let go elsewhere
    const before = held.get(event.pointerId);
    if (!before) return;
    const now = { x: event.clientX, y: event.clientY };
    const others = [...held].filter(([id]) => id !== event.pointerId);
    held.set(event.pointerId, now);
    const { width, height } = tile.size;
    const share = 1 / (held.size * view.zoom);
    const [dx, dy] = [now.x - before.x, now.y - before.y];
    const other = others[0]?.[1];
    if (other) {
      const middle = { x: (now.x + other.x) / 2, y: (now.y + other.y) / 2 };
      view.zoomTo(view.zoom * distance(now, other) / distance(before, other), ...place(middle));
    } else if (view.zoom === 1) return;
    view.moveTo(view.x - dx / width * share, view.y - dy / height * share);
    onChange();
  });

  for (const end of ["pointerup", "pointercancel"]) {
    stage.addEventListener(end, (event) => {
      held.delete(/** @type {PointerEvent} */ (event).pointerId);
    });
  }
}

/** @param {EventTarget | null} target */
function isControl(target) {
  return target instanceof Element && target.closest("button, a") !== null;
}

/** @param {{ x: number, y: number }} one @param {{ x: number, y: number }} other */
function distance(one, other) {
  return Math.max(1, Math.hypot(one.x - other.x, one.y - other.y));
}
