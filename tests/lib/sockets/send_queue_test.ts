import { assert, assertEquals, assertLess, assertMatch } from "@std/assert";
import { settlesWithin } from "../../../lib/clock.ts";
import { limitSendQueue } from "../../../lib/sockets/mod.ts";
import { needing, PYTHON } from "../../parts.ts";
import { FAKES, Server } from "../../server.ts";

const DENIED =
  "Cannot open the C library: Deno does not permit it; use `deno task start`, or --allow-ffi";
const ignore = Deno.build.os === "windows";

Deno.test({
  name: "limitSendQueue keeps the kernel from holding megabytes for a viewer that does not read",
  ignore,
  fn: async () => {
    const unlimited = await acceptedBytes(() => {});
    const limited = await acceptedBytes((port) => assertEquals(limitSendQueue(port), undefined));
    // The rest is mostly the viewer's own receive buffer.
    assertLess(limited, 600_000);
    assertLess(limited, unlimited / 2);
  },
});

Deno.test("limitSendQueue reports that no socket listens on the port", { ignore }, () => {
  assertMatch(limitSendQueue(1) ?? "", /no socket listens on port 1$/);
});

Deno.test({
  name: "limitSendQueue without the permission reports that, and never prompts",
  ignore,
  permissions: { net: true },
  async fn() {
    const server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen() {} },
      () => new Response(null, { status: 204 }),
    );
    assertEquals(limitSendQueue(server.addr.port), DENIED);
    await server.shutdown();
  },
});

Deno.test({
  name: "a viewer that reads 500 KB/s of 3 MB/s sees frames as recent as its link allows",
  ...needing(PYTHON),
  fn: async () => {
    await using server = await Server.start({
      env: {
        CAMERA: "pi",
        PATH: `${FAKES}:${Deno.env.get("PATH")}`,
        FAKE_CAMERA_SIZE: "100000",
        WIDTH: "640",
        HEIGHT: "480",
      },
    });
    const ages = await watchSlowly(Number(new URL(server.url).port), 500_000, 3_500);
    assert(ages.length > 6, `${ages}`);
    assertLess(median(ages.slice(-6)), 1_500); // measured: 700, and 2400 without the limit
  },
});

/**
 * Streams to a client that does not read.
 *
 * @param prepare Called when the server listens.
 * @returns Number of bytes that the system accepted.
 */
async function acceptedBytes(prepare: (port: number) => void): Promise<number> {
  const frame = new Uint8Array(50_000);
  let accepted = 0;
  let pulled = Promise.withResolvers<void>();
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, () => {
    return new Response(
      new ReadableStream({
        pull(controller) {
          controller.enqueue(frame);
          accepted += frame.length;
          pulled.resolve();
          pulled = Promise.withResolvers();
        },
      }, { highWaterMark: 0 }),
    );
  });
  prepare(server.addr.port);
  using viewer = await requestStream(server.addr.port);
  while (accepted < 50_000_000 && await settlesWithin(pulled.promise, 300));
  viewer.close();
  await server.shutdown();
  return accepted;
}

/**
 * Reads a stream at `rate` bytes a second for `ms`.
 *
 * @returns Each frame's age on arrival, in milliseconds.
 */
async function watchSlowly(port: number, rate: number, ms: number): Promise<number[]> {
  using viewer = await requestStream(port);
  const ages: number[] = [];
  const buffer = new Uint8Array(rate / 50);
  let text = "";
  for (const end = Date.now() + ms; Date.now() < end;) {
    const next = Date.now() + 20;
    const read = await viewer.read(buffer);
    if (read === null) break;
    text = text.slice(-200) + new TextDecoder("latin1").decode(buffer.subarray(0, read));
    const timestamp = /X-Timestamp: ([\d.]+)\r\n/.exec(text);
    if (timestamp) {
      ages.push(Date.now() - Number(timestamp[1]) * 1000);
      text = text.slice(timestamp.index + timestamp[0].length);
    }
    await new Promise((resolve) => setTimeout(resolve, next - Date.now()));
  }
  return ages;
}

async function requestStream(port: number): Promise<Deno.TcpConn> {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port });
  const request = `GET /video_feed HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`;
  await connection.write(new TextEncoder().encode(request));
  return connection;
}

function median(numbers: number[]): number {
  return numbers.toSorted((a, b) => a - b)[numbers.length >> 1]!;
}
