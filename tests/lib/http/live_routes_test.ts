import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { Authenticator } from "../../../lib/auth/mod.ts";
import type { Hono } from "hono";
import { Camera } from "../../../lib/camera/camera.ts";
import { MutableCameraList } from "../../../lib/camera/camera_list.ts";
import { systemClock } from "../../../lib/clock.ts";
import { createServerApp } from "./server_app.ts";
import { openRenditions } from "../../../lib/renditions/mod.ts";
import { FRAME_HEADER, MESSAGE_KIND, PROTOCOL_VERSION } from "../../../lib/live/mod.ts";
import { eventually } from "../../server.ts";
import { noEvents } from "../../silent.ts";

const log = { info() {}, warn() {}, error() {} };

/** A JPEG whose header says 640x480. */
const JPEG = Uint8Array.of(
  ...[0xff, 0xd8, 0xff, 0xc4, 0, 19, ...Array(17).fill(0)],
  ...[0xff, 0xc0, 0, 11, 8, 1, 224, 2, 128, 1, 1, 0x11, 0],
  ...[0xff, 0xda, 0, 8, 1, 1, 0, 0, 63, 0, 0x12, 0x34, 0xff, 0xd9],
);

async function* frames(signal: AbortSignal) {
  while (!signal.aborted) {
    yield JPEG.slice();
    await systemClock.sleep(10, signal).catch(() => {});
  }
}

/** Path of the live WebSocket. */
const LIVE = `/live?version=${PROTOCOL_VERSION}`;

/** A list that counts who follows it. */
class CountingList extends MutableCameraList {
  listeners = 0;

  override subscribe(onChange: () => void): Disposable {
    const subscription = super.subscribe(onChange);
    this.listeners++;
    return {
      [Symbol.dispose]: () => {
        this.listeners--;
        subscription[Symbol.dispose]();
      },
    };
  }
}

/** A server with two cameras, on a random port. */
class TestServer implements AsyncDisposable {
  readonly cameras = ["front", "back"].map((name) =>
    new Camera({
      name,
      driver: "fake",
      open: frames,
      idleTimeout: 0,
      clock: systemClock,
      events: noEvents,
    })
  );
  readonly list: CountingList;
  readonly app: Hono;
  readonly #server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    (request, info) => this.app.fetch(request, info),
  );
  readonly port = this.#server.addr.port;
  readonly host = `127.0.0.1:${this.port}`;

  /**
   * @param listed The cameras in the list at first. @default {all}
   * @param more Other options of the server.
   */
  constructor(
    listed?: readonly Camera[],
    more: Partial<Parameters<typeof createServerApp>[0]> = {},
  ) {
    this.list = new CountingList(listed ?? this.cameras);
    this.app = createServerApp({
      cameras: this.list,
      authenticator: new Authenticator("anyone", { clock: systemClock, log }),
      maxViewers: 3,
      clock: systemClock,
      log,
      ...more,
    });
  }

  get viewers(): number[] {
    return this.cameras.map((camera) => camera.stats().viewers);
  }

  /** Returns a WebSocket handshake with the usual header fields, changed by `headers`. */
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

  /** Sends a handshake and reads the head of the response. */
  async shake(headers: Record<string, string>, path = LIVE): Promise<Handshake> {
    const connection = await Deno.connect({ hostname: "127.0.0.1", port: this.port });
    await connection.write(new TextEncoder().encode(this.handshake(headers, path)));
    let response = "";
    while (!response.includes("\r\n\r\n")) {
      const bytes = new Uint8Array(4096);
      const read = await connection.read(bytes);
      if (read === null) break;
      response += new TextDecoder().decode(bytes.subarray(0, read));
    }
    return new Handshake(Number(response.split(" ")[1]), response, connection);
  }

  /** Shuts down in the same order as `main.ts`. */
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
    readonly response: string,
    readonly connection: Deno.Conn,
  ) {}

  /** Reads until `enough` accepts the text so far: one character per byte. */
  async readUntil(enough: (text: string) => boolean): Promise<string> {
    let text = "";
    const bytes = new Uint8Array(65_536);
    while (!enough(text)) {
      const read = await this.connection.read(bytes);
      if (read === null) throw new Error(`The connection ended after ${text}`);
      text += String.fromCharCode(...bytes.subarray(0, read));
    }
    return text;
  }

  [Symbol.dispose](): void {
    try {
      this.connection.close();
    } catch {
      // closed already
    }
  }
}

