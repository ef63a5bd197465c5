import type { Clock } from "../clock.ts";
import { CLOSE } from "./session.ts";

/**
 * Delay before the socket of a client without a version is closed, in milliseconds. Pages that are
 * older than the version number reconnect immediately after a close: the delay limits their rate.
 */
const UNVERSIONED_DELAY = 2_000;

/** The part of a WebSocket that {@link closeOutdated} needs. */
export interface OpeningSocket {
  addEventListener(type: "open" | "close" | "error", listener: () => void): void;
  close(code: number, reason: string): void;
}

/**
 * Closes the socket of a client that uses another version of the protocol, with a reason that the
 * page shows to its user. Sends no message, because the client would misread it.
 *
 * @param version The version that the client named, if any.
 */
export function closeOutdated(
  socket: OpeningSocket,
  version: string | undefined,
  clock: Clock,
): void {
  const closed = new AbortController();
  socket.addEventListener("open", async () => {
    if (version === undefined) {
      await clock.sleep(UNVERSIONED_DELAY, closed.signal).catch(() => {}); // aborted: closed
    }
    if (closed.signal.aborted) return;
    socket.close(CLOSE.OUTDATED, "The page is older than the server: reload it");
  });
  socket.addEventListener("close", () => closed.abort());
  socket.addEventListener("error", () => {}); // a close follows
}
