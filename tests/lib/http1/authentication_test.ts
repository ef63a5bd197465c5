import { assert, assertEquals, assertFalse, assertMatch } from "@std/assert";
import { CREDENTIALS, DigestServer, unauthorized } from "./digest_server.ts";
import { FakeCamera, get } from "./fake_camera.ts";

const BASIC = 'Basic realm="r"';
const OK = "HTTP/1.1 200 OK\r\n\r\nbody";

Deno.test("request() sends no credentials to a server that does not ask for them", async () => {
  await using camera = new FakeCamera(OK);
  const { authentication } = await get(camera.url(), { credentials: CREDENTIALS });
  assertEquals(authentication, undefined);
  assertFalse(camera.requests.join().includes("Authorization"));
});

Deno.test("request() answers a Basic challenge, and a 401 without a challenge", async () => {
  for (const challenges of [[BASIC], [], ["Negotiate", BASIC], ["NTLM TlRMTVNTUAA=, basic"]]) {
    await using camera = new FakeCamera([unauthorized(...challenges), OK]);
    const { status, authentication } = await get(camera.url(), { credentials: CREDENTIALS });
    assertEquals([status, authentication], [200, "Basic"]);
    assertEquals(authorizations(camera), [undefined, "Basic YWRtaW46cGFzczp3b3Jk"]);
  }
});

Deno.test("request() returns a 401 with a challenge that it cannot answer", async () => {
  for (const challenge of ["Bearer", "Negotiate", 'Digest realm="r", nonce="n", algorithm=token']) {
    await using camera = new FakeCamera([unauthorized(challenge)]);
    const { status, authentication } = await get(camera.url(), { credentials: CREDENTIALS });
    assertEquals([status, authentication, camera.requests.length], [401, undefined, 1]);
  }
});

Deno.test("request() returns a 401 if there are no credentials", async () => {
  await using camera = new FakeCamera([unauthorized(BASIC)]);
  const { status, headers, text } = await get(camera.url());
  assertEquals([status, headers.get("WWW-Authenticate"), text], [401, BASIC, "denied"]);
  assertEquals(camera.requests.length, 1);
});

Deno.test("request() answers a Digest challenge, which may be a compressed page", async () => {
  for (
    const parameters of [
      "",
      "qop=auth",
      'qop="auth-int, auth", algorithm=MD5, opaque="o"',
      "algorithm=MD5-sess, qop=auth",
      "algorithm=SHA-256",
      "algorithm=SHA-256-sess, qop=auth, charset=UTF-8",
    ]
  ) {
    const digest = new DigestServer({ parameters });
    await using camera = new FakeCamera(digest.answer);
    const url = camera.url("/video.cgi?channel=1&subtype=1");
    const { status, authentication } = await get(url, { credentials: CREDENTIALS });
    assertEquals([status, authentication, camera.requests.length], [200, "Digest", 2], parameters);
  }
});

Deno.test("request() prefers Digest, and then never sends the password in the clear", async () => {
  for (const challenges of [[BASIC, "DIGEST"], ["DIGEST", BASIC], [`${BASIC}, DIGEST`]]) {
    const digest = new DigestServer({ parameters: "qop=auth", challenges, password: "another" });
    await using camera = new FakeCamera(digest.answer);
    const { status } = await get(camera.url(), { credentials: CREDENTIALS });
    assertEquals(status, 401);
    assertEquals(camera.requests.length, 2);
    assertFalse(camera.requests.join().includes("Basic"));
  }
});

Deno.test("request() falls back to Basic when it does not support the Digest algorithm", async () => {
  const challenge = `Digest realm="r", nonce="n", algorithm=token, ${BASIC}`;
  await using camera = new FakeCamera([unauthorized(challenge), OK]);
  assertEquals((await get(camera.url(), { credentials: CREDENTIALS })).authentication, "Basic");
});

Deno.test("request() answers the first Digest challenge that it supports", async () => {
  const digests = ["token", "SHA-256", "MD5"].map((algorithm) =>
    `Digest realm="r", nonce="n", algorithm=${algorithm}`
  );
  await using camera = new FakeCamera([unauthorized(...digests), OK]);
  await get(camera.url(), { credentials: CREDENTIALS });
  assertMatch(authorizations(camera)[1]!, /algorithm=SHA-256, response="\w{64}"/);
});

