import {
  assert,
  assertEquals,
  assertFalse,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import net from "node:net";
import { HttpClientError, request } from "../../../lib/http1/mod.ts";
import { ManualClock, settle } from "../../manual_clock.ts";
import { FakeCamera, get, hasIpv6, send, untilClosed } from "./fake_camera.ts";

const OK = "HTTP/1.1 200 OK\r\n\r\nbody";

Deno.test("request() sends path and query as they are in the URL", async () => {
  await using camera = new FakeCamera(OK);
  await get(camera.url("/a%20b/%C3%A4%zz?usr=admin&pwd=a+b%2B|'\"#fragment"));
  await get(camera.url("/?"));
  const host = `127.0.0.1:${camera.port}`;
  assertEquals(
    camera.requests[0],
    `GET /a%20b/%C3%A4%zz?usr=admin&pwd=a+b%2B|%27%22 HTTP/1.1\r\nHost: ${host}\r\n` +
      "User-Agent: dinocam\r\nAccept: */*\r\nAccept-Encoding: identity\r\nConnection: close\r\n\r\n",
  );
  assertStringIncludes(camera.requests[1]!, "GET /? HTTP/1.1\r\n");
});

Deno.test("request() ignores credentials in the URL", async () => {
  await using camera = new FakeCamera(OK);
  const url = camera.url("/video");
  url.username = "admin";
  url.password = "secret";
  const response = await get(url);
  assertFalse(/admin|secret|@|Authorization/.test(camera.requests.join()));
  assertEquals(response.url.href, camera.url("/video").href);
});

Deno.test({
  name: "request connects to IPv6 addresses",
  ignore: !hasIpv6(),
  async fn() {
    await using camera = new FakeCamera(OK, { hostname: "::1" });
    assertEquals((await get(camera.url())).text, "body");
    assertStringIncludes(camera.requests[0]!, `\r\nHost: [::1]:${camera.port}\r\n`);
  },
});

Deno.test("request() reads a response that arrives byte by byte", async () => {
  await using camera = new FakeCamera((_, conn) =>
    send(
      conn,
      "HTTP/1.0 200 OK\r\nA: b\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n",
      1,
    )
  );
  const { headers, text, truncated } = await get(camera.url());
  assertEquals([headers.get("A"), text, truncated], ["b", "body", false]);
});

Deno.test("request() returns the body of a server that sends no head", async () => {
  await using camera = new FakeCamera(["--frame\r\nbody", "\xff\xd8\xff"]);
  const first = await get(camera.url());
  assertEquals([first.format, first.status, first.text], ["multipart", 200, "--frame\r\nbody"]);
  const second = await get(camera.url());
  assertEquals([second.format, second.text], ["jpeg", "\xff\xd8\xff"]);
});

Deno.test("request() reports whether a body was truncated", async () => {
  await using camera = new FakeCamera([
    "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nbody",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nbody",
    OK,
  ]);
  for (const truncated of [true, true, false]) {
    const response = await get(camera.url());
    assertEquals([response.text, response.truncated], ["body", truncated]);
  }
});

Deno.test("request() returns a large body, with little memory for each chunk", async () => {
  const body = "0123456789".repeat(100_000);
  await using camera = new FakeCamera(
    `HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n${body}more`,
  );
  assertEquals((await get(camera.url())).text, body);
});

Deno.test("request() returns chunks of a body that do not change later", async () => {
  await using camera = new FakeCamera((_, conn) => send(conn, `${OK} one two three`, 5));
  const response = await request({ url: camera.url(), signal: new AbortController().signal });
  const pieces = await Array.fromAsync(response.body);
  assertEquals(
    pieces.map((bytes) => new TextDecoder().decode(bytes)).join(""),
    "body one two three",
  );
});

Deno.test("request() closes the connection when the body is disposed of, returned or finished", async () => {
  const closed: Promise<void>[] = [];
  await using camera = new FakeCamera((_, conn) => {
    const done = send(conn, "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nbody").then(() =>
      untilClosed(conn)
    );
    closed.push(done);
    return done;
  });
  const signal = new AbortController().signal;
  {
    await using _ = (await request({ url: camera.url(), signal })).body;
  }
  for await (const _ of (await request({ url: camera.url(), signal })).body) break;
  const { body } = await request({ url: camera.url(), signal });
  const iterator = body[Symbol.asyncIterator]();
  await iterator.next();
  const waiting = iterator.next();
  await body[Symbol.asyncDispose]();
  assert((await waiting).done);
  assert((await iterator.next()).done);
  assertEquals(closed.length, 3);
  await Promise.all(closed);
});

Deno.test("request() follows redirects, also to a path that is not encoded", async () => {
  await using camera = new FakeCamera([
    ...[301, 302, 303, 307].map((status) => redirect(`/at/${status}`, status)),
    redirect("relative\xc3\xa4 path?a=b", 308),
    OK,
  ]);
  const response = await get(camera.url("/start"));
  assertEquals(
    camera.requests.map((request) => request.split(" ")[1]),
    ["/start", "/at/301", "/at/302", "/at/303", "/at/307", "/at/relative%c3%a4%20path?a=b"],
  );
  assertEquals([response.url.pathname, response.text], ["/at/relative%c3%a4%20path", "body"]);
  assertFalse(response.credentialsWithheld);
});

Deno.test("request() returns a redirect without a Location, and other 3xx statuses", async () => {
  for (
    const head of ["302 Found\r\nA: b", "304 Not Modified\r\nLocation: /", "300 X\r\nLocation: /"]
  ) {
    await using camera = new FakeCamera(`HTTP/1.1 ${head}\r\n\r\n`);
    assertEquals((await get(camera.url())).status, Number(head.slice(0, 3)));
  }
});

Deno.test("request() rejects bad redirects", async () => {
  for (
    const [location, code] of [
      ["file:///etc/SECRET", "bad-redirect"],
      ["rtsp://127.0.0.1/SECRET", "bad-redirect"],
      ["http://a b/SECRET", "bad-redirect"],
      ["/SECRET", "too-many-redirects"],
    ] as const
  ) {
    await using camera = new FakeCamera(redirect(location));
    await assertFails(get(camera.url(), { maxRedirects: 3 }), code);
    assertEquals(camera.requests.length, code === "bad-redirect" ? 1 : 4);
  }
});

Deno.test("request() sends credentials to the same origin only, and reports that", async () => {
  const unauthorized = 'HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm="r"\r\n\r\n';
  await using other = new FakeCamera(unauthorized);
  await using camera = new FakeCamera((request) =>
    !request.includes("Authorization")
      ? unauthorized
      : redirect(`http://admin:x@127.0.0.1:${other.port}/`)
  );
  const response = await get(camera.url(), { credentials: { user: "admin", password: "secret" } });
  assertEquals([response.status, response.credentialsWithheld], [401, true]);
  assertEquals([camera.requests.length, other.requests.length], [2, 1]);
  assertFalse(other.requests[0]!.includes("Authorization"));
});

Deno.test("request() distinguishes failures to connect", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  await assertFails(get(new URL(`http://127.0.0.1:${port}/SECRET`)), "connection-refused");
  await assertFails(get(new URL("http://camera.invalid/SECRET")), "host-not-found");
});

