// @ts-check
import { element, wheelDelta } from "./dom.js";

/** Zoom per pixel of the mouse wheel (exponential). */
const WHEEL_ZOOM = 0.0015;
/** Zoom factor after a double click. */
const DOUBLE_CLICK_ZOOM = 2.5;

/**
 * Lets the user zoom and move a picture.
 *
 * @param {import("./tile.js").Tile} tile
 * @param {() => boolean} isActive
 * @param {() => void} onChange
 */
export function followPointers(tile, isActive, onChange) {
  const stage = element(".stage", tile.element);
  const { view } = tile;
  /** The last event of each pressed pointer. @type {Map<number, PointerEvent>} */
  const pressed = new Map();

  /** Position from the centre of the view, as fractions of the picture. @param {{ x: number, y: number }} point */
  const positionOf = ({ x, y }) => {
    const { left, top, width, height } = stage.getBoundingClientRect();
    const size = tile.size;
    return [(x - left - width / 2) / size.width, (y - top - height / 2) / size.height];
  };

  stage.addEventListener("wheel", (event) => {
    if (!isActive()) return;
    event.preventDefault();
    const { y } = wheelDelta(event);
    view.zoomTo(view.zoom * Math.exp(-y * WHEEL_ZOOM), ...positionOf(event));
    onChange();
  }, { passive: false });

  stage.addEventListener("dblclick", (event) => {
    if (!isActive() || isControl(event.target)) return;
    view.zoomTo(view.zoom > 1 ? 1 : DOUBLE_CLICK_ZOOM, ...positionOf(event));
    onChange();
  });

  stage.addEventListener("pointerdown", (event) => {
    if (!isActive() || isControl(event.target)) return;
    pressed.set(event.pointerId, event);
    if (view.zoom > 1 || pressed.size > 1) stage.setPointerCapture(event.pointerId);
  });

  stage.addEventListener("pointermove", (event) => {
    if (event.buttons === 0) pressed.delete(event.pointerId); // released outside the window
    const before = pressed.get(event.pointerId);
    if (!before) return;
    pressed.delete(event.pointerId);
    const [other] = pressed.values();
    pressed.set(event.pointerId, event);
    const { width, height } = tile.size;
    const share = 1 / (pressed.size * view.zoom);
    const [dx, dy] = [event.x - before.x, event.y - before.y];
    if (other) {
      const middle = { x: (event.x + other.x) / 2, y: (event.y + other.y) / 2 };
      view.zoomTo(
        view.zoom * distance(event, other) / distance(before, other),
        ...positionOf(middle),
      );
    } else if (view.zoom === 1) return;
    view.moveBy(-dx / width * share, -dy / height * share);
    onChange();
  });

  stage.addEventListener("pointerup", ({ pointerId }) => pressed.delete(pointerId));
  stage.addEventListener("pointercancel", ({ pointerId }) => pressed.delete(pointerId));
}

/** @param {EventTarget | null} target */
function isControl(target) {
  return target instanceof Element && target.closest("button, a") !== null;
}

/** @param {{ x: number, y: number }} a @param {{ x: number, y: number }} b */
function distance(a, b) {
  return Math.max(1, Math.hypot(a.x - b.x, a.y - b.y));
}
