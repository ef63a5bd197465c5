import { assert, assertEquals, assertGreater, assertLess, assertLessOrEqual } from "@std/assert";
import { connect as connectHttp2 } from "node:http2";
import type { Frame } from "../../../lib/frame.ts";
import { ViewerStream } from "../../../lib/streaming/viewer_stream.ts";
import { multipartFormat } from "../../../lib/multipart/encode.ts";
import { DirectConnection, DirectSends } from "../../../lib/sockets/direct_connection.ts";
import { limitSendQueue } from "../../../lib/sockets/send_queue.ts";
import { eventually } from "../../server.ts";

const ignore = Deno.build.os !== "linux";
const FORMAT = multipartFormat("frame", false);
/** Larger than what a connection holds for a client that does not read. */
const SIZE = 300_000;
const text = new TextEncoder();

Deno.test({
  name:
    "viewers get whole frames in order, past Deno where they read, and through it where they are slow",
  ignore,
  fn: async () => {
    await using set = setUp();
    const fast = Array.from({ length: 20 }, () => set.watch());
    const slow = Array.from({ length: 4 }, () => set.watch({ atOnce: 10_000, pause: 4 }));
    await eventually("all have frames", () => [...fast, ...slow].every(({ frames }) => frames > 4));
    assertGreater(set.passed(), 0.5 * set.offered());
    assertGreater(set.left(), 4 * SIZE);
    await Promise.all([...fast, ...slow].map((viewer) => viewer.leave()));
  },
});

Deno.test({
  name: "a viewer that was slow is served past Deno again when it reads",
  ignore,
  fn: async () => {
    await using set = setUp();
    const pace = { atOnce: 5_000, pause: 5 };
    const viewer = set.watch(pace);
    await eventually("it is slow", () => set.left() > 2 * SIZE);
    Object.assign(pace, { atOnce: 1_000_000, pause: 0 });
    const before = viewer.frames;
    await eventually("it has caught up", () => viewer.frames > before + 10);
    const [passed, left] = [set.passed(), set.left()];
    await eventually("it goes on", () => set.passed() > passed + 10 * SIZE);
    assertLess(set.left() - left, set.passed() - passed);
    await viewer.leave();
  },
});

Deno.test({
  name: "what a connection was used for before does no harm",
  ignore,
  fn: async () => {
    await using set = setUp();
    const page = "GET /page HTTP/1.1\r\nHost: x\r\n\r\n";
    for (
      const request of [
        "GET / HTTP/1.0\r\n\r\n",
        "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
        `${page}GET / HTTP/1.1\r\nHost: x\r\n\r\n`,
        `${page}${page}GET / HTTP/1.1\r\nHost: x\r\nConnection: keep-alive\r\n\r\n`,
        `${
          page.replace("page", "large")
        }GET / HTTP/1.1\r\nHost: x\r\nConnection: keep-alive\r\n\r\n`,
        "GET / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc",
      ]
    ) {
      const viewer = set.watch({ request, atOnce: 50_000, pause: 1 });
      await eventually("frames", () => viewer.frames > 3);
      await viewer.leave();
    }
  },
});

Deno.test({
  name: "HTTP/2, where streams share a connection, is left to Deno",
  ignore,
  fn: async () => {
    await using set = setUp();
    const session = connectHttp2(`http://127.0.0.1:${set.port}`);
    const stream = session.request({ ":path": "/", "host": "x" });
    let bytes = 0;
    stream.on("data", (chunk) => bytes += chunk.length);
    stream.resume();
    await eventually("frames", () => bytes > 3 * SIZE);
    assertEquals(set.passed(), 0);
    session.destroy();
    await eventually("it has left", () => set.watching() === 0);
  },
});

