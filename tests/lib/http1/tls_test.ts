import { assert, assertEquals, assertFalse, assertRejects } from "@std/assert";
import { HttpClientError, type HttpClientErrorCode, request } from "../../../lib/http1/mod.ts";
import { connectPinned } from "../../../lib/http1/pinned_connection.ts";
import { settle } from "../../manual_clock.ts";
import { needing } from "../../parts.ts";
import { makeCertificate, type TestCertificate } from "./certificates.ts";
import { FakeCamera, get, hasIpv6, send, untilClosed } from "./fake_camera.ts";

const OK = "HTTP/1.1 200 OK\r\n\r\nbody";
const needsOpenssl = needing("openssl");
/** Defines a test with certificates. */
const test = (name: string, fn: () => Promise<void>) => Deno.test(name, needsOpenssl, fn);
/** `openssl req -x509` makes this kind by default, and many cameras have one. */
const authority = await makeCertificate({ authority: true });
const [good, otherName, expired, version1] = await Promise.all([
  makeCertificate({}),
  makeCertificate({ name: "DNS:camera.invalid" }),
  makeCertificate({ expired: true }),
  makeCertificate({ version1: true }),
]);
const [issued, issuedForOther, issuedEarlier] = await Promise.all([
  makeCertificate({ issuer: authority }),
  makeCertificate({ issuer: authority, name: "DNS:camera.invalid" }),
  makeCertificate({ issuer: authority, expired: true }),
]);

test("request() accepts an authority's or the server's own certificate in PEM form", async () => {
  for (const tls of [good, authority, otherName, expired, issued]) {
    await using camera = new FakeCamera(OK, { tls });
    const trust = `a comment\n${version1.cert}\n${tls === issued ? authority.cert : tls.cert}`;
    assertEquals((await get(camera.url(), { trust })).text, "body");
  }
});

test("request() accepts a certificate by its fingerprint, whatever else is wrong with it", async () => {
  for (const tls of [good, authority, otherName, expired]) {
    await using camera = new FakeCamera(OK, { tls });
    for (const trust of [`sha256:${tls.fingerprint}`, ` SHA256:${plain(tls)}\n`]) {
      const { text, status } = await get(camera.url("/video?a=b"), { trust });
      assertEquals([text, status], ["body", 200]);
    }
    assert(camera.requests[0]!.startsWith("GET /video?a=b HTTP/1.1\r\n"));
  }
});

Deno.test({
  name: "request accepts a certificate of an IPv6 address",
  ignore: needsOpenssl.ignore || !hasIpv6(),
  async fn() {
    const tls = await makeCertificate({ name: "IP:::1" });
    await using camera = new FakeCamera(OK, { tls, hostname: "::1" });
    for (const trust of [tls.cert, `sha256:${tls.fingerprint}`]) {
      assertEquals((await get(camera.url(), { trust })).text, "body");
    }
  },
});

test("request() accepts a certificate of X.509 version 1 by its fingerprint", async () => {
  await using server = await OpensslServer.start(version1);
  const { text } = await get(server.url, { trust: `sha256:${version1.fingerprint}` });
  assert(text.includes("s_server"));
});

test("request() distinguishes failures of certificates, and sends nothing", async () => {
  const other = `sha256:${"0".repeat(64)}`;
  for (
    const [tls, trust, code] of [
      [good, undefined, "certificate-untrusted"],
      [authority, undefined, "certificate-untrusted"],
      [good, authority.cert, "certificate-untrusted"],
      [issued, good.cert, "certificate-untrusted"],
      [issuedForOther, authority.cert, "certificate-name"],
      [issuedEarlier, authority.cert, "certificate-date"],
      [good, other, "certificate-fingerprint"],
      [expired, other, "certificate-fingerprint"],
    ] as const
  ) {
    await using camera = new FakeCamera(OK, { tls });
    await assertFails(get(camera.url("/SECRET"), { trust }), code);
    assertEquals(camera.requests, []);
  }
});

test("request() names the fingerprint of a certificate that it does not accept", async () => {
  await using camera = new FakeCamera(OK, { tls: good });
  const trust = `sha256:${otherName.fingerprint}`;
  const message = `The certificate of 127.0.0.1:${camera.port} has another fingerprint: sha256:${
    plain(good)
  }`;
  await assertRejects(() => get(camera.url(), { trust }), HttpClientError, message);
});

test("request() sends nothing to a server that has the certificate, but not its key", async () => {
  await using server = await OpensslServer.start(good, "-tls1_2");
  const trust = `sha256:${good.fingerprint}`;
  const port = Number(server.url.port);
  await using honest = new TlsProxy(port);
  assertEquals((await get(honest.url, { trust })).status, 200);
  // ClientKeyExchange and others (22), ChangeCipherSpec (20), and data (23).
  assertEquals(honest.clientRecords.slice(0, 5), [22, 22, 20, 22, 23]);

  await using tampering = new TlsProxy(port, { tamper: true });
  await assertFails(get(tampering.url, { trust }), "certificate-key");
  assert(tampering.tampered);
  // ClientHello, and perhaps an alert (21).
  assertEquals(tampering.clientRecords.filter((type) => type !== 21), [22]);
});

