import { assert, assertEquals, assertGreater, assertLess } from "@std/assert";
import type { Bytes, ByteSource } from "../../../lib/bytes.ts";
import { Camera } from "../../../lib/camera/camera.ts";
import { MutableCameraList } from "../../../lib/camera/camera_list.ts";
import { systemClock } from "../../../lib/clock.ts";
import type { Frame, Jpeg } from "../../../lib/frame.ts";
import type { Subscriber } from "../../../lib/hub/hub.ts";
import { splitJpegs } from "../../../lib/jpeg/split.ts";
import { FRAME_HEADER, MESSAGE_KIND } from "../../../lib/live/message.ts";
import { LiveSession } from "../../../lib/live/session.ts";
import { multipartFormat } from "../../../lib/multipart/encode.ts";
import { run } from "../../../lib/process/mod.ts";
import { Recorder } from "../../../lib/recording/recorder.ts";
import { openConnections } from "../../../lib/sockets/connections.ts";
import { limitSendQueue } from "../../../lib/sockets/mod.ts";
import type { KeptAliveStream } from "../../../lib/streaming/keep_alive.ts";
import { openViewerStream } from "../../../lib/streaming/open_viewer_stream.ts";
import { KeepAlive, Viewers } from "../../../lib/streaming/mod.ts";
import { Random } from "../../random.ts";
import { eventually } from "../../server.ts";
import { noEvents, silentLog } from "../../silent.ts";
import { FakeSocket } from "../live/fake_camera.ts";
import { MemoryDisk, type MemoryFile } from "../recording/faulty_disk.ts";
import { FakeLibrary, FakeStorage, ROOT } from "../recording/recorder_fixture.ts";
import { parseSegment } from "../recording/segment_files.ts";
import { endOfJpeg, numberedJpeg, numberIn } from "./numbered_jpegs.ts";

/** Whether viewers get frames by direct sends, and programs are read by threads. */
const LINUX = Deno.build.os === "linux";
const PROGRAM = new URL("numbered_jpegs.ts", import.meta.url).href;
/** Number of the buffers that a camera uses if it reuses them all, and some more at the start. */
const FEW_BUFFERS = 12;

// What may keep frames. Each is tested alone, and all together, beside viewers that keep none.
const KEEPERS: Record<string, (server: TestServer) => Keeper> = {
  "the snapshots": (server) => new Snapshots(server),
  "the latest frame": (server) => new LatestFrames(server),
  "an iterator with a queue": (server) => new Iterator(server, { depth: 5, pause: 30 }),
  "an iterator that leaves and returns": (server) => new Iterator(server, { stays: 3 }),
  "a live player": (server) => new LivePlayer(server, { delay: 0 }),
  "a slow live player": (server) => new LivePlayer(server, { delay: 70 }),
  "a recorder": (server) => new Recording(server, { delay: 0 }),
  "a recorder with a slow disk": (server) => new Recording(server, { delay: 150 }),
  "a slow viewer": (server) => new HttpViewer(server, { rate: 400_000 }),
  "a viewer that reads nothing for a while": (server) => new HttpViewer(server, { stall: 500 }),
  "a slow viewer without direct sends": (server) =>
    new HttpViewer(server, { rate: 400_000, path: "/chunked" }),
  "a slow viewer in a browser": (server) =>
    new HttpViewer(server, { rate: 400_000, path: "/image" }),
};

for (const [name, open] of Object.entries(KEEPERS)) {
  Deno.test(`no byte of a frame changes that ${name} has kept`, async () => {
    await using server = new TestServer(program(90));
    const prompt = server.watch(4, {});
    const keeper = open(server);
    for (let checks = 0; checks < 4; checks++) {
      await delay(250);
      keeper.check();
    }
    await eventually("there are frames", () => prompt[0]!.count > 30 && keeper.count > 2);
    await keeper.stop();
    for (const viewer of prompt) await viewer.stop();
    await keeper.checkAll();
  });
}

Deno.test("no byte of a kept frame changes while all kinds of subscribers keep frames", async () => {
  await using server = new TestServer(program(60));
  const prompt = server.watch(4, {});
  const keepers = Object.values(KEEPERS).map((open) => open(server));
  for (let checks = 0; checks < 8; checks++) {
    await delay(250);
    for (const keeper of keepers) keeper.check();
  }
  for (const keeper of keepers) await keeper.stop();
  for (const viewer of prompt) await viewer.stop();
  for (const keeper of keepers) await keeper.checkAll();
});

