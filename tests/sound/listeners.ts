import { assertEquals, assertGreater, assertLess } from "@std/assert";
import { systemClock } from "../../lib/clock.ts";
import { figure, footprintOf, percentile, rounded } from "../faults/figures.ts";
import { usageOf } from "../load/proc.ts";
import type { Server } from "../server.ts";
import type { LiveReport } from "./live_clients.ts";
import { prioritize } from "./priority.ts";
import { SoundStudio } from "./sync_run.ts";
import { readLines } from "./text_lines.ts";

/** Number of viewers. */
const VIEWERS = 50;
/** Rounds, with and without sound in turn, and the duration of each, in milliseconds. */
const ROUNDS = 5;
const ROUND = 8_000;
/** Goal: percent of a core. */
const MAX_CPU = 10;
/** The capture of sound runs in rounds with sound only, so that its cost counts. */
const IMMEDIATE_STOP = { IDLE_SECONDS: "0" };

/** One measurement of a server and its clients. */
interface Measured extends LiveReport {
  /** Percent of a core that the server and its captures use. */
  readonly cpu: number;
}

/** Measures 50 clients of `/audio.wav`. */
export async function checkWavListeners(): Promise<void> {
  await using studio = await SoundStudio.start(() => IMMEDIATE_STOP);
  await using clients = await LiveClients.start(studio.server, VIEWERS);
  const differences: number[] = [];
  for (let i = 0; i < ROUNDS; i++) {
    const silent = await clients.measure("stop", studio.server);
    await using listeners = new WavListeners(studio.server, VIEWERS);
    const listening = await clients.measure("stop", studio.server);
    const seconds = listeners.bytes / VIEWERS / 48_000;
    differences.push(listening.cpu - silent.cpu);
    console.log(
      `round ${i + 1}: without ${rounded(silent.cpu)} %, with ${VIEWERS} clients of /audio.wav ` +
        `${rounded(listening.cpu)} %; ${rounded(seconds)} s of sound each`,
    );
    assertGreater(seconds, 0.95 * ROUND / 1_000);
  }
  const cpu = percentile(differences, 0.5);
  figure(`CPU of ${VIEWERS} clients of /audio.wav`, `${rounded(cpu)} % more`, `${MAX_CPU} %`);
  assertLess(cpu, MAX_CPU);
}

/**
 * Lets 50 clients listen and read nothing for half a minute, while one reads: the server's memory
 * must not grow, and the one loses nothing.
 */
export async function checkStalledListeners(): Promise<void> {
  await using studio = await SoundStudio.start();
  const { server } = studio;
  await using reader = await LiveClients.start(server, 1);
  await reader.measure("listen", server);
  const before = await footprintOf(server.pid);
  const stalled = await Promise.all(
    Array.from({ length: VIEWERS }, () => StalledListener.open(server)),
  );
  await systemClock.sleep(10_000); // the kernel's buffers are full
  const filled = await footprintOf(server.pid);
  const measured = await reader.measure("listen", server);
  await systemClock.sleep(20_000);
  const after = await footprintOf(server.pid);
  const growth = (after.memory - filled.memory) / VIEWERS * 1_000;
  const total = (after.memory - before.memory) / VIEWERS * 1_000;
  figure("memory of the server per stalled listener", `${rounded(total)} KB`);
  figure("growth in 28 s, in which 1344 KB of sound were heard", `${rounded(growth)} KB`, "200 KB");
  figure("sound that the reader lost meanwhile", measured.sound.missing, "0");
  const ages = await Promise.all(stalled.map((listener) => listener.drain()));
  figure("messages of sound that a stalled listener then reads", percentile(ages, 0.5));
  assertLess(growth, 200);
  assertEquals(measured.sound.missing, 0);
  assertEquals(measured.frames.missing, 0);
}

/** The process with clients of the live protocol. */
class LiveClients implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #lines: AsyncGenerator<string>;

  private constructor(child: Deno.ChildProcess) {
    this.#child = child;
    this.#writer = child.stdin.getWriter();
    this.#lines = readLines(child.stdout);
  }

  static async start(server: Server, count: number): Promise<LiveClients> {
    const path = new URL("live_clients.ts", import.meta.url).pathname;
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-q", "--no-check", "--allow-net", path, server.url, `${count}`],
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    await prioritize();
    const clients = new LiveClients(child);
    assertEquals((await clients.#lines.next()).value, "connected");
    return clients;
  }

  /** Sends a command, waits until it has an effect, and measures for {@link ROUND}. */
  async measure(command: "listen" | "stop", server: Server): Promise<Measured> {
    await this.#send(command);
    await systemClock.sleep(2_000);
    await this.#send("reset");
    const [begun, before] = [performance.now(), usageOf(server.pid)];
    await systemClock.sleep(ROUND);
    const [ended, after] = [performance.now(), usageOf(server.pid)];
    await this.#send("report");
    const report: LiveReport = JSON.parse((await this.#lines.next()).value!);
    return { ...report, cpu: 100 * (after.cpu - before.cpu) / (ended - begun) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writer.close();
    await this.#child.status;
    await this.#lines.return(undefined);
  }

  async #send(command: string): Promise<void> {
    await this.#writer.write(new TextEncoder().encode(`${command}\n`));
  }
}

/** Clients of `/audio.wav` that count what they read. */
class WavListeners implements AsyncDisposable {
  bytes = 0;
  #ended = false;
  readonly #reading: Promise<unknown>;

  constructor(server: Server, count: number) {
    this.#reading = Promise.all(Array.from({ length: count }, () => this.#read(server)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended = true;
    await this.#reading;
  }

  async #read(server: Server): Promise<void> {
    const response = await fetch(`${server.url}/audio.wav`);
    for await (const chunk of response.body!) {
      this.bytes += chunk.length;
      if (this.#ended) return;
    }
    throw new Error("/audio.wav has ended");
  }
}

/** A WebSocket client that listens, and reads nothing until it is drained. */
class StalledListener {
  readonly #connection: Deno.TcpConn;

  private constructor(connection: Deno.TcpConn) {
    this.#connection = connection;
  }

  static async open(server: Server): Promise<StalledListener> {
    const { hostname, port } = new URL(server.url);
    const connection = await Deno.connect({ hostname, port: Number(port) });
    const request = [
      "GET /live?version=3&watch= HTTP/1.1",
      `Host: ${hostname}:${port}`,
      "Connection: Upgrade",
      "Upgrade: websocket",
      "Sec-WebSocket-Version: 13",
      "Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==",
    ];
    const text = new TextEncoder();
    await connection.write(text.encode(`${request.join("\r\n")}\r\n\r\n`));
    await connection.read(new Uint8Array(1_000)); // 101
    const message = text.encode(JSON.stringify({ type: "listen", cameras: ["front"] }));
    // A text frame, masked with zeros, which leave it as it is.
    const head = [0x81, 0x80 | message.length, 0, 0, 0, 0];
    await connection.write(new Uint8Array([...head, ...message]));
    return new StalledListener(connection);
  }

  /** Reads what has been sent, closes, and returns the number of sound messages. */
  async drain(): Promise<number> {
    const buffer = new Uint8Array(1_000_000);
    let bytes = 0;
    for (const begun = performance.now(); performance.now() - begun < 300;) {
      bytes += await this.#connection.read(buffer) ?? 0;
    }
    this.#connection.close();
    return Math.round(bytes / 980);
  }
}
