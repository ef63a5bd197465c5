/**
 * Prints what smaller pictures bring: the traffic and the frame rate of a page with nine cameras, and
 * the frame rates and ages of frames on links of several speeds and round trips.
 *
 *     deno run -A tests/load/sizes.ts [--root FOLDER] [--seconds 10] [--only page|phone|links]
 *
 * `--root` is the folder of the server to measure, such as that of an older version. Links need root.
 */
import { parseArgs } from "node:util";
import { Browser, type Page } from "../browser.ts";
import { forwardDelayed } from "../nats/delay_proxy.ts";
import { runProgram, type TestHost, TestNetwork } from "../nats/network.ts";
import { eventually, ROOT, Server } from "../server.ts";
import { LiveClient } from "../sound/live_client.ts";
import { makeTools, type Tools } from "./tools.ts";

const { values: options } = parseArgs({
  options: {
    root: { type: "string", default: ROOT.pathname },
    seconds: { type: "string", default: "10" },
    only: { type: "string" },
    /** Internal: what a child process measures in the namespace of a client, and where. */
    child: { type: "string" },
    url: { type: "string", default: "" },
    height: { type: "string", default: "" },
    /** Delay of each direction, in milliseconds. */
    delay: { type: "string", default: "0" },
  },
});
const seconds = Number(options.seconds);

/** Port of servers in a network namespace of their own. */
const PORT = 8000;
/** Bytes per second of 1 Mbit/s. */
const MBIT = 125_000;
/** How long a page may adapt to a slow link, in milliseconds. */
const ADAPTING_TIME = 12_000;

/** Delays what a client sends and receives: `tc netem` is not in every kernel. */
class DelayProxy implements AsyncDisposable {
  readonly url: string;
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #running: Promise<void>;

  /** @param target The server. @param delay Of each direction, in milliseconds. */
  constructor(target: URL, delay: number) {
    this.url = `http://127.0.0.1:${this.#listener.addr.port}`;
    this.#running = this.#accept({ hostname: target.hostname, port: Number(target.port) }, delay);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    await this.#running;
  }

  async #accept(target: Deno.ConnectOptions, delay: number): Promise<void> {
    for await (const client of this.#listener) {
      const server = await Deno.connect(target);
      for (const connection of [client, server]) connection.setNoDelay();
      void forwardDelayed(client, server, delay);
      void forwardDelayed(server, client, delay);
    }
  }
}

/** Script that counts the bytes that a page receives on WebSockets and the pictures that it paints. */
const COUNTER = `
  globalThis.bytes = 0;
  globalThis.painted = new Map();
  globalThis.WebSocket = class extends WebSocket {
    constructor(...args) {
      super(...args);
      this.addEventListener("message", ({ data }) => bytes += data.byteLength ?? data.length);
    }
  };
  const { transferFromImageBitmap } = ImageBitmapRenderingContext.prototype;
  ImageBitmapRenderingContext.prototype.transferFromImageBitmap = function (bitmap) {
    transferFromImageBitmap.call(this, bitmap);
    painted.set(this.canvas, (painted.get(this.canvas) ?? 0) + 1);
  };
`;

/** What a client of the live protocol has received. */
interface Reception {
  readonly fps: number;
  readonly mbit: number;
  readonly p50: number;
  readonly p99: number;
}

/** What a page has received and painted. */
interface PageResult {
  readonly mbit: number;
  /** Painted frames per second of each canvas. */
  readonly fps: readonly number[];
  /** Sizes of the pictures. */
  readonly sizes: readonly string[];
}

if (options.child === "client") await printJson(watch(options.url, Number(options.height)));
else if (options.child === "page") await printJson(openAndMeasure(options.url, ADAPTING_TIME));
else await main();

async function main(): Promise<void> {
  const tools = await makeTools(`${Deno.env.get("TMPDIR") ?? "/tmp"}/dinocam-load`);
  const parts = { page: measureGrid, phone: measurePhone, links: measureLinks };
  for (const [name, measure] of Object.entries(parts)) {
    if (!options.only || options.only === name) await measure(tools);
  }
}

/** Returns the environment of a server with cameras of 720p and 30 fps. */
function cameras(tools: Tools, count: number): Record<string, string> {
  const names = Array.from({ length: count }, (_, i) => `camera${i + 1}`);
  return {
    CAMERA: names.map((name) => `${name}=exec`).join(","),
    SOURCE: `${tools.path}/rpicam-vid --height 720 --framerate 30 -t 0 -o -`,
    FAKECAM_DIR: tools.frames,
    AUDIO: "off",
    HOST: "0.0.0.0",
    AUTH: "none",
  };
}

async function measureGrid(tools: Tools): Promise<void> {
  await using server = await Server.start({ env: cameras(tools, 9), cwd: options.root });
  const { mbit, fps, sizes } = await openAndMeasure(server.url, 5_000);
  const [min, max] = [Math.min(...fps), Math.max(...fps)];
  console.log(
    `nine cameras on one page: ${mbit.toFixed(1)} Mbit/s, ${min.toFixed(1)} to ` +
      `${max.toFixed(1)} fps, ${[...new Set(sizes)].join(", ")}`,
  );
}