Deno.test("a program's frames share a few buffers while all viewers are prompt", {
  ignore: !LINUX,
}, async () => {
  await using server = new TestServer(program(90));
  const viewers = server.watch(10, {});
  await eventually("all have frames", () => viewers.every(({ count }) => count > 100));
  assertLess(server.buffers, FEW_BUFFERS + 10); // of the time until the viewers' headers were sent
  for (const viewer of viewers) await viewer.stop();
});

Deno.test("prompt and slow viewers get what the camera wrote, no frame twice or out of order", async () => {
  await using server = new TestServer(program(60));
  const prompt = [
    ...server.watch(8, {}),
    ...server.watch(2, { path: "/image" }),
  ];
  const slow = [
    ...server.watch(2, { rate: 300_000 }),
    ...server.watch(1, { rate: 700_000, path: "/image" }),
    ...server.watch(1, { stall: 700 }),
  ];
  const viewers = [...prompt, ...slow];
  await eventually(
    "all have frames",
    () => prompt.every(({ count }) => count > 120) && slow.every(({ count }) => count > 6),
    20_000,
  );
  for (const viewer of viewers) await viewer.stop();
  const most = Math.max(...prompt.map(({ count }) => count));
  for (const { count } of prompt) assertGreater(count, 0.5 * most);
  for (const { count } of slow) assertLess(count, most);
});

Deno.test("a viewer that the server disconnects gets its last frame whole", async () => {
  const { source, push } = inProcess();
  await using server = new TestServer(source);
  const { viewer, stream, fill } = await pausedViewer(server, push);
  let number = await fill();
  // Deno still sends a part of this frame, and the next one waits.
  await push(++number);
  stream.disconnect("stalled");
  server.watch(1, {});
  for (let n = 0; n < 100; n++) await push(++number);
  if (LINUX) assertLess(server.buffers, 60);
  viewer.resume();
  await viewer.ended;
  assertEquals(viewer.rest, ""); // no frame is cut
});

Deno.test("a frame that waits for a slow viewer does not change", { ignore: !LINUX }, async () => {
  const { source, push } = inProcess();
  await using server = new TestServer(source);
  const { viewer, isBlocked } = await pausedViewer(server, push);
  let number = 1;
  for (let round = 0; round < 12; round++) {
    while (!isBlocked()) await push(++number);
    // Few enough that the hub still observes the frame that Deno is sending.
    for (let n = round % 6; n > 0; n--) await push(++number);
    viewer.resume();
    await eventually("the viewer has caught up", () => !isBlocked() && viewer.last === number);
    viewer.pause();
  }
  await viewer.stop();
});

Deno.test("a frame does not change that waits for a slow viewer which does not want newer ones", {
  ignore: !LINUX,
}, async () => {
  const { source, push } = inProcess();
  await using server = new TestServer(source);
  const { viewer, isBlocked, fill } = await pausedViewer(server, push, { path: "/fps" });
  let number = await fill();
  for (let n = 0; n < 60; n++) await push(++number);
  const { count } = viewer;
  viewer.resume();
  await eventually("the viewer has caught up", () => !isBlocked() && viewer.last > number - 60);
  assertGreater(viewer.count, count);
  await viewer.stop();
});

