// @ts-check
/// <reference lib="dom" />
import { addressOf } from "./addresses.js";
import { element, setText, toast } from "./dom.js";
import { formatLocal, momentsOf } from "./moment.js";
import { Mp4Progress } from "./mp4_progress.js";
import { seconds } from "./recordings.js";
import { formatFileTime, saveAddress, saveFile } from "./save_file.js";
import { formatBytes, formatDuration } from "./time_text.js";

/** @typedef {import("./timeline.js").Period} Period */

/** Delay after a change before the size is requested, in milliseconds. */
const SIZE_DELAY = 250;
/** Size of an MP4 relative to the pictures as they were recorded. */
const MP4_RATIO = 0.31;
/** An MP4 that is probably larger is not kept in the memory of this page, in bytes. */
const MAX_IN_MEMORY = 500_000_000;

/** The panel that downloads a part of the recordings. */
export class ClipPanel {
  /** The part that has been chosen. @type {Period | undefined} */
  clip;
  #onChange;
  #element = element("#clip");
  #size = element(".clip-size", this.#element);
  #progress = /** @type {HTMLProgressElement} */ (element("progress", this.#element));
  #isExact = true;
  #bytes = 0;
  #duration = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  /** The request for the size. @type {AbortController | undefined} */
  #sizing;
  /** The download in this page. @type {AbortController | undefined} */
  #download;