/** A client that records what it receives, and acknowledges frames. */
class Client implements AsyncDisposable {
  readonly frames: Uint8Array[] = [];
  // deno-lint-ignore no-explicit-any
  readonly texts: any[] = [];
  /** Code and reason of the close, once it has closed. */
  readonly closed: Promise<[code: number, reason: string]>;
  readonly socket: WebSocket;

  constructor(
    address: string,
    { acknowledges = true, headers = {} as Record<string, string> } = {},
  ) {
    // With the types of the DOM, which `deno check` loads for the page, the options are unknown.
    const socket: WebSocket = Reflect.construct(WebSocket, [address, { headers }]);
    this.socket = socket;
    socket.binaryType = "arraybuffer";
    socket.onmessage = ({ data }) => {
      if (typeof data === "string") return void this.texts.push(JSON.parse(data));
      const frame = new Uint8Array(data);
      this.frames.push(frame);
      const header = new DataView(data);
      const [camera, sequence] = [header.getUint16(2), header.getUint32(4)];
      if (acknowledges) socket.send(JSON.stringify({ type: "painted", camera, sequence }));
    };
    this.closed = new Promise((resolve) => {
      socket.onclose = ({ code, reason }) => resolve([code, reason]);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.socket.close();
    await this.closed;
  }
}

Deno.test("GET /live sends frames of all cameras, and counts the client as a viewer of each", async () => {
  await using server = new TestServer();
  {
    await using client = new Client(`ws://${server.host}${LIVE}`);
    await eventually("ten frames arrive", () => client.frames.length >= 10);
    const [hello] = client.texts;
    assertEquals([hello.type, hello.version], ["hello", PROTOCOL_VERSION]);
    assertEquals(hello.cameras.map(({ name }: { name: string }) => name), ["front", "back"]);
    const indexes = new Set(client.frames.map((frame) => frame[3]));
    assertEquals([...indexes].sort(), [0, 1]);
    assert(client.frames.every((frame) => frame[0] === MESSAGE_KIND.FRAME && frame[1] === 0));
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

Deno.test("GET /live starts with the cameras named in watch, and ignores unknown names", async () => {
  await using server = new TestServer();
  await using client = new Client(`ws://${server.host}${LIVE}&watch=back,x`);
  await eventually("a frame arrives", () => client.frames.length > 0);
  assertEquals(server.viewers, [0, 1]);
  await using idle = new Client(`ws://${server.host}${LIVE}&watch=`);
  await eventually("the hello arrives", () => idle.texts.length > 0);
  assertEquals(server.viewers, [0, 1]);
});

Deno.test("GET /live answers heights that it cannot read with 400, and names them", async () => {
  await using server = new TestServer();
  for (const query of ["&watch=back&heights=360,", "&watch=back&heights=x", "&heights=360"]) {
    using handshake = await server.shake({}, `${LIVE}${query}`);
    assertEquals([query, handshake.status], [query, 400]);
  }
  for (const query of ["&watch=front,back&heights=,360", "&watch=back&heights="]) {
    using handshake = await server.shake({}, `${LIVE}${query}`);
    assertEquals([query, handshake.status], [query, 101]);
  }
});

Deno.test("a client that never acknowledges gets one frame of each camera", async () => {
  await using server = new TestServer();
  await using client = new Client(`ws://${server.host}${LIVE}`, { acknowledges: false });
  await eventually("frames arrive", () => client.frames.length === 2);
  await eventually("the camera continues", () => server.cameras[0]!.stats().frames > 20);
  assertEquals(client.frames.length, 2);
});

Deno.test("GET /live closes the socket of a client of another version with 4000 and a reason", async () => {
  await using server = new TestServer();
  for (const query of ["?version=1", "?version=", `?version=${PROTOCOL_VERSION + 1}&watch=front`]) {
    await using client = new Client(`ws://${server.host}/live${query}`);
    const reason = "The page is older than the server: reload it";
    assertEquals(await client.closed, [4000, reason]);
    assertEquals([client.texts, client.frames, server.viewers], [[], [], [0, 0]]);
  }
});

Deno.test("GET /live serves a program that names no version", async () => {
  await using server = new TestServer();
  await using client = new Client(`ws://${server.host}/live?watch=front`);
  await eventually("a frame has arrived", () => client.frames.length > 0);
  assertEquals(client.texts[0]!.version, PROTOCOL_VERSION);
});

Deno.test("GET /live sends nothing to a page without a version, whatever it asks for", async () => {
  await using server = new TestServer();
  const headers = { Origin: `http://${server.host}` };
  await using client = new Client(`ws://${server.host}/live?watch=front`, { headers });
  client.socket.onopen = () => {
    client.socket.send(JSON.stringify({ type: "watch", cameras: ["front"] }));
    client.socket.send(JSON.stringify({ type: "ping", id: 1 }));
  };
  assertEquals((await client.closed)[0], 4000);
  assertEquals([client.texts, client.frames, server.viewers], [[], [], [0, 0]]);
});

Deno.test("GET /live answers a request that is no WebSocket handshake with 426, 405 or 400", async () => {
  await using server = new TestServer();
  const plain = await fetch(`http://${server.host}/live`);
  assertEquals([plain.status, plain.headers.get("Upgrade")], [426, "websocket"]);
  assertStringIncludes(await plain.text(), "WebSocket");
  const head = await fetch(`http://${server.host}/live`, { method: "HEAD" });
  assertEquals(head.status, 426);
  const post = await fetch(`http://${server.host}/live`, { method: "POST" });
  assertEquals(post.status, 405);
  await post.body?.cancel();
  const invalid: [Record<string, string>, number][] = [
    [{ "Sec-WebSocket-Version": "12" }, 426],
    [{ "Sec-WebSocket-Key": "" }, 400],
    [{ "Connection": "close" }, 400],
  ];
  for (const [headers, status] of invalid) {
    using handshake = await server.shake(headers);
    assertEquals([headers, handshake.status], [headers, status]);
    assert(!/ at |stack/i.test(handshake.response), handshake.response);
  }
  assertEquals(server.viewers, [0, 0]);
});

Deno.test("GET /live answers a page of another origin with 403, whatever its host name", async () => {
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

Deno.test("GET /live accepts the server's own page, also behind a proxy, and a program without an origin", async () => {
  await using server = new TestServer();
  const allowed: Record<string, string>[] = [
    { Origin: `http://${server.host}` },
    { "Origin": "https://home.example", "X-Forwarded-Host": "home.example" },
    { Origin: "" },
  ];
  for (const headers of allowed) {
    using handshake = await server.shake(headers);
    assertMatch(handshake.response, /^HTTP\/1\.1 101 /);
  }
});

Deno.test("a client that disconnects without a close frame no longer counts as a viewer", async () => {
  await using server = new TestServer();
  {
    using _gone = await server.shake({});
    await eventually("the client watches", () => server.viewers[0] === 1);
  }
  await eventually("the client has left", () => server.viewers[0] === 0);
});

Deno.test("a client counts as one viewer, and gets 503 with Retry-After at the viewer limit", async () => {
  await using server = new TestServer();
  const metrics = async () => await (await fetch(`http://${server.host}/metrics`)).text();
  {
    using _first = await server.shake({});
    using _second = await server.shake({});
    using _third = await server.shake({});
    await eventually("three clients watch", () => server.viewers[0] === 3);
    assertMatch(await metrics(), /^dinocam_viewers 3$/m);
    using late = await server.shake({});
    assertEquals(late.status, 503);
    // A page's script learns the reason from a request without a handshake.
    const headers = { Accept: "application/json" };
    const plain = await fetch(`http://${server.host}${LIVE}`, { headers });
    assertEquals(plain.status, 503);
    assertMatch((await plain.json()).error, /viewer.*3/);
    assertMatch(late.response, /\r\nretry-after: \d+\r\n/i);
  }
  await eventually(
    "all clients have left",
    async () => /^dinocam_viewers 0$/m.test(await metrics()),
  );
  using next = await server.shake({});
  assertEquals(next.status, 101);
});

Deno.test("GET /live releases clients that disconnect during the handshake", async () => {
  await using server = new TestServer();
  for (let i = 0; i < 100; i++) {
    const connection = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
    await connection.write(new TextEncoder().encode(server.handshake({}, LIVE)));
    connection.close();
  }
  await eventually("a client is accepted again", async () => {
    using next = await server.shake({});
    return next.status === 101;
  });
  await eventually("no viewer is left", () => server.viewers.every((count) => count === 0));
});

Deno.test("the server closes every client with 1001 at shutdown, also one that watches no camera", async () => {
  const server = new TestServer();
  using watching = await server.shake({});
  using idle = await server.shake({}, `${LIVE}&watch=`);
  const clients = [watching, idle];
  // A close frame: opcode, length, and the code 1001 (going away).
  const isClosing = (text: string) => text.at(text.indexOf("\x03\xe9") - 2) === "\x88";
  const closed = Promise.all(clients.map((client) => client.readUntil(isClosing)));
  await eventually("a client watches", () => server.viewers[0] === 1);
  const ended = server[Symbol.asyncDispose]();
  await closed;
  for (const { connection } of clients) connection.close();
  await ended;
});

Deno.test("GET /live sends the cameras that appear, and one that is watched by name whenever it is there", async () => {
  await using server = new TestServer([]);
  await using all = new Client(`ws://${server.host}${LIVE}`);
  await using one = new Client(`ws://${server.host}${LIVE}&watch=back`);
  for (const client of [all, one]) {
    await eventually("the hello arrives", () => client.texts.length > 0);
    assertEquals(client.texts[0].cameras, []);
  }
  const [front, back] = server.cameras;
  server.list.set([front!]);
  await eventually("the frames of the first camera arrive", () => all.frames.length > 3);
  server.list.set([back!]);
  await eventually("the frames of the other camera arrive", () => one.frames.length > 3);
  const names = one.texts.map(({ type, cameras }) => {
    const list = cameras.map((camera: { index: number; name: string }) => [
      ...[camera.index, camera.name],
    ]);
    return [type, ...list];
  });
  assertEquals(names, [["hello"], ["cameras", [0, "front"]], ["cameras", [1, "back"]]]);
  assert(one.frames.every((frame) => frame[3] === 1));
  assertEquals(server.viewers, [0, 2]);
});

Deno.test("GET /live with a client that stops in the handshake leaves the list of cameras alone", async () => {
  await using server = new TestServer();
  const connection = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
  await connection.write(new TextEncoder().encode(server.handshake({}, LIVE)));
  connection.close();
  {
    using _next = await server.shake({});
    await eventually("the client watches", () => server.viewers[0]! > 0);
  }
  await eventually("no one follows the list", () => server.list.listeners === 0);
});

Deno.test("a size that is not available is logged once a minute, however often clients request it", async () => {
  const lines: string[] = [];
  const renditions = openRenditions({ clock: systemClock, log, eighths: [4] });
  renditions.feedOf = () => Promise.reject(new Error("too many"));
  await using server = new TestServer(undefined, {
    renditions,
    log: { ...log, warn: (event, fields) => lines.push(`${event} ${JSON.stringify(fields)}`) },
  });
  const address = `ws://${server.host}${LIVE}&watch=front&heights=90`;
  let refusals = 0;
  const socket = new WebSocket(address);
  const closed = new Promise((resolve) => socket.onclose = resolve);
  socket.onmessage = ({ data }) => {
    if (typeof data !== "string" || JSON.parse(data).type !== "size") return;
    refusals++;
    const heights = { front: 90 + refusals };
    socket.send(JSON.stringify({ type: "watch", cameras: ["front"], heights }));
  };
  await eventually("some refusals", () => refusals >= 5);
  socket.close();
  await closed;
  assertEquals(lines, ['size not available {"camera":"front","height":90,"reason":"too many"}']);
});
