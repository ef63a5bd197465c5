import { assert, assertEquals, assertFalse, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { needing } from "./parts.ts";
import { sendRaw, statusOf } from "./raw.ts";
import { eventually, readUntil, ROOT, Server } from "./server.ts";

const basic = (credentials: string) => ({ Authorization: `Basic ${btoa(credentials)}` });

Deno.test("the server rejects an open HOST without AUTH in one line, with exit code 2", async () => {
  for (const HOST of ["0.0.0.0", "::", "192.0.2.1"]) {
    const { code, stderr } = await runOnce({ HOST });
    assertEquals({ code, stderr }, {
      code: 2,
      stderr: `Cannot listen on HOST "${HOST}" without AUTH: set AUTH=user:password, or ` +
        "AUTH=none if anyone may watch\n",
    });
  }
});

Deno.test("the server rejects an invalid AUTH in one line that does not contain it", async () => {
  for (const AUTH of ["hunter2", "hunter2:", ":hunter2"]) {
    const { code, stderr } = await runOnce({ AUTH });
    assertEquals([code, stderr.trimEnd().split("\n").length], [2, 1]);
    assertStringIncludes(stderr, "Cannot read AUTH as user:password");
    assertFalse(stderr.includes("hunter2"));
  }
});

Deno.test("the server without AUTH answers only requests that name this machine", async () => {
  await using server = await Server.start();
  assertStringIncludes(server.output, "Reachable from this machine only");
  const { port } = new URL(server.url);
  const ask = async (line: string, host?: string) => {
    const head = host === undefined ? "" : `Host: ${host}\r\n`;
    return statusOf(await sendRaw(server.url, `${line}\r\n${head}Connection: close\r\n\r\n`));
  };
  assertEquals(await ask("GET /cameras HTTP/1.1", `127.0.0.1:${port}`), 200);
  assertEquals(await ask("GET /cameras HTTP/1.1", `localhost:${port}`), 200);
  assertEquals(await ask("GET /cameras HTTP/1.0"), 200); // like mjpg-streamer's client
  assertEquals(await ask(`GET http://localhost:${port}/cameras HTTP/1.1`, "localhost"), 200);
  for (const path of ["/", "/video_feed", "/snapshot.jpg", "/cameras", "/healthz", "/nothing"]) {
    assertEquals(await ask(`GET ${path} HTTP/1.1`, "evil.example"), 403);
    assertEquals(await ask(`GET ${path} HTTP/1.1`, `localhost.evil.example:${port}`), 403);
    assertEquals(await ask(`GET http://evil.example${path} HTTP/1.1`, "localhost"), 403);
    assertEquals(await ask(`GET http://localhost${path} HTTP/1.1`, "evil.example"), 403);
    assertEquals(await ask(`GET http://evil.example${path} HTTP/1.0`), 403);
  }
  assertEquals(await ask("GET / HTTP/1.1", "two words"), 400);
});

Deno.test("the server with AUTH requires it except for /healthz, and never reveals it", async () => {
  const AUTH = "zaphod:a:beeblebröx 🔑";
  await using server = await Server.start({ env: { AUTH, LOG: "json" } });
  for (
    const path of [
      ...["/", "/video_feed", "/stream", "/snapshot.jpg", "/cameras", "/metrics", "/live"],
      ...["//healthz", "/healthz/", "/%68ealthz", "/healthz%2f", "/healthz/../video_feed"],
    ]
  ) {
    for (const method of ["GET", "HEAD", "POST", "OPTIONS", "CONNECT", "TRACE", "BREW"]) {
      const request = `${method} ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`;
      // CONNECT names a host, not a path.
      const wanted = method === "CONNECT" ? [400, 401] : [401];
      const status = statusOf(await sendRaw(server.url, request));
      assert(wanted.includes(status), `${method} ${path}: ${status}`);
    }
  }
  const health = await fetch(`${server.url}/healthz`);
  assertEquals([health.status, await health.json()], [200, { status: "ok", failing: [] }]);
  const given = new TextEncoder().encode(AUTH).toBase64();
  const headers = { Authorization: `Basic ${given}` };
  const outputs: string[] = [];
  for (
    const path of ["/", "/cameras", "/metrics", "/healthz", "/nothing", "/snapshot.jpg?max_age=x"]
  ) {
    outputs.push(await (await fetch(`${server.url}${path}`, { headers })).text());
  }
  const { body } = await fetch(`${server.url}/video_feed`, { headers });
  await readUntil(body!, (text) => text.split("--frame").length > 2);
  const wrong = await fetch(`${server.url}/`, { headers: basic("zaphod:dontpanic") });
  outputs.push(await wrong.text());
  assertEquals(wrong.status, 401);
  await eventually("the disconnect is logged", () => /viewer disconnected/.test(server.output));
  await server.stop();
  outputs.push(server.output);
  for (const secret of ["zaphod", "beebleb", "dontpanic", given]) {
    assertFalse(outputs.join("\n").includes(secret), `${secret} is in ${outputs.join("\n")}`);
  }
});

Deno.test("the server ignores line ends after settings, as a .env file from Windows leaves them", async () => {
  const env = { PORT: "0\r\n", CAMERA: "front=emulated\r", FPS: "20\r", AUTH: "me: secret \r\n" };
  await using server = await Server.start({ env });
  const url = `${server.url}/cameras/front/snapshot.jpg`;
  const response = await fetch(url, { headers: basic("me: secret ") });
  await response.body?.cancel();
  assertEquals(response.status, 200);
});

Deno.test("the server hides AUTH from cameras' programs and drivers", needing("sh"), async () => {
  const folder = await Deno.makeTempDir();
  await Deno.writeTextFile(
    join(folder, "nosy.ts"),
    `import { CameraError } from "dinocam/errors.ts";
     import { run } from "dinocam/process/mod.ts";
     export default {
       configure: (env) => ({ seen: env.AUTH ?? Deno.env.get("AUTH") ?? "nothing" }),
       async *open({ seen }, signal) {
         const bytes = await Array.fromAsync(run("sh", ["-c", "echo \${AUTH-nothing}"], signal));
         throw new CameraError(seen + " and " + new TextDecoder().decode(bytes[0]).trim());
       },
     };`,
  );
  try {
    await using server = await Server.start({
      env: { AUTH: "me:hunter2", CAMERA: "nosy", CAMERAS_DIR: folder },
    });
    const response = await fetch(`${server.url}/snapshot.jpg`, { headers: basic("me:hunter2") });
    assertEquals(response.status, 503);
    assertStringIncludes(await response.text(), "nothing and nothing");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("MAX_VIEWERS limits streams, but not snapshots and pages", async () => {
  await using server = await Server.start({ env: { MAX_VIEWERS: "2" } });
  const watch = () => fetch(`${server.url}/video_feed`);
  const [first, second] = [await watch(), await watch()];
  const third = await watch();
  assertEquals([third.status, third.headers.get("Retry-After")], [503, "10"]);
  assertEquals(await third.text(), "Too many viewers: the limit of 2 is reached\n");
  for (const path of ["/", "/snapshot.jpg?max_age=60000", "/cameras", "/healthz"]) {
    const { status, body } = await fetch(`${server.url}${path}`);
    await body?.cancel();
    assertEquals([path, status], [path, 200]);
  }
  const head = await fetch(`${server.url}/video_feed`, { method: "HEAD" });
  await head.body?.cancel();
  assertEquals(head.status, 200);
  await first.body!.cancel();
  await eventually("a viewer is admitted again", async () => {
    const fourth = await watch();
    await fourth.body!.cancel();
    return fourth.status === 200;
  });
  await second.body!.cancel();
});

Deno.test("the server logs when a viewer connects and disconnects, as JSON with LOG=json", async () => {
  await using server = await Server.start({ env: { LOG: "json", FPS: "50" } });
  const { body } = await fetch(`${server.url}/video_feed`);
  await readUntil(body!, (text) => text.split("--frame").length > 30);
  await eventually("the viewer has disconnected", () => /viewer disconnected/.test(server.output));
  const events = server.output.split("\n").filter((line) => line.startsWith("{")).map((line) =>
    JSON.parse(line)
  );
  const phrases = events.map(({ event }) => event);
  assertEquals(phrases.toSorted(), [
    "camera started",
    "camera starting",
    "viewer connected",
    "viewer disconnected",
  ]);
  const { time, level, camera, address, seconds, frames, dropped } = events.at(-1);
  assertMatch(time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  assertEquals({ level, camera, address }, {
    level: "info",
    camera: "emulated",
    address: "127.0.0.1",
  });
  assert(frames >= 28 && seconds >= 0 && dropped >= 0, JSON.stringify(events.at(-1)));
});

Deno.test("GET /metrics counts what a viewer received", async () => {
  await using server = await Server.start({ env: { FPS: "50" } });
  const { body } = await fetch(`${server.url}/video_feed`);
  await readUntil(body!, (text) => text.split("--frame").length > 30);
  const metrics = await (await fetch(`${server.url}/metrics`)).text();
  const value = (name: string) => Number(metrics.split(`\n${name} `)[1]?.split("\n")[0]);
  const sent = value('dinocam_sent_frames_total{camera="emulated"}');
  assert(sent >= 28, metrics);
  assertEquals(value('dinocam_latency_seconds_count{camera="emulated"}'), sent);
  assert(value('dinocam_sent_bytes_total{camera="emulated"}') > sent * 1_000, metrics);
  assert(value('dinocam_latency_seconds_bucket{camera="emulated",le="1"}') > sent / 2, metrics);
});

Deno.test("the server with TLS_CERT and TLS_KEY serves HTTPS", needing("openssl"), async (t) => {
  const folder = await Deno.makeTempDir();
  const [cert, key, otherKey] = ["cert.pem", "key.pem", "other.pem"].map((n) => join(folder, n));
  const [TLS_CERT, TLS_KEY] = [cert!, key!];
  await makeCertificate(TLS_CERT, TLS_KEY);
  await makeCertificate(join(folder, "cert2.pem"), otherKey!);
  try {
    await t.step("with a client that trusts the certificate", async () => {
      await using server = await Server.start({ env: { TLS_CERT, TLS_KEY, AUTH: "me:x" } });
      assertMatch(server.url, /^https:/);
      using client = Deno.createHttpClient({ caCerts: [await Deno.readTextFile(TLS_CERT)] });
      const { body } = await fetch(`${server.url}/video_feed`, { client, headers: basic("me:x") });
      const text = await readUntil(body!, (text) => text.split("--frame").length > 2);
      assertStringIncludes(text, "Content-Type: image/jpeg\r\n");
      const refused = await fetch(`${server.url}/`, { client });
      await refused.body?.cancel();
      assertEquals(refused.status, 401);
      const plain = await sendRaw(server.url, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
      assertFalse(plain.text.includes("200"));
    });
    const garbage = join(folder, "garbage.pem");
    await Deno.writeTextFile(garbage, "no PEM");
    for (
      const [what, env, message] of [
        [
          "a certificate alone",
          { TLS_CERT },
          /^Cannot serve HTTPS with TLS_CERT alone: set TLS_KEY/,
        ],
        ["a key alone", { TLS_KEY }, /^Cannot serve HTTPS with TLS_KEY alone: set TLS_CERT/],
        [
          "a missing file",
          { TLS_CERT: "/nowhere.pem", TLS_KEY },
          /^Cannot read the file of TLS_CERT: .*\/nowhere\.pem/,
        ],
        [
          "a file that is not PEM",
          { TLS_CERT: garbage, TLS_KEY },
          /^Cannot serve HTTPS .*certificat/,
        ],
        ["an invalid key", { TLS_CERT, TLS_KEY: garbage }, /^Cannot serve HTTPS .*key/],
        [
          "a key of another certificate",
          { TLS_CERT, TLS_KEY: otherKey! },
          /^Cannot serve HTTPS with TLS_CERT and TLS_KEY: keys may not be consistent/,
        ],
      ] as const
    ) {
      await t.step(`and rejects ${what}`, async () => {
        const { code, stderr } = await runOnce(env);
        assertMatch(stderr, message);
        assertEquals([code, stderr.trimEnd().split("\n").length], [2, 1]);
      });
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

async function makeCertificate(cert: string, key: string): Promise<void> {
  const { success } = await new Deno.Command("openssl", {
    args: [
      ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"],
      ...["-keyout", key, "-out", cert, "-days", "2", "-subj", "/CN=localhost"],
      ...["-addext", "basicConstraints=critical,CA:FALSE"],
      ...["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"],
    ],
    stderr: "null",
  }).output();
  assert(success, "openssl makes a certificate");
}

async function runOnce(env: Record<string, string>) {
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-q", "--allow-all", "main.ts"],
    cwd: ROOT,
    env: { PORT: "0", ...env },
  }).output();
  return { code, stderr: new TextDecoder().decode(stderr) };
}