  /** @param {() => void} onChange Called when another part has been chosen. */
  constructor(onChange) {
    this.#onChange = onChange;
    for (const end of /** @type {const} */ (["from", "to"])) {
      this.#field(end).addEventListener("change", () => this.#readField(end));
    }
    for (const select of this.#element.querySelectorAll("select")) {
      select.addEventListener("change", () => this.#requestSize());
    }
  }

  get isOpen() {
    return !this.#element.hidden;
  }

  /**
   * Chooses a part, and opens the panel.
   *
   * @param {Period} clip
   * @param {string[]} cameras The cameras on the page.
   */
  open(clip, cameras) {
    this.#element.hidden = false;
    this.setCameras(cameras);
    this.set(clip);
  }

  /** Offers these cameras. @param {string[]} cameras */
  setCameras(cameras) {
    const select = this.#select("camera");
    const names = [...select.options].map(({ value }) => value);
    if (`${names}` !== `${cameras}`) {
      const chosen = select.value;
      select.replaceChildren(...cameras.map((name) => new Option(name, name)));
      if (cameras.includes(chosen)) select.value = chosen;
      this.#requestSize();
    }
    const label = /** @type {HTMLElement} */ (select.parentElement);
    label.hidden = cameras.length < 2;
  }

  /** Chooses a part. @param {Period} clip */
  set({ from, to }) {
    this.clip = { from: Math.min(from, to), to: Math.max(from, to) };
    for (const end of /** @type {const} */ (["from", "to"])) {
      const field = this.#field(end);
      if (document.activeElement !== field) field.value = formatLocal(this.clip[end]);
    }
    this.#requestSize();
    this.#onChange();
  }

  /** Closes the panel. A download goes on until it is cancelled. */
  close() {
    this.#sizing?.abort();
    clearTimeout(this.#timer);
    this.cancel();
    this.clip = undefined;
    this.#element.hidden = true;
    this.#onChange();
  }

  /** Cancels the download. */
  cancel() {
    this.#download?.abort();
  }

  /** Downloads the clip. */
  async download() {
    if (!this.clip || this.#download) return;
    const name = `${this.#select("camera").value}-${formatFileTime(this.clip.from)}`;
    const extension = this.#format;
    const address = this.#addressOf(extension);
    if (this.#isExact || this.#bytes > MAX_IN_MEMORY) {
      saveAddress(address, `${name}.${extension}`);
      return toast(`Downloading ${name}.${extension}`);
    }
    this.#download = new AbortController();
    this.#showProgress(0);
    try {
      const file = await this.#fetch(address, this.#download.signal);
      saveFile(file, `${name}.${extension}`);
      toast(`Saved ${name}.${extension}`);
    } catch (error) {
      if (this.#download.signal.aborted) toast("Download cancelled");
      else toast(`Cannot download the clip: ${error instanceof Error ? error.message : error}`);
    }
    this.#download = undefined;
    this.#showProgress(undefined);
  }

  /** @param {string} address @param {AbortSignal} signal */
  async #fetch(address, signal) {
    const response = await fetch(address, { signal });
    if (!response.ok || !response.body) throw new Error(await reasonOf(response));
    const duration = Number(response.headers.get("X-Clip-Duration")) || this.#duration;
    const progress = new Mp4Progress();
    const parts = [];
    for (const reader = response.body.getReader();;) {
      const { done, value } = await reader.read();
      if (done) break;
      parts.push(value);
      progress.add(value);
      if (duration > 0) this.#showProgress(Math.min(0.99, progress.seconds / duration));
    }
    return new Blob(parts, { type: "video/mp4" });
  }

  /** Shows the progress of the download. @param {number | undefined} share */
  #showProgress(share) {
    const isRunning = share !== undefined;
    this.#element.classList.toggle("downloading", isRunning);
    this.#progress.value = share ?? 0;
    setText(element(".percent", this.#element), isRunning ? `${Math.floor(100 * share)} %` : "");
  }

  /** Requests the size when the user has made no change for a moment. */
  #requestSize() {
    this.#sizing?.abort();
    clearTimeout(this.#timer);
    if (!this.clip) return;
    const { from, to } = this.clip;
    this.#showSize(`${formatDuration(to - from)} …`, false);
    this.#timer = setTimeout(() => this.#fetchSize(), SIZE_DELAY);
  }

  async #fetchSize() {
    const sizing = this.#sizing = new AbortController();
    const format = this.#format;
    this.#isExact = format !== "mp4";
    try {
      // The size of an MP4 is known only when it has been encoded.
      const formats = this.#isExact ? [format] : ["mkv", "mp4"];
      const responses = await Promise.all(
        formats.map((format) => this.#head(format, sizing.signal)),
      );
      const [first, last = first] = responses;
      if (!first || !last) return;
      const length = Number(first.headers.get("Content-Length"));
      this.#bytes = this.#isExact ? length : length * MP4_RATIO;
      const frames = Number(last.headers.get("X-Clip-Frames"));
      this.#duration = Number(last.headers.get("X-Clip-Duration"));
      const size = `${this.#isExact ? "" : "about "}${formatBytes(this.#bytes)}`;
      const pictures = `${frames.toLocaleString("en").replaceAll(",", " ")} pictures`;
      this.#showSize(`${size}, ${formatDuration(1000 * this.#duration)}, ${pictures}`, true);
    } catch (error) {
      if (sizing.signal.aborted) return;
      this.#showSize(error instanceof Error ? error.message : `${error}`, false, true);
    }
  }

  /** @param {string} format @param {AbortSignal} signal */
  async #head(format, signal) {
    const address = this.#addressOf(format);
    const response = await fetch(address, { method: "HEAD", signal });
    if (response.ok) return response;
    // The response to HEAD has no text.
    const refusal = await fetch(address, { signal });
    if (!refusal.ok) throw new Error(await reasonOf(refusal));
    await refusal.body?.cancel();
    return refusal;
  }

  /** @param {string} text @param {boolean} isReady @param {boolean} [isTrouble] */
  #showSize(text, isReady, isTrouble = false) {
    setText(this.#size, text);
    this.#size.classList.toggle("trouble", isTrouble);
    const save =
      /** @type {HTMLButtonElement} */ (element("[data-action=download]", this.#element));
    save.disabled = !isReady;
  }

  get #format() {
    return this.#select("format").value;
  }

  /** @param {string} format */
  #addressOf(format) {
    const { from, to } = this.clip ?? { from: 0, to: 0 };
    const camera = encodeURIComponent(this.#select("camera").value);
    const speed = this.#select("clip-speed").value;
    const query = `from=${seconds(from)}&to=${seconds(to)}${
      speed === "1" ? "" : `&speed=${speed}`
    }`;
    return addressOf(`cameras/${camera}/clip.${format}?${query}`).href;
  }

  /** Reads the local time of a field: of two possible moments the closer one. @param {"from" | "to"} end */
  #readField(end) {
    if (!this.clip) return;
    const before = this.clip[end];
    const [moment] = momentsOf(this.#field(end).value)
      .sort((a, b) => Math.abs(a - before) - Math.abs(b - before));
    if (moment !== undefined) this.set({ ...this.clip, [end]: moment });
  }

  /** @param {"from" | "to"} end */
  #field(end) {
    return /** @type {HTMLInputElement} */ (element(`input[name=${end}]`, this.#element));
  }

  /** @param {string} name */
  #select(name) {
    return /** @type {HTMLSelectElement} */ (element(`select[name=${name}]`, this.#element));
  }
}

/** Returns the text of an error response. @param {Response} response */
async function reasonOf(response) {
  const text = (await response.text()).trim();
  return text || `The server responded with ${response.status} ${response.statusText}`;
}
