import { assert, assertEquals, assertGreater, assertLess, assertLessOrEqual } from "@std/assert";
import { connect as connectHttp2 } from "node:http2";
import type { Frame } from "../../../lib/frame.ts";
import { ViewerStream } from "../../../lib/streaming/viewer_stream.ts";
import { multipartFormat } from "../../../lib/multipart/encode.ts";
import { DirectConnection, type DirectSockets } from "../../../lib/sockets/direct_connection.ts";
import { DrainPoller } from "../../../lib/sockets/drain_poller.ts";
import { openConnections } from "../../../lib/sockets/connections.ts";
import { limitSendQueue } from "../../../lib/sockets/mod.ts";
import { eventually } from "../../server.ts";

const ignore = Deno.build.os !== "linux";
const FORMAT = multipartFormat("frame", false);
/** Size of a frame, in bytes; more than a connection holds for a client that does not read. */
const SIZE = 300_000;
const text = new TextEncoder();

Deno.test({
  name: "viewers get whole frames in order: directly if they read, through Deno if they are slow",
  ignore,
  fn: async () => {
    await using server = setUp();
    const fast = Array.from({ length: 20 }, () => server.watch());
    const slow = Array.from({ length: 4 }, () => server.watch({ readSize: 10_000, pause: 4 }));
    await eventually("all have frames", () => [...fast, ...slow].every(({ frames }) => frames > 4));
    assertGreater(server.direct(), 0.5 * server.offered());
    assertGreater(server.queued(), 4 * SIZE);
    await Promise.all([...fast, ...slow].map((viewer) => viewer.leave()));
  },
});

Deno.test({
  name: "a viewer that was slow gets frames directly again once it reads",
  ignore,
  fn: async () => {
    await using server = setUp();
    const pace = { readSize: 5_000, pause: 5 };
    const viewer = server.watch(pace);
    await eventually("it is slow", () => server.queued() > 2 * SIZE);
    Object.assign(pace, { readSize: 1_000_000, pause: 0 });
    const before = viewer.frames;
    await eventually("it has caught up", () => viewer.frames > before + 10);
    const [direct, queued] = [server.direct(), server.queued()];
    await eventually("it gets more", () => server.direct() > direct + 10 * SIZE);
    assertLess(server.queued() - queued, server.direct() - direct);
    await viewer.leave();
  },
});

Deno.test({
  name: "a viewer gets its frames whatever was sent on its connection before",
  ignore,
  fn: async () => {
    await using server = setUp();
    const page = "GET /page HTTP/1.1\r\nHost: x\r\n\r\n";
    const large = page.replace("page", "large");
    for (
      const request of [
        "GET / HTTP/1.0\r\n\r\n",
        "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
        `${page}GET / HTTP/1.1\r\nHost: x\r\n\r\n`,
        `${page}${page}GET / HTTP/1.1\r\nHost: x\r\nConnection: keep-alive\r\n\r\n`,
        `${large}GET / HTTP/1.1\r\nHost: x\r\nConnection: keep-alive\r\n\r\n`,
        "GET / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc",
      ]
    ) {
      const viewer = server.watch({ request, readSize: 50_000, pause: 1 });
      await eventually("it has frames", () => viewer.frames > 3);
      await viewer.leave();
    }
  },
});

Deno.test({
  name: "an HTTP/2 client, whose streams share a connection, gets its frames through Deno",
  ignore,
  fn: async () => {
    await using server = setUp();
    const session = connectHttp2(`http://127.0.0.1:${server.port}`);
    const stream = session.request({ ":path": "/", "host": "x" });
    let bytes = 0;
    stream.on("data", (chunk) => bytes += chunk.length);
    stream.resume();
    await eventually("it has frames", () => bytes > 3 * SIZE);
    assertEquals(server.direct(), 0);
    session.destroy();
    await eventually("it has left", () => server.viewers() === 0);
  },
});

Deno.test({
  name: "viewers that leave, slow or not, leave no descriptor open",
  ignore,
  fn: async () => {
    await using server = setUp();
    const before = countDescriptors();
    for (let round = 0; round < 3; round++) {
      const viewers = Array.from(
        { length: 30 },
        (_, n) => server.watch(n % 3 === 0 ? { readSize: 1_000, pause: 50 } : {}),
      );
      await eventually("all are connected", () => server.viewers() === 30);
      await eventually("some have frames", () => viewers.some(({ frames }) => frames > 4));
      // Per viewer: its socket, Deno's, and the duplicate. Pipes: four cached, and the staging
      // pipe. The pair of sockets that fills pipes, and /dev/null.
      assertLessOrEqual(countDescriptors(), before + 30 * 3 + 5 * 2 + 3);
      await Promise.all(viewers.map((viewer) => viewer.leave()));
      await eventually("all have left", () => server.viewers() === 0);
    }
    await eventually("all is closed", () => countDescriptors() <= before);
  },
});

