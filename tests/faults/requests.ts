import { assert, assertEquals, assertFalse, assertLess } from "@std/assert";
import { Random } from "../random.ts";
import { sendRaw, statusOf } from "../raw.ts";
import { ROOT, Server } from "../server.ts";
import { figure } from "./figures.ts";
import { inParallel } from "./viewer.ts";

const HOST = "Host: localhost\r\n";
const CLOSE = "Connection: close\r\n";

/** Returns a request that is valid except for the given parts. */
function request(
  { method = "GET", path = "/cameras", version = "HTTP/1.1", head = HOST, body = "" },
): string {
  return `${method} ${path} ${version}\r\n${head}${CLOSE}\r\n${body}`;
}

/** Returns requests that violate HTTP or come from other protocols. */
function malformed(): string[] {
  const random = new Random(7);
  const noise = (length: number) =>
    Array.from({ length }, () => String.fromCharCode(random.integer(0, 255))).join("");
  const long = (length: number) => "a".repeat(length);
  return [
    // Not HTTP.
    ...["", "\r\n", "\r\n\r\n", "\n\n", "\0", "\0\0\0\0\r\n\r\n", "GET", "GET /", "GET / HTTP/1.1"],
    ...Array.from({ length: 30 }, (_, i) => noise(1 + i * 40)),
    ...Array.from({ length: 10 }, (_, i) => `${noise(1 + i * 20)}\r\n\r\n`),
    "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", // the start of TLS
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n${noise(200)}`,
    "SSH-2.0-OpenSSH_9.2\r\n",
    "EHLO example.com\r\n",
    "*1\r\n$4\r\nPING\r\n", // Redis
    // The request line.
    ...["HTTP/1.1 /", "GET  /  HTTP/1.1", "GET\t/\tHTTP/1.1", " GET / HTTP/1.1", "GET / HTTP/1.1 x"]
      .map((line) => `${line}\r\n${HOST}\r\n`),
    ...["HTTP/0.9", "HTTP/1.2", "HTTP/2.0", "HTTP/11", "HTTP/1.", "HTTP/", "http/1.1", "X/1.1", ""]
      .map((version) => request({ version })),
    ...["get", "GeT", "G\0T", "GET\x7f", "G T", "", "💥", long(10_000), "GET/", "-", "PROPFIND"]
      .map((method) => request({ method })),
    ...["OPTIONS", "CONNECT", "TRACE", "POST", "PUT", "DELETE", "PATCH", "LINK", "QUERY", "PURGE"]
      .map((method) => request({ method, path: "/video_feed" })),
    ...["*", "", "cameras", "\\cameras", "?", "#", "//", "///", "/\0", "/\x7f", "/\xff\xfe", "/ä"]
      .map((path) => request({ path })),
    ...["/%", "/%0", "/%zz", "/%00", "/%ff%fe", "/%c0%af", "/%u0041", "/%25%30%30", "/{}", "/<x>"]
      .map((path) => request({ path })),
    ...["http://", "http:///", "http://[", "http://[::1", "http://a b/", "http://:80/", "ftp://x/"]
      .map((path) => request({ path })),
    ...["http://localhost:99999/", "http://localhost:-1/", "//evil.example/", "localhost:80", "a:b"]
      .map((path) => request({ path })),
    ...[8_000, 60_000, 70_000, 1_000_000].map((length) => request({ path: `/${long(length)}` })),
    ...[
      "?",
      "?&&&&",
      "?=",
      "?=&=",
      "?fps",
      "?fps=",
      `?${"a&".repeat(5_000)}`,
      "?a[]=1&a[b]=2",
      "?%",
    ]
      .map((query) => request({ path: `/cameras${query}` })),
    // Host.
    ...["", "Host:\r\n", "Host: \r\n", "Host: a b\r\n", "Host: /\r\n", "Host: ?\r\n", "Host: #\r\n"]
      .map((head) => request({ head })),
    ...["Host: localhost\r\nHost: localhost\r\n", "Host: localhost:x\r\n", "Host: [::1\r\n"]
      .map((head) => request({ head })),
    ...["Host: @\r\n", "Host: localhost@evil.example\r\n", "Host: \\\r\n", "Host: ..\r\n"]
      .map((head) => request({ head })),
    ...[
      "Host: \xff\r\n",
      `Host: ${long(5_000)}\r\n`,
      "Host: localhost, evil.example\r\n",
      "Host\r\n",
    ]
      .map((head) => request({ head })),
    // Other header fields.
    ...["X\r\n", ": x\r\n", " X: x\r\n", "X : x\r\n", "X: \0\r\n", "X: \x01\r\n", "X\0: x\r\n"]
      .map((head) => request({ head: HOST + head })),
    ...["X: a\r\n b\r\n", "X: a\n", "X: a\rY: b\r\n", "\xff: x\r\n", "X: \xff\xfe\r\n", "(): x\r\n"]
      .map((head) => request({ head: HOST + head })),
    ...[60_000, 70_000, 1_000_000].map((length) =>
      request({ head: `${HOST}X: ${long(length)}\r\n` })
    ),
    ...[99, 127, 200, 5_000].map((count) => request({ head: HOST + "X: x\r\n".repeat(count) })),
    ...[
      "Authorization: Basic\r\n",
      "Authorization: Basic %%%\r\n",
      `Authorization: Basic ${long(40_000)}\r\n`,
      "Authorization: \xff\r\n",
      "Accept: ,,;q=x,*/*;q=\r\n",
      `Accept: ${"a/b;q=0.1,".repeat(3_000)}\r\n`,
      "Accept-Encoding: gzip;q=nan\r\n",
      'If-None-Match: W/"\r\n',
      `If-None-Match: ${'"x",'.repeat(5_000)}\r\n`,
      "Range: bytes=9-1,-,x\r\n",
      "Origin: \0\r\n",
      "Origin: null\r\n",
      "Upgrade: websocket\r\nConnection: Upgrade\r\n",
      "Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: x\r\n",
      "Sec-WebSocket-Key: x\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 99\r\n",
      "Expect: 100-continue\r\n",
      "Expect: x\r\n",
      "Connection: close, close, keep-alive, x\r\n",
      "Trailer: Host\r\n",
      "TE: trailers, deflate;q=x\r\n",
      "Sec-Fetch-Dest: \x80\r\n",
    ].map((head) => request({ head: HOST + head })),
    // Bodies, and requests hidden in them.
    ...[
      "Content-Length: -1\r\n",
      "Content-Length: x\r\n",
      "Content-Length: 1e3\r\n",
      "Content-Length: 99999999999999999999999\r\n",
      "Content-Length: 1\r\nContent-Length: 2\r\n",
      "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
      "Transfer-Encoding: x\r\n",
      "Transfer-Encoding: chunked, chunked\r\n",
      "Transfer-Encoding: identity\r\n",
      "Transfer-Encoding : chunked\r\n",
      "Transfer-Encoding: chunked\r\n",
    ].map((head) =>
      request({ method: "POST", head: HOST + head, body: "0\r\n\r\nGET /x HTTP/1.1" })
    ),
    ...["zz\r\n", "-1\r\n", "ffffffffffffffff\r\n", "5\r\nab\r\n", "1;\0=x\r\na\r\n0\r\n\r\n"].map((
      body,
    ) => request({ method: "POST", head: `${HOST}Transfer-Encoding: chunked\r\n`, body })),
  ];
}

/**
 * Returns paths of files outside the pages: `/etc/passwd` exists on every machine, `deno.json` is
 * near.
 */
function traversals(): string[] {
  const dots = [
    "..",
    "%2e%2e",
    "%2E.",
    ".%2e",
    "%252e%252e",
    "..%00",
    "%c0%ae%c0%ae",
    "..;",
    "．．",
  ];
  const slashes = ["/", "%2f", "%2F", "\\", "%5c", "%255c", "%252f", "//", "/./", "%c0%af"];
  const roots = ["/", "/static/", "/cameras/", "/static/page.js/"];
  const targets = ["etc/passwd", "deno.json", "main.ts", "lib/config.ts"];
  return roots.flatMap((root) =>
    dots.flatMap((dot) =>
      slashes.flatMap((slash) =>
        targets.map((target) =>
          root + `${dot}${slash}`.repeat(target === "etc/passwd" ? 8 : 1) +
          target.replaceAll("/", slash)
        )
      )
    )
  );
}

/** Matches internals of the server, such as a stack trace. */
const INTERNALS =
  /\bat (async )?\S+ ?\(?(file|ext|node|https?):|\.ts:\d+|node_modules|\/root\/|Error: /;

Deno.test("the server answers malformed requests with a status below 500 or not at all, and reveals no internals", async () => {
  await using server = await Server.start({ env: { FPS: "20" } });
  const requests = malformed();
  const statuses: Record<string, number> = {};
  await inParallel(requests.length, 10, async (i) => {
    const raw = requests[i]!;
    const response = await sendRaw(server.url, raw, { ms: 1_500 });
    const status = statusOf(response);
    statuses[status || "none"] = (statuses[status || "none"] ?? 0) + 1;
    const shown = JSON.stringify(raw.slice(0, 100));
    assert(status < 500, `${shown}: ${response.text.slice(0, 200)}`);
    assertFalse(INTERNALS.test(response.text), `${shown}: ${response.text}`);
  });
  figure("malformed requests", requests.length, "150 or more");
  figure("responses by status", JSON.stringify(statuses), "no 5xx");
  assertLess(150, requests.length);
  await assertServes(server);
  assertFalse(INTERNALS.test(server.output), server.output);
  assertFalse(server.output.includes("request failed"), server.output);
});

Deno.test("the server serves no file outside the pages, however the path is written", async () => {
  await using server = await Server.start();
  const paths = traversals();
  const statuses: Record<string, number> = {};
  await inParallel(paths.length, 10, async (i) => {
    const response = await sendRaw(server.url, request({ path: encode(paths[i]!) }), {
      enough: () => false,
    });
    const status = statusOf(response);
    statuses[status] = (statuses[status] ?? 0) + 1;
    assert([400, 404].includes(status), `${paths[i]}: ${response.text.slice(0, 200)}`);
    assertFalse(/root:|"tasks"|import /.test(response.text), `${paths[i]}: ${response.text}`);
  });
  figure("path-traversal attempts", paths.length);
  figure("responses by status", JSON.stringify(statuses), "400 and 404");
  await assertServes(server);
});

Deno.test("the server answers all kinds of queries with a status below 500", async () => {
  await using server = await Server.start({ env: { FPS: "50" } });
  const random = new Random(42);
  const names = ["fps", "max_age", "advance_headers", "action", "x", "", "fps[]", "__proto__"];
  const values = [
    ...["0", "1", "-1", "1e9", "1e-9", "NaN", "Infinity", "240", "241", "0.0001", "٣", "0x10", ""],
    ...["stream", "snapshot", "command", "%00", "%ff", "%", "%zz", "a".repeat(3_000), "1,2", " 1"],
    ...[
      "true",
      "null",
      "[]",
      "{}",
      "<script>",
      "'",
      '"',
      "💥",
      "1%0d%0aX:1",
      "99999999999999999999",
    ],
  ];
  const paths = ["/", "/video_feed", "/snapshot.jpg", "/cameras", "/healthz", "/metrics", "/live"];
  const queries = Array.from({ length: 600 }, () => {
    const pairs = Array.from(
      { length: random.integer(1, 4) },
      () => `${random.of(names)}=${random.of(values)}`,
    );
    return `${random.of(paths)}?${pairs.join("&")}`;
  });
  const statuses: Record<string, number> = {};
  await inParallel(queries.length, 10, async (i) => {
    const response = await sendRaw(server.url, request({ path: encode(queries[i]!) }));
    const status = statusOf(response);
    statuses[status] = (statuses[status] ?? 0) + 1;
    assert(status >= 200 && status < 500, `${queries[i]}: ${response.text.slice(0, 200)}`);
    assertFalse(INTERNALS.test(response.text), `${queries[i]}: ${response.text}`);
  });
  figure("queries", queries.length);
  figure("responses by status", JSON.stringify(statuses), "no 5xx");
  await assertServes(server);
  assertFalse(INTERNALS.test(server.output), server.output);
});

Deno.test("the server accepts settings, or rejects them in one line with exit code 2", async () => {
  const random = new Random(3);
  const names = [
    ...[
      "CAMERA",
      "HOST",
      "PORT",
      "AUTH",
      "TLS_CERT",
      "TLS_KEY",
      "WIDTH",
      "HEIGHT",
      "FPS",
      "QUALITY",
    ],
    ...["ROTATE", "SOURCE", "IDLE_SECONDS", "MAX_VIEWERS", "ALLOW_ORIGIN", "CAMERAS_DIR", "LOG"],
    ...["SEND_QUEUE", "FRONT_FPS"],
  ];
  const values = [
    ...[
      "",
      " ",
      "0",
      "-1",
      "1",
      "1.5",
      "1e999",
      "NaN",
      "99999999999",
      "none",
      "never",
      "json",
      "x",
    ],
    ...[
      "pi",
      "usb",
      "exec",
      "mjpeg",
      "opencv",
      "front=pi",
      "front=emulated,front=pi",
      ",",
      "=",
      "a=b=c",
    ],
    ...["../../etc/passwd", "/etc/passwd", "/", "~", "$(id)", "`id`", "; id", "a\nb", "a\tb", "💥"],
    ...[
      "http://localhost:1/",
      "http://[",
      "*",
      "user:password",
      ":",
      "a:",
      "localhost",
      "127.0.0.1",
    ],
    ...["x".repeat(20_000), "__proto__", "constructor", "\u202e"],
  ];
  let [accepted, rejected] = [0, 0];
  await inParallel(80, 4, async () => {
    const env: Record<string, string> = {};
    for (let i = random.integer(1, 3); i > 0; i--) env[random.of(names)] = random.of(values);
    // A test must not listen on other interfaces, and the port must be free.
    if (/^(|\s|localhost|127\.0\.0\.1)$/.test(env.HOST ?? "") === false) env.AUTH = "";
    env.PORT ??= "0";
    const { code, stderr, url } = await startWith(env);
    const shown = `${JSON.stringify(env).slice(0, 300)}: ${code} ${stderr.slice(0, 500)}`;
    if (url) return void accepted++;
    rejected++;
    // 1: it could not listen on that address.
    assert(code === 2 || code === 1 && stderr.startsWith("Cannot listen on "), shown);
    assertEquals(stderr.trimEnd().split("\n").length, 1, shown);
    assertFalse(/\bat (async )?\S+ ?\(?(file|ext):/.test(stderr), shown);
  });
  figure("settings tried", `${accepted} accepted, ${rejected} rejected`);
  assertLess(10, rejected);
  assertLess(2, accepted);
});

async function startWith(env: Record<string, string>) {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-q", "--allow-all", "main.ts"],
    cwd: ROOT,
    env,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const timer = setTimeout(() => child.kill("SIGKILL"), 10_000);
  const stderr = new Response(child.stderr).text();
  let stdout = "";
  for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
    stdout += text;
    if (/Watch at \S+/.test(stdout)) break;
  }
  const url = /Watch at (\S+)/.exec(stdout)?.[1];
  if (url) child.kill("SIGTERM");
  const { code } = await child.status;
  clearTimeout(timer);
  return { url, code, stderr: await stderr };
}

async function assertServes(server: Server): Promise<void> {
  const response = await fetch(`${server.url}/snapshot.jpg`);
  assertEquals([response.status, [...(await response.bytes()).subarray(0, 2)]], [200, [
    0xff,
    0xd8,
  ]]);
}

/** Encodes text as UTF-8 with one character per byte, as `sendRaw` expects it. */
function encode(text: string): string {
  return String.fromCharCode(...new TextEncoder().encode(text));
}