Deno.test("request() retries a stale nonce once with the new one", async () => {
  const digest = new DigestServer({ parameters: "qop=auth", staleNonces: 1 });
  await using camera = new FakeCamera(digest.answer);
  assertEquals((await get(camera.url(), { credentials: CREDENTIALS })).status, 200);
  assertEquals(camera.requests.length, 3);

  const always = new DigestServer({ parameters: "qop=auth", staleNonces: 100 });
  await using endless = new FakeCamera(always.answer);
  assertEquals((await get(endless.url(), { credentials: CREDENTIALS })).status, 401);
  assertEquals(endless.requests.length, 3);
});

Deno.test("request() counts the uses of a nonce, also over redirects", async () => {
  const challenge = unauthorized('Digest realm="r", nonce="n", qop=auth');
  const redirect = "HTTP/1.1 302 Found\r\nLocation: /there\r\n\r\n";
  await using camera = new FakeCamera([challenge, redirect, challenge, OK]);
  await get(camera.url("/here"), { credentials: CREDENTIALS });
  const headers = authorizations(camera).map((header) => header?.match(/uri="(.*?)".*nc=(\w+)/));
  assertEquals(headers.map((match) => match?.slice(1)), [
    undefined,
    ["/here", "00000001"],
    undefined,
    ["/there", "00000002"],
  ]);
  const cnonces = authorizations(camera).map((header) => header?.match(/cnonce="(\w+)"/)?.[1]);
  assert(cnonces[1] !== cnonces[3]);
});

Deno.test("request() tries non-ASCII credentials in UTF-8, and then in ISO 8859-1", async () => {
  const credentials = { user: "J\u00fcrg", password: "p\u00e4ss" };
  for (const charset of ["utf8", "latin1"] as const) {
    const digest = new DigestServer({ ...credentials, charset });
    await using camera = new FakeCamera(digest.answer);
    const { status } = await get(camera.url(), { credentials });
    assertEquals([status, camera.requests.length], [200, charset === "utf8" ? 2 : 3]);
  }
  const expected = `Basic ${btoa("J\u00fcrg:p\u00e4ss")}`;
  await using camera = new FakeCamera((request) =>
    request.includes(`${expected}\r\n`) ? OK : unauthorized(BASIC)
  );
  assertEquals((await get(camera.url(), { credentials })).status, 200);
  assertEquals(camera.requests.length, 3);
});

Deno.test("request() tries wrong credentials once", async () => {
  for (
    const [challenge, credentials] of [
      [BASIC, CREDENTIALS],
      ['Digest realm="r", nonce="n"', CREDENTIALS],
      ['Digest realm="r", nonce="n", charset=UTF-8', { user: "J\u00fcrg", password: "" }],
      [BASIC, { user: "\u4f60", password: "\u00fc" }], // not in ISO 8859-1
    ] as const
  ) {
    await using camera = new FakeCamera(unauthorized(challenge));
    const { status, text } = await get(camera.url(), { credentials });
    assertEquals([status, text, camera.requests.length], [401, "denied", 2]);
  }
});

Deno.test("request() sends Basic at once if preemptive, and still answers Digest", async () => {
  const options = { credentials: CREDENTIALS, preemptive: true };
  await using camera = new FakeCamera(OK);
  assertEquals((await get(camera.url(), options)).authentication, "Basic");
  assertEquals(authorizations(camera), ["Basic YWRtaW46cGFzczp3b3Jk"]);

  const digest = new DigestServer({});
  await using other = new FakeCamera(digest.answer);
  assertEquals((await get(other.url(), options)).authentication, "Digest");
  assertEquals(other.requests.length, 2);
});

Deno.test("request() sends Basic to a server that closes the connection, or answers 403", async () => {
  for (const answer of ["", "HTTP/1.1 403 Forbidden\r\n\r\n"]) {
    await using camera = new FakeCamera([answer, OK]);
    const { status, authentication } = await get(camera.url(), { credentials: CREDENTIALS });
    assertEquals([status, authentication, camera.requests.length], [200, "Basic", 2]);
  }
});

Deno.test("request() sends no line break of the credentials in the head", async () => {
  const credentials = { user: "a\r\nX: y", password: "\r\n" };
  await using camera = new FakeCamera([
    unauthorized(BASIC),
    unauthorized('Digest realm="r", nonce="n"'),
    OK,
  ]);
  await get(camera.url(), { credentials });
  assertEquals(camera.requests.length, 3);
  assertFalse(camera.requests.join().includes("\nX: y"));
});

/** The Authorization fields of all requests. */
function authorizations(camera: FakeCamera): (string | undefined)[] {
  return camera.requests.map((request) => /^Authorization: (.*)\r$/m.exec(request)?.[1]);
}
