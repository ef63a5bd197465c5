/** What else is known about a failure of a camera. */
export interface CameraErrorOptions extends ErrorOptions {
  /** What a person can do about it. */
  hint?: string;
  /** Trying again cannot help until somebody changes something: a bad option, a missing program. */
  permanent?: boolean;
}

/** A camera gives no pictures; the message says why. Clients see a 503 with that message. */
export class CameraError extends Error {
  override name = "CameraError";
  readonly hint: string | undefined;
  readonly permanent: boolean;

  constructor(message: string, { hint, permanent = false, ...options }: CameraErrorOptions = {}) {
    super(message, options);
    this.hint = hint;
    this.permanent = permanent;
  }
}

/** The user asked for something that cannot be: printed as one line, exit code 2. */
export class ConfigError extends Error {
  override name = "ConfigError";
}

/**
 * A reason to abort with, for what is not expected to stop by being asked, or when there is no time
 * for it: a hung capture, a server that shuts down. Programs are then forced after a moment.
 */
export class ImmediateStop extends Error {
  override name = "StopNow";
}

/** An error's message followed by those of its causes, for logs; none that it quotes already. */
export function explain(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.cause === undefined) return error.message;
  const cause = explain(error.cause);
  return error.message.endsWith(cause) ? error.message : `${error.message}: ${cause}`;
}

/**
 * Returns an error's message with the hint of a {@link CameraError}, in one line.
 *
 * @param options.causes Whether to include the messages of the causes; clients do not get them.
 */
export function messageWithHint(error: unknown, { causes = false } = {}): string {
  const message = causes || !(error instanceof Error) ? explain(error) : error.message;
  const hint = error instanceof CameraError ? error.hint : undefined;
  return hint ? `${message} (${hint})` : message;
}