Deno.test({
  name: "who leaves, however that is, leaves no descriptor",
  ignore,
  fn: async () => {
    await using set = setUp();
    const before = descriptors();
    for (let round = 0; round < 3; round++) {
      const viewers = Array.from(
        { length: 30 },
        (_, n) => set.watch(n % 3 === 0 ? { atOnce: 1_000, pause: 50 } : {}),
      );
      await eventually("all watch", () => set.watching() === 30);
      await eventually("frames", () => viewers.some(({ frames }) => frames > 4));
      // Two for each viewer here and its own, and four frames' pipes and one more.
      assertLessOrEqual(descriptors(), before + 30 * 3 + 5 * 2);
      await Promise.all(viewers.map((viewer) => viewer.leave()));
      await eventually("all have left", () => set.watching() === 0);
    }
    await eventually("all is closed", () => descriptors() <= before);
  },
});

Deno.test("a DirectConnection sends nothing while Deno may have something to send", async () => {
  const kernel = { count: 100, takes: Infinity, closed: 0 };
  const connection = new DirectConnection(100, {
    bytesAccepted: () => kernel.count,
    send(bytes) {
      const taken = Math.min(kernel.takes, bytes.length);
      kernel.count = (kernel.count + Math.max(0, taken)) >>> 0;
      return taken;
    },
    watch() {},
    close: () => void kernel.closed++,
  });
  assertEquals(connection.send(new Uint8Array(10)), 0); // the head is not sent
  setTimeout(() => kernel.count = 2 ** 32 - 50, 5);
  await connection.headersSent();
  assertEquals(connection.send(new Uint8Array(100)), 100);
  assertEquals(kernel.count, 50);
  kernel.takes = 30;
  assertEquals(connection.send(new Uint8Array(100)), 30);
  connection.queued(70);
  kernel.count = 90; // Deno has sent ten of them
  connection.queued(50);
  kernel.takes = Infinity;
  for (; kernel.count < 200; kernel.count += 10) {
    assertEquals(connection.send(new Uint8Array(10)), 0);
  }
  assertEquals(connection.send(new Uint8Array(10)), 10);
  kernel.takes = -1; // it is full, or the client has gone
  assertEquals(connection.send(new Uint8Array(10)), 0);
  connection.close();
  connection.close();
  assertEquals([connection.send(new Uint8Array(10)), kernel.closed], [0, 1]);
});

Deno.test("a DirectConnection on which no head is seen leaves the response to Deno", async () => {
  let [sent, closed] = [0, 0];
  const connection = new DirectConnection(7, {
    bytesAccepted: () => 7,
    send: (bytes) => sent += bytes.length,
    watch() {},
    close: () => void closed++,
  });
  await connection.headersSent();
  assertEquals([connection.send(new Uint8Array(10)), sent, closed], [0, 0, 1]);
  connection.queued(10);
  connection.close();
  assertEquals(closed, 1);
});

Deno.test({
  name: "without the permission DirectSending says so and asks nobody",
  ignore,
  permissions: "none",
  fn() {
    assertEquals(
      DirectSends.of(80),
      "Deno may not call the C library: see --allow-ffi in deno.json",
    );
  },
});

/** How somebody watches. */
interface Watching {
  request?: string;
  /** How much is read at once, and how long is waited before the next, in milliseconds. */
  atOnce?: number;
  pause?: number;
}

