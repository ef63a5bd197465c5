/** The signals that stop the program. A terminal sends SIGHUP when it is closed. */
const STOP_SIGNALS: readonly Deno.Signal[] = Deno.build.os === "windows"
  ? ["SIGINT", "SIGBREAK"]
  : ["SIGINT", "SIGTERM", "SIGHUP"];

/**
 * A second signal within this time, in milliseconds, is a duplicate of the first one: on Ctrl+C,
 * the terminal sends SIGINT to `deno task` and to the server, and `deno task` forwards it to the
 * server.
 */
const REPEAT_INTERVAL = 200;

/**
 * Waits for a signal that stops the program. Once it has arrived, another one exits at once, with
 * code 1.
 *
 * @param killAll Kills the child processes before that.
 */
export function stopSignal(killAll: () => void): Promise<void> {
  return new Promise((resolve) => {
    let stoppedAt: number | undefined;
    const onSignal = () => {
      const now = performance.now();
      if (stoppedAt === undefined) {
        stoppedAt = now;
        return resolve();
      }
      if (now - stoppedAt < REPEAT_INTERVAL) return;
      killAll();
      Deno.exit(1);
    };
    for (const signal of STOP_SIGNALS) Deno.addSignalListener(signal, onSignal);
  });
}
