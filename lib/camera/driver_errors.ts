import type { Clock } from "../clock.ts";
import type { Log } from "../log.ts";
import { LogLimiter } from "../log_limiter.ts";
import { resolve, toFileUrl } from "../path.ts";
import { describeThrown } from "./registry.ts";

/** Maximum number of log lines per minute. */
const MAX_LINES = 10;
/** Key of the log limiter. */
const DRIVERS = "drivers";

/** Options of {@link logDriverErrors}. */
export interface DriverErrorsOptions {
  clock: Clock;
  log: Log;
}

/**
 * Logs the errors that the user's drivers throw in a timer, an event listener or a promise that they do not await. The
 * server cannot catch them, and they would end it with all its cameras. Errors of the server itself still do.
 *
 * @param folder `CAMERAS_DIR`. Without it, there are no such drivers.
 * @returns Ends the logging when it is disposed.
 */
export function logDriverErrors(
  folder: string | undefined,
  { clock, log }: DriverErrorsOptions,
): Disposable {
  const stack = new DisposableStack();
  if (!folder) return stack;
  const limiter = stack.use(
    new LogLimiter({
      clock,
      maxLines: MAX_LINES,
      onSuspend: (_, seconds) => log.warn("driver errors not logged", { seconds }),
      onResume: (_, suppressed) => log.info("driver errors logged again", { suppressed }),
    }),
  );
  const url = `${toFileUrl(resolve(folder)).href.replace(/\/+$/, "")}/`;
  const contain = (event: Event, error: unknown) => {
    // Only an error knows where it comes from; the server throws nothing else.
    if (error instanceof Error && !error.stack?.includes(url)) return;
    event.preventDefault();
    if (limiter.allow(DRIVERS)) log.error("driver error", { reason: describeThrown(error) });
  };
  const listen = (type: string, listener: (event: Event) => void) => {
    globalThis.addEventListener(type, listener);
    stack.defer(() => globalThis.removeEventListener(type, listener));
  };
  listen("error", (event) => contain(event, (event as ErrorEvent).error));
  listen("unhandledrejection", (event) => contain(event, (event as PromiseRejectionEvent).reason));
  return stack;
}