Deno.test({
  name: "request gives up a connection attempt that nothing answers",
  // Linux drops packets for a full backlog; other systems refuse.
  ignore: Deno.build.os !== "linux",
  async fn() {
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0, tcpBacklog: 1 });
    const { port } = listener.addr;
    const waiting = [await Deno.connect({ port }), await Deno.connect({ port })];
    const url = new URL(`http://127.0.0.1:${port}/SECRET`);
    const clock = new ManualClock();
    const failure = assertFails(get(url, { connectTimeout: 5_000, clock }), "connect-timeout");
    await clock.advance(5_000);
    await failure;
    const controller = new AbortController();
    const aborted = assertRejects(() => get(url, { signal: controller.signal }), Error, "stop");
    controller.abort(new Error("stop"));
    await aborted;
    for (const conn of waiting) conn.close();
    listener.close();
  },
});

Deno.test("request() distinguishes failures of a response", async () => {
  for (
    const [answer, code] of [
      ["", "closed"],
      ["HTTP/1.1 200 OK\r\nA: b", "head-truncated"],
      ["SSH-2.0-OpenSSH_9.2\r\n", "not-http"],
      [`HTTP/1.1 200 OK\r\nA: ${"b".repeat(70_000)}`, "head-too-large"],
      ["HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n", "unsupported-encoding"],
      ["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nb\r\nSECRET\r\n", "bad-chunk"],
    ] as const
  ) {
    await using camera = new FakeCamera(answer);
    await assertFails(get(camera.url("/SECRET?SECRET")), code);
  }
});

