import type { Clock } from "../clock.ts";
import { type CameraError, explain } from "../errors.ts";
import type { Fields, Log } from "../log.ts";
import { LogLimiter } from "../log_limiter.ts";

/** Maximum number of log lines per microphone and minute. */
const MAX_LINES = 20;
/** Maximum length of a logged reason or hint, in characters: a program can print any text. */
const MAX_TEXT_LENGTH = 1_000;

/**
 * Logs the events of all microphones, named by their cameras. A failure that repeats is logged once
 * until sound flows again. The number of lines per microphone is limited, see {@link LogLimiter}.
 */
export class MicrophoneLog implements Disposable {
  readonly #log: Log;
  readonly #limiter: LogLimiter;
  /** The last reason logged for each failing microphone. */
  readonly #reasons = new Map<string, string>();
  /** The last event suppressed for each microphone. */
  readonly #suppressed = new Map<string, Fields>();

  constructor({ clock, log }: { clock: Clock; log: Log }) {
    this.#log = log;
    this.#limiter = new LogLimiter({
      clock,
      maxLines: MAX_LINES,
      onSuspend: (camera, seconds) => log.warn("microphone events not logged", { camera, seconds }),
      onResume: (camera, count) =>
        log.info("microphone events logged again", {
          camera,
          suppressed: count,
          ...this.#suppressed.get(camera),
        }),
    });
  }

  /** Sound flows for the first time since the capture was opened, or since a failure. */
  started(camera: string, { rate, recovered }: { rate: number; recovered: boolean }): void {
    this.#reasons.delete(camera);
    this.#write("info", `microphone ${recovered ? "recovered" : "started"}`, { camera, rate });
  }

  /** The capture has failed. @param retryDelay Time until the retry, in milliseconds. */
  failed(camera: string, error: CameraError, retryDelay: number): void {
    const reason = shorten(explain(error));
    if (this.#reasons.get(camera) === reason) return;
    const retry = error.permanent ? "on request" : `${retryDelay / 1_000}s`;
    const fields = { camera, reason, hint: error.hint && shorten(error.hint), retry };
    if (this.#write("warn", "microphone failed", fields)) this.#reasons.set(camera, reason);
  }

  /** The capture is closed: nobody listens. */
  stopped(camera: string): void {
    this.#write("info", "microphone stopped", { camera });
  }

  /** Ends all suspensions. */
  [Symbol.dispose](): void {
    this.#limiter[Symbol.dispose]();
  }

  #write(level: "info" | "warn", event: string, fields: Fields & { camera: string }): boolean {
    const allowed = this.#limiter.allow(fields.camera);
    if (allowed) this.#log[level](event, fields);
    else this.#suppressed.set(fields.camera, { latest: event, ...fields });
    return allowed;
  }
}

function shorten(text: string): string {
  return text.length > MAX_TEXT_LENGTH ? `${text.slice(0, MAX_TEXT_LENGTH)}…` : text;
}
