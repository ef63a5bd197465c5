import { printable } from "./quote.ts";

/** Details of a {@link CameraError}. */
export interface CameraErrorOptions extends ErrorOptions {
  /** What the user can do about it. */
  hint?: string;
  /**
   * Whether retrying is pointless until the user changes something: an invalid option, a missing
   * program.
   */
  permanent?: boolean;
  /** Resolves when a retry promises success: it ends the pause before the next one. */
  retryWhen?: Promise<void>;
}

/** A camera delivers no frames; the message says why. Clients receive a 503 with this message. */
export class CameraError extends Error {
  override name = "CameraError";
  readonly hint: string | undefined;
  readonly permanent: boolean;
  readonly retryWhen: Promise<void> | undefined;

  constructor(
    message: string,
    { hint, permanent = false, retryWhen, ...options }: CameraErrorOptions = {},
  ) {
    super(message, options);
    this.hint = hint;
    this.permanent = permanent;
    this.retryWhen = retryWhen;
  }
}

/** Options of a {@link RequestError}. */
export interface RequestErrorOptions extends ErrorOptions {
  /** See {@link RequestError.retryAfter}. */
  retryAfter?: number;
}

/** A request cannot be served as it is, or not now; the message is for the client. */
export class RequestError extends Error {
  override name = "RequestError";
  /** When the same request can succeed, in milliseconds; undefined: another one is needed. */
  readonly retryAfter: number | undefined;

  constructor(message: string, { retryAfter, ...options }: RequestErrorOptions = {}) {
    super(message, options);
    this.retryAfter = retryAfter;
  }
}

/** Invalid configuration or arguments: printed as one line, exit code 2. */
export class ConfigError extends Error {
  override name = "ConfigError";
}

/** The server cannot listen on its address and port: printed as one line, exit code 1. */
export class ListenError extends Error {
  override name = "ListenError";
}

/** Abort reason that shortens the grace period of programs: for a hung capture, and at shutdown. */
export class ImmediateStop extends Error {
  override name = "ImmediateStop";
}

/**
 * Joins the messages of an error and its causes, for logs. Skips a cause that the message already
 * ends with.
 */
export function explain(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.cause === undefined) return error.message;
  const cause = explain(error.cause);
  return error.message.endsWith(cause) ? error.message : `${error.message}: ${cause}`;
}

/**
 * Returns an error's message with the hint of a {@link CameraError}, in one line without control
 * characters.
 *
 * @param options.causes Whether to include the messages of the causes; clients do not get them.
 */
export function messageWithHint(error: unknown, { causes = false } = {}): string {
  const message = causes || !(error instanceof Error) ? explain(error) : error.message;
  const hint = error instanceof CameraError ? error.hint : undefined;
  return printable(hint ? `${message} (${hint})` : message);
}