for (const seed of [1, 2, 3]) {
  Deno.test(`no byte of a kept frame changes while subscribers join and leave (seed ${seed})`, async () => {
    const random = new Random(seed);
    const { source, push } = inProcess();
    await using server = new TestServer(source);
    const current = new Set<Keeper>(server.watch(2, {}));
    const former: Keeper[] = [];
    for (let number = 1; number <= 500; number++) {
      await push(number);
      // Times without a subscriber that keeps all, in which buffers are reused.
      if (number % 100 >= 60) {
        for (const keeper of current) {
          if (keeper instanceof HttpViewer) continue;
          current.delete(keeper);
          former.push(keeper);
          await keeper.stop();
        }
      } else if (random.oneIn(5)) current.add(random.of(Object.values(KEEPERS))(server));
      if (random.oneIn(12)) current.add(new HttpViewer(server, {}));
      if (current.size > 8 || random.oneIn(20)) {
        const leaving = random.of([...current]);
        current.delete(leaving);
        former.push(leaving);
        await leaving.stop();
      }
      if (number % 25 === 0) { for (const keeper of [...current, ...former]) keeper.check(); }
    }
    for (const keeper of current) await keeper.stop();
    for (const keeper of [...current, ...former]) await keeper.checkAll();
    if (LINUX) assertLess(server.buffers, 450); // some were reused
  });
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Connects a viewer that reads nothing, and delivers the first frame. */
async function pausedViewer(
  server: TestServer,
  push: (number: number) => Promise<void>,
  options: HttpViewerOptions = {},
) {
  const viewer = new HttpViewer(server, { ...options, isPaused: true });
  await eventually("it is connected", () => server.streams.length === 1);
  const stream = server.streams[0]!;
  const isBlocked = () => stream.blockedFor(systemClock.monotonic()) !== undefined;
  await push(1);
  await eventually("the first frame is sent", () => !isBlocked());
  /** Delivers frames until the kernel takes no more for the viewer. @returns Their number. */
  const fill = async (): Promise<number> => {
    let number = 1;
    for (let checks = 0; checks < 20; checks++) {
      while (!isBlocked()) {
        await push(++number);
        checks = 0;
      }
      await delay(20);
    }
    return number;
  };
  return { viewer, stream, isBlocked, fill };
}

/** Opens the program that prints numbered JPEGs. */
function program(fps: number): (signal: AbortSignal) => ByteSource {
  return (signal) => run(Deno.execPath(), ["run", "-q", "--no-config", PROGRAM, `${fps}`], signal);
}

/** A source in this process. Like the pipe of a program on Linux, it does not detach the buffers. */
function inProcess() {
  let waiting = Promise.withResolvers<void>();
  let taken = Promise.withResolvers<void>();
  let rest: Bytes = new Uint8Array(0);
  const source = (signal: AbortSignal): ByteSource => {
    signal.addEventListener("abort", () => waiting.resolve());
    return {
      async read(into) {
        if (rest.length === 0) taken.resolve();
        while (rest.length === 0 && !signal.aborted) {
          await waiting.promise;
          waiting = Promise.withResolvers();
        }
        if (signal.aborted) return undefined;
        const bytes = rest.subarray(0, into.length);
        rest = rest.subarray(bytes.length);
        into.set(bytes);
        return into.subarray(0, bytes.length);
      },
      [Symbol.asyncIterator]: () => {
        throw new Error("A byte source is read, not iterated");
      },
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
  };
  /** Delivers a JPEG to all subscribers, and lets them send it. */
  const push = async (number: number): Promise<void> => {
    taken = Promise.withResolvers();
    rest = numberedJpeg(number);
    waiting.resolve();
    await taken.promise;
    await delay(2);
  };
  return { source, push };
}

/** Counts the buffers of all frames. It keeps no frame. */
class BufferCounter implements Subscriber<Frame> {
  readonly role = "background";
  readonly buffers = new Set<ArrayBuffer>();
  frames = 0;

  holds(): boolean {
    return false;
  }

  offer({ jpeg }: Frame): void {
    this.frames++;
    this.buffers.add(jpeg.buffer);
  }

  end(): void {}
}

/** Remembers the streams, so that a test can disconnect them. */
class Streams extends KeepAlive {
  readonly all: KeptAliveStream[] = [];

  override add(...args: Parameters<KeepAlive["add"]>): void {
    this.all.push(args[0]);
    super.add(...args);
  }
}

/** A server with one camera, which runs all the time. */
class TestServer implements AsyncDisposable {
  readonly camera: Camera;
  readonly cameras: MutableCameraList;
  readonly port: number;
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly #connections: ReturnType<typeof openConnections>;
  readonly #streams = new Streams(systemClock, silentLog);
  readonly #viewers = new Viewers({ clock: systemClock, log: silentLog });
  readonly #counter = new BufferCounter();
  /** Closes the connections of viewers, also after a failed test. */
  readonly opened: HttpViewer[] = [];

  constructor(source: (signal: AbortSignal) => ByteSource) {
    this.camera = new Camera({
      name: "front",
      driver: "numbered",
      open: (signal) => splitJpegs(source(signal)),
      idleTimeout: Infinity,
      clock: systemClock,
      events: noEvents,
    });
    this.cameras = new MutableCameraList([this.camera]);
    this.camera.join(this.#counter);
    this.#server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen() {} },
      (request, info) => this.#handle(request, info),
    );
    this.port = this.#server.addr.port;
    limitSendQueue(this.port);
    this.#connections = openConnections(this.port, { direct: true });
  }

  /** Number of buffers in which frames have been. */
  get buffers(): number {
    return this.#counter.buffers.size;
  }

  /** The streams of all viewers so far. */
  get streams(): readonly KeptAliveStream[] {
    return this.#streams.all;
  }

  /** Connects viewers. */
  watch(count: number, options: HttpViewerOptions): HttpViewer[] {
    return Array.from({ length: count }, () => new HttpViewer(this, options));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.camera.close();
    for (const viewer of this.opened) viewer.close();
    await this.#server.shutdown();
    this.#connections[Symbol.dispose]();
  }

  async #handle(
    request: Request,
    { remoteAddr }: Deno.ServeHandlerInfo<Deno.NetAddr>,
  ): Promise<Response> {
    const isImage = request.url.endsWith("/image");
    const isChunked = request.url.endsWith("/chunked");
    const body = await openViewerStream(this.camera, {
      viewers: this.#viewers,
      keepAlive: this.#streams,
      address: remoteAddr.hostname,
      format: multipartFormat("frame", isImage),
      fps: request.url.endsWith("/fps") ? 12 : undefined,
      openDirect: isChunked ? undefined : () => this.#connections.directTo(remoteAddr, true),
    });
    const headers = { "Content-Length": `${Number.MAX_SAFE_INTEGER}` };
    return new Response(body, { headers });
  }
}

/** What may keep frames. */
abstract class Keeper {
  protected readonly server: TestServer;

  constructor(server: TestServer) {
    this.server = server;
  }

  /** Number of frames so far. */
  abstract get count(): number;
  /** Checks the frames that are kept so far. */
  abstract check(): void;
  /** Leaves the camera. */
  abstract stop(): Promise<void>;

  /** Checks all frames, after the end. */
  async checkAll(): Promise<void> {
    await delay(0);
    this.check();
  }
}

/** Keeps the JPEGs that it gets, as they are. */
abstract class JpegKeeper extends Keeper {
  readonly #kept = new Map<Jpeg, number>();

  get count(): number {
    return this.#kept.size;
  }

  check(): void {
    for (const [jpeg, number] of this.#kept) assertIsNumbered(jpeg, number);
  }

  protected keep(jpeg: Jpeg): void {
    if (this.#kept.has(jpeg)) return;
    const number = numberIn(jpeg);
    assertIsNumbered(jpeg, number);
    this.#kept.set(jpeg, number);
  }
}

/** Asserts that a JPEG is the one that the camera wrote. */
function assertIsNumbered(jpeg: Jpeg, number: number): void {
  const expected = numberedJpeg(number);
  let at = 0;
  while (at < expected.length && jpeg[at] === expected[at]) at++;
  const [isSame, name] = [at === expected.length && jpeg.length === at, numberIn(jpeg)];
  assert(isSame, `JPEG ${number} of ${expected.length} bytes is ${name} from byte ${at} on`);
}

/** Does something repeatedly until it is stopped. */
class Loop {
  readonly #running: Promise<void>;
  #isStopped = false;

  constructor(body: () => Promise<void>) {
    this.#running = (async () => {
      while (!this.#isStopped) await body();
    })();
    this.#running.catch(() => {}); // stop() reports it
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#running;
  }
}

class Snapshots extends JpegKeeper {
  #end = () => {};
  readonly #loop = new Loop(async () => {
    const frame = this.server.camera.frame(this.count % 2 === 0 ? 0 : 1_000);
    const isOver = Promise.withResolvers<undefined>();
    this.#end = () => isOver.resolve(undefined);
    frame.catch(() => {}); // the camera closes
    const found = await Promise.race([frame, isOver.promise]);
    if (found) this.keep(found.jpeg);
    await delay(20);
  });

  override async stop(): Promise<void> {
    this.#end();
    await this.#loop.stop();
  }
}

