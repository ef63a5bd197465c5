// @ts-check

/** Minimum length of the longer side of a picture, in CSS pixels: before, the page scrolls. */
export const MIN_PICTURE_SIZE = 160;

/** @typedef {{ width: number, height: number }} Size In CSS pixels. */
/** @typedef {Size & { columns: number, rows: number, scrolls: boolean }} Grid The size is of a tile. */

/**
 * Finds the number of columns that gives the pictures the largest total area.
 *
 * @param {readonly number[]} ratios Width of each picture divided by its height.
 * @param {Size & { gap: number }} space The space for all tiles, and the distance between two.
 * @returns {Grid}
 */
export function findBestGrid(ratios, { width, height, gap }) {
  /** @type {{ grid: Grid, area: number } | undefined} */
  let best;
  for (let columns = 1; columns <= ratios.length; columns++) {
    const rows = Math.ceil(ratios.length / columns);
    const cell = {
      width: (width - gap * (columns - 1)) / columns,
      height: (height - gap * (rows - 1)) / rows,
    };
    if (cell.width <= 0 || cell.height <= 0) continue;
    const pictures = ratios.map((ratio) => fit(ratio, cell));
    if (Math.min(...pictures.map((size) => Math.max(size.width, size.height))) < MIN_PICTURE_SIZE) {
      continue;
    }
    const area = pictures.reduce((sum, size) => sum + size.width * size.height, 0);
    if (!best || area > best.area) {
      best = { grid: { columns, rows, ...boundsOf(pictures), scrolls: false }, area };
    }
  }
  return best?.grid ?? scrollingGrid(ratios, width, gap);
}

/** Returns a grid that is taller than the window. @param {readonly number[]} ratios @param {number} width @param {number} gap */
function scrollingGrid(ratios, width, gap) {
  const fitting = Math.floor((width + gap) / (MIN_PICTURE_SIZE + gap));
  const columns = Math.max(1, Math.min(ratios.length, fitting));
  const cellWidth = Math.max(0, (width - gap * (columns - 1)) / columns);
  // A picture that is taller than wide gets a square tile.
  const bounds = boundsOf(
    ratios.map((ratio) => fit(ratio, { width: cellWidth, height: cellWidth })),
  );
  return { columns, rows: Math.ceil(ratios.length / columns), ...bounds, scrolls: true };
}

/** Returns the size of a picture in a cell. @param {number} ratio @param {Size} cell */
function fit(ratio, { width, height }) {
  return { width: Math.min(width, height * ratio), height: Math.min(height, width / ratio) };
}

/** Returns the smallest size that contains each picture. @param {Size[]} pictures */
function boundsOf(pictures) {
  return {
    width: Math.floor(Math.max(0, ...pictures.map(({ width }) => width))),
    height: Math.floor(Math.max(0, ...pictures.map(({ height }) => height))),
  };
}
