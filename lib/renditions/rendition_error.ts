/** Options of a {@link RenditionError}. */
export interface RenditionErrorOptions extends ErrorOptions {
  /** See {@link RenditionError.retryAfter}. */
  retryAfter?: number;
}

/** A picture or a rendition cannot be made as requested; the message is for the client. */
export class RenditionError extends Error {
  override name = "RenditionError";
  /** When the same request can succeed, in milliseconds; undefined: another one is needed. */
  readonly retryAfter: number | undefined;

  constructor(message: string, { retryAfter, ...options }: RenditionErrorOptions = {}) {
    super(message, options);
    this.retryAfter = retryAfter;
  }
}