Deno.test("request() reports a connection that is reset: before the head and within the body", async () => {
  for (
    const [beginning, code] of [["", "closed"], [OK, "reset"]] as const
  ) {
    const { promise: begun, resolve: reset } = Promise.withResolvers<void>();
    const server = net.createServer((socket) => {
      socket.once("data", async () => {
        socket.write(beginning);
        if (beginning === OK) await begun; // a reset discards what the client has not read
        socket.resetAndDestroy();
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as net.AddressInfo;
    const action = async () => {
      const url = new URL(`http://127.0.0.1:${port}/SECRET`);
      const { body } = await request({ url, signal: new AbortController().signal });
      for await (const _ of body) reset();
    };
    await assertFails(action(), code);
    await new Promise((resolve) => server.close(resolve));
  }
});

Deno.test("request() waits for the head for a limited time", async () => {
  for (const beginning of ["", "HTTP/1.1 200 OK\r\nA: b\r\n", "HTTP/1.1 100 Continue\r\n\r\n"]) {
    await using camera = new FakeCamera(async (_, conn) => {
      await send(conn, beginning);
      await untilClosed(conn);
    });
    const clock = new ManualClock();
    const failure = assertFails(get(camera.url(), { clock, headTimeout: 3_000 }), "head-timeout");
    while (camera.requests.length < 1) await settle();
    await clock.advance(2_999);
    await clock.advance(1);
    await failure;
  }
});

Deno.test("request() does not limit the time of the body", async () => {
  await using camera = new FakeCamera(async (_, conn) => {
    await send(conn, OK);
    await untilClosed(conn);
  });
  const clock = new ManualClock();
  const signal = new AbortController().signal;
  const { body } = await request({ url: camera.url(), signal, clock });
  const iterator = body[Symbol.asyncIterator]();
  await iterator.next();
  let done = false;
  const next = iterator.next().then(() => done = true);
  await clock.advance(1_000_000);
  assertFalse(done);
  await iterator.return!();
  await next;
});

Deno.test("request() ends at once with the signal's reason: before it starts, in the head and in the body", async () => {
  await using camera = new FakeCamera(async (_, conn) => {
    if (camera.requests.length > 1) await send(conn, OK);
    await untilClosed(conn);
  });
  const reason = new Error("stop");
  await assertRejects(
    () => get(camera.url(), { signal: AbortSignal.abort(reason) }),
    Error,
    "stop",
  );
  assertEquals(camera.requests.length, 0);
  for (let round = 1; round <= 2; round++) {
    const controller = new AbortController();
    const failure = assertRejects(() => get(camera.url(), { signal: controller.signal }), Error);
    while (camera.requests.length < round) await settle();
    await settle();
    controller.abort(reason);
    assertEquals(await failure, reason);
  }
});

Deno.test("request() throws for a trusted certificate that is not valid", async () => {
  for (
    const trust of ["", "sha256:12", "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----"]
  ) {
    const options = {
      url: new URL("https://127.0.0.1:1/"),
      signal: new AbortController().signal,
      trust,
    };
    await assertRejects(() => request(options), TypeError, "Cannot read the trusted certificate");
  }
});

function redirect(location: string, status = 302): string {
  return `HTTP/1.1 ${status} Moved\r\nLocation: ${location}\r\nContent-Length: 0\r\n\r\n`;
}

/** Checks the kind of a failure, and that its message names nothing but the server. */
async function assertFails(action: Promise<unknown>, code: HttpClientError["code"]): Promise<void> {
  const error: HttpClientError = await assertRejects(() => action, HttpClientError);
  assertEquals(error.code, code);
  assertFalse(/SECRET|admin/.test(error.message), error.message);
  assert(/127\.0\.0\.1:\d+|camera\.invalid:80/.test(error.message), error.message);
}
