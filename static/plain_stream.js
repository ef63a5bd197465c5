// @ts-check
import { readRefusal, request } from "./live.js";

/** Delay before a failed stream is opened again. */
const RETRY_DELAY = 2_000;
/** Time in which the server counts this page as a viewer. */
const COUNTED_AFTER = 3_000;

/** @typedef {import("./live.js").CameraStatus} CameraStatus */

/** A camera's multipart stream in an `<img>`, which is opened again after a failure. */
export class PlainStream {
  image = document.createElement("img");
  /** @type {import("./state_text.js").PlainState["state"]} */
  state = "loading";
  /** @type {string | undefined} */
  reason;
  /** When the stream is opened again. @type {number | undefined} */
  retryAt;
  #path;
  /** Infinity: the camera's own pictures. */
  #height;
  /** Whether the last attempt has failed: the camera's own pictures may be available. */
  #hasFailed = false;
  #loadedAt = Infinity;
  #isClosed = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /**
   * @param {string} path
   * @param {number | undefined} height
   * @param {() => void} onLoad Called when a picture has arrived.
   */
  constructor(path, height = Infinity, onLoad) {
    this.#path = path;
    this.#height = height;
    this.image.draggable = false;
    this.image.onload = () => {
      if (this.#isClosed) return;
      if (this.state !== "live") this.#loadedAt = performance.now();
      this.state = "live";
      onLoad();
    };
    this.image.onerror = () => this.#isClosed || this.#fail();
    this.open();
  }

  /** Opens the stream, also after a failure. */
  open() {
    clearTimeout(this.#timer);
    this.state = "loading";
    this.#loadedAt = Infinity;
    this.retryAt = undefined;
    const height = this.#height < Infinity && !this.#hasFailed ? `&height=${this.#height}` : "";
    this.image.src = `${this.#path}?t=${Date.now()}${height}`;
  }

  /** Opens the stream again if larger pictures are needed. @param {number} height */
  setHeight(height) {
    if (height <= Math.max(this.#height, this.image.naturalHeight)) return;
    this.#height = height;
    this.#hasFailed = false;
    this.open();
  }

  /**
   * Opens the stream again if it was interrupted: Chromium and WebKit show no picture then, in Firefox
   * only the camera's status reveals it.
   *
   * @param {CameraStatus} before
   * @param {CameraStatus} status
   */
  check(before, status) {
    if (this.state !== "live") return;
    const isEmpty = this.image.complete && this.image.naturalWidth === 0;
    const isUncounted = status.viewers === 0 && before.viewers === 0 &&
      performance.now() - this.#loadedAt > COUNTED_AFTER;
    const isRestarted = status.frames < before.frames;
    if (isEmpty || isUncounted || isRestarted) this.open();
  }

  close() {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.image.src = "data:,"; // otherwise Safari does not close the stream
    this.image.remove();
  }

  async #fail() {
    this.state = "failed";
    this.#hasFailed = !this.#hasFailed;
    this.retryAt = performance.now() + RETRY_DELAY;
    this.#timer = setTimeout(() => this.open(), RETRY_DELAY);
    this.reason = await this.#fetchReason() ?? "The stream was interrupted";
  }

  /** Requests the stream for its status only: an `<img>` does not reveal the reason of a failure. */
  async #fetchReason() {
    try {
      return await readRefusal(await request(this.#path));
    } catch {
      return "The server is not responding";
    }
  }
}
