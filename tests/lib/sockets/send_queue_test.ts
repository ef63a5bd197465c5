import { assert, assertEquals, assertLess, assertMatch } from "@std/assert";
import { settlesWithin } from "../../../lib/clock.ts";
import { limitSendQueue } from "../../../lib/sockets/mod.ts";
import { needing, PYTHON } from "../../parts.ts";
import { FAKES, Server } from "../../server.ts";

const ignore = Deno.build.os === "windows";

Deno.test({
  name: "the kernel takes no megabytes for a viewer who does not read",
  ignore,
  fn: async () => {
    const free = await queued(() => {});
    const limited = await queued((port) => assertEquals(limitSendQueue(port), undefined));
    // What is left is mostly the viewer's own receive buffer.
    assertLess(limited, 600_000);
    assertLess(limited, free / 2);
  },
});

Deno.test({
  name: "a viewer at 500 KB/s of 3 MB/s sees frames that stay as young as the link allows",
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
    assertLess(median(ages.slice(-6)), 1_500); // 700 here, and 2400 without the limit
  },
});

Deno.test("limitSendQueue tells when nobody listens on the port", { ignore }, () => {
  assertMatch(limitSendQueue(1) ?? "", /no socket listens on port 1$/);
});

Deno.test({
  name: "limitSendQueue tells when it may not call the C library, and asks nobody for that",
  ignore,
  permissions: { net: true },
  fn: async () => {
    const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, () => EMPTY());
    assertMatch(limitSendQueue(server.addr.port) ?? "", /--allow-ffi/);
    await server.shutdown();
  },
});

const EMPTY = () => new Response(null, { status: 204 });

/** How much a server gets rid of for a client that asks for a stream and reads nothing, in bytes. */
async function queued(prepare: (port: number) => void): Promise<number> {
  const frame = new Uint8Array(50_000);
  let taken = 0;
  let given = Promise.withResolvers<void>();
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, () => {
    return new Response(
      new ReadableStream({
        pull(controller) {
          controller.enqueue(frame);
          taken += frame.length;
          given.resolve();
          given = Promise.withResolvers();
        },
      }, { highWaterMark: 0 }),
    );
  });
  prepare(server.addr.port);
  using viewer = await ask(server.addr.port);
  while (taken < 50_000_000 && await settlesWithin(given.promise, 300));
  viewer.close();
  await server.shutdown();
  return taken;
}

/** Watches at `rate` bytes a second for `ms`. @returns How old each frame was when it came, in milliseconds. */
async function watchSlowly(port: number, rate: number, ms: number): Promise<number[]> {
  using viewer = await ask(port);
  const ages: number[] = [];
  const buffer = new Uint8Array(rate / 50);
  let text = "";
  for (const end = Date.now() + ms; Date.now() < end;) {
    const next = Date.now() + 20;
    const read = await viewer.read(buffer);
    if (read === null) break;
    text = text.slice(-200) + new TextDecoder("latin1").decode(buffer.subarray(0, read));
    const stamp = /X-Timestamp: ([\d.]+)\r\n/.exec(text);
    if (stamp) {
      ages.push(Date.now() - Number(stamp[1]) * 1000);
      text = text.slice(stamp.index + stamp[0].length);
    }
    await new Promise((resolve) => setTimeout(resolve, next - Date.now()));
  }
  return ages;
}

async function ask(port: number): Promise<Deno.TcpConn> {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port });
  const request = `GET /video_feed HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`;
  await connection.write(new TextEncoder().encode(request));
  return connection;
}

function median(numbers: number[]): number {
  return numbers.toSorted((a, b) => a - b)[numbers.length >> 1]!;
}
