// @ts-check
/// <reference lib="dom.iterable" />
import {
  areaBetween,
  areaOfBlocks,
  describeArea,
  MAX_AREAS,
  moveArea,
  resizeArea,
} from "./mask_areas.js";

/** @typedef {import("./mask_areas.js").Area} Area */
/** @typedef {import("./mask_areas.js").Edge} Edge */

/**
 * `onChange` is called when the user has changed the rectangles, `before` are those before a drag.
 *
 * @typedef {{
 *   areas(): Area[], onChange(areas: Area[], before?: Area[]): void, onSelect(): void,
 * }} DrawingEvents
 */

const CORNERS = ["left top", "right top", "left bottom", "right bottom"];

/** The rectangles on the picture: they are drawn, moved and resized with pointers. */
export class MaskDrawing {
  /** Index of the rectangle with the handles. @type {number | undefined} */
  selected;
  #root;
  #events;
  /** Elements of the rectangles, and of the blocks that the server masks. @type {{ box: HTMLElement, blocks: HTMLElement }[]} */
  #shapes = [];
  /** The rectangles during a drag. @type {Area[] | undefined} */
  #dragged;
  /** Size of the picture in pixels. @type {{ width: number, height: number } | undefined} */
  #size;

  /** @param {HTMLElement} root @param {DrawingEvents} events */
  constructor(root, events) {
    this.#root = root;
    this.#events = events;
    root.addEventListener("pointerdown", (event) => this.#startDrag(event));
    root.addEventListener("focusin", ({ target }) => {
      const index = this.#shapes.findIndex(({ box }) => box === target);
      if (index >= 0) this.#select(index);
    });
  }

  /** Sets the size of the picture in pixels. @param {{ width: number, height: number }} size */
  setSize(size) {
    this.#size = size;
    this.draw();
  }

  /** Gives a rectangle the handles and the keyboard focus. @param {number} index */
  select(index) {
    this.#select(index);
    this.#shapes[index]?.box.focus({ preventScroll: true });
  }

  /** Moves the selected rectangle, or its right and lower edges. @param {number[]} by @param {boolean} resizes */
  nudge([dx = 0, dy = 0], resizes) {
    const area = this.#events.areas()[this.selected ?? -1];
    if (!area) return;
    const changed = resizes
      ? resizeArea(area, ["right", "bottom"], dx, dy)
      : moveArea(area, dx, dy);
    this.#events.onChange(this.#events.areas().with(this.selected ?? 0, changed));
  }

  draw() {
    const areas = this.#dragged ?? this.#events.areas();
    while (this.#shapes.length < areas.length) this.#shapes.push(this.#createShape());
    for (const { box, blocks } of this.#shapes.splice(areas.length)) {
      box.remove();
      blocks.remove();
    }
    if (this.selected !== undefined && this.selected >= areas.length) this.selected = undefined;
    for (const [i, area] of areas.entries()) {
      const shape = this.#shapes[i];
      if (!shape) continue;
      place(shape.box, area);
      place(shape.blocks, this.#size ? areaOfBlocks(area, this.#size) : area);
      shape.box.ariaLabel = `Rectangle ${i + 1}: ${describeArea(area)}`;
      shape.box.dataset.number = `${i + 1}`;
      shape.box.classList.toggle("selected", i === this.selected);
    }
  }

  #createShape() {
    const box = document.createElement("div");
    box.className = "mask-area";
    box.tabIndex = 0;
    box.role = "group";
    for (const edges of CORNERS) {
      const handle = document.createElement("span");
      handle.dataset.edges = edges;
      box.append(handle);
    }
    const blocks = document.createElement("div");
    blocks.className = "mask-blocks";
    this.#root.append(blocks, box);
    return { box, blocks };
  }

  /** @param {number | undefined} index */
  #select(index) {
    if (index === this.selected) return;
    this.selected = index;
    this.#events.onSelect();
  }

  /** @param {PointerEvent} event */
  #startDrag(event) {
    const { target, pointerId } = event;
    if (event.button !== 0 || this.#dragged || !(target instanceof HTMLElement)) return;
    event.preventDefault();
    const before = this.#events.areas();
    const index = this.#shapes.findIndex(({ box }) => box.contains(target));
    const change = this.#changeOf(index, target.dataset.edges, this.#pointOf(event));
    this.#dragged = before;
    if (index >= 0) this.select(index);
    else this.#select(undefined);
    this.#root.setPointerCapture(pointerId);
    const end = new AbortController();
    const on = (/** @type {string} */ type, /** @type {(event: PointerEvent) => void} */ listen) =>
      this.#root.addEventListener(type, (event) => {
        if (event instanceof PointerEvent && event.pointerId === pointerId) listen(event);
      }, { signal: end.signal });
    on("pointermove", (event) => {
      this.#dragged = change(before, this.#pointOf(event));
      this.draw();
    });
    const finish = (/** @type {Area[]} */ areas) => {
      end.abort();
      this.#dragged = undefined;
      if (`${areas.map(describeArea)}` !== `${before.map(describeArea)}`) {
        this.#events.onChange(areas, before);
        this.select(index >= 0 ? index : areas.length - 1);
      } else this.draw();
    };
    on("pointerup", () => finish(this.#dragged ?? before));
    on("pointercancel", () => finish(before));
  }

  /**
   * Returns how a drag changes the rectangles: it draws, resizes or moves one.
   *
   * @param {number} index Negative: a new rectangle.
   * @param {string | undefined} edges
   * @param {{ x: number, y: number }} start
   * @returns {(before: Area[], at: { x: number, y: number }) => Area[]}
   */
  #changeOf(index, edges, start) {
    if (index < 0) {
      return (before, at) => {
        const area = before.length < MAX_AREAS ? areaBetween(start, at) : undefined;
        return area ? [...before, area] : before;
      };
    }
    return (before, at) => {
      const area = before[index];
      if (!area) return before;
      const by = /** @type {const} */ ([at.x - start.x, at.y - start.y]);
      const moved = edges
        ? resizeArea(area, /** @type {Edge[]} */ (edges.split(" ")), ...by)
        : moveArea(area, ...by);
      return before.with(index, moved);
    };
  }

  /** Returns the position of a pointer, in per cent of the picture. @param {PointerEvent} event */
  #pointOf({ clientX, clientY }) {
    const { left, top, width, height } = this.#root.getBoundingClientRect();
    return { x: (clientX - left) / width * 100, y: (clientY - top) / height * 100 };
  }
}

/** @param {HTMLElement} element @param {Area} area */
function place({ style }, { left, top, right, bottom }) {
  style.left = `${left}%`;
  style.top = `${top}%`;
  style.width = `${right - left}%`;
  style.height = `${bottom - top}%`;
}