class LatestFrames extends JpegKeeper {
  readonly #loop = new Loop(async () => {
    const { latest } = this.server.camera;
    if (latest) this.keep(latest.jpeg);
    await delay(23);
  });

  override stop(): Promise<void> {
    return this.#loop.stop();
  }
}

class Iterator extends JpegKeeper {
  #frames: ReturnType<Camera["subscribe"]> | undefined;
  readonly #loop: Loop;

  /** @param options.stays After how many frames it leaves, and returns. */
  constructor(server: TestServer, { depth = 1, pause = 0, stays = Infinity }) {
    super(server);
    this.#loop = new Loop(async () => {
      this.#frames = server.camera.subscribe({ role: "background", depth });
      let count = 0;
      for await (const { jpeg } of this.#frames) {
        this.keep(jpeg);
        if (++count === stays) break;
        await delay(pause);
      }
      await delay(50);
    });
  }

  override async stop(): Promise<void> {
    const stopped = this.#loop.stop();
    this.#frames?.return();
    await stopped;
  }
}

class LivePlayer extends Keeper {
  readonly #socket = new FakeSocket();
  readonly #session: LiveSession<Camera>;
  readonly #loop: Loop;

  /** @param options.delay Time until a frame is acknowledged, in milliseconds. */
  constructor(server: TestServer, { delay: wait }: { delay: number }) {
    super(server);
    const { cameras } = server;
    const status = () => ({});
    this.#session = new LiveSession({
      ...{ socket: this.#socket, cameras, status, clock: systemClock },
    });
    this.#session.start();
    let acknowledged = 0;
    this.#loop = new Loop(async () => {
      await delay(wait || 1);
      const { frames } = this.#socket;
      for (; acknowledged < frames.length; acknowledged++) {
        const [camera, sequence] = frames[acknowledged]!;
        this.#session.receive(JSON.stringify({ type: "painted", camera, sequence }));
      }
    });
  }

  get count(): number {
    return this.#socket.frames.length;
  }

  override check(): void {
    const numbers: number[] = [];
    for (const message of this.#socket.sent) {
      if (typeof message === "string" || message[0] !== MESSAGE_KIND.FRAME) continue;
      const jpeg = message.subarray(FRAME_HEADER);
      numbers.push(numberIn(jpeg));
      assertIsNumbered(jpeg, numbers.at(-1)!);
    }
    assertRise(numbers);
  }

  override async stop(): Promise<void> {
    await this.#loop.stop();
    this.#session.end();
  }
}