/** A server that gives a frame of its own making every 40 ms, and viewers that look closely at each. */
function setUp() {
  const bodies = new Set<ViewerStream>();
  const viewers: ReturnType<typeof watch>[] = [];
  let [passed, left, offered, sequence] = [0, 0, 0, 0];
  let sending: DirectSends | string = "";
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request, info) => {
    if (request.url.endsWith("/page")) return new Response("a page");
    if (request.url.endsWith("/large")) return new Response(new Uint8Array(1_000_000));
    if (typeof sending === "string") throw new Error(sending);
    const direct = sending.open(info.remoteAddr, request.headers.has("Connection"));
    const body = new ViewerStream({
      format: FORMAT,
      direct: direct && {
        headersSent: () => direct.headersSent(),
        get drained() {
          return direct.drained;
        },
        onDrain: (call) => direct.onDrain(call),
        send(bytes) {
          const count = direct.send(bytes);
          passed += count;
          return count;
        },
        queued(count) {
          left += count;
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
  limitSendQueue(server.addr.port);
  sending = DirectSends.of(server.addr.port);
  const ticks = setInterval(() => {
    const frame = frameOf(++sequence);
    for (const body of bodies) body.offer(frame);
    offered += bodies.size * SIZE;
  }, 40);
  return {
    port: server.addr.port,
    watching: () => bodies.size,
    /** How many bytes went past Deno, how many were left to it, and how many there were. */
    passed: () => passed,
    left: () => left,
    offered: () => offered,
    watch(watching: Watching = {}) {
      const viewer = watch(server.addr.port, watching);
      viewers.push(viewer);
      return viewer;
    },
    async [Symbol.asyncDispose]() {
      clearInterval(ticks);
      for (const body of bodies) body.end();
      for (const viewer of viewers) viewer.close(); // where a test has failed
      await server.shutdown();
      if (typeof sending !== "string") sending[Symbol.dispose]();
    },
  };
}

/** No JPEG, but bytes that tell when one is missing, or in the wrong place. */
function frameOf(sequence: number): Frame {
  const jpeg = new Uint8Array(SIZE + sequence % 100);
  for (let at = 0; at < jpeg.length; at += 50) jpeg[at] = sequence + at / 50;
  return { jpeg, capturedAt: sequence * 1000, monotonic: 0, sequence };
}

function watch(port: number, watching: Watching) {
  let connection: Deno.Conn | undefined;
  const viewer = {
    frames: 0,
    close() {
      connection?.close();
      connection = undefined;
    },
    /** Throws if what came was not right. */
    async leave() {
      viewer.close();
      await done;
    },
  };
  const done = (async () => {
    const opened = connection = await Deno.connect({ hostname: "127.0.0.1", port });
    await opened.write(text.encode(watching.request ?? "GET / HTTP/1.1\r\nHost: x\r\n\r\n"));
    for await (const sequence of framesOf(bytesOf(opened, watching))) {
      assert(sequence > 0);
      viewer.frames++;
    }
  })();
  done.catch(() => {}); // told to who leaves
  return viewer;
}

/** What comes until the connection is closed on this side. `watching` may change meanwhile. */
async function* bytesOf(connection: Deno.Conn, watching: Watching) {
  try {
    for (;;) {
      const { atOnce = 1_000_000, pause = 0 } = watching;
      const buffer = new Uint8Array(atOnce);
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

/** The numbers of the frames in a stream; throws if it is not exactly what was to be sent. */
async function* framesOf(chunks: AsyncIterable<Uint8Array<ArrayBuffer>>): AsyncGenerator<number> {
  let rest: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  let begun = false;
  let last = 0;
  for await (const chunk of chunks) {
    rest = joined(rest, chunk);
    if (!begun) {
      const at = new TextDecoder("latin1").decode(rest).indexOf("\r\n--frame\r\n");
      if (at === -1) continue;
      begun = true;
      rest = rest.slice(at + 2);
    }
    for (;;) {
      const head = new TextDecoder("latin1").decode(rest.subarray(0, 200));
      const found =
        /^--frame\r\nContent-Type: image\/jpeg\r\nContent-Length: (\d+)\r\nX-Timestamp: (\d+)\.000000\r\n\r\n/
          .exec(head);
      if (!found) {
        if (head.length < 200 && "--frame\r\n".startsWith(head.slice(0, 9))) break;
        if (head.length === 200) throw new Error(`Not the head of a frame: ${head}`);
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

function isEqual(one: Uint8Array, other: Uint8Array): boolean {
  for (let at = 0; at < one.length; at++) if (one[at] !== other[at]) return false;
  return one.length === other.length;
}

function joined(one: Uint8Array<ArrayBuffer>, other: Uint8Array<ArrayBuffer>) {
  const all = new Uint8Array(one.length + other.length);
  all.set(one);
  all.set(other, one.length);
  return all;
}

/** How many descriptors this process has. */
function descriptors(): number {
  return [...Deno.readDirSync("/proc/self/fd")].length;
}
