import type { StorageError } from "./storage.ts";

/** Options of {@link RoomRequests}. */
export interface RoomRequestsOptions {
  /** Whether there is room for bytes now. */
  readonly fits: (bytes: number) => boolean;
  /** Called for each request that is granted. */
  readonly claim: (bytes: number) => void;
}

interface Request {
  readonly bytes: number;
  resolve(): void;
  reject(error: StorageError): void;
}

/** Requests for room that wait until something is deleted, in their order. */
export class RoomRequests {
  readonly #options: RoomRequestsOptions;
  #waiting: Request[] = [];

  constructor(options: RoomRequestsOptions) {
    this.#options = options;
  }

  get isEmpty(): boolean {
    return this.#waiting.length === 0;
  }

  /** Bytes of the first request; 0 without any. */
  get next(): number {
    return this.#waiting[0]?.bytes ?? 0;
  }

  /** Adds a request; resolves when it is granted. */
  add(bytes: number): Promise<void> {
    return new Promise((resolve, reject) => this.#waiting.push({ bytes, resolve, reject }));
  }

  /** Grants the requests that fit, up to the first that does not. */
  grant(): void {
    const { fits, claim } = this.#options;
    for (let first = this.#waiting[0]; first && fits(first.bytes); first = this.#waiting[0]) {
      this.#waiting.shift();
      claim(first.bytes);
      first.resolve();
    }
  }

  /** Rejects the requests that do not fit, and grants the others. */
  refuse(error: StorageError): void {
    const { fits, claim } = this.#options;
    const refused = this.#waiting;
    this.#waiting = [];
    for (const { bytes, resolve, reject } of refused) {
      if (!fits(bytes)) reject(error);
      else {
        claim(bytes);
        resolve();
      }
    }
  }
}