/** A disk that takes the bytes a while after the call. */
class SlowDisk extends MemoryDisk {
  constructor(readonly delay: number) {
    super(ROOT);
    this.files.set(`${ROOT}/.dinocam`, { bytes: new Uint8Array(0) } as MemoryFile);
  }

  override async create(path: string) {
    const file = await super.create(path);
    const append = file.append.bind(file);
    file.append = async (buffers) => {
      if (this.delay > 0) await delay(this.delay);
      await append(buffers);
    };
    return file;
  }
}

class Recording extends Keeper {
  readonly #disk: SlowDisk;
  readonly #recorder: Recorder;

  constructor(server: TestServer, options: { delay: number }) {
    super(server);
    this.#disk = new SlowDisk(options.delay);
    this.#recorder = new Recorder({
      ...{ camera: server.camera, root: ROOT, disk: this.#disk, clock: systemClock },
      ...{ library: new FakeLibrary(), storage: new FakeStorage(), log: silentLog },
      isClockSet: () => Promise.resolve(true),
    });
    this.#recorder.start();
  }

  get count(): number {
    return this.#recorder.status().frames;
  }

  override check(): void {
    assertEquals(this.#recorder.status().dropped, 0);
  }

  override stop(): Promise<void> {
    return this.#recorder[Symbol.asyncDispose]();
  }

  override async checkAll(): Promise<void> {
    await super.checkAll();
    const numbers: number[] = [];
    for (const [path, { bytes }] of this.#disk.files) {
      if (!path.endsWith(".mkv")) continue;
      for (const { jpeg } of parseSegment(bytes).frames) {
        numbers.push(numberIn(jpeg));
        assertIsNumbered(jpeg, numbers.at(-1)!);
      }
    }
    assertRise(numbers);
    assertEquals(numbers.length, this.count);
    if (numbers.length > 0) assertEquals(numbers.at(-1)! - numbers[0]! + 1, numbers.length);
  }
}

/** How a viewer reads. By default at once. */
interface HttpViewerOptions {
  path?: "/" | "/image" | "/fps" | "/chunked";
  /** In bytes per second. */
  rate?: number;
  /** Time for which it reads nothing, after each 500 KB, in milliseconds. */
  stall?: number;
  /** Whether it reads nothing until {@link HttpViewer.resume}. */
  isPaused?: boolean;
}

