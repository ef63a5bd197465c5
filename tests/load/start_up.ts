import { systemClock } from "../../lib/clock.ts";
import { cameraEnv, type Contestant } from "./contestants.ts";
import { type Cores, freePort, lastOf, spawn, stop } from "./run.ts";
import type { Tools } from "./tools.ts";

const REQUEST = new TextEncoder().encode("GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
const OK = /^HTTP\/1\.[01] 200 /;

/** Time limit of a start, in milliseconds. */
const TIMEOUT = 10_000;

/** Time between two attempts to connect, in milliseconds. */
const INTERVAL = 1;

/**
 * Starts a server and requests its page.
 *
 * @returns The time from the start of the command to the first byte of the response, in milliseconds.
 */
export async function measureStart(
  contestant: Contestant,
  { tools, cores }: { tools: Tools; cores: Cores },
): Promise<number> {
  const picture = { height: 720, fps: 30 } as const;
  const port = freePort();
  const command = contestant.command(picture, port);
  const startedAt = performance.now();
  const server = spawn(cores?.server, "sh", ["-c", command], {
    env: { ...cameraEnv(tools, picture), ...contestant.env },
    stdout: "null",
  });
  const lastErrors = lastOf(server.stderr);
  try {
    const head = await firstBytes(port, startedAt + TIMEOUT);
    const took = performance.now() - startedAt;
    if (!OK.test(head)) throw new Error(`Cannot get the page: the response is "${head}"`);
    return took;
  } catch (error) {
    throw new Error(`${contestant.name}: ${(error as Error).message}\n${lastErrors()}`);
  } finally {
    await stop(server);
  }
}

/** Requests the page as soon as the server listens, and returns the first bytes of the response. */
async function firstBytes(port: number, deadline: number): Promise<string> {
  using connection = await connect(port, deadline);
  await connection.write(REQUEST);
  const buffer = new Uint8Array(64);
  const size = await connection.read(buffer);
  return new TextDecoder().decode(buffer.subarray(0, size ?? 0)).split("\r\n")[0]!;
}

async function connect(port: number, deadline: number): Promise<Deno.TcpConn> {
  while (true) {
    try {
      return await Deno.connect({ hostname: "127.0.0.1", port });
    } catch {
      if (performance.now() > deadline) throw new Error("the server does not listen");
      await systemClock.sleep(INTERVAL);
    }
  }
}
