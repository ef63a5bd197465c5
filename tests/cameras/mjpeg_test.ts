import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import mjpeg from "../../cameras/mjpeg.ts";
import type { TimedJpeg } from "../../lib/camera/driver.ts";
import { systemClock } from "../../lib/clock.ts";
import { CameraError, ConfigError, explain } from "../../lib/errors.ts";
import type { Jpeg } from "../../lib/frame.ts";
import { sizeOf } from "../../lib/jpeg/segments.ts";
import { needing } from "../parts.ts";
import { testConformance } from "./conformance.ts";

const IMAGE = await Deno.readFile(new URL("../../cameras/emulated/1.jpg", import.meta.url));
const MULTIPART = { "Content-Type": "multipart/x-mixed-replace; boundary=frame" };
const NEVER = new AbortController().signal;

testConformance({
  source: "mjpeg, with a server in this process",
  driver: mjpeg,
  async setUp() {
    const stop = new AbortController();
    const server = serve(() =>
      new Response(streamOf(endless(50, stop.signal)), { headers: MULTIPART })
    );
    return await Promise.resolve({
      env: { SOURCE: server.url },
      async [Symbol.asyncDispose]() {
        stop.abort();
        await server[Symbol.asyncDispose]();
      },
    });
  },
});

Deno.test({
  name: "mjpeg relays what ffmpeg serves",
  ...needing("ffmpeg"),
  fn: async () => {
    const port = freePort();
    const address = `http://127.0.0.1:${port}/feed`;
    const source = ["-re", "-f", "lavfi", "-i", "testsrc=size=320x240:rate=20"];
    const ffmpeg = new Deno.Command("ffmpeg", {
      args: ["-v", "error", ...source, "-f", "mpjpeg", "-listen", "1", address],
      stdin: "null",
      stderr: "null",
    }).spawn();
    try {
      const sizes = [];
      while (sizes.length < 5) {
        try {
          for await (const jpeg of open({ SOURCE: address })) {
            if (sizes.push(sizeOf(jpeg as Jpeg)) === 5) break;
          }
        } catch {
          await new Promise((resolve) => setTimeout(resolve, 50)); // ffmpeg does not listen yet
        }
      }
      assertEquals(sizes, Array(5).fill({ width: 320, height: 240 }));
    } finally {
      ffmpeg.kill("SIGKILL");
      await ffmpeg.status;
    }
  },
});

Deno.test("mjpeg keeps the upstream's capture time, but not an uptime or a time in the future", async () => {
  const now = Date.now() - 1_234;
  const stamps = [now / 1000, 12.5, now / 1000 + 7 * 86_400];
  await using server = serve(() => {
    const parts = stamps.map((stamp) => part(IMAGE, `X-Timestamp: ${stamp.toFixed(6)}\r\n`));
    return new Response(streamOf([...parts, "--frame\r\n"]), { headers: MULTIPART });
  });
  const images = await Array.fromAsync(open({ SOURCE: server.url }));
  assertEquals(images.map((image) => "jpeg" in image ? image.capturedAt : "none"), [
    now,
    "none",
    "none",
  ]);
  assertEquals((images[0] as TimedJpeg).jpeg, IMAGE);
});

Deno.test("mjpeg drops and counts incomplete JPEGs", async () => {
  await using server = serve(() => {
    const half = part(IMAGE.slice(0, IMAGE.length / 2));
    const text = "--frame\r\nContent-Type: text/plain\r\n\r\nhello\r\n";
    const parts = [half, part(IMAGE), text, half, part(IMAGE), "--frame\r\n"];
    return new Response(streamOf(parts), { headers: MULTIPART });
  });
  const images = open({ SOURCE: server.url });
  assertEquals(await Array.fromAsync(images), [IMAGE, IMAGE]);
  assertEquals(images.counts?.broken, 2);
});

Deno.test("mjpeg authenticates with the password of the URL, and keeps it out of messages", async () => {
  const secret = "pa ss:w@rd/#ü";
  const seen: string[] = [];
  await using server = serve((request) => {
    seen.push(request.headers.get("Authorization") ?? "");
    assert(!request.url.includes("user"));
    return unauthorized();
  });
  const source = server.url.replace("//", `//user:${encodeURIComponent(secret)}@`);
  const error = await failureOf({ SOURCE: `${source}?key=topsecret` });
  const basic = new TextDecoder().decode(Uint8Array.fromBase64(seen[1]!.replace("Basic ", "")));
  assertEquals(seen[0], ""); // the server might ask for Digest
  assertEquals(basic, `user:${secret}`);
  assert(error.permanent);
  assertStringIncludes(
    error.message,
    "rejects the user name and the password (status 401)",
  );
  const refused = await failureOf({
    SOURCE: `http://user:topsecret@127.0.0.1:${freePort()}/?key=topsecret`,
  });
  assertStringIncludes(refused.message, "connection refused");
  assert(!refused.permanent);
  for (const failure of [error, refused]) {
    assert(
      !/secret|key|user:/.test(`${explain(failure)} ${failure.hint?.replace(/SOURCE: .*/, "")}`),
    );
  }
});