test("request() accepts a connection that ends without a close_notify alert as the end of the body", async () => {
  await using camera = new FakeCamera(async (_, conn) => {
    await send(conn, OK);
    await untilClosed(conn);
  }, { tls: good });
  for (const trust of [good.cert, `sha256:${good.fingerprint}`]) {
    await using proxy = new TlsProxy(camera.port);
    const { body } = await request({ url: proxy.url, trust, signal: new AbortController().signal });
    let length = 0;
    for await (const bytes of body) {
      length += bytes.length;
      await proxy.end();
    }
    assertEquals(length, 4);
  }
});

test("request() reports that a server does not use TLS, or only an old version", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const url = new URL(`https://127.0.0.1:${listener.addr.port}/SECRET`);
  const served = (async () => {
    for (let count = 0; count < 2; count++) {
      using conn = await listener.accept();
      await conn.read(new Uint8Array(1000));
      await send(conn, "HTTP/1.1 400 Bad Request\r\n\r\n");
    }
  })();
  for (const trust of [undefined, `sha256:${good.fingerprint}`]) {
    await assertFails(get(url, { trust }), "not-tls");
  }
  await served;
  listener.close();

  await using server = await OpensslServer.start(good, "-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0");
  for (const trust of [undefined, `sha256:${good.fingerprint}`]) {
    await assertFails(get(server.url, { trust }), "tls");
  }
});

test("request() distinguishes failures to connect, also with a fingerprint", async () => {
  const trust = `sha256:${good.fingerprint}`;
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  await assertFails(
    get(new URL(`https://127.0.0.1:${port}/SECRET`), { trust }),
    "connection-refused",
  );
  await assertFails(get(new URL("https://camera.invalid/SECRET"), { trust }), "host-not-found");
});

Deno.test({
  name: "request needs the permission for the network, and no other",
  ...needsOpenssl,
  permissions: { net: true },
  async fn() {
    for (const tls of [undefined, good]) {
      await using camera = new FakeCamera(OK, { tls });
      for (const trust of [good.cert, `sha256:${good.fingerprint}`]) {
        assertEquals((await get(camera.url(), { trust })).text, "body");
      }
    }
  },
});

Deno.test({
  name: "request reports that the permission for the network is missing",
  ...needsOpenssl,
  permissions: { net: ["127.0.0.1:1"] },
  async fn() {
    for (const [scheme, trust] of [["http"], ["https"], ["https", `sha256:${good.fingerprint}`]]) {
      const url = new URL(`${scheme}://127.0.0.1:2/SECRET`);
      await assertFails(get(url, { trust }), "permission-denied");
    }
  },
});

test("request() can be aborted during the TLS handshake, the head and the body", async () => {
  const reason = new Error("stop");
  for (const trust of [good.cert, `sha256:${good.fingerprint}`]) {
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const controller = new AbortController();
    const url = new URL(`https://127.0.0.1:${listener.addr.port}/`);
    const failure = assertRejects(() => get(url, { trust, signal: controller.signal }), Error);
    const conn = await listener.accept();
    await conn.read(new Uint8Array(1000));
    controller.abort(reason);
    assertEquals(await failure, reason);
    conn.close();
    listener.close();

    for (const beginning of ["", OK]) {
      await using camera = new FakeCamera(async (_, conn) => {
        await send(conn, beginning);
        await untilClosed(conn);
      }, { tls: good });
      const controller = new AbortController();
      const options = { trust, signal: controller.signal };
      const failure = assertRejects(() => get(camera.url(), options), Error);
      while (!camera.requests.length) await settle();
      await settle();
      controller.abort(reason);
      assertEquals(await failure, reason);
    }
  }
});

