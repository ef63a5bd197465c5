import { assertEquals } from "@std/assert";
import { closeOutdated, PROTOCOL_VERSION } from "../../../lib/live/mod.ts";
import { ManualClock } from "../../manual_clock.ts";

class Socket extends EventTarget {
  closed: [code: number, reason: string] | undefined;

  close(code: number, reason: string): void {
    this.closed = [code, reason];
  }
}

/** Opens a socket of a client that names this version. */
function open(version?: string) {
  const socket = new Socket();
  const clock = new ManualClock();
  closeOutdated(socket, version, clock);
  socket.dispatchEvent(new Event("open"));
  return { socket, clock };
}

const CLOSED: [number, string] = [4000, "The page is older than the server: reload it"];

Deno.test("closeOutdated closes a socket with another version at once", () => {
  assertEquals(open(`${PROTOCOL_VERSION + 1}`).socket.closed, CLOSED);
});

Deno.test("closeOutdated closes a socket without a version after 2 s", async () => {
  const { socket, clock } = open();
  await clock.advance(1_999);
  assertEquals(socket.closed, undefined);
  await clock.advance(1);
  assertEquals(socket.closed, CLOSED);
});

Deno.test("closeOutdated does nothing after the client has closed the socket", async () => {
  const { socket, clock } = open();
  socket.dispatchEvent(new Event("close"));
  await clock.advance(10_000);
  assertEquals(socket.closed, undefined);
});
