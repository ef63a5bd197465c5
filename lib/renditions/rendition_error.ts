/** A rendition cannot be made; the message is for the client. */
export class RenditionError extends Error {
  override name = "RenditionError";
  /** Whether the request could succeed later, or with other values: there are too many renditions. */
  readonly tooMany: boolean;

  constructor(
    message: string,
    { tooMany = false, ...options }: ErrorOptions & { tooMany?: boolean } = {},
  ) {
    super(message, options);
    this.tooMany = tooMany;
  }
}
