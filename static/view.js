// @ts-check
/// <reference lib="dom" />

const MAX_ZOOM = 8;
const ZOOM_STEP = 1.25;

/** How this browser shows one camera's picture: rotation, mirroring and zoom. */
export class View {
  /** Rotation clockwise, in degrees. */
  turn = 0;
  mirrored = false;
  zoom = 1;
  /** Centre of the view, from the centre of the picture, as fractions of the displayed size. */
  x = 0;
  y = 0;
  /** Size of the area that shows the picture, relative to that of the picture. */
  #area = { width: 1, height: 1 };
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
      this.#setCentre(Number(x) || 0, Number(y) || 0);
    } catch {
      // No storage, or an invalid entry: the picture is shown unchanged.
    }
  }

  /** Whether the picture is rotated by a quarter turn. */
  get sideways() {
    return this.turn % 180 !== 0;
  }

  get changed() {
    return this.turn !== 0 || this.mirrored;
  }

  /** Rotates the picture clockwise by a quarter turn, as the user sees it. */
  rotate() {
    this.turn = (this.turn + (this.mirrored ? 270 : 90)) % 360;
    this.#setCentre(-this.y, this.x);
  }

  /** Swaps left and right, as the user sees them. */
  mirror() {
    this.mirrored = !this.mirrored;
    this.#setCentre(-this.x, this.y);
  }

  /** Zooms in by this many steps, or out if negative. @param {number} steps */
  zoomBy(steps) {
    this.zoomTo(this.zoom * ZOOM_STEP ** steps);
  }

  /**
   * Zooms around a point: its position from the centre of the view, as a fraction of the picture's
   * size at a zoom of 1.
   *
   * @param {number} zoom
   */
  zoomTo(zoom, x = 0, y = 0) {
    const before = this.zoom;
    const centre = this.#limit(this.x, this.y);
    const wanted = Math.min(MAX_ZOOM, Math.max(1, zoom));
    this.zoom = wanted < 1.01 ? 1 : wanted;
    const by = 1 / before - 1 / this.zoom;
    this.moveTo(centre.x + x * by, centre.y + y * by);
  }

  /** Moves the centre of the view, within the picture. @param {number} x @param {number} y */
  moveTo(x, y) {
    ({ x: this.x, y: this.y } = this.#limit(x, y));
  }

  /** Moves the centre of the view, as seen by the user. @param {number} dx @param {number} dy */
  moveBy(dx, dy) {
    const { x, y } = this.#limit(this.x, this.y);
    this.moveTo(x + dx, y + dy);
  }

  /**
   * Sets the size of the area that shows the picture, and of the picture at a zoom of 1.
   *
   * @param {{ width: number, height: number }} area
   * @param {{ width: number, height: number }} picture
   */
  setArea(area, picture) {
    const isVisible = picture.width > 0 && picture.height > 0;
    this.#area = {
      width: isVisible ? Math.max(1, area.width / picture.width) : 1,
      height: isVisible ? Math.max(1, area.height / picture.height) : 1,
    };
  }

  /** Sets the centre, within the picture. @param {number} x @param {number} y */
  #setCentre(x, y) {
    const edge = edgeOf(1, this.zoom);
    this.x = clamp(x, edge);
    this.y = clamp(y, edge);
  }

  /** Returns the closest allowed centre. @param {number} x @param {number} y */
  #limit(x, y) {
    const { width, height } = this.#area;
    return { x: clamp(x, edgeOf(width, this.zoom)), y: clamp(y, edgeOf(height, this.zoom)) };
  }

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
    const { x, y } = this.#limit(this.x, this.y);
    const move = `${-100 * x * this.zoom}%, ${-100 * y * this.zoom}%`;
    return `translate(${move}) scale(${this.mirrored ? -this.zoom : this.zoom}, ${this.zoom})`;
  }

  /** Draws a whole picture, rotated and mirrored but not zoomed. @param {ImageBitmap} picture */
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

/** Returns how far the centre of the view may be from that of the picture. @param {number} area @param {number} zoom */
function edgeOf(area, zoom) {
  return Math.max(0, (1 - area / zoom) / 2);
}

/** @param {number} value @param {number} limit */
function clamp(value, limit) {
  return Math.min(limit, Math.max(-limit, value));
}
