// @ts-check
import { cameraAddress } from "./addresses.js";
import { element as find, fromTemplate, setText } from "./dom.js";
import { labelControls } from "./icons.js";
import { Meter } from "./meter.js";
import { formatHash } from "./moment.js";
import { PlainStream } from "./plain_stream.js";
import { formatAge, formatClock, formatMoment } from "./time_text.js";
import { describeState } from "./state_text.js";
import { View } from "./view.js";

/** @typedef {import("./live.js").CameraStatus} CameraStatus */
/** @typedef {import("./server_clock.js").ServerClock} ServerClock */

/** The connection is broken after this many reports of new frames, and this time without one. */
const MAX_MISSED_UPDATES = 4;
const MISSED_TIMEOUT = 5_000;
/** A frame is late after this time, or the time of this many frames. */
const LATE_AFTER = 250;
const LATE_FRAMES = 3;
/** How long a tile shows the last failure after the camera has recovered. */
const RECOVERY_NOTICE_TIME = 10_000;
/** In place of a smaller picture that is no older than this, the camera's own is saved. */
const SNAPSHOT_AGE = 2_000;
/** Pictures are enlarged by at most 3 %, or 7 %, so that the size does not alternate. */
const SMALLEST = 0.97;
const SMALLEST_KEPT = 0.93;
/** Shorter waits for the sound are not shown. */
const MIN_SHOWN_HOLD = 100;

/** A camera on the page: its picture, its state and its figures. */
export class Tile {
  /** @type {CameraStatus} */
  status;
  view;
  meter = new Meter();
  /** The latest frame. @type {{ jpeg: Blob, capturedAt: number } | undefined} */
  latest;
  element;
  /** Whether the tile is in the visible part of the page, or close to it. */
  isNear = true;
  /** The requested height; undefined: the camera's own. @type {number | undefined} */
  height;
  /** Why the camera's own pictures are shown instead. @type {string | undefined} */
  sizeError;
  /** The camera's state for screen readers. */
  announcement = "";
  /** @type {import("./state_text.js").StateText} */
  text = { state: "waiting", summary: "" };
  /** Texts about the sound, and how long the pictures wait. */
  sound = { announcement: "", lag: "", hold: 0 };
  #frame;
  #canvas;
  #context;
  #onAspectRatio;
  /** The plain stream, if there is no WebSocket. @type {PlainStream | undefined} */
  #plain;
  #paintedSequence = 0;
  #missedUpdates = 0;
  #waitingSince = performance.now();
  #failedAt = -Infinity;
  #isReplaying = false;

  /** @param {CameraStatus} status @param {() => void} onAspectRatio Called when it has changed. */
  constructor(status, onAspectRatio) {
    this.status = status;
    this.#onAspectRatio = onAspectRatio;
    this.view = new View(status.name);
    this.element = fromTemplate("#tile");
    this.element.dataset.camera = status.name;
    labelControls(this.element);
    this.#find(".loudspeaker").ariaLabel = `Sound of ${status.name}`;
    this.#frame = this.#find(".frame");
    this.#canvas = /** @type {HTMLCanvasElement} */ (this.#find("canvas"));
    this.#labelPicture("Live");
    const context = this.#canvas.getContext("bitmaprenderer");
    this.#context = /** @type {ImageBitmapRenderingContext} */ (context);
    const open = this.#find(".open");
    open.setAttribute("href", formatHash(status.name));
    open.setAttribute("aria-label", `Show only camera ${status.name}`);
    this.#setText(".name", status.name);
    this.#resize(this.#ownSize ?? { width: 16, height: 9 });
  }