test("request() reads a large body from a server with a fingerprint, and stops early", async () => {
  const body = "0123456789".repeat(100_000);
  await using camera = new FakeCamera(`HTTP/1.1 200 OK\r\n\r\n${body}`, { tls: good });
  const trust = `sha256:${good.fingerprint}`;
  assertEquals((await get(camera.url(), { trust })).text, body);
  await using longer = new FakeCamera(async (_, conn) => {
    await send(conn, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
    await send(conn, body);
    await untilClosed(conn);
  }, { tls: good });
  assertEquals((await get(longer.url(), { trust })).text, body.slice(0, 1000));
});

test("connectPinned() returns a connection that closes when too much data is unread", async () => {
  const { promise: closed, resolve } = Promise.withResolvers<void>();
  await using camera = new FakeCamera(async (_, conn) => {
    await send(conn, "0123456789".repeat(10_000)).catch(() => {});
    await untilClosed(conn).catch(() => {});
    if (camera.requests.length === 2) resolve();
  }, { tls: good });
  const signal = new AbortController().signal;
  for (const maxUnread of [100_000, 99_999]) {
    const connection = await connectPinned(camera.url(), [plain(good)], { signal, maxUnread });
    await connection.write(new TextEncoder().encode("GET / HTTP/1.1\r\n\r\n"));
    if (maxUnread < 100_000) {
      await closed;
      await assertFails(connection.read(), "overflow");
    } else {
      for (let length = 0; length < 100_000;) length += (await connection.read())!.length;
    }
    connection.close();
  }
});

/** The fingerprint as 64 lower-case digits. */
function plain({ fingerprint }: TestCertificate): string {
  return fingerprint.replaceAll(":", "").toLowerCase();
}

async function assertFails(action: Promise<unknown>, code: HttpClientErrorCode): Promise<void> {
  const error: HttpClientError = await assertRejects(() => action, HttpClientError);
  assertEquals(error.code, code, `${error.message}: ${error.cause}`);
  assertFalse(error.message.includes("SECRET"));
}

/** An https server of openssl's, for what Deno's does not do. */
class OpensslServer implements AsyncDisposable {
  readonly url: URL;
  readonly #process: Deno.ChildProcess;
  readonly #folder: string;

  private constructor(port: number, process: Deno.ChildProcess, folder: string) {
    this.url = new URL(`https://127.0.0.1:${port}/SECRET`);
    this.#process = process;
    this.#folder = folder;
  }

  static async start({ cert, key }: TestCertificate, ...args: string[]): Promise<OpensslServer> {
    const folder = await Deno.makeTempDir();
    await Deno.writeTextFile(`${folder}/cert.pem`, cert);
    await Deno.writeTextFile(`${folder}/key.pem`, key);
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = listener.addr;
    listener.close();
    const files = ["-cert", `${folder}/cert.pem`, "-key", `${folder}/key.pem`];
    const process = new Deno.Command("openssl", {
      args: ["s_server", "-accept", `127.0.0.1:${port}`, ...files, ...args, "-www"],
      stdin: "null",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    const output = process.stdout.getReader();
    for (let text = ""; !text.includes("ACCEPT");) {
      const { done, value } = await output.read();
      if (done) throw new Error("openssl s_server does not start");
      text += new TextDecoder().decode(value);
    }
    await output.cancel();
    return new OpensslServer(port, process, folder);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill();
    await this.#process.status;
    await Deno.remove(this.#folder, { recursive: true });
  }
}

/** Options of {@link TlsProxy}. */
interface TlsProxyOptions {
  /**
   * Changes the signature of the ServerKeyExchange message of TLS 1.2: what a server without the
   * key of its certificate would send.
   */
  tamper?: boolean;
}

/** Forwards one connection to a server that speaks TLS. */
class TlsProxy implements AsyncDisposable {
  tampered = false;
  /** Types of the TLS records that the client has sent, in the order of arrival. */
  readonly clientRecords: number[] = [];
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #options: TlsProxyOptions;
  readonly #serving: Promise<unknown>;
  #client: Deno.TcpConn | undefined;

  constructor(port: number, options: TlsProxyOptions = {}) {
    this.#options = options;
    this.#serving = this.#serve(port).catch(() => {});
  }

  get url(): URL {
    return new URL(`https://127.0.0.1:${this.#listener.addr.port}/SECRET`);
  }

  async #serve(port: number): Promise<void> {
    using client = await this.#listener.accept();
    this.#client = client;
    using server = await Deno.connect({ hostname: "127.0.0.1", port });
    const down = (async () => {
      for await (const record of records(server)) {
        await client.write(this.#options.tamper ? this.#tamper(record) : record);
      }
    })().catch(() => {});
    for await (const record of records(client)) {
      this.clientRecords.push(record[0]!);
      await server.write(record);
    }
    server.closeWrite();
    await down;
  }

  /** Ends the connection to the client, without the alert that ends TLS. */
  async end(): Promise<void> {
    await this.#client?.closeWrite();
  }

  /**
   * Changes the last byte of a ServerKeyExchange message (12), which is the end of the signature.
   */
  #tamper(record: Uint8Array): Uint8Array {
    for (let at = 5; record[0] === 22 && at + 4 <= record.length;) {
      const length = record[at + 1]! << 16 | record[at + 2]! << 8 | record[at + 3]!;
      if (record[at] === 12) {
        record[at + 3 + length]! ^= 1;
        this.tampered = true;
      }
      at += 4 + length;
    }
    return record;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    await this.#serving;
  }
}

/** Reads TLS records: a type, a version, a length of two bytes, and the data. */
async function* records(conn: Deno.Conn): AsyncGenerator<Uint8Array> {
  let bytes = new Uint8Array();
  const buffer = new Uint8Array(20_000);
  for (let count; (count = await conn.read(buffer)) !== null;) {
    const longer = new Uint8Array(bytes.length + count);
    longer.set(bytes);
    longer.set(buffer.subarray(0, count), bytes.length);
    bytes = longer;
    for (let end; bytes.length >= 5 && (end = 5 + (bytes[3]! << 8 | bytes[4]!)) <= bytes.length;) {
      yield bytes.slice(0, end);
      bytes = bytes.slice(end);
    }
  }
}
