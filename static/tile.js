// @ts-check
/// <reference lib="dom" />
import { addressOf } from "./addresses.js";
import { View } from "./view.js";
import { Meter } from "./meter.js";

/** @typedef {import("./live.js").CameraStatus} CameraStatus */
/** @typedef {import("./live.js").LinkState} LinkState */
/** @typedef {import("./server_clock.js").ServerClock} ServerClock */

/** No new picture for so long is worth a word, in milliseconds; for a slow camera so many pictures' time. */
const FROZEN_AFTER = 3_000;
const FROZEN_FRAMES = 4;
/** So often the camera had new pictures, and none came for so long: the connection has lost its thread. */
const MAX_MISSED_UPDATES = 4;
const MISSED_TIMEOUT = 5_000;
/** The beginning is not worth a word, in milliseconds. */
const STARTUP_DELAY = 500;
/** A silence of so long, and of so many pictures' time, may mean that the camera failed. */
const LATE_AFTER = 250;
const LATE_FRAMES = 3;
/** How long it is told what was wrong, when pictures come again. */
const RECOVERY_NOTICE_TIME = 10_000;

/** What a tile has to know of the page. @typedef {{ link: LinkState, paused: boolean, heard: number }} Surroundings */

/** One camera on the page: its picture, and what there is to say of it. */
export class Tile {
  /** @type {CameraStatus} */
  status;
  view;
  meter = new Meter();
  /** The newest picture and when it was captured, by the server's clock. @type {{ jpeg: Blob, capturedAt: number } | undefined} */
  newest;
  element;
  /** Whether it can be seen where the page is scrolled to, or nearly so. */
  isNear = true;
  /** What is said of it to those who do not see it; changes only when there is something to say. */
  announcement = "";
  #frame;
  #canvas;
  #context;
  /** The plain stream, where there is no WebSocket. @type {HTMLImageElement | undefined} */
  #plain;
  #painted = 0;
  #missed = 0;
  #since = performance.now();
  /** When it was heard last of a failure. */
  #failedAt = -Infinity;

