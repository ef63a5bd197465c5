import { RequestError } from "../errors.ts";

/** A picture or a rendition cannot be made as requested; the message is for the client. */
export class RenditionError extends RequestError {
  override name = "RenditionError";
}
