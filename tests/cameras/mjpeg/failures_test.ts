import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import mjpeg from "../../../cameras/mjpeg.ts";
import { ConfigError, explain, messageWithHint } from "../../../lib/errors.ts";
import { makeCertificate } from "../../lib/http1/certificates.ts";
import { DigestServer, unauthorized } from "../../lib/http1/digest_server.ts";
import { FakeCamera, send, untilClosed } from "../../lib/http1/fake_camera.ts";
import { needing } from "../../parts.ts";
import { A, B, failureOf, head, imagesOf, open } from "./upstream.ts";

const STREAM = head("image/jpeg") + A + B;

/** An address with a secret in each place. */
function withSecrets(camera: FakeCamera): string {
  return camera.url("/seccam/KEYPATH9?usr=secuser&pwd=secquery").href
    .replace("//", "//secname:sec%5Epass^@");
}

const SECRETS = /sec|KEY|usr|pwd/i;

Deno.test("mjpeg reveals only the host and the port of its URL, whatever the other server responds", async () => {
  const quote =
    "GET /seccam/KEYPATH9?usr=secuser&pwd=secquery HTTP/1.1 failed for secname:sec^pass^";
  const answers = {
    "nothing": "",
    "half a head": "HTTP/1.1 200 OK\r\nServ",
    "no HTTP": `BAD ${quote}\r\n`,
    "its own 404": `HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\n\r\n${quote} not found`,
    "a 404 in JSON": `HTTP/1.1 404 X\r\nContent-Type: application/json\r\n\r\n${
      JSON.stringify({ quote })
    }`,
    "a 404 page": `HTTP/1.1 404 X\r\nContent-Type: text/html\r\n\r\n<html>${quote}`,
    "an encoded quote": `HTTP/1.1 500 X\r\nContent-Type: text/plain\r\n\r\n${
      encodeURIComponent(quote)
    }`,
    "a long line": `HTTP/1.1 500 X\r\nContent-Type: text/plain\r\n\r\n${
      "x".repeat(280)
    } pwd=secquery`,
    "a reason": `HTTP/1.1 500 ${quote}\r\n\r\n`,
    "a type": `HTTP/1.1 200 OK\r\nContent-Type: text/${quote}\r\n\r\n<html>${quote}`,
    "text": `HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n${quote}`,
    "a page": `HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html>${quote}`,
    "a redirect": `HTTP/1.1 302 Go\r\nLocation: ftp://x/?${quote}\r\n\r\n`,
    "a redirect to nowhere":
      `HTTP/1.1 302 Go\r\nLocation: http://127.0.0.1:1/secret?pwd=secquery\r\n\r\n`,
    "a redirect to a host": "HTTP/1.1 302 Go\r\nLocation: http://secquery.invalid/\r\n\r\n",
    "a redirect with a scheme": "HTTP/1.1 302 Go\r\nLocation: secquery://x/\r\n\r\n",
    "an unknown algorithm": unauthorized('Digest realm="x", nonce="n", algorithm=secquery'),
    "gzip": "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\nxxxx",
    "a 401": unauthorized(`Basic realm="${quote}"`),
    "an unknown log-in": unauthorized(`Secquery realm="${quote}"`),
    "a 407": "HTTP/1.1 407 Proxy\r\n\r\n",
    "a cut stream": `HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n${A}${B}`,
  };
  for (const [name, answer] of Object.entries(answers)) {
    await using camera = new FakeCamera(answer);
    const failure = await failureOf({ SOURCE: withSecrets(camera) });
    const text = `${explain(failure)} ${messageWithHint(failure, { causes: true })}`
      .replaceAll("user name and password", "").replaceAll(/\(?(add them to )?SOURCE.*?…/g, "");
    assert(!SECRETS.test(text), `${name}: ${text}`);
    assert(!text.includes("\n"), text);
  }
});

Deno.test("mjpeg sends a password with a % that begins no escape as it is", async () => {
  await using camera = new FakeCamera([unauthorized('Basic realm="x"'), STREAM]);
  const source = camera.url().href.replace("//", "//admin:50%^x@");
  await imagesOf({ SOURCE: source }, 1);
  assertStringIncludes(camera.requests[1]!, `Basic ${btoa("admin:50%^x")}\r\n`);
});

Deno.test("mjpeg authenticates by Digest, and does not send the password in clear", async () => {
  const server = new DigestServer({ parameters: 'algorithm=SHA-256, qop="auth"' });
  await using camera = new FakeCamera((request, conn) => {
    const answer = (server.answer as (request: string, conn: Deno.Conn) => string)(request, conn);
    return answer.endsWith("body") ? STREAM : answer;
  });
  const source = camera.url("/v?a=b").href.replace("//", "//admin:pass:word@");
  assertEquals((await imagesOf({ SOURCE: source })).images, [A, B]);
  assert(!camera.requests.join().includes("Basic"));
});

Deno.test("mjpeg sends the password at once to a camera that shows a log-in page instead of asking for it", async () => {
  await using camera = new FakeCamera((request) =>
    request.includes("Authorization: Basic") ? STREAM : `${head("text/html")}<html>log in</html>`
  );
  const source = camera.url().href.replace("//", "//admin:pw@");
  assertEquals((await imagesOf({ SOURCE: source })).images, [A, B]);
  const { message } = await failureOf({ SOURCE: camera.url().href });
  assertStringIncludes(message, "sent a web page (HTML) of type text/html instead of a stream");
});

Deno.test("mjpeg reports what a server requires, and what the user can do", async () => {
  const other = "HTTP/1.1 401 X\r\nWWW-Authenticate: Basic\r\n\r\n";
  await using target = new FakeCamera(other);
  const cases: [answer: string, message: string, hint: string, credentials?: boolean][] = [
    [other, "requires a user name and a password (status 401)", "http://user:password@host"],
    [
      other,
      "rejects the user name and the password (status 401)",
      "correct them in SOURCE: http://user",
      true,
    ],
    [
      unauthorized("NTLM"),
      "requires a kind of log-in that is not supported: NTLM (status 401)",
      "enable Digest or Basic",
      true,
    ],
    [
      unauthorized('Digest realm="x", nonce="n", algorithm=SHA-999'),
      "not supported: Digest with SHA-999",
      "enable Digest or Basic",
      true,
    ],
    ["HTTP/1.1 407 X\r\n\r\n", "A proxy in front of", "without a proxy"],
    [
      `HTTP/1.1 302 X\r\nLocation: ${target.url("/x?key=topsecret").href}\r\n\r\n`,
      `redirects to 127.0.0.1:${target.port}, which requires a password (status 401): it is not sent`,
      "set SOURCE to the URL at that server",
      true,
    ],
    ["HTTP/1.1 404 X\r\n\r\n", "responded with status 404", "check the path"],
    [head("text/html") + "<!doctype html><p>", "a web page (HTML)", "a log-in form or a proxy"],
    [
      "\x16\x03\x01",
      "sent a TLS message instead of an HTTP response; the address must begin with https",
      "",
    ],
    ["RTSP/1.0 200 OK\r\n\r\n", "sent RTSP instead of an HTTP response", ""],
    ["", "closed the connection without a response", ""],
  ];
  for (const [answer, message, hint, credentials] of cases) {
    await using camera = new FakeCamera(answer);
    const source = camera.url().href.replace("//", credentials ? "//me:topsecret@" : "//");
    const failure = await failureOf({ SOURCE: source });
    assertStringIncludes(failure.message, message);
    assertStringIncludes(failure.hint ?? "", hint);
    assert(!messageWithHint(failure).includes("topsecret"));
  }
});

Deno.test("mjpeg reports a server that accepts the connection but does not answer before the camera counts as stalled", async () => {
  await using camera = new FakeCamera((_, conn) => untilClosed(conn));
  const startedAt = performance.now();
  const { message, hint } = await failureOf({ SOURCE: camera.url().href });
  assert(performance.now() - startedAt < 9_500);
  assertStringIncludes(message, "does not respond");
  assertStringIncludes(hint!, "FPS");
});

Deno.test("mjpeg describes the data that has arrived if it is too little to be recognized", async () => {
  await using camera = new FakeCamera(async (_, conn) => {
    await send(conn, `${head("text/html")}<!DOCTYPE html><p>Log in`);
    await untilClosed(conn);
  });
  const stop = new AbortController();
  const images = open({ SOURCE: camera.url().href }, stop.signal);
  setTimeout(() => stop.abort(), 500);
  assertEquals(await Array.fromAsync(images), []);
  assertEquals(images.received.describe(), "24 bytes of HTML arrived, but no JPEG");
});

Deno.test("mjpeg reports a server that does not respond with TLS", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const accepted = listener.accept();
  const SOURCE = `https://127.0.0.1:${listener.addr.port}/`;
  const { message, hint } = await failureOf({ SOURCE });
  (await accepted).close();
  assertStringIncludes(message, "the server does not respond with TLS on this port");
  assertEquals(hint, "SOURCE must begin with http:// instead of https://");
});

