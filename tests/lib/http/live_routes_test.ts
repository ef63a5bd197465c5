import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { Authenticator } from "../../../lib/auth/mod.ts";
import { Camera } from "../../../lib/camera/camera.ts";
import { systemClock } from "../../../lib/clock.ts";
import { createServerApp } from "./server_app.ts";
import { FRAME_HEADER } from "../../../lib/live/mod.ts";
import { eventually } from "../../server.ts";

const log = { info() {}, warn() {}, error() {} };

/** A JPEG whose header says 640x480. */
const JPEG = Uint8Array.of(
  ...[0xff, 0xd8, 0xff, 0xc4, 0, 19, ...Array(17).fill(0)],
  ...[0xff, 0xc0, 0, 11, 8, 1, 224, 2, 128, 1, 1, 0x11, 0],
  ...[0xff, 0xda, 0, 8, 1, 1, 0, 0, 63, 0, 0x12, 0x34, 0xff, 0xd9],
);

async function* pictures(signal: AbortSignal) {
  while (!signal.aborted) {
    yield JPEG.slice();
    await systemClock.sleep(10, signal).catch(() => {});
  }
}

/** A server with two cameras, on a free port. */
class TestServer implements AsyncDisposable {
  readonly cameras = ["front", "back"].map((name) =>
    new Camera({ name, driver: "fake", open: pictures, idleTimeout: 0, clock: systemClock, log })
  );
  readonly app = createServerApp({
    cameras: this.cameras,
    authenticator: new Authenticator("anyone", { clock: systemClock, log }),
    maxViewers: 3,
    pages: new Map(),
    clock: systemClock,
    log,
  });
  readonly #server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    (request, info) => this.app.fetch(request, info),
  );
  readonly port = this.#server.addr.port;
  readonly host = `127.0.0.1:${this.port}`;

  get viewers(): number[] {
    return this.cameras.map((camera) => camera.stats().viewers);
  }

  /**
   * A WebSocket handshake with these headers in addition to the usual ones; an empty one is
   * omitted.
   */
  handshake(headers: Record<string, string>, path: string): string {
    const fields = {
      "Host": this.host,
      "Upgrade": "websocket",
      "Connection": "Upgrade",
      "Sec-WebSocket-Version": "13",
      "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
      ...headers,
    };
    const lines = Object.entries(fields).filter(([, value]) => value !== "")
      .map(([name, value]) => `${name}: ${value}\r\n`);
    return `GET ${path} HTTP/1.1\r\n${lines.join("")}\r\n`;
  }

  /** Connects and sends a handshake. */
  async shake(headers: Record<string, string>, path = "/live"): Promise<Handshake> {
    const connection = await Deno.connect({ hostname: "127.0.0.1", port: this.port });
    await connection.write(new TextEncoder().encode(this.handshake(headers, path)));
    let answer = "";
    while (!answer.includes("\r\n\r\n")) {
      const bytes = new Uint8Array(4096);
      const read = await connection.read(bytes);
      if (read === null) break;
      answer += new TextDecoder().decode(bytes.subarray(0, read));
    }
    return new Handshake(Number(answer.split(" ")[1]), answer, connection);
  }

  /** Shuts down as `main.ts` does. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([
      this.#server.shutdown(),
      ...this.cameras.map((camera) => camera.close()),
    ]);
  }
}

class Handshake implements Disposable {
  constructor(
    readonly status: number,
    readonly answer: string,
    readonly connection: Deno.Conn,
  ) {}

  /** Reads as Latin-1. */
  async readUntil(enough: (text: string) => boolean): Promise<string> {
    let text = "";
    const bytes = new Uint8Array(65_536);
    while (!enough(text)) {
      const read = await this.connection.read(bytes);
      if (read === null) throw new Error(`It ends with ${text}`);
      text += String.fromCharCode(...bytes.subarray(0, read));
    }
    return text;
  }

  [Symbol.dispose](): void {
    try {
      this.connection.close();
    } catch {
      // already closed
    }
  }
}

/** A WebSocket that records what it receives. */
class Client implements AsyncDisposable {
  readonly frames: Uint8Array[] = [];
  // deno-lint-ignore no-explicit-any
  readonly words: any[] = [];
  readonly socket: WebSocket;
  readonly #ended: Promise<void>;

  constructor(address: string, { acknowledges = true } = {}) {
    const socket = this.socket = new WebSocket(address);
    socket.binaryType = "arraybuffer";
    socket.onmessage = ({ data }) => {
      if (typeof data === "string") return void this.words.push(JSON.parse(data));
      const frame = new Uint8Array(data);
      this.frames.push(frame);
      const header = new DataView(data);
      const [camera, sequence] = [header.getUint32(0), header.getUint32(4)];
      if (acknowledges) socket.send(JSON.stringify({ type: "painted", camera, sequence }));
    };
    this.#ended = new Promise((resolve) => {
      socket.onclose = () => resolve();
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.socket.close();
    await this.#ended;
  }
}

Deno.test("GET /live sends frames of all cameras, and each client counts as a viewer of each", async () => {
  await using server = new TestServer();
  {
    await using client = new Client(`ws://${server.host}/live`);
    await eventually("ten frames come", () => client.frames.length >= 10);
    const [hello] = client.words;
    assertEquals(hello.type, "hello");
    assertEquals(hello.cameras.map(({ name }: { name: string }) => name), ["front", "back"]);
    const indexes = new Set(client.frames.map((frame) => frame[3]));
    assertEquals([...indexes].sort(), [0, 1]);
    assertEquals(client.frames[0]!.subarray(FRAME_HEADER), JPEG);
    const list = await (await fetch(`http://${server.host}/cameras`)).json();
    assertEquals(list.map(({ viewers }: { viewers: number }) => viewers), [1, 1]);
  }
  await eventually("the client has left", () => server.viewers.every((count) => count === 0));
  await eventually(
    "the cameras are off",
    () => server.cameras.every((camera) => camera.stats().state === "off"),
  );
});

