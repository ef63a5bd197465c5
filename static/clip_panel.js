// @ts-check
import { cameraAddress } from "./addresses.js";
import { button, element, field, list, messageOf, saveAddress, saveFile } from "./dom.js";
import { setText, toast } from "./dom.js";
import { Mp4Progress } from "./mp4_progress.js";
import { seconds } from "./recordings.js";
import { SPEEDS } from "./replay.js";
import { formatBytes, formatDuration, formatFileTime, formatLocal } from "./time_text.js";
import { formatSpeed, momentsOf } from "./time_text.js";

/** @typedef {import("./timeline.js").Period} Period */

/** Delay after a change before the size is requested. */
const SIZE_DELAY = 250;
/** Size of an MP4 relative to the pictures as they were recorded. */
const MP4_RATIO = 0.31;
/** An MP4 that is probably larger is not kept in the memory of this page, in bytes. */
const MAX_IN_MEMORY = 500_000_000;
const ENDS = /** @type {const} */ (["from", "to"]);

/** The panel that downloads a part of the recordings. */
export class ClipPanel {
  /** The part that has been chosen. @type {Period | undefined} */
  clip;
  #playback;
  #element = element("#clip");
  #camera = list("[name=camera]");
  #format = list("[name=format]");
  #speed = list("[name=clip-speed]");
  #height = list("[name=clip-height]");
  #text = list("[name=clip-text]");
  #bytes = 0;
  #duration = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  /** The request for the size, and the download in this page. @type {AbortController | undefined} */
  #sizing;
  /** @type {AbortController | undefined} */
  #download;

  /** @param {import("./playback.js").Playback} playback */
  constructor(playback) {
    this.#playback = playback;
    const speeds = SPEEDS.filter((speed) => speed > 0);
    this.#speed.append(...speeds.map((speed) => new Option(formatSpeed(speed), `${speed}`)));
    this.#speed.value = "1";
    this.#element.addEventListener("change", ({ target }) => {
      const end = ENDS.find((end) => target === this.#field(end));
      if (end) return this.#readField(end);
      if (target === this.#camera) this.#offerHeights();
      this.#requestSize();
    });
  }

  get isOpen() {
    return !this.#element.hidden;
  }

  /** Chooses a part of the cameras on the page, and opens the panel. @param {Period} clip */
  open(clip) {
    const cameras = this.#playback.cameras.map(({ name }) => name);
    const { value } = this.#camera;
    if (`${cameras}` !== `${Array.from(this.#camera.options, ({ value }) => value)}`) {
      this.#camera.replaceChildren(...cameras.map((name) => new Option(name)));
      if (cameras.includes(value)) this.#camera.value = value;
    }
    this.#camera.hidden = cameras.length < 2;
    this.#offerHeights();
    this.#element.hidden = false;
    this.set(clip);
  }