/** A client that checks each frame. */
class HttpViewer extends Keeper {
  /** Number of the last frame. */
  last = 0;
  count = 0;
  /** Settles at the end of the response, or when it has left. */
  readonly ended: Promise<void>;
  readonly #options: HttpViewerOptions;
  #connection: Deno.TcpConn | undefined;
  #isClosed = false;
  #paused: PromiseWithResolvers<void> | undefined;
  #rest: Bytes = new Uint8Array(0);
  #hasHeaders = false;

  constructor(server: TestServer, options: HttpViewerOptions) {
    super(server);
    this.#options = options;
    if (options.isPaused) this.pause();
    this.ended = this.#run();
    this.ended.catch(() => {}); // stop() reports it
    server.opened.push(this);
  }

  /** What has arrived after the last complete part, as text. */
  get rest(): string {
    return new TextDecoder("latin1").decode(this.#rest).replace(/^--frame\r\n$/, "");
  }

  pause(): void {
    this.#paused = Promise.withResolvers();
  }

  resume(): void {
    this.#paused?.resolve();
    this.#paused = undefined;
  }

  override check(): void {} // each frame is checked when it arrives

  override async stop(): Promise<void> {
    this.close();
    await this.ended;
  }

  /** Disconnects. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.resume();
    this.#connection?.close();
  }

  async #run(): Promise<void> {
    const { path = "/", rate = Infinity, stall = 0 } = this.#options;
    const { port } = this.server;
    const connection = await Deno.connect({ hostname: "127.0.0.1", port });
    this.#connection = connection;
    if (this.#isClosed) return connection.close();
    const request = `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: keep-alive\r\n\r\n`;
    try {
      await connection.write(new TextEncoder().encode(request));
      const into = new Uint8Array(rate === Infinity ? 65_536 : 8_192);
      for (let size, sinceStall = 0; !this.#isClosed;) {
        if (this.#paused) await this.#paused.promise;
        size = await connection.read(into);
        if (size === null) break;
        this.#add(into.subarray(0, size));
        if (rate < Infinity) await delay(1000 * size / rate);
        sinceStall += size;
        if (stall === 0 || sinceStall < 500_000) continue;
        sinceStall = 0;
        await delay(stall);
      }
    } catch (error) {
      const isClosed = error instanceof Deno.errors.BadResource ||
        error instanceof Deno.errors.Interrupted || error instanceof Deno.errors.ConnectionReset;
      if (!isClosed) throw error;
    }
    this.close();
  }

  #add(bytes: Bytes): void {
    const all = new Uint8Array(this.#rest.length + bytes.length);
    all.set(this.#rest);
    all.set(bytes, this.#rest.length);
    let at = 0;
    if (!this.#hasHeaders) {
      const end = textOf(all, 0).indexOf("\r\n\r\n--frame\r\n");
      if (end !== -1) {
        this.#hasHeaders = true;
        at = end + 4;
      }
    }
    while (this.#hasHeaders) {
      const header = textOf(all, at);
      const found = /^--frame\r\nContent-Type: image\/jpeg\r\n([^]*?)\r\n(?=\xff\xd8)/.exec(header);
      if (!found) {
        // A stream of /image has an empty header behind the type.
        if (header.length >= 200) throw new Error(`Not a part: ${JSON.stringify(header)}`);
        break;
      }
      const start = at + found[0].length;
      const end = endOfJpeg(all, start);
      if (end === -1 || end + 2 > all.length) break;
      this.#onJpeg(all.subarray(start, end), found[1]!);
      assertEquals([all[end], all[end + 1]], [13, 10]);
      at = end + 2;
    }
    this.#rest = all.slice(at);
  }

  #onJpeg(jpeg: Jpeg, fields: string): void {
    const number = numberIn(jpeg);
    assertIsNumbered(jpeg, number);
    assertGreater(number, this.last);
    const length = /^Content-Length: (\d+)\r\nX-Timestamp: \d+\.\d{6}\r\n$/.exec(fields);
    if (this.#options.path === "/image") assertEquals(fields, "");
    else assertEquals(Number(length?.[1]), jpeg.length);
    this.last = number;
    this.count++;
  }
}

/** Returns what is at most 200 bytes from `at` on. */
function textOf(bytes: Bytes, at: number): string {
  return new TextDecoder("latin1").decode(bytes.subarray(at, at + 200));
}

function assertRise(numbers: readonly number[]): void {
  for (const [i, number] of numbers.entries()) if (i > 0) assertGreater(number, numbers[i - 1]!);
}
