import type { Overlay } from "./task.ts";

/**
 * Replaces `%name`, `%date` and `%time` of texts, as in "2026-11-27" and "06:55:12" in the time zone
 * of this machine, and `%%` by a single `%`.
 */
export class OverlayText {
  readonly #overlay: Overlay;
  #second = NaN;
  #text = "";

  constructor(overlay: Overlay) {
    this.#overlay = overlay;
  }

  /** @param time Milliseconds since the Unix epoch. */
  at(time: number): string {
    const second = Math.floor(time / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#text = textOf(this.#overlay, new Date(second * 1000));
    }
    return this.#text;
  }
}

function textOf({ text, camera }: Overlay, time: Date): string {
  const values: Record<string, string> = {
    "%%": "%",
    "%name": camera,
    "%date": `${time.getFullYear()}-${pad(time.getMonth() + 1)}-${pad(time.getDate())}`,
    "%time": `${pad(time.getHours())}:${pad(time.getMinutes())}:${pad(time.getSeconds())}`,
  };
  return text.replaceAll(/%(?:%|name|date|time)/g, (name) => values[name]!);
}

function pad(value: number): string {
  return `${value}`.padStart(2, "0");
}
