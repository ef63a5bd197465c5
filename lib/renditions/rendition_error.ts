/** Options of a {@link RenditionError}. */
export interface RenditionErrorOptions extends ErrorOptions {
  /** See {@link RenditionError.tooMany}. @default {false} */
  tooMany?: boolean;
  /** See {@link RenditionError.retryAfter}. */
  retryAfter?: number;
}

/** A picture or a rendition cannot be made as requested; the message is for the client. */
export class RenditionError extends Error {
  override name = "RenditionError";
  /** Whether a limit is reached, so that the same request can succeed later. */
  readonly tooMany: boolean;
  /** How long a client should wait before retrying, in milliseconds, if that is known. */
  readonly retryAfter: number | undefined;

  constructor(
    message: string,
    { tooMany = false, retryAfter, ...options }: RenditionErrorOptions = {},
  ) {
    super(message, options);
    this.tooMany = tooMany;
    this.retryAfter = retryAfter;
  }
}
