import type { Bytes } from "./bytes.ts";
import { describeBytes } from "./sniff.ts";

/** Number of bytes that are kept to recognize their format. */
const HEAD_SIZE = 1_024;

/** Records the data that has arrived from an open camera. It explains why there is no picture. */
export class Received {
  #bytes = 0;
  #head: Bytes = new Uint8Array(0);
  #parts = 0;
  /** The last part that is not a JPEG. */
  #part: { type: string; head: Bytes } | undefined;
  #broken = 0;
  #brokenReason = "";

  /** @param hideSecrets Hides the secrets in received text. */
  constructor(private readonly hideSecrets: (text: string) => string = (text) => text) {}

  /** Number of bytes. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Records bytes. Copies those that it keeps. */
  add(bytes: Bytes): void {
    this.#bytes += bytes.length;
    const missing = HEAD_SIZE - this.#head.length;
    if (missing <= 0) return;
    const head = new Uint8Array(this.#head.length + Math.min(missing, bytes.length));
    head.set(this.#head);
    head.set(bytes.subarray(0, missing), this.#head.length);
    this.#head = head;
  }

  /** Records a part that is not a JPEG. @param type Its `Content-Type`, or empty. */
  addPart(type: string, head: Bytes): void {
    this.#parts++;
    this.#part = { type, head: head.slice(0, HEAD_SIZE) };
  }

  /**
   * Records an image that was dropped.
   *
   * @param reason The damage, such as "damaged header".
   */
  addBroken(reason: string): void {
    this.#broken++;
    this.#brokenReason = reason;
  }

  /** Whether a picture may still arrive: the data so far is valid. */
  get mayBeSlow(): boolean {
    if (this.#broken > 0 || this.#part) return false;
    return this.#bytes === 0 || /^(JPEG|multipart stream)$/.test(this.#kindOf(this.#head));
  }

  /** Describes the data that has arrived instead of a complete picture. */
  describe(): string {
    const bytes = `${formatNumber(this.#bytes)} ${this.#bytes === 1 ? "byte" : "bytes"}`;
    if (this.#broken > 0) {
      const images = this.#broken === 1
        ? "1 broken image"
        : `${formatNumber(this.#broken)} broken images`;
      return `${images} arrived${this.#bytes ? ` (${bytes})` : ""}: ${this.#brokenReason}`;
    }
    if (this.#bytes === 0) return "no data arrived";
    if (this.#part) return `${bytes} arrived: ${this.#describePart(this.#part)}, but no JPEG`;
    const kind = this.#kindOf(this.#head);
    if (kind === "JPEG" || kind === "multipart stream") {
      return `${bytes} arrived that begin like a ${kind}, but no complete picture`;
    }
    return `${bytes} of ${kind} arrived, but no JPEG`;
  }

  #describePart({ type, head }: { type: string; head: Bytes }): string {
    const parts = this.#parts === 1 ? "1 part" : `${formatNumber(this.#parts)} parts`;
    const kind = this.#kindOf(head);
    const declared = this.hideSecrets(type).replaceAll(/[^ -~]/g, "").slice(0, 60);
    return `${parts} ${declared ? `of type ${declared} ` : "without a type "}(${kind})`;
  }

  /** Returns the format of bytes. Hides the secrets in quoted text. */
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

/** Formats a number: 1234567 → "1,234,567". `Intl` would use 4 MB of memory. */
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
