// @ts-check

/**
 * A rectangle of a privacy mask, in per cent of the picture as people see it.
 *
 * @typedef {{ left: number, top: number, right: number, bottom: number }} Area
 */

/** @typedef {"left" | "top" | "right" | "bottom"} Edge */

/** Maximum number of rectangles that the server accepts. */
export const MAX_AREAS = 100;
/** Minimum width and height of a rectangle, in per cent. */
export const MIN_SIZE = 1;
/** The server masks whole blocks of at most this width and height, in pixels. */
const BLOCK = 16;
/** A pixel's colour is mixed with that of pixels at this distance. */
const COLOUR_REACH = 1;
/** Rounding errors are smaller than this. */
const EPSILON = 1e-6;

/** Parses the value of `PRIVACY_MASK`. @param {string | null | undefined} text @returns {Area[]} */
export function parseAreas(text) {
  return (text ?? "").split(";").map((part) => part.split(",").map(Number))
    .filter((numbers) => numbers.length === 4 && numbers.every(Number.isFinite))
    .map(([left = 0, top = 0, right = 0, bottom = 0]) => ({ left, top, right, bottom }));
}

/** Returns the value of `PRIVACY_MASK`. @param {readonly Area[]} areas */
export function formatAreas(areas) {
  return areas.map(rounded).map(({ left, top, right, bottom }) =>
    `${left},${top},${right},${bottom}`
  ).join(";");
}

/**
 * Returns the line for the server's settings. It is in quotes if a shell would need them.
 *
 * @param {string | undefined} camera Undefined: the server's only camera.
 * @param {readonly Area[]} areas
 */
export function formatSetting(camera, areas) {
  const value = formatAreas(areas);
  return `${variableOf(camera)}=${value.includes(";") ? `'${value}'` : value}`;
}

/** Returns the name of the variable, as the server reads it. @param {string | undefined} camera */
export function variableOf(camera) {
  const prefix = camera === undefined ? "" : `${camera.toUpperCase().replaceAll("-", "_")}_`;
  return `${prefix}PRIVACY_MASK`;
}

/** Describes a rectangle for people. @param {Area} area */
export function describeArea(area) {
  const { left, top, right, bottom } = rounded(area);
  return `left ${left}\u00a0%, top ${top}\u00a0%, right ${right}\u00a0%, bottom ${bottom}\u00a0%`;
}

/** Moves a rectangle within the picture. @param {Area} area @param {number} dx @param {number} dy @returns {Area} */
export function moveArea({ left, top, right, bottom }, dx, dy) {
  const x = clamp(dx, -left, 100 - right), y = clamp(dy, -top, 100 - bottom);
  return { left: left + x, top: top + y, right: right + x, bottom: bottom + y };
}

/**
 * Moves some edges of a rectangle, within the picture and not beyond the opposite edges.
 *
 * @param {Area} area
 * @param {readonly Edge[]} edges
 * @param {number} dx
 * @param {number} dy
 * @returns {Area}
 */
export function resizeArea({ left, top, right, bottom }, edges, dx, dy) {
  return {
    left: edges.includes("left") ? clamp(left + dx, 0, right - MIN_SIZE) : left,
    top: edges.includes("top") ? clamp(top + dy, 0, bottom - MIN_SIZE) : top,
    right: edges.includes("right") ? clamp(right + dx, left + MIN_SIZE, 100) : right,
    bottom: edges.includes("bottom") ? clamp(bottom + dy, top + MIN_SIZE, 100) : bottom,
  };
}

/**
 * Returns the rectangle between two points, in per cent of the picture; undefined if it is too small.
 *
 * @param {{ x: number, y: number }} a
 * @param {{ x: number, y: number }} b
 * @returns {Area | undefined}
 */
export function areaBetween(a, b) {
  const left = clamp(Math.min(a.x, b.x), 0, 100), right = clamp(Math.max(a.x, b.x), 0, 100);
  const top = clamp(Math.min(a.y, b.y), 0, 100), bottom = clamp(Math.max(a.y, b.y), 0, 100);
  if (right - left < MIN_SIZE || bottom - top < MIN_SIZE) return undefined;
  return { left, top, right, bottom };
}

/**
 * Returns the largest area that the server masks for a rectangle: whole blocks, of all pixels whose
 * colour has to do with that of the rectangle.
 *
 * @param {Area} area
 * @param {{ width: number, height: number }} picture Its size in pixels.
 * @returns {Area}
 */
export function areaOfBlocks(area, { width, height }) {
  const { left, top, right, bottom } = rounded(area);
  const before = (/** @type {number} */ percent, /** @type {number} */ size) => {
    const blocks = Math.floor((Math.floor(size * percent / 100) - COLOUR_REACH) / BLOCK);
    return Math.max(0, blocks * BLOCK / size * 100);
  };
  const after = (/** @type {number} */ percent, /** @type {number} */ size) => {
    const blocks = Math.ceil((Math.ceil(size * percent / 100) + COLOUR_REACH) / BLOCK);
    return Math.min(100, blocks * BLOCK / size * 100);
  };
  return {
    left: before(left, width),
    top: before(top, height),
    right: after(right, width),
    bottom: after(bottom, height),
  };
}

/** Rounds to tenths of a per cent, so that the rectangle gets no smaller. @param {Area} area @returns {Area} */
function rounded({ left, top, right, bottom }) {
  const down = (/** @type {number} */ value) => Math.floor(value * 10 + EPSILON) / 10;
  const up = (/** @type {number} */ value) => Math.ceil(value * 10 - EPSILON) / 10;
  return { left: down(left), top: down(top), right: up(right), bottom: up(bottom) };
}

/** @param {number} value @param {number} min @param {number} max */
function clamp(value, min, max) {
  return Math.min(max, Math.max(min, value));
}