Deno.test(
  "mjpeg trusts a certificate by SOURCE_CERT, and reports one that is not trusted with its fingerprint",
  {
    ...needing("openssl"),
  },
  async () => {
    const tls = await makeCertificate({ authority: true });
    const other = await makeCertificate({ authority: true });
    await using camera = new FakeCamera(STREAM, { tls });
    const file = await Deno.makeTempFile();
    try {
      await Deno.writeTextFile(file, tls.cert);
      const SOURCE = camera.url().href;
      for (const SOURCE_CERT of [file, `sha256:${tls.fingerprint}`]) {
        assertEquals((await imagesOf({ SOURCE, SOURCE_CERT })).images, [A, B]);
      }
      const fingerprint = `sha256:${tls.fingerprint.replaceAll(":", "").toLowerCase()}`;
      const untrusted = await failureOf({ SOURCE });
      assertStringIncludes(untrusted.message, "not signed by a trusted authority");
      assertStringIncludes(untrusted.hint!, "SOURCE_CERT");
      assertStringIncludes(untrusted.hint!, fingerprint);
      const changed = await failureOf({ SOURCE, SOURCE_CERT: `sha256:${other.fingerprint}` });
      assertStringIncludes(changed.message, `has another fingerprint: ${fingerprint}`);
      assertStringIncludes(changed.hint!, "SOURCE_CERT");
      await Deno.writeTextFile(file, other.cert);
      assertStringIncludes((await failureOf({ SOURCE, SOURCE_CERT: file })).message, "not signed");
      await using plain = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, () => {
        return new Response();
      });
      const noTls = await failureOf({ SOURCE: `https://127.0.0.1:${plain.addr.port}/` });
      assertStringIncludes(noTls.hint!, "http:// instead of https://");
    } finally {
      await Deno.remove(file);
    }
  },
);