  /** Paints a frame, and returns whether it is on the screen now. @param {import("./live.js").LiveFrame} frame @param {ServerClock} clock */
  async paint({ jpeg, sequence, capturedAt, recorded }, clock) {
    if (recorded !== this.#isReplaying) return false;
    const bitmap = await createImageBitmap(jpeg);
    // The replay has begun or ended, or a newer frame was decoded first.
    if (recorded !== this.#isReplaying || !recorded && sequence <= this.#paintedSequence) {
      bitmap.close();
      return false;
    }
    if (!recorded) this.#paintedSequence = sequence;
    this.#missedUpdates = 0;
    this.#resize(bitmap);
    this.element.classList.remove("blank");
    this.#context.transferFromImageBitmap(bitmap);
    const now = performance.now();
    this.meter.add(sequence, now, recorded ? undefined : clock.ageOf(capturedAt, now));
    this.latest = { jpeg, capturedAt };
    this.#waitingSince = now;
    return true;
  }

  /** @param {boolean} isReplaying */
  setReplaying(isReplaying) {
    if (isReplaying === this.#isReplaying) return;
    this.#isReplaying = isReplaying;
    this.#labelPicture(isReplaying ? "Recorded" : "Live");
    this.pause();
  }

  /** Starts to wait for frames again. */
  pause() {
    this.#paintedSequence = 0;
    this.#missedUpdates = 0;
    this.#waitingSince = performance.now();
    this.meter.pause();
  }

  /** Updates the status; returns whether frames fail to arrive. @param {CameraStatus} status */
  update(status) {
    const isBehind = status.state === "streaming" && status.frames > this.#paintedSequence;
    const hasNewFrames = status.frames > this.status.frames;
    // The camera may have failed and recovered between two updates.
    const hasFailed = status.state === "failed" || status.failures > this.status.failures;
    if (hasFailed) this.#failedAt = performance.now();
    this.#plain?.check(this.status, status);
    this.status = status;
    if (this.#isReplaying) return false;
    if (isBehind && hasNewFrames) this.#missedUpdates++;
    return this.#missedUpdates >= MAX_MISSED_UPDATES &&
      performance.now() - this.#waitingSince > MISSED_TIMEOUT;
  }

  /** @param {number} now */
  isLate(now) {
    const limit = Math.max(LATE_AFTER, LATE_FRAMES * 1000 / (this.status.fps || 1));
    return !this.#isReplaying && this.status.state === "streaming" && this.#idleTime(now) > limit;
  }

  /**
   * Chooses the height of the pictures: that on the screen, or less if the link is slow.
   *
   * @param {number} steps See `chooseHeight`.
   * @param {boolean} isFull Whether to show the camera's own pictures.
   */
  chooseHeight(steps, isFull) {
    const { width, height } = this.size;
    const needed = (this.view.sideways ? width : height) * devicePixelRatio;
    const isOwn = isFull || this.view.zoom > 1 || needed === 0;
    const before = this.height;
    this.height = chooseHeight(this.status.heights, isOwn ? Infinity : needed, steps, before);
    if (this.height !== before) this.sizeError = undefined;
    const own = this.status.heights?.at(-1);
    if (own) this.#plain?.setHeight(this.height ?? own);
    return this.height;
  }

  /** Whether smaller pictures can be requested. */
  get canShrink() {
    const [smallest] = this.status.heights ?? [];
    return smallest !== undefined && smallest !== (this.height ?? this.status.heights?.at(-1));
  }

  /** Shows the plain stream, or removes it. @param {boolean} wanted */
  showPlain(wanted) {
    if (wanted === (this.#plain !== undefined)) return;
    if (wanted) {
      const plain = this.#plain = new PlainStream(
        `cameras/${encodeURIComponent(this.status.name)}/video_feed`,
        this.height,
        () => {
          this.element.classList.remove("blank");
          this.#resize({ width: plain.image.naturalWidth, height: plain.image.naturalHeight });
        },
      );
      plain.image.className = "picture";
      plain.image.alt = `Live picture of camera ${this.status.name}`;
      this.#waitingSince = performance.now();
      this.#canvas.after(plain.image);
    } else {
      this.#keepPlainPicture();
      this.#plain?.close();
      this.#plain = undefined;
    }
  }

  retryNow() {
    if (this.#plain?.state === "failed") this.#plain.open();
  }

  get hasPicture() {
    return this.latest !== undefined || Boolean(this.#plain?.image.naturalWidth);
  }

  /**
   * Returns the displayed picture: the camera's own JPEG, unless it is rotated or mirrored. In place of
   * a live picture of another size, the camera's current one; of a recorded one, that of its time.
   */
  async file() {
    const { jpeg, capturedAt } = await this.#ownPicture();
    return { jpeg: this.view.changed ? await this.#redraw(jpeg) : jpeg, capturedAt };
  }

  async #ownPicture() {
    const { latest } = this;
    const own = this.#ownSize;
    const isOwn = own ? this.#canvas.height === own.height : !this.height;
    if (latest && !isOwn && this.#isReplaying) {
      const { capturedAt } = latest;
      return { jpeg: await this.#fetchSnapshot(`at=${capturedAt / 1000}`), capturedAt };
    }
    const isLive = this.#idleTime(performance.now()) < SNAPSHOT_AGE;
    return this.#plain || !latest || !isOwn && isLive
      ? { jpeg: await this.#fetchSnapshot("max_age=2000"), capturedAt: Date.now() }
      : latest;
  }

  /** Updates the texts and figures. @param {import("./state_text.js").PageState} page @param {ServerClock} clock @param {number} now */
  refresh(page, clock, now) {
    const text = describeState(this.status, page, {
      now,
      idle: this.#idleTime(now),
      waiting: now - this.#waitingSince,
      plain: this.#plain,
    });
    if (text.state === "live" && now - this.#failedAt < RECOVERY_NOTICE_TIME) {
      text.summary = `Live again after: ${this.status.lastFailure?.message}`;
    }
    const { announcement, hold } = this.sound;
    if (hold >= MIN_SHOWN_HOLD) {
      text.summary += `, picture delayed by ${Math.round(hold / 10) * 10} ms for the sound`;
    }
    if (text.state === "live" && page.isSlow && this.height) {
      text.summary += ", smaller for the slow link";
    }
    this.text = text;
    this.#find(".loudspeaker").hidden = !this.status.sound && !announcement;
    this.element.dataset.state = text.state;
    const { summary, reason, advice } = text;
    this.announcement = [`${this.status.name}: ${summary}`, reason, advice, announcement]
      .filter(Boolean).join(". ");
    this.#setText(".summary", text.summary);
    showNotice(this.#find(".notice"), text);
    this.#refreshFigures(text.state, clock, now);
  }

  /** Width of the picture divided by its height, as displayed. */
  get ratio() {
    const { width, height } = this.#canvas;
    return this.view.sideways ? height / width : width / height;
  }

  /** Size of the camera's own pictures, if it is known. */
  get #ownSize() {
    return parseResolution(this.status.resolution);
  }

  applyView() {
    this.#frame.style.setProperty("--turn", `${this.view.turn}deg`);
    this.#frame.classList.toggle("sideways", this.view.sideways);
    this.#frame.style.setProperty("--ratio", this.ratio.toFixed(4));
    const { clientWidth: width, clientHeight: height } = this.#find(".stage");
    this.view.setArea({ width, height }, this.size);
    this.#frame.style.transform = this.view.transform;
  }

  /** Size of the picture at a zoom of 1, in CSS pixels. */
  get size() {
    return { width: this.#frame.offsetWidth, height: this.#frame.offsetHeight };
  }

  /** Time since the last frame. @param {number} now */
  #idleTime(now) {
    return now - (this.meter.last ?? this.#waitingSince);
  }

  /** @param {"Live" | "Recorded"} kind */
  #labelPicture(kind) {
    this.#canvas.setAttribute("aria-label", `${kind} picture of camera ${this.status.name}`);
  }

  /** @param {import("./state_text.js").StateText["state"]} state @param {ServerClock} clock @param {number} now */
  #refreshFigures(state, clock, now) {
    const isLive = state === "live", isReplaying = this.#isReplaying;
    const { link } = this.status;
    const { width, height } = this.#canvas;
    const fps = this.#plain ? this.status.fps : this.meter.fps(now);
    const own = this.#ownSize;
    const isSmaller = own && own.height !== height && !isReplaying;
    const whole = isSmaller ? ` of ${own.width} × ${own.height}` : "";
    this.#setText(".size", this.hasPicture ? `${width} × ${height}${whole}` : "");
    this.#find(".size").title = this.sizeError ?? "";
    const isMoving = isLive || state === "replay";
    this.#setText(".fps", isMoving && fps !== undefined ? `${rounded(fps)} fps` : "");
    const countsSkipped = !this.#plain && this.hasPicture && !isReplaying;
    this.#setText(".skipped", countsSkipped ? `${this.meter.skipped} skipped` : "");
    this.#setText(".viewers", `${this.status.viewers} watching`);
    const capturedAt = (this.#plain ? undefined : this.latest?.capturedAt) ?? NaN;
    // While the picture is live, its age when it was painted: that is the latency.
    const age = (isLive ? this.meter.age : clock.ageOf(capturedAt, now)) ?? NaN;
    const isKnown = !Number.isNaN(capturedAt + age);
    let time = "", ago = "";
    if (isKnown && isReplaying) time = formatMoment(capturedAt);
    else if (isKnown) [time, ago] = [`${formatClock(capturedAt)} · `, formatAge(age)];
    this.#setText(".clock", time);
    this.#setText(".ago", ago);
    const error = clock.error === undefined ? "" : ` ± ${Math.ceil(clock.error)} ms`;
    const { lag } = this.sound;
    const latency = isLive && isKnown ? ` Latency: ${Math.round(age)} ms${error}.` : "";
    this.#find(".age").title =
      "When the server received this picture, and how long before it was shown." +
      latency + (lag && ` The sound is ${lag}.`) + (link ? ` Hub: ${describeLink(link)}.` : "");
  }

  /** @param {{ width: number, height: number }} size */
  #resize({ width, height }) {
    if (this.#canvas.width === width && this.#canvas.height === height) return;
    this.#canvas.width = width;
    this.#canvas.height = height;
    this.applyView();
    this.#onAspectRatio();
  }

  /** Copies the last picture of the plain stream to the canvas. */
  #keepPlainPicture() {
    const image = this.#plain?.image;
    if (!image?.naturalWidth) return;
    createImageBitmap(image).then((bitmap) => this.#context.transferFromImageBitmap(bitmap));
  }

  /** @param {string} query */
  async #fetchSnapshot(query) {
    const response = await fetch(cameraAddress(this.status.name, `snapshot.jpg?${query}`));
    if (!response.ok) throw new Error(await response.text());
    return response.blob();
  }

  /** Applies the view to a JPEG. @param {Blob} jpeg @returns {Promise<Blob>} */
  async #redraw(jpeg) {
    const canvas = this.view.draw(await createImageBitmap(jpeg));
    return new Promise((resolve, reject) => {
      const end = (/** @type {Blob | null} */ blob) =>
        blob ? resolve(blob) : reject(new Error("not enough memory"));
      canvas.toBlob(end, "image/jpeg", 0.95);
    });
  }

  /** @param {string} selector */
  #find(selector) {
    return find(selector, this.element);
  }

  /** @param {string} selector @param {string} text */
  #setText(selector, text) {
    setText(this.#find(selector), text);
  }
}

/** Shows a notice, if the text has a headline. @param {HTMLElement} notice @param {import("./state_text.js").StateText} text */
export function showNotice(notice, text) {
  for (const part of /** @type {const} */ (["headline", "reason", "detail", "advice"])) {
    setText(find(`.${part}`, notice), text[part] ?? "");
  }
  notice.hidden = !text.headline;
  find(".retry", notice).hidden = !text.retry;
}

/** Describes the way from the hub. @param {{ lanes: number, late: number }} link */
function describeLink({ lanes, late }) {
  const count = (/** @type {number} */ n, /** @type {string} */ noun) =>
    `${n} ${noun}${n === 1 ? "" : "s"}`;
  return `${count(lanes, "lane")}, ${count(late, "picture")} late`;
}

/** @param {string | null} resolution Such as "1280x720". */
function parseResolution(resolution) {
  const [, width, height] = /^(\d+)x(\d+)$/.exec(resolution ?? "") ?? [];
  return width && height ? { width: Number(width), height: Number(height) } : undefined;
}

/** @param {number} fps */
function rounded(fps) {
  return fps < 9.95 ? Math.round(fps * 10) / 10 : Math.round(fps);
}

/**
 * Returns the height to request; undefined: the camera's own pictures.
 *
 * @param {number[] | undefined} heights See `CameraStatus`; empty: not known yet.
 * @param {number} needed Height on the screen, in its pixels; Infinity: the camera's own pictures.
 * @param {number} steps By how many sizes the pictures are smaller, as the link is slow.
 * @param {number | undefined} current The height before.
 */
export function chooseHeight(heights, needed, steps, current) {
  if (!heights?.length) return heights && needed < Infinity ? Math.ceil(needed) : undefined;
  const found = heights.findIndex((height) =>
    height >= needed * (current && current <= height ? SMALLEST_KEPT : SMALLEST)
  );
  const own = heights.length - 1;
  const index = Math.max(0, (found < 0 ? own : found) - steps);
  return index === own ? undefined : heights[index];
}