Deno.test("DirectConnection sends nothing while Deno may have bytes to send", async () => {
  const sockets = new FakeSockets(100);
  const connection = new DirectConnection(sockets, { socket: 5, bytesBefore: 100 });
  assertEquals(connection.send(new Uint8Array(10)), 0); // the headers are not sent
  setTimeout(() => sockets.count = 2 ** 32 - 50, 5);
  await connection.headersSent();
  assertEquals(connection.send(new Uint8Array(100)), 100);
  assertEquals(sockets.count, 50);
  sockets.capacity = 30;
  assertEquals(connection.send(new Uint8Array(100)), 30);
  connection.queued(70);
  sockets.count = 90; // Deno has sent ten of them
  connection.queued(50);
  sockets.capacity = Infinity;
  for (; sockets.count < 200; sockets.count += 10) {
    assertEquals(connection.send(new Uint8Array(10)), 0);
  }
  assertEquals(connection.send(new Uint8Array(10)), 10);
  sockets.capacity = -1; // the send queue is full, or the client has gone
  assertEquals(connection.send(new Uint8Array(10)), 0);
  connection.close();
  connection.close();
  assertEquals([connection.send(new Uint8Array(10)), sockets.closed], [0, [5]]);
});

Deno.test("DirectConnection leaves the response to Deno if it sees no headers", async () => {
  const sockets = new FakeSockets(7);
  const connection = new DirectConnection(sockets, { socket: 5, bytesBefore: 7 });
  await connection.headersSent();
  assertEquals(connection.send(new Uint8Array(10)), 0);
  assertEquals([sockets.count, sockets.closed], [7, [5]]);
  connection.queued(10);
  connection.close();
  assertEquals(sockets.closed, [5]);
});

Deno.test("DirectConnection calls back once Deno has sent the queued bytes", async () => {
  const sockets = new FakeSockets(0);
  const connection = new DirectConnection(sockets, { socket: 5, bytesBefore: 0 });
  sockets.count = 10;
  await connection.headersSent();
  connection.queued(20);
  let calls = 0;
  connection.onDrain(() => calls++);
  sockets.count = 29;
  assert(!connection.drained);
  sockets.count = 30;
  await eventually("it has drained", () => calls === 1);
  assert(connection.drained);
  connection.queued(20);
  connection.onDrain(() => calls++);
  connection.close(); // stops the timer
  assertEquals(calls, 1);
});

/** Sockets of a fake kernel. */
class FakeSockets implements DirectSockets {
  readonly drainPoller = new DrainPoller();
  /** Number of bytes written to the socket. */
  count: number;
  /** Number of bytes that the socket accepts at once; negative for an error. */
  capacity = Infinity;
  readonly closed: number[] = [];

  constructor(count: number) {
    this.count = count;
  }

  bytesWritten(): number {
    return this.count;
  }

  send(_: number, bytes: Uint8Array): number {
    const accepted = Math.min(this.capacity, bytes.length);
    this.count = (this.count + Math.max(0, accepted)) >>> 0;
    return accepted;
  }

  close(socket: number): void {
    this.closed.push(socket);
  }
}

/** How a viewer reads. */
interface ViewerOptions {
  request?: string;
  /** Number of bytes per read, and the pause after it in milliseconds. */
  readSize?: number;
  pause?: number;
}

/** Starts a server that sends a synthetic frame every 40 ms to viewers that check each byte. */
function setUp() {
  const bodies = new Set<ViewerStream>();
  const viewers: ReturnType<typeof watch>[] = [];
  let [sentDirectly, queued, offered, sequence] = [0, 0, 0, 0];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request, info) => {
    if (request.url.endsWith("/page")) return new Response("a page");
    if (request.url.endsWith("/large")) return new Response(new Uint8Array(1_000_000));
    const http1 = request.headers.has("Connection");
    const direct = connections.directTo(info.remoteAddr, http1);
    const body = new ViewerStream({
      format: FORMAT,
      direct: direct && {
        headersSent: () => direct.headersSent(),
        get isOpen() {
          return direct.isOpen;
        },
        get drained() {
          return direct.drained;
        },
        onDrain: (callback) => direct.onDrain(callback),
        send(bytes) {
          const count = direct.send(bytes);
          sentDirectly += count;
          return count;
        },
        queued(count) {
          queued += count;
          direct.queued(count);
        },
      },
      onEnd() {
        bodies.delete(body);
        direct?.close();
      },
    });
    bodies.add(body);
    const headers = { "Content-Length": `${Number.MAX_SAFE_INTEGER}` };
    return new Response(body.stream, { headers });
  });
  const { port } = server.addr;
  assertEquals(limitSendQueue(port), undefined);
  const connections = openConnections(port, { direct: true });
  const timer = setInterval(() => {
    const frame = frameOf(++sequence);
    for (const body of bodies) body.offer(frame);
    offered += bodies.size * SIZE;
  }, 40);
  return {
    port,
    /** Number of connected viewers. */
    viewers: () => bodies.size,
    /** Number of bytes sent directly, queued for Deno, and offered to all viewers. */
    direct: () => sentDirectly,
    queued: () => queued,
    offered: () => offered,
    watch(options: ViewerOptions = {}) {
      const viewer = watch(port, options);
      viewers.push(viewer);
      return viewer;
    },
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      for (const body of bodies) body.end();
      for (const viewer of viewers) viewer.close(); // open after a failed test
      await server.shutdown();
      connections[Symbol.dispose]();
    },
  };
}