Deno.test("mjpeg reads a fingerprint in SOURCE_CERT in any usual form", () => {
  const bytes = Array.from({ length: 32 }, (_, index) => (index + 160).toString(16).toUpperCase());
  const trust = `sha256:${bytes.join("").toLowerCase()}`;
  const [plain, colons, spaces] = [bytes.join(""), bytes.join(":"), bytes.join(" ")];
  for (
    const SOURCE_CERT of [
      ...[plain, colons, spaces, `sha256:${plain}`, `SHA256: ${colons}`, `sha-256:${spaces}`],
      ...[
        `sha256 Fingerprint=${colons}`,
        `SHA256 Fingerprint=${colons}\n`,
        `sha256:${bytes.join("-")}`,
      ],
    ]
  ) {
    assertEquals(
      mjpeg.configure({ SOURCE: "https://cam/", SOURCE_CERT }).trust,
      trust,
      SOURCE_CERT,
    );
  }
});

Deno.test("mjpeg refuses a SOURCE_CERT that is neither a certificate nor a fingerprint", async () => {
  const file = await Deno.makeTempFile();
  await Deno.writeTextFile(file, "-----BEGIN PRIVATE KEY-----");
  const wrong = {
    "sha256:12": "as a fingerprint",
    [`sha1:${"a1".repeat(20)}`]: "as a fingerprint",
    ["a1".repeat(20)]: "as a fingerprint",
    [`a1:${"a1:".repeat(18)}a1`]: "as a fingerprint",
    "/no/such/file.pem": "no such file",
    [file]: "no certificate in PEM form",
  };
  for (const [SOURCE_CERT, message] of Object.entries(wrong)) {
    const configure = () => mjpeg.configure({ SOURCE: "https://cam/", SOURCE_CERT });
    const error: ConfigError = assertThrows(configure, ConfigError);
    assertStringIncludes(error.message, "SOURCE_CERT");
    assertStringIncludes(error.message, message);
  }
  await Deno.remove(file);
});