Deno.test("GET /live?watch= selects the first cameras, and ignores unknown names", async () => {
  await using server = new TestServer();
  await using client = new Client(`ws://${server.host}/live?watch=back,x`);
  await eventually("a frame comes", () => client.frames.length > 0);
  assertEquals(server.viewers, [0, 1]);
  await using idle = new Client(`ws://${server.host}/live?watch=`);
  await eventually("the greeting arrives", () => idle.words.length > 0);
  assertEquals(server.viewers, [0, 1]);
});

Deno.test("a client that never acknowledges gets one frame of each camera", async () => {
  await using server = new TestServer();
  await using client = new Client(`ws://${server.host}/live`, { acknowledges: false });
  await eventually("frames come", () => client.frames.length === 2);
  await eventually("the cameras continue", () => server.cameras[0]!.stats().frames > 20);
  assertEquals(client.frames.length, 2);
});

Deno.test("GET /live answers 426, 405 or 400 to requests that are no WebSocket handshake", async () => {
  await using server = new TestServer();
  const plain = await fetch(`http://${server.host}/live`);
  assertEquals([plain.status, plain.headers.get("Upgrade")], [426, "websocket"]);
  assertStringIncludes(await plain.text(), "WebSocket");
  const head = await fetch(`http://${server.host}/live`, { method: "HEAD" });
  assertEquals(head.status, 426);
  const post = await fetch(`http://${server.host}/live`, { method: "POST" });
  assertEquals(post.status, 405);
  await post.body?.cancel();
  const brokenOnes: [Record<string, string>, number][] = [
    [{ "Sec-WebSocket-Version": "12" }, 426],
    [{ "Sec-WebSocket-Key": "" }, 400],
    [{ "Connection": "close" }, 400],
  ];
  for (const [broken, status] of brokenOnes) {
    using handshake = await server.shake(broken);
    assertEquals([broken, handshake.status], [broken, status]);
    assert(!/ at |stack/i.test(handshake.answer), handshake.answer);
  }
  assertEquals(server.viewers, [0, 0]);
});

Deno.test("GET /live rejects WebSockets of any other origin", async () => {
  await using server = new TestServer();
  for (
    const origin of [
      "https://evil.example",
      `http://${server.host}.evil.example`,
      `http://evil.example:${server.host.split(":")[1]}`,
      "http://127.0.0.1:1",
      "http://127.0.0.1",
      "null",
      "file://",
      "x",
    ]
  ) {
    using handshake = await server.shake({ Origin: origin });
    assertEquals([origin, handshake.status], [origin, 403]);
  }
  using proxied = await server.shake({
    "Origin": "https://evil.example",
    "X-Forwarded-Host": "home.example",
  });
  assertEquals(proxied.status, 403);
  assertEquals(server.viewers, [0, 0]);
});

Deno.test("GET /live accepts the server's own page, also behind a proxy, and programs, which send no origin", async () => {
  await using server = new TestServer();
  const ours: Record<string, string>[] = [
    { Origin: `http://${server.host}` },
    { "Origin": "https://home.example", "X-Forwarded-Host": "home.example" },
    { Origin: "" },
  ];
  for (const headers of ours) {
    using handshake = await server.shake(headers);
    assertMatch(handshake.answer, /^HTTP\/1\.1 101 /);
  }
});

Deno.test("a client that closes the connection without a close frame no longer counts as a viewer", async () => {
  await using server = new TestServer();
  {
    using _gone = await server.shake({});
    await eventually("it is connected", () => server.viewers[0] === 1);
  }
  await eventually("it is gone", () => server.viewers[0] === 0);
});

Deno.test("a client counts as one viewer, and gets 503 with Retry-After when the limit is reached", async () => {
  await using server = new TestServer();
  const metrics = async () => await (await fetch(`http://${server.host}/metrics`)).text();
  {
    using _first = await server.shake({});
    using _second = await server.shake({});
    using _third = await server.shake({});
    await eventually("they are connected", () => server.viewers[0] === 3);
    assertMatch(await metrics(), /^dinocam_viewers 3$/m);
    using late = await server.shake({});
    assertEquals(late.status, 503);
    assertMatch(late.answer, /\r\nretry-after: \d+\r\n/i);
  }
  await eventually("they are gone", async () => /^dinocam_viewers 0$/m.test(await metrics()));
  using next = await server.shake({});
  assertEquals(next.status, 101);
});

Deno.test("clients that disconnect during the handshake leave no viewer", async () => {
  await using server = new TestServer();
  for (let i = 0; i < 100; i++) {
    const connection = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
    await connection.write(new TextEncoder().encode(server.handshake({}, "/live")));
    connection.close();
  }
  await eventually("there is room again", async () => {
    using next = await server.shake({});
    return next.status === 101;
  });
  await eventually("no viewer is left", () => server.viewers.every((count) => count === 0));
});

Deno.test("the server sends a close frame to every client at shutdown, also to one without cameras", async () => {
  const server = new TestServer();
  using watching = await server.shake({});
  using idle = await server.shake({}, "/live?watch=");
  const clients = [watching, idle];
  // A close frame: opcode, length, and the code 1001 (going away).
  const isClosing = (text: string) => text.at(text.indexOf("\x03\xe9") - 2) === "\x88";
  const closed = Promise.all(clients.map((client) => client.readUntil(isClosing)));
  await eventually("one client is connected", () => server.viewers[0] === 1);
  const ended = server[Symbol.asyncDispose]();
  await closed;
  for (const { connection } of clients) connection.close();
  await ended;
});
