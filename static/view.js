// @ts-check
/// <reference lib="dom" />

const LARGEST = 8;
const STEP = 1.25;

/**
 * How one camera's picture is looked at in this browser: turned, mirrored, enlarged. It is remembered here
 * and changes nothing for anybody else.
 */
export class View {
  turn = 0;
  mirrored = false;
  zoom = 1;
  /** Where the middle of the view lies, from the picture's middle, in parts of what is shown of it. */
  x = 0;
  y = 0;
  #key;

  /** @param {string} camera */
  constructor(camera) {
    this.#key = `look of ${camera}`;
    try {
      const { turn, mirrored, zoom, x, y } = JSON.parse(localStorage.getItem(this.#key) ?? "{}");
      if ([90, 180, 270].includes(turn)) this.turn = turn;
      this.mirrored = mirrored === true;
      this.zoomTo(typeof zoom === "number" ? zoom : 1);
      this.moveTo(Number(x) || 0, Number(y) || 0);
    } catch {
      // Nothing is kept, or what is kept is not ours: the picture is shown as it comes.
    }
  }

  /** Whether the picture lies on its side. */
  get sideways() {
    return this.turn % 180 !== 0;
  }

  /** Whether the picture is turned or mirrored. */
  get changed() {
    return this.turn !== 0 || this.mirrored;
  }

  /** A quarter turn clockwise, as it is seen. */
  rotate() {
    this.turn = (this.turn + (this.mirrored ? 270 : 90)) % 360;
    this.moveTo(-this.y, this.x);
  }

  /** Mirrors left and right, as it is seen. */
  mirror() {
    this.mirrored = !this.mirrored;
    this.moveTo(-this.x, this.y);
  }

  /** Enlarges by so many steps. @param {number} steps */
  zoomBy(steps) {
    this.zoomTo(this.zoom * STEP ** steps);
  }

  /**
   * Enlarges, so that what is seen at a point stays there.
   *
   * @param {number} zoom From 1.
   * @param {number} [x] How far the point lies from the middle of the view, in parts of the picture's
   *   size at a zoom of 1.
   * @param {number} [y]
   */
  zoomTo(zoom, x = 0, y = 0) {
    const before = this.zoom;
    const wanted = Math.min(LARGEST, Math.max(1, zoom));
    this.zoom = wanted < 1.01 ? 1 : wanted;
    const by = 1 / before - 1 / this.zoom;
    this.moveTo(this.x + x * by, this.y + y * by);
  }

  /** Moves the view, no further than the picture goes. @param {number} x @param {number} y */
  moveTo(x, y) {
    const edge = (1 - 1 / this.zoom) / 2;
    this.x = Math.min(edge, Math.max(-edge, x));
    this.y = Math.min(edge, Math.max(-edge, y));
  }

  save() {
    const { turn, mirrored, zoom, x, y } = this;
    try {
      localStorage.setItem(this.#key, JSON.stringify({ turn, mirrored, zoom, x, y }));
    } catch {
      // The browser keeps nothing for us: it lasts as long as the page.
    }
  }

  /** For the style of the picture's frame: all but the turn. */
  get transform() {
    const move = `${-100 * this.x * this.zoom}%, ${-100 * this.y * this.zoom}%`;
    return `translate(${move}) scale(${this.mirrored ? -this.zoom : this.zoom}, ${this.zoom})`;
  }

  /**
   * Draws a picture as it is looked at, but whole.
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