Deno.test("mjpeg follows redirects to http and https only, with the password only on the same server", async () => {
  const seen: string[] = [];
  await using other = serve((request) => {
    seen.push(`other ${request.headers.has("Authorization")}`);
    return new Response(streamOf([part(IMAGE), "--frame\r\n"]), { headers: MULTIPART });
  });
  await using server = serve((request) => {
    const { pathname } = new URL(request.url);
    seen.push(`${pathname} ${request.headers.has("Authorization")}`);
    if (!request.headers.has("Authorization")) return unauthorized();
    const Location = {
      "/": "/near",
      "/near": other.url.replace("//", "//evil:evil@"),
      "/loop": "/loop",
      "/file": "file:///etc/passwd",
      "/data": "data:image/jpeg,x",
    }[pathname]!;
    return new Response(null, { status: 302, headers: { Location } });
  });
  const at = (path: string) => `${server.url.replace("//", "//user:password@")}${path}`;
  assertEquals(await Array.fromAsync(open({ SOURCE: at("") })), [IMAGE]);
  assertEquals(seen.splice(0), ["/ false", "/ true", "/near false", "/near true", "other false"]);
  assertStringIncludes(
    (await failureOf({ SOURCE: at("loop") })).message,
    "redirects more than 5 times",
  );
  assertEquals(seen.length, 12);
  for (const path of ["file", "data"]) {
    assertStringIncludes(
      (await failureOf({ SOURCE: at(path) })).message,
      `redirects to an address that begins with ${path}:`,
    );
  }
});

Deno.test("mjpeg reports why another server sends no stream", async () => {
  const responses: [Response, string, boolean][] = [
    [
      new Response('Cannot show camera "pi": no cameras available\nmore', {
        status: 503,
        headers: { "Content-Type": "text/plain" },
      }),
      'responded with status 503: Cannot show camera "pi": no cameras available',
      false,
    ],
    [new Response("<html>", { headers: { "Content-Type": "text/html" } }), "text/html", true],
    [new Response(null, { status: 404 }), "responded with status 404", false],
    [new Response(null, { status: 204 }), "sent no content", true],
  ];
  await using server = serve(() => responses[0]![0]);
  for (; responses.length > 0; responses.shift()) {
    const [, message, permanent] = responses[0]!;
    const error = await failureOf({ SOURCE: server.url });
    assertStringIncludes(error.message, message);
    assertEquals(error.permanent, permanent, message);
  }
});

Deno.test("mjpeg reports that a stream was interrupted", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const response = (async () => {
    using connection = await listener.accept();
    const head = `HTTP/1.1 200 OK\r\nContent-Type: ${MULTIPART["Content-Type"]}\r\n`;
    await connection.write(
      new TextEncoder().encode(`${head}Content-Length: 99999\r\n\r\n--frame\r\n`),
    );
  })();
  const error = await failureOf({ SOURCE: `http://127.0.0.1:${listener.addr.port}/` });
  assertStringIncludes(
    error.message,
    `The stream of 127.0.0.1:${listener.addr.port} was interrupted`,
  );
  await response;
});

Deno.test("mjpeg rejects a SOURCE that is not an http URL, without its password in the message", () => {
  for (
    const source of [
      "",
      "ftp://me:secret@host/",
      "me:secret@host/video",
      "http://me:sec/ret@host:x",
    ]
  ) {
    const error: ConfigError = assertThrows(() => mjpeg.configure({ SOURCE: source }), ConfigError);
    assertStringIncludes(error.message, "SOURCE");
    assert(!/sec|ret/.test(error.message), error.message);
  }
});

function unauthorized(): Response {
  return new Response("no", { status: 401, headers: { "WWW-Authenticate": 'Basic realm="x"' } });
}

function open(env: Record<string, string>) {
  return mjpeg.open(mjpeg.configure(env), NEVER);
}

async function failureOf(env: Record<string, string>): Promise<CameraError> {
  return await assertRejects(() => Array.fromAsync(open(env)), CameraError);
}

function serve(respond: (request: Request) => Response) {
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, respond);
  return {
    url: `http://127.0.0.1:${server.addr.port}/`,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

function part(jpeg: Uint8Array<ArrayBuffer>, headers = ""): Blob {
  const head =
    `--frame\r\nContent-Type: image/jpeg\r\nContent-Length: ${jpeg.length}\r\n${headers}\r\n`;
  return new Blob([head, jpeg, "\r\n"]);
}

function* endless(pause: number, signal: AbortSignal): Generator<Promise<Blob>> {
  while (!signal.aborted) {
    // The abort ends the last pause early.
    yield systemClock.sleep(pause, signal).catch(() => {}).then(() => part(IMAGE));
  }
}

function streamOf(parts: Iterable<Blob | string | Promise<Blob>>): ReadableStream<Uint8Array> {
  const iterator = parts[Symbol.iterator]();
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = iterator.next();
      if (done) return controller.close();
      controller.enqueue(await new Blob([await value]).bytes());
    },
  }, { highWaterMark: 0 });
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}
