import type { Bytes } from "./bytes.ts";
import { describeBytes } from "./sniff.ts";

/** Number of bytes that are kept to recognise their format. */
const HEAD_SIZE = 1_024;

/** What has arrived from an open camera. It explains why there is no picture. */
export class Received {
  #bytes = 0;
  #head: Bytes = new Uint8Array(0);
  #parts = 0;
  /** The last part that is no JPEG. */
  #part: { type: string; head: Bytes } | undefined;
  #broken = 0;
  #brokenReason = "";

  /**
   * @param hideSecrets Removes secrets from text that has arrived.
   */
  constructor(private readonly hideSecrets: (text: string) => string = (text) => text) {}

  /** Number of bytes. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Records bytes, which are copied as far as they are kept. */
  add(bytes: Bytes): void {
    this.#bytes += bytes.length;
    const missing = HEAD_SIZE - this.#head.length;
    if (missing <= 0) return;
    const head = new Uint8Array(this.#head.length + Math.min(missing, bytes.length));
    head.set(this.#head);
    head.set(bytes.subarray(0, missing), this.#head.length);
    this.#head = head;
  }

  /** Records a part that is no JPEG. @param type Its `Content-Type`, or empty. */
  addPart(type: string, head: Bytes): void {
    this.#parts++;
    this.#part = { type, head: head.slice(0, HEAD_SIZE) };
  }

  /** Records an image that was dropped. @param reason Completes the sentence "Images came, but …". */
  addBroken(reason: string): void {
    this.#broken++;
    this.#brokenReason = reason;
  }

  /** Whether a picture may still come: there is nothing wrong with what has arrived. */
  get mayBeSlow(): boolean {
    if (this.#broken > 0 || this.#part) return false;
    return this.#bytes === 0 || /^(JPEG|multipart stream)$/.test(this.#kindOf(this.#head));
  }

  /** Says what has arrived instead of a complete picture. */
  describe(): string {
    const bytes = `${formatNumber(this.#bytes)} ${this.#bytes === 1 ? "byte" : "bytes"}`;
    if (this.#broken > 0) {
      const images = this.#broken === 1 ? "1 image" : `${formatNumber(this.#broken)} images`;
      return `${images} came${this.#bytes ? ` (${bytes})` : ""}, but broken: ${this.#brokenReason}`;
    }
    if (this.#bytes === 0) return "no data came";
    if (this.#part) return `${bytes} came: ${this.#describePart(this.#part)}, no JPEG`;
    const kind = this.#kindOf(this.#head);
    if (kind === "JPEG" || kind === "multipart stream") {
      return `${bytes} came, which begin like a ${kind}, but no complete picture`;
    }
    return `${bytes} of ${kind} came, no JPEG`;
  }

  #describePart({ type, head }: { type: string; head: Bytes }): string {
    const parts = this.#parts === 1 ? "1 part" : `${formatNumber(this.#parts)} parts`;
    const kind = this.#kindOf(head);
    const declared = this.hideSecrets(type).replaceAll(/[^ -~]/g, "").slice(0, 60);
    return `${parts} ${declared ? `of type ${declared} ` : "without a type "}(${kind})`;
  }

  /** Recognises a format. Text is quoted without secrets. */
  #kindOf(bytes: Bytes): string {
    if (isDelimiter(bytes)) {
      const content = this.#kindOf(contentOfPart(bytes));
      return /^(nothing|JPEG)$/.test(content)
        ? "multipart stream"
        : `multipart stream (${content})`;
    }
    const kind = describeBytes(bytes);
    if (!kind.startsWith("text")) return kind;
    return describeBytes(
      new TextEncoder().encode(this.hideSecrets(new TextDecoder().decode(bytes))),
    );
  }
}

/** Whether bytes begin with a line such as `--frame`. */
function isDelimiter(bytes: Bytes): boolean {
  const start = String.fromCharCode(...bytes.subarray(0, 80));
  return /^\s*--[!-~]{1,72}\r?\n/.test(start);
}

/** 1234567 → "1,234,567". `Intl` would take 4 MB of memory for that. */
function formatNumber(number: number): string {
  return `${number}`.replaceAll(/\B(?=(\d{3})+$)/g, ",");
}

/** Returns the bytes after the header of the first part. */
function contentOfPart(bytes: Bytes): Bytes {
  const text = String.fromCharCode(...bytes); // one character for each byte
  const [end] = /^\s*--[^]*?\r?\n\r?\n/.exec(text) ?? [];
  const content = bytes.subarray(end?.length ?? bytes.length);
  return isDelimiter(content) ? content.subarray(content.length) : content; // an empty part
}
