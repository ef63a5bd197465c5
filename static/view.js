// @ts-check
/// <reference lib="dom" />

/** Maximum zoom factor. */
const MAX_ZOOM = 8;
/** Zoom factor of one step. */
const ZOOM_STEP = 1.25;

/**
 * How this browser shows one camera's picture: rotation, mirroring and zoom. Stored in this browser; other
 * viewers are not affected.
 */
export class View {
  /** Rotation clockwise, in degrees. */
  turn = 0;
  mirrored = false;
  zoom = 1;
  /** Centre of the view, relative to the centre of the picture, as fractions of the displayed size. */
  x = 0;
  y = 0;
  #key;

  /** @param {string} camera */
  constructor(camera) {
    this.#key = `view of ${camera}`;
    try {
      // Earlier versions of the page used the key "look of …".
      const stored = localStorage.getItem(this.#key) ?? localStorage.getItem(`look of ${camera}`);
      const { turn, mirrored, zoom, x, y } = JSON.parse(stored ?? "{}");
      if ([90, 180, 270].includes(turn)) this.turn = turn;
      this.mirrored = mirrored === true;
      this.zoomTo(typeof zoom === "number" ? zoom : 1);
      this.moveTo(Number(x) || 0, Number(y) || 0);
    } catch {
      // No storage, or an invalid entry: the picture is shown unchanged.
    }
  }

  /** Whether the picture is rotated by a quarter turn, to the left or right. */
  get sideways() {
    return this.turn % 180 !== 0;
  }

  /** Whether the picture is rotated or mirrored. */
  get changed() {
    return this.turn !== 0 || this.mirrored;
  }

  /** Rotates the picture clockwise by a quarter turn, as the user sees it. */
  rotate() {
    this.turn = (this.turn + (this.mirrored ? 270 : 90)) % 360;
    this.moveTo(-this.y, this.x);
  }

  /** Swaps left and right, as the user sees them. */
  mirror() {
    this.mirrored = !this.mirrored;
    this.moveTo(-this.x, this.y);
  }

  /** Zooms in by this many steps, or out if negative. @param {number} steps */
  zoomBy(steps) {
    this.zoomTo(this.zoom * ZOOM_STEP ** steps);
  }

  /**
   * Zooms around a fixed point.
   *
   * @param {number} zoom Zoom factor, from 1.
   * @param {number} [x] Position of the point relative to the centre of the view, as a fraction of the
   *   picture's size at a zoom of 1.
   * @param {number} [y]
   */
  zoomTo(zoom, x = 0, y = 0) {
    const before = this.zoom;
    const wanted = Math.min(MAX_ZOOM, Math.max(1, zoom));
    this.zoom = wanted < 1.01 ? 1 : wanted;
    const by = 1 / before - 1 / this.zoom;
    this.moveTo(this.x + x * by, this.y + y * by);
  }

  /** Moves the centre of the view, within the picture. @param {number} x @param {number} y */
  moveTo(x, y) {
    const edge = (1 - 1 / this.zoom) / 2;
    this.x = Math.min(edge, Math.max(-edge, x));
    this.y = Math.min(edge, Math.max(-edge, y));
  }

  /** Stores the view in this browser. */
  save() {
    const { turn, mirrored, zoom, x, y } = this;
    try {
      localStorage.setItem(this.#key, JSON.stringify({ turn, mirrored, zoom, x, y }));
    } catch {
      // No storage: the view lasts as long as the page.
    }
  }

  /** CSS transform of the picture's frame: everything but the rotation. */
  get transform() {
    const move = `${-100 * this.x * this.zoom}%, ${-100 * this.y * this.zoom}%`;
    return `translate(${move}) scale(${this.mirrored ? -this.zoom : this.zoom}, ${this.zoom})`;
  }

  /**
   * Draws a whole picture, rotated and mirrored but not zoomed.
   *
   * @param {ImageBitmap} picture
   * @returns {HTMLCanvasElement}
   */
  draw(picture) {
    const canvas = document.createElement("canvas");
    const { width, height } = picture;
    [canvas.width, canvas.height] = this.sideways ? [height, width] : [width, height];
    const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    context.translate(canvas.width / 2, canvas.height / 2);
    context.scale(this.mirrored ? -1 : 1, 1);
    context.rotate(this.turn * Math.PI / 180);
    context.drawImage(picture, -width / 2, -height / 2);
    return canvas;
  }
}
