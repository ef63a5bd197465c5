import {
  assertEquals,
  assertLess,
  assertMatch,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { ListenError } from "../../../lib/errors.ts";
import { listen } from "../../../lib/http/serve.ts";
import { sendRaw, statusOf } from "../../raw.ts";
import { silentLog } from "../../silent.ts";

const OPTIONS = {
  host: "127.0.0.1",
  port: 0,
  reusePort: false,
  sendQueue: "short",
  tls: undefined,
  log: silentLog,
} as const;

Deno.test("Server answers 503 until it has a handler", async () => {
  await using server = listen(OPTIONS);
  const url = `http://127.0.0.1:${server.port}/`;
  const early = await fetch(url);
  assertEquals([early.status, await early.text()], [503, "The server is starting\n"]);
  server.handle((request, { remoteAddr }) => Response.json([request.url, remoteAddr.hostname]));
  assertEquals(await (await fetch(url)).json(), [url, "127.0.0.1"]);
});

Deno.test("Server answers 400 to a request whose URL cannot be parsed", async () => {
  await using server = listen(OPTIONS);
  server.handle(() => new Response("handled"));
  const url = `http://127.0.0.1:${server.port}`;
  for (const host of ["[", "a b", "x:99999"]) {
    const answer = await sendRaw(
      url,
      `GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`,
    );
    assertEquals([host, statusOf(answer)], [host, 400]);
  }
});

Deno.test("listen() names what to change when it cannot listen", async () => {
  await using server = listen(OPTIONS);
  const messageOf = (options: Partial<Parameters<typeof listen>[0]>) => {
    const error: ListenError = assertThrows(() => listen({ ...OPTIONS, ...options }), ListenError);
    return error.message;
  };
  const { port } = server;
  const taken = `Cannot listen on 127.0.0.1:${port}: the port is in use; choose another PORT`;
  assertEquals(messageOf({ port }), taken);
  assertMatch(messageOf({ host: "192.0.2.1" }), /^Cannot listen on 192\.0\.2\.1:0: HOST must be /);
});

Deno.test("Server waits for open responses at shutdown, then closes connections forcibly", async () => {
  const server = listen(OPTIONS);
  const cancelled = Promise.withResolvers<void>();
  server.handle(() =>
    new Response(
      new ReadableStream({
        pull: (controller) => controller.enqueue(new Uint8Array(1_000_000)),
        cancel: () => cancelled.resolve(),
      }),
    )
  );
  const { port } = server;
  using stalled = await Deno.connect({ port });
  await stalled.write(new TextEncoder().encode("GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"));
  const head = new Uint8Array(12);
  await stalled.read(head);
  assertStringIncludes(new TextDecoder().decode(head), "HTTP/1.1 200");
  const startedAt = performance.now();
  await server[Symbol.asyncDispose]();
  await cancelled.promise;
  assertLess(performance.now() - startedAt, 2_000);
});

Deno.test("Server can be disposed of while it takes control over its connections", async () => {
  const server = listen(OPTIONS);
  const controlling = server.controlConnections();
  await server[Symbol.asyncDispose]();
  await controlling; // no timer and no library is left
});

Deno.test("Server sends directly once it controls the connections", {
  ignore: Deno.build.os !== "linux",
}, async () => {
  await using server = listen(OPTIONS);
  server.handle((_, { remoteAddr }) => {
    const direct = server.directTo(remoteAddr, true);
    direct?.close();
    return new Response(direct ? "directly" : "through Deno");
  });
  const url = `http://127.0.0.1:${server.port}/`;
  const ask = async () => await (await fetch(url)).text();
  assertEquals(await ask(), "through Deno");
  await server.controlConnections();
  assertEquals(await ask(), "directly");
});
