import { assert, assertEquals } from "@std/assert";
import { IdleConnections } from "../../../lib/sockets/mod.ts";
import { eventually } from "../../server.ts";

const ignore = Deno.build.os !== "linux";
const text = new TextEncoder();

/** A server of endless streams, and its connections that were quiet for half a second. */
function setUp(limits = { headers: 500, idle: 500 }) {
  let watching = 0;
  let left = 0;
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
    if (request.url.endsWith("/page")) return new Response("a page");
    watching++;
    return new Response(
      new ReadableStream({
        async pull(controller) {
          await new Promise((resolve) => setTimeout(resolve, 20));
          controller.enqueue(new Uint8Array(100_000));
        },
        cancel: () => void left++,
      }, { highWaterMark: 0 }),
    );
  });
  const connections = IdleConnections.of(server.addr.port, limits);
  if (typeof connections === "string") throw new Error(connections);
  return {
    connections,
    connect: () => Deno.connect({ hostname: "127.0.0.1", port: server.addr.port }),
    watching: () => watching,
    left: () => left,
    async [Symbol.asyncDispose]() {
      connections[Symbol.dispose]();
      await server.shutdown();
    },
  };
}

/** Reads until the server closes. @returns What came. */
async function readAll(connection: Deno.Conn): Promise<string> {
  let all = "";
  const buffer = new Uint8Array(65_536);
  try {
    for (let size; (size = await connection.read(buffer)) !== null;) {
      all += new TextDecoder().decode(buffer.subarray(0, size));
    }
  } catch {
    all += "(reset)";
  }
  return all;
}

/** Calls `close` until it has closed `count` connections. */
async function closeUntil(connections: IdleConnections, count: number): Promise<void> {
  let closed = 0;
  await eventually(`${count} are closed`, () => (closed += connections.closeIdle()) >= count);
  assertEquals(closed, count);
}

Deno.test({
  name: "who says nothing, or never ends the head of a request, is cut off; a page's reader is not",
  ignore,
  async fn() {
    await using set = setUp({ headers: 500, idle: 60_000 });
    using silent = await set.connect();
    using dripping = await set.connect();
    await dripping.write(text.encode("GET / HTTP/1.1\r\nHost: x\r\n"));
    const dripped = setInterval(() => dripping.write(text.encode("X")).catch(() => {}), 50);
    using reader = await set.connect();
    await reader.write(text.encode("GET /page HTTP/1.1\r\nHost: x\r\n\r\n"));
    const came = await readSome(reader);
    const ended = Promise.all([readAll(silent), readAll(dripping)]);
    assertEquals(set.connections.closeIdle(), 0); // it is not time yet
    await closeUntil(set.connections, 2);
    await ended;
    clearInterval(dripped);
    await reader.write(text.encode("GET /page HTTP/1.1\r\nHost: x\r\n\r\n"));
    assertEquals([came, await readSome(reader)].map((text) => text.slice(0, 15)), [
      "HTTP/1.1 200 OK",
      "HTTP/1.1 200 OK",
    ]);
  },
});

Deno.test({
  name: "a viewer who has stopped reading is cut off and leaves; one who reads stays",
  ignore,
  async fn() {
    await using set = setUp();
    using stalled = await set.connect();
    await stalled.write(text.encode("GET / HTTP/1.1\r\nHost: x\r\n\r\n"));
    using watching = await set.connect();
    await watching.write(text.encode("GET / HTTP/1.1\r\nHost: x\r\n\r\n"));
    let bytes = 0;
    const buffer = new Uint8Array(1_000_000);
    const reading = (async () => {
      for (let size; (size = await watching.read(buffer).catch(() => null)) !== null;) {
        bytes += size;
      }
    })();
    await eventually("both watch", () => set.watching() === 2);
    await closeUntil(set.connections, 1);
    await eventually("one has left", () => set.left() === 1);
    const before = bytes;
    await eventually("the other one goes on", () => bytes > before + 1_000_000);
    assertEquals([set.left(), set.connections.closeIdle()], [1, 0]);
    // What it had not read yet is partly lost, and it is told so.
    assert((await readAll(stalled)).endsWith("(reset)"));
    watching.close();
    await reading;
    await eventually("both have left", () => set.left() === 2);
  },
});

Deno.test({
  name: "a connection that is idle after an answer is closed after its own time",
  ignore,
  async fn() {
    await using set = setUp({ headers: 60_000, idle: 500 });
    using idle = await set.connect();
    await idle.write(text.encode("GET /page HTTP/1.1\r\nHost: x\r\n\r\n"));
    await readSome(idle);
    assertEquals(set.connections.closeIdle(), 0);
    await closeUntil(set.connections, 1);
    assertEquals(await readAll(idle), "");
  },
});

Deno.test({
  name: "all can be closed at once, and others be opened afterwards",
  ignore,
  async fn() {
    await using set = setUp();
    using viewer = await set.connect();
    await viewer.write(text.encode("GET / HTTP/1.1\r\nHost: x\r\n\r\n"));
    await eventually("it watches", () => set.watching() === 1);
    assertEquals(set.connections.closeAll(), 1);
    await eventually("it has left", () => set.left() === 1);
    using reader = await set.connect();
    await reader.write(text.encode("GET /page HTTP/1.1\r\nHost: x\r\n\r\n"));
    assert((await readSome(reader)).startsWith("HTTP/1.1 200 OK"));
  },
});

Deno.test({
  name: "connections of other ports are left alone",
  ignore,
  async fn() {
    await using set = setUp({ headers: 1, idle: 1 });
    await using other = setUp();
    using connection = await other.connect();
    await connection.write(text.encode("GET /page HTTP/1.1\r\nHost: x\r\n\r\n"));
    await readSome(connection);
    await new Promise((resolve) => setTimeout(resolve, 50));
    assertEquals(set.connections.closeIdle(), 0);
    await connection.write(text.encode("GET /page HTTP/1.1\r\nHost: x\r\n\r\n"));
    assert((await readSome(connection)).startsWith("HTTP/1.1 200 OK"));
  },
});

Deno.test({
  name: "without the permission it says so and asks nobody",
  ignore,
  permissions: "none",
  fn() {
    assertEquals(
      IdleConnections.of(80),
      "Deno may not call the C library: see --allow-ffi in deno.json",
    );
  },
});

async function readSome(connection: Deno.Conn): Promise<string> {
  const buffer = new Uint8Array(65_536);
  let came = "";
  while (!came.endsWith("a page")) {
    const size = await connection.read(buffer);
    if (size === null) break;
    came += new TextDecoder().decode(buffer.subarray(0, size));
  }
  return came;
}