  /** Offers the sizes of the camera's pictures. */
  #offerHeights() {
    const { value } = this.#height;
    const camera = this.#playback.cameras.find(({ name }) => name === this.#camera.value);
    const heights = camera?.heights?.slice(0, -1).reverse() ?? [];
    this.#height.replaceChildren(
      new Option("As recorded", ""),
      ...heights.map((height) => new Option(`${height} pixels high`, `${height}`)),
    );
    if (heights.includes(Number(value))) this.#height.value = value;
    this.#height.hidden = heights.length === 0;
  }

  /** Chooses a part. @param {Period} clip */
  set({ from, to }) {
    this.clip = { from: Math.min(from, to), to: Math.max(from, to) };
    for (const end of ENDS) {
      const field = this.#field(end);
      if (document.activeElement !== field) field.value = formatLocal(this.clip[end]);
    }
    this.#requestSize();
    this.#playback.update();
  }

  /** Closes the panel, and cancels the download. */
  close() {
    this.clip = undefined;
    this.#requestSize();
    this.cancel();
    this.#element.hidden = true;
    this.#playback.update();
  }

  cancel() {
    this.#download?.abort();
  }

  async download() {
    if (!this.clip || this.#download) return;
    const format = this.#format.value;
    const name = `${this.#camera.value}-${formatFileTime(this.clip.from)}.${format}`;
    if (format !== "mp4" || this.#bytes > MAX_IN_MEMORY) {
      saveAddress(this.#addressOf(format), name);
      return toast(`Downloading ${name}`);
    }
    const { signal } = this.#download = new AbortController();
    this.#showProgress(0);
    try {
      saveFile(await this.#fetch(this.#addressOf(format), signal), name);
      toast(`Saved ${name}`);
    } catch (error) {
      const problem = `Cannot download the clip: ${messageOf(error)}`;
      toast(signal.aborted ? "Download cancelled" : problem);
    }
    this.#download = undefined;
    this.#element.classList.remove("downloading");
  }

  /** @param {string} address @param {AbortSignal} signal */
  async #fetch(address, signal) {
    const response = await fetch(address, { signal });
    if (!response.ok || !response.body) throw new Error(await reasonOf(response));
    const progress = new Mp4Progress();
    const parts = [];
    for (const reader = response.body.getReader();;) {
      const { done, value } = await reader.read();
      if (done) return new Blob(parts, { type: "video/mp4" });
      parts.push(value);
      progress.add(value);
      this.#showProgress(Math.min(0.99, progress.seconds / (this.#duration || Infinity)));
    }
  }

  /** @param {number} share */
  #showProgress(share) {
    this.#element.classList.add("downloading");
    const progress = /** @type {HTMLProgressElement} */ (element("#clip progress"));
    progress.value = share;
    setText(element("#clip .percent"), `${Math.floor(100 * share)} %`);
  }

  /** Requests the size when the user has made no change for a moment. */
  #requestSize() {
    this.#sizing?.abort();
    clearTimeout(this.#timer);
    if (!this.clip) return;
    this.#showSize(`${formatDuration(this.clip.to - this.clip.from)} …`);
    this.#timer = setTimeout(() => this.#fetchSize(), SIZE_DELAY);
  }

  async #fetchSize() {
    const { signal } = this.#sizing = new AbortController();
    const format = this.#format.value;
    const isMp4 = format === "mp4";
    try {
      // The size of an MP4, or of other pictures, is known only when they have been made.
      const exact = await this.#head(isMp4 ? "mkv" : format, signal);
      const { headers } = isMp4 ? await this.#head(format, signal) : exact;
      const estimated = exact.headers.get("X-Clip-Estimated-Length");
      const length = Number(estimated ?? exact.headers.get("Content-Length"));
      const isExact = estimated === null && !isMp4;
      this.#bytes = isMp4 ? length * MP4_RATIO : length;
      this.#duration = Number(headers.get("X-Clip-Duration"));
      const size = `${isExact ? "" : "about "}${formatBytes(this.#bytes)}`;
      const duration = formatDuration(1000 * this.#duration);
      this.#showSize(`${size}, ${duration}, ${headers.get("X-Clip-Frames")} pictures`, true);
    } catch (error) {
      if (!signal.aborted) this.#showSize(messageOf(error));
    }
  }

  /** @param {string} format @param {AbortSignal} signal */
  async #head(format, signal) {
    const address = this.#addressOf(format);
    const response = await fetch(address, { method: "HEAD", signal });
    if (response.ok) return response;
    // The response to HEAD has no text.
    throw new Error(await reasonOf(await fetch(address, { signal })));
  }

  /** @param {string} text */
  #showSize(text, isReady = false) {
    setText(element("#clip .clip-size"), text);
    button("download").disabled = !isReady;
  }

  /** @param {string} format */
  #addressOf(format) {
    const { from, to } = this.clip ?? { from: 0, to: 0 };
    const speed = this.#speed.value;
    const height = this.#height.value && `&height=${this.#height.value}`;
    const text = this.#text.value && "&overlay=1";
    const query = `from=${seconds(from)}&to=${seconds(to)}&speed=${speed}${height}${text}`;
    return cameraAddress(this.#camera.value, `clip.${format}?${query}`).href;
  }

  /** Reads a field: of two possible moments the closer one. @param {"from" | "to"} end */
  #readField(end) {
    if (!this.clip) return;
    const before = this.clip[end];
    const [moment] = momentsOf(this.#field(end).value)
      .sort((a, b) => Math.abs(a - before) - Math.abs(b - before));
    if (moment !== undefined) this.set({ ...this.clip, [end]: moment });
  }

  /** @param {"from" | "to"} end */
  #field(end) {
    return field(`#clip [name=${end}]`);
  }
}

/** Returns the text of an error response. @param {Response} response */
async function reasonOf(response) {
  return (await response.text()).trim() || `The server responded with ${response.status}`;
}