async function measurePhone(tools: Tools): Promise<void> {
  await using network = await TestNetwork.create("phone");
  await using _server = await serve(tools, network.hub);
  const phone = network.host("phone");
  await phone.limit("down", 6 * MBIT);
  for (const height of ["", "360"]) {
    const { fps, mbit } = await measureStream(phone, height);
    console.log(
      `a stream over 6 Mbit/s, height=${height || "own"}: ${fps.toFixed(1)} fps, ` +
        `${mbit.toFixed(1)} Mbit/s`,
    );
  }
  const { mbit, fps, sizes } = await measureIn<PageResult>(phone, "page");
  console.log(
    `a page over 6 Mbit/s: ${fps[0]!.toFixed(1)} fps of ${sizes[0]}, ${mbit.toFixed(1)} Mbit/s`,
  );
}

async function measureLinks(tools: Tools): Promise<void> {
  await using network = await TestNetwork.create("phone");
  await using _server = await serve(tools, network.hub);
  const phone = network.host("phone");
  for (const mbit of [2, 6, 1000]) {
    for (const roundTrip of [0, 50, 100]) {
      await phone.limit("down", mbit * MBIT);
      for (const height of ["360", ""]) {
        const { fps, p50, p99 } = await measureIn<Reception>(phone, "client", {
          height,
          delay: roundTrip / 2,
        });
        console.log(
          `${mbit} Mbit/s, round trip ${roundTrip} ms, height=${height || "own"}: ` +
            `${fps.toFixed(1)} fps, age p50 ${p50.toFixed(0)} ms, p99 ${p99.toFixed(0)} ms`,
        );
      }
    }
  }
}

/** Starts a server with one camera on a host. */
async function serve(tools: Tools, host: TestHost): Promise<Server> {
  const server = await Server.start({
    env: { ...cameras(tools, 1), PORT: `${PORT}` },
    command: host.command(Deno.execPath(), "run", "-q", "--allow-all", "main.ts"),
    cwd: options.root,
  });
  return server;
}

/** Measures in a child process on a host. */
async function measureIn<T>(
  host: TestHost,
  child: string,
  { height = "", delay = 0 } = {},
): Promise<T> {
  const url = `http://${host.hubAddress}:${PORT}`;
  const script = new URL(import.meta.url).pathname;
  const [program, ...args] = host.command(
    ...[Deno.execPath(), "run", "-q", "-A", script, `--child=${child}`, `--url=${url}`],
    ...[`--height=${height}`, `--delay=${delay}`, `--seconds=${seconds}`],
  );
  return JSON.parse(await runProgram(program!, ...args));
}

/** Receives the multipart stream on a host. */
async function measureStream(
  host: TestHost,
  height: string,
): Promise<{ fps: number; mbit: number }> {
  const url = `http://${host.hubAddress}:${PORT}/video_feed${height && `?height=${height}`}`;
  const [program, ...args] = host.command("curl", "-sN", "-m", `${seconds}`, url);
  const { stdout } = await new Deno.Command(program!, { args, stderr: "null" }).output();
  const text = new TextDecoder("latin1").decode(stdout);
  const frames = text.split("Content-Type: image/jpeg").length - 1;
  return { fps: frames / seconds, mbit: stdout.length / MBIT / seconds };
}

/** Watches the server's camera as a client of the live protocol. */
async function watch(url: string, height: number): Promise<Reception> {
  await using proxy = new DelayProxy(new URL(url), Number(options.delay));
  await using client = await LiveClient.open(proxy.url, []);
  const heights = height ? { camera1: height } : {};
  client.send({ type: "watch", cameras: ["camera1"], heights });
  await eventually("frames arrive", () => client.frames.ages.length > 2, 30_000);
  await sleep(3_000);
  client.reset();
  await sleep(seconds * 1_000);
  const ages = client.frames.ages.toSorted((a, b) => a - b);
  const percentile = (part: number) => ages[Math.floor(part * (ages.length - 1))] ?? NaN;
  return {
    fps: ages.length / seconds,
    mbit: client.frames.bytes / MBIT / seconds,
    p50: percentile(0.5),
    p99: percentile(0.99),
  };
}

/** Opens the page in Chromium and measures what it receives and paints. */
async function openAndMeasure(url: string, adaptingTime: number): Promise<PageResult> {
  await using browser = await Browser.start();
  await using page = await browser.newPage();
  await page.send("Emulation.setDeviceMetricsOverride", {
    ...{ width: 1920, height: 1080, deviceScaleFactor: 1, mobile: false },
  });
  await page.beforeEachPage(COUNTER);
  await page.goto(url);
  await page.until("painted.size > 0", 30_000);
  await sleep(adaptingTime);
  const before = await countsOf(page);
  await sleep(seconds * 1_000);
  const after = await countsOf(page);
  const elapsed = (after.at - before.at) / 1000;
  return {
    mbit: (after.bytes - before.bytes) / MBIT / elapsed,
    fps: after.painted.map((count, i) => (count - (before.painted[i] ?? 0)) / elapsed),
    sizes: after.sizes,
  };
}

interface Counts {
  readonly at: number;
  readonly bytes: number;
  readonly painted: readonly number[];
  readonly sizes: readonly string[];
}

function countsOf(page: Page): Promise<Counts> {
  return page.eval(`({
    at: performance.now(),
    bytes,
    painted: [...painted.values()],
    sizes: [...painted.keys()].map(({ width, height }) => width + "x" + height),
  })`);
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

async function printJson(result: Promise<unknown>): Promise<void> {
  console.log(JSON.stringify(await result));
  Deno.exit(0);
}
