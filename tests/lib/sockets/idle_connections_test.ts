import { assert, assertEquals } from "@std/assert";
import { systemClock } from "../../../lib/clock.ts";
import { type Connections, openConnections } from "../../../lib/sockets/connections.ts";
import { eventually } from "../../server.ts";

const ignore = Deno.build.os !== "linux";

const STREAM_REQUEST = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
const PAGE_REQUEST = "GET /page HTTP/1.1\r\nHost: x\r\n\r\n";

Deno.test({
  name: "closeIdle closes connections without complete headers, but not after a page",
  ignore,
  async fn() {
    const timeout = 500;
    await using server = setUp({ headers: timeout, idle: 60_000 });
    const connectedAt = performance.now();
    using silent = await server.connect();
    using slow = await server.connect("GET / HTTP/1.1\r\nHost: x\r\n");
    const timer = setInterval(() => write(slow, "X").catch(() => {}), 50);
    using reader = await server.connect(PAGE_REQUEST);
    const first = await readPage(reader);
    const ended = Promise.all([readAll(silent), readAll(slow)]);
    const closed = server.connections.closeIdle();
    // On a busy machine, the timeout may have passed already.
    if (performance.now() - connectedAt < timeout) assertEquals(closed, 0);
    await closeUntil(server.connections, 2, closed);
    await ended;
    clearInterval(timer);
    await write(reader, PAGE_REQUEST);
    assertEquals([first, await readPage(reader)].map((text) => text.slice(0, 15)), [
      "HTTP/1.1 200 OK",
      "HTTP/1.1 200 OK",
    ]);
  },
});

Deno.test({
  name: "closeIdle disconnects a viewer that has stopped reading, but not another that reads",
  ignore,
  async fn() {
    // Long enough for a busy machine, on which the active viewer may pause for a second.
    await using server = setUp({ headers: 60_000, idle: 3_000 });
    using stalled = await server.connect(STREAM_REQUEST);
    using active = await server.connect(STREAM_REQUEST);
    let bytes = 0;
    const buffer = new Uint8Array(1_000_000);
    const reading = (async () => {
      for (let size; (size = await active.read(buffer).catch(() => null)) !== null;) {
        bytes += size;
      }
    })();
    await eventually("both are connected", () => server.opened() === 2);
    await closeUntil(server.connections, 1);
    await eventually("the stalled viewer has ended", () => server.ended() === 1);
    const before = bytes;
    await eventually("the active viewer continues", () => bytes > before + 1_000_000);
    assertEquals([server.ended(), server.connections.closeIdle()], [1, 0]);
    // Unsent data is discarded, and a reset reports that to the client.
    assert((await readAll(stalled)).endsWith("(reset)"));
    active.close();
    await reading;
    await eventually("both have ended", () => server.ended() === 2);
  },
});

Deno.test({
  name: "closeIdle closes a connection that is idle after a response, after the idle timeout",
  ignore,
  async fn() {
    const timeout = 500;
    await using server = setUp({ headers: 60_000, idle: timeout });
    const connectedAt = performance.now();
    using idle = await server.connect(PAGE_REQUEST);
    await readPage(idle);
    const closed = server.connections.closeIdle();
    // On a busy machine, the timeout may have passed already.
    if (performance.now() - connectedAt < timeout) assertEquals(closed, 0);
    await closeUntil(server.connections, 1, closed);
    assertEquals(await readAll(idle), "");
  },
});

Deno.test({
  name: "closeAll closes active connections, and the server still accepts new ones",
  ignore,
  async fn() {
    await using server = setUp();
    using _viewer = await server.connect(STREAM_REQUEST);
    await eventually("the viewer is connected", () => server.opened() === 1);
    assertEquals(server.connections.closeAll(), 1);
    await eventually("its stream has ended", () => server.ended() === 1);
    using reader = await server.connect(PAGE_REQUEST);
    assert((await readPage(reader)).startsWith("HTTP/1.1 200 OK"));
  },
});

Deno.test({
  name: "closeIdle does not touch connections of other ports",
  ignore,
  async fn() {
    await using server = setUp({ headers: 1, idle: 1 });
    await using other = setUp();
    using connection = await other.connect(PAGE_REQUEST);
    await readPage(connection);
    await new Promise((resolve) => setTimeout(resolve, 50));
    assertEquals(server.connections.closeIdle(), 0);
    await write(connection, PAGE_REQUEST);
    assert((await readPage(connection)).startsWith("HTTP/1.1 200 OK"));
  },
});

/** Starts a server of endless streams and of one page, with timeouts of half a second. */
function setUp(timeouts = { headers: 500, idle: 500 }) {
  let [opened, ended] = [0, 0];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
    if (request.url.endsWith("/page")) return new Response("a page");
    opened++;
    const cancelled = new AbortController();
    return new Response(
      new ReadableStream({
        async pull(controller) {
          // The abort leaves no timer behind.
          await systemClock.sleep(20, cancelled.signal).catch(() => {});
          if (!cancelled.signal.aborted) controller.enqueue(new Uint8Array(100_000));
        },
        cancel: () => {
          cancelled.abort();
          ended++;
        },
      }, { highWaterMark: 0 }),
    );
  });
  const connections = openConnections(server.addr.port, { timeouts });
  return {
    connections,
    async connect(request = "") {
      const { port } = server.addr;
      const connection = await Deno.connect({ hostname: "127.0.0.1", port });
      if (request) await write(connection, request);
      return connection;
    },
    /** Number of streams that were opened, and number of those that ended. */
    opened: () => opened,
    ended: () => ended,
    async [Symbol.asyncDispose]() {
      connections[Symbol.dispose]();
      await server.shutdown();
    },
  };
}

/** Calls `closeIdle` until `count` connections are closed, with `closed` before. */
async function closeUntil(connections: Connections, count: number, closed = 0): Promise<void> {
  await eventually(`${count} are closed`, () => (closed += connections.closeIdle()) >= count);
  assertEquals(closed, count);
}

async function write(connection: Deno.Conn, text: string): Promise<void> {
  await connection.write(new TextEncoder().encode(text));
}

/**
 * Reads until the server closes the connection.
 *
 * @returns The text, with "(reset)" after a reset.
 */
async function readAll(connection: Deno.Conn): Promise<string> {
  let text = "";
  const buffer = new Uint8Array(65_536);
  try {
    for (let size; (size = await connection.read(buffer)) !== null;) {
      text += new TextDecoder().decode(buffer.subarray(0, size));
    }
  } catch {
    text += "(reset)";
  }
  return text;
}

/** Reads the response to {@link PAGE_REQUEST}. */
async function readPage(connection: Deno.Conn): Promise<string> {
  const buffer = new Uint8Array(65_536);
  let text = "";
  while (!text.endsWith("a page")) {
    const size = await connection.read(buffer);
    if (size === null) break;
    text += new TextDecoder().decode(buffer.subarray(0, size));
  }
  return text;
}