  /** @param {CameraStatus} status */
  constructor(status) {
    this.status = status;
    this.view = new View(status.name);
    const template = /** @type {HTMLTemplateElement} */ (document.querySelector("#tile"));
    const copy = /** @type {DocumentFragment} */ (template.content.cloneNode(true));
    this.element = /** @type {HTMLElement} */ (copy.firstElementChild);
    this.element.dataset.camera = status.name;
    this.#frame = this.#find(".frame");
    this.#canvas = /** @type {HTMLCanvasElement} */ (this.#find("canvas"));
    this.#canvas.setAttribute("aria-label", `Live picture of camera ${status.name}`);
    this.#context = /** @type {ImageBitmapRenderingContext} */ (this.#canvas.getContext(
      "bitmaprenderer",
    ));
    const open = this.#find(".open");
    open.setAttribute("href", `#${encodeURIComponent(status.name)}`);
    open.setAttribute("aria-label", `Show camera ${status.name} alone`);
    this.#setText(".name", status.name);
    this.#shape(sizeIn(status.resolution) ?? { width: 16, height: 9 });
  }

  /**
   * Paints a picture.
   *
   * @param {import("./live.js").LiveFrame} frame
   * @param {ServerClock} clock
   */
  async paint({ jpeg, sequence, capturedAt }, clock) {
    const bitmap = await createImageBitmap(jpeg);
    if (sequence <= this.#painted) return bitmap.close(); // a newer one was faster
    this.#painted = sequence;
    this.#missed = 0;
    this.#shape(bitmap);
    this.element.classList.remove("blank");
    this.#context.transferFromImageBitmap(bitmap);
    const now = performance.now();
    this.meter.add(sequence, now, clock.ageOf(capturedAt, now));
    this.newest = { jpeg, capturedAt };
    this.#since = now;
  }

  /** The connection is a new one, or pictures were not wanted for a while. */
  pause() {
    this.#painted = 0;
    this.#missed = 0;
    this.#since = performance.now();
    this.meter.pause();
  }

  /** Takes news of the camera. @param {CameraStatus} status @returns Whether its pictures have got lost. */
  update(status) {
    const isBehind = status.state === "streaming" && status.frames > this.#painted;
    const isNew = status.frames > this.status.frames;
    // A failure may be over before there is news of it: what was wrong is told all the same.
    const hasFailed = status.state === "failed" || status.failures > this.status.failures;
    if (hasFailed) this.#failedAt = performance.now();
    this.status = status;
    if (isBehind && isNew) this.#missed++;
    return this.#missed >= MAX_MISSED_UPDATES && performance.now() - this.#since > MISSED_TIMEOUT;
  }

  /** Whether pictures should have come by now. @param {number} now */
  isLate(now) {
    const silence = now - (this.meter.last ?? this.#since);
    const pictures = LATE_FRAMES * 1000 / (this.status.fps || 1);
    return this.status.state === "streaming" && silence > Math.max(LATE_AFTER, pictures);
  }

  /** Shows the plain stream instead of painting. @param {boolean} wanted */
  showPlain(wanted) {
    if (wanted === (this.#plain !== undefined)) return;
    if (wanted) {
      this.#plain = document.createElement("img");
      this.#plain.className = "picture";
      this.#plain.alt = `Live picture of camera ${this.status.name}`;
      this.#plain.src = `${this.#address}/video_feed?t=${Date.now()}`;
      this.#plain.onload = () => {
        this.element.classList.remove("blank");
        if (this.#plain) {
          this.#shape({ width: this.#plain.naturalWidth, height: this.#plain.naturalHeight });
        }
      };
      this.#canvas.after(this.#plain);
    } else {
      this.#keepPlain();
      if (this.#plain) this.#plain.src = "data:,"; // Safari lets go of a stream only so
      this.#plain?.remove();
      this.#plain = undefined;
    }
  }

  /** Whether there is a picture to keep. */
  get hasPicture() {
    return this.newest !== undefined || Boolean(this.#plain?.naturalWidth);
  }

  /** The picture that is seen, as a file: the camera's own JPEG, unless it is turned or mirrored. */
  async file() {
    const { jpeg, capturedAt } = this.#plain || !this.newest
      ? { jpeg: await this.#snapshot(), capturedAt: Date.now() }
      : this.newest;
    return { jpeg: this.view.changed ? await this.#redraw(jpeg) : jpeg, capturedAt };
  }

  /** Says how things are. @param {Surroundings} around @param {number} now */
  refresh(around, now) {
    const words = describeState(this.status, around, {
      silence: now - (this.meter.last ?? this.#since),
      waiting: now - this.#since,
      plain: this.#plain !== undefined,
    });
    if (words.state === "live" && now - this.#failedAt < RECOVERY_NOTICE_TIME) {
      words.brief = `Live again after: ${this.status.lastFailure?.message}`;
    }
    this.element.dataset.state = words.state;
    this.announcement = [`${this.status.name}: ${words.brief}`, words.reason].filter(Boolean).join(
      ". ",
    );
    this.#setText(".words", words.brief);
    this.#setText(".headline", words.headline ?? "");
    this.#setText(".reason", words.reason ?? "");
    this.#setText(".detail", words.detail ?? "");
    this.#setText(".advice", words.advice ?? "");
    this.#find(".notice").hidden = !words.headline;
    this.#find(".retry").hidden = !words.retry;
    const live = words.state === "live";
    const fps = this.#plain ? this.status.fps : this.meter.fps(now);
    this.#setText(".size", this.#sizeInWords());
    this.#setText(".fps", live && fps !== undefined ? `${round(fps)} fps` : "");
    this.#setText(
      ".age",
      live && this.meter.age !== undefined ? `${Math.round(this.meter.age)} ms` : "",
    );
    this.#setText(
      ".skipped",
      this.#plain || !this.hasPicture ? "" : `${this.meter.skipped} skipped`,
    );
    this.#setText(".viewers", `${this.status.viewers} watching`);
  }

  /** Applies the look to the picture. */
  applyView() {
    this.#frame.style.transform = this.view.transform;
    this.#frame.style.setProperty("--turn", `${this.view.turn}deg`);
    this.#frame.classList.toggle("sideways", this.view.sideways);
    const { width, height } = this.#canvas;
    const shape = this.view.sideways ? height / width : width / height;
    this.#frame.style.setProperty("--shape", shape.toFixed(4));
  }

  /** How large the picture is at a zoom of 1, in CSS pixels. */
  get size() {
    return { width: this.#frame.offsetWidth, height: this.#frame.offsetHeight };
  }

  get #address() {
    return `cameras/${encodeURIComponent(this.status.name)}`;
  }

  /** @param {{ width: number, height: number }} size */
  #shape({ width, height }) {
    if (this.#canvas.width === width && this.#canvas.height === height) return;
    this.#canvas.width = width;
    this.#canvas.height = height;
    this.applyView();
  }

  #sizeInWords() {
    return this.hasPicture ? `${this.#canvas.width} × ${this.#canvas.height}` : "";
  }

  /** The last picture of the plain stream stays when that goes. */
  #keepPlain() {
    if (!this.#plain?.naturalWidth) return;
    createImageBitmap(this.#plain).then((bitmap) => this.#context.transferFromImageBitmap(bitmap));
  }

  async #snapshot() {
    const response = await fetch(addressOf(`${this.#address}/snapshot.jpg?max_age=2000`));
    if (!response.ok) throw new Error(await response.text());
    return response.blob();
  }

  /** @param {Blob} jpeg @returns {Promise<Blob>} */
  async #redraw(jpeg) {
    const canvas = this.view.draw(await createImageBitmap(jpeg));
    return new Promise((resolve, reject) =>
      canvas.toBlob(
        (blob) => blob ? resolve(blob) : reject(new Error("No room")),
        "image/jpeg",
        0.95,
      )
    );
  }

  /** @param {string} selector @returns {HTMLElement} */
  #find(selector) {
    return /** @type {HTMLElement} */ (this.element.querySelector(selector));
  }

  /** @param {string} selector @param {string} text */
  #setText(selector, text) {
    const element = this.#find(selector);
    if (element.textContent !== text) element.textContent = text;
  }
}

/**
 * @typedef {object} Words What is said of a camera.
 * @property {"live" | "waiting" | "paused" | "trouble"} state
 * @property {string} brief
 * @property {string} [headline] What stands over the picture.
 * @property {string} [reason]
 * @property {string} [detail]
 * @property {string} [advice]
 * @property {boolean} [retry] Whether a person may want to have it tried again.
 */

/**
 * @param {CameraStatus} status
 * @param {Surroundings} around
 * @param {{ silence: number, waiting: number, plain: boolean }} times
 * @returns {Words}
 */
function describeState(
  { state, fps, lastFailure },
  { link, paused, heard },
  { silence, waiting, plain },
) {
  if (link.kind === "lost") {
    return {
      state: "trouble",
      brief: "Not connected",
      headline: "Connection lost",
      reason: link.reason,
      detail: link.detail,
      advice: "Connecting again by itself",
    };
  }
  if (paused) return { state: "paused", brief: "Paused" };
  if (state === "failed") {
    return {
      state: "trouble",
      brief: "No picture",
      headline: "The camera gives no picture",
      reason: capitalised(lastFailure?.hint ?? lastFailure?.message),
      detail: lastFailure?.hint ? lastFailure.message : undefined,
      advice: lastFailure?.retried ? "It is tried again by itself" : undefined,
      retry: lastFailure?.retried === false,
    };
  }
  if (plain) return { state: "live", brief: "Live" };
  if (link.kind === "plain") {
    const reason = "The browser holds too few connections for all: open this camera alone";
    return { state: "waiting", brief: "Not shown", headline: "Not shown here", reason };
  }
  if (state !== "streaming" || link.kind !== "live") {
    const brief = link.kind === "live" ? "Starting" : "Connecting";
    if (waiting < STARTUP_DELAY) return { state: "waiting", brief };
    const headline = link.kind === "live" ? "The camera is starting …" : "Connecting …";
    return { state: "waiting", brief, headline };
  }
  if (silence > Math.max(FROZEN_AFTER, FROZEN_FRAMES * 1000 / (fps || 1))) {
    const seconds = `${Math.round(silence / 1000)} s`;
    const silent = performance.now() - heard > FROZEN_AFTER;
    return {
      state: "trouble",
      brief: "Frozen",
      headline: `No new picture for ${seconds}`,
      reason: silent
        ? "Nothing comes from the server: the connection is slow or stuck"
        : "The camera is silent; it is started again if it stays so",
    };
  }
  return { state: "live", brief: "Live" };
}

/** @param {string | null} resolution As "1280x720". */
function sizeIn(resolution) {
  const [, width, height] = /^(\d+)x(\d+)$/.exec(resolution ?? "") ?? [];
  return width && height ? { width: Number(width), height: Number(height) } : undefined;
}

/** @param {string} [text] */
function capitalised(text) {
  return text && text[0]?.toUpperCase() + text.slice(1);
}

/** @param {number} fps */
function round(fps) {
  return fps < 9.95 ? Math.round(fps * 10) / 10 : Math.round(fps);
}