/** Creates a frame whose bytes show if some are missing or misplaced. It is not a valid JPEG. */
function frameOf(sequence: number): Frame {
  const jpeg = new Uint8Array(SIZE + sequence % 100);
  for (let at = 0; at < jpeg.length; at += 50) jpeg[at] = sequence + at / 50;
  return { jpeg, capturedAt: sequence * 1000, monotonic: 0, sequence };
}

/** Connects a viewer that checks its stream. */
function watch(port: number, options: ViewerOptions) {
  let connection: Deno.Conn | undefined;
  const viewer = {
    frames: 0,
    close() {
      connection?.close();
      connection = undefined;
    },
    /** Disconnects. Throws if the stream was not correct. */
    async leave() {
      viewer.close();
      await done;
    },
  };
  const done = (async () => {
    const opened = connection = await Deno.connect({ hostname: "127.0.0.1", port });
    await opened.write(text.encode(options.request ?? "GET / HTTP/1.1\r\nHost: x\r\n\r\n"));
    for await (const sequence of readFrames(readChunks(opened, options))) {
      assert(sequence > 0);
      viewer.frames++;
    }
  })();
  done.catch(() => {}); // leave() reports it
  return viewer;
}

/** Reads until this side closes the connection. `options` may change in the meantime. */
async function* readChunks(connection: Deno.Conn, options: ViewerOptions) {
  try {
    for (;;) {
      const { readSize = 1_000_000, pause = 0 } = options;
      const buffer = new Uint8Array(readSize);
      const size = await connection.read(buffer);
      if (size === null) return;
      yield buffer.subarray(0, size);
      if (pause > 0) await new Promise((resolve) => setTimeout(resolve, pause));
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.BadResource || error instanceof Deno.errors.Interrupted)) {
      throw error;
    }
  }
}

/** Reads the sequence numbers of the frames in a stream. Throws if any byte of it is wrong. */
async function* readFrames(chunks: AsyncIterable<Uint8Array<ArrayBuffer>>): AsyncGenerator<number> {
  let rest: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  let hasHeaders = false;
  let last = 0;
  for await (const chunk of chunks) {
    rest = concat(rest, chunk);
    if (!hasHeaders) {
      const at = new TextDecoder("latin1").decode(rest).indexOf("\r\n--frame\r\n");
      if (at === -1) continue;
      hasHeaders = true;
      rest = rest.slice(at + 2);
    }
    for (;;) {
      const header = new TextDecoder("latin1").decode(rest.subarray(0, 200));
      const found =
        /^--frame\r\nContent-Type: image\/jpeg\r\nContent-Length: (\d+)\r\nX-Timestamp: (\d+)\.000000\r\n\r\n/
          .exec(header);
      if (!found) {
        if (header.length < 200 && "--frame\r\n".startsWith(header.slice(0, 9))) break;
        if (header.length === 200) throw new Error(`Not the header of a part: ${header}`);
        break;
      }
      const frame = frameOf(Number(found[2]));
      const end = found[0].length + frame.jpeg.length;
      if (rest.length < end + 2) break;
      assertEquals(Number(found[1]), frame.jpeg.length);
      const jpeg = rest.subarray(found[0].length, end);
      assert(isEqual(jpeg, frame.jpeg), `frame ${frame.sequence}`);
      assertGreater(frame.sequence, last);
      yield last = frame.sequence;
      rest = rest.slice(end + 2);
    }
  }
}

function isEqual(actual: Uint8Array, expected: Uint8Array): boolean {
  for (let at = 0; at < actual.length; at++) if (actual[at] !== expected[at]) return false;
  return actual.length === expected.length;
}

function concat(first: Uint8Array<ArrayBuffer>, second: Uint8Array<ArrayBuffer>) {
  const all = new Uint8Array(first.length + second.length);
  all.set(first);
  all.set(second, first.length);
  return all;
}

/** Counts the open descriptors of this process. */
function countDescriptors(): number {
  return [...Deno.readDirSync("/proc/self/fd")].length;
}
