import { assert, assertInstanceOf } from "@std/assert";
import { decoderFor } from "../../../lib/http1/body_decoder.ts";
import { parseChallenges } from "../../../lib/http1/challenge.ts";
import { HttpClientError } from "../../../lib/http1/errors.ts";
import { type Head, HeadParser } from "../../../lib/http1/head.ts";
import { Random } from "../../random.ts";
import { CREDENTIALS } from "./digest_server.ts";
import { FakeCamera, get, send, toBytes } from "./fake_camera.ts";

const RESPONSES = [
  "HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace;boundary=b\r\n\r\n--b\r\nA: b\r\n\r\n\xff\xd8",
  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n5;a=b\r\n body\r\n0\r\nA: b\r\n\r\n",
  "HTTP/1.0 200\r\nContent-Length: 4\r\nContent-Length: 4\r\n\r\nbody",
  "ICY 200 OK\nicy-name: \xfc\n\nbody",
  "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nA: b\r\n folded\r\n: x\r\nno colon\r\n\r\nbody",
  "HTTP/1.0 200 OK\r\n\r\nHTTP/1.1 200 OK\r\nA: b\r\n\r\nbody",
  'HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=a b, Digest realm="\\"", nonce=n\r\n\r\n',
  'HTTP/1.1 401 U\r\nWWW-Authenticate: Digest realm="r",qop="auth",nonce="n",stale=true\r\n\r\n',
  "HTTP/1.1 302 Found\r\nLocation: /a?b#c\r\n\r\n",
  "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: -1\r\n\r\nbody",
  "\xff\xd8\xff\xe0",
  "--b\r\nContent-Type: image/jpeg\r\n\r\n",
  "Content-Type: image/jpeg\r\n\r\nbody",
  "",
];
const PIECES = [
  "\r\n",
  "\n",
  "\r",
  ":",
  " ",
  "\t",
  "\0",
  "--",
  "\xff\xd8",
  '"',
  ",",
  "=",
  ";",
  "0",
  "HTTP/1.1 ",
];
const LIMIT = 1000;

Deno.test("HeadParser and the decoders end with a response or an error for any bytes", () => {
  const random = new Random(1);
  for (let round = 0; round < 20_000; round++) {
    const text = mutate(random);
    try {
      parse(text, random);
    } catch (error) {
      assertInstanceOf(error, HttpClientError, `${JSON.stringify(text)}: ${error}`);
    }
  }
});

Deno.test("request() ends with a response or an error for any bytes", async () => {
  const random = new Random(2);
  const answer = () => mutate(random);
  await using camera = new FakeCamera(async (_, conn) => {
    if (random.oneIn(2)) return await send(conn, answer());
    await send(conn, answer(), random.integer(1, 20));
  });
  for (let round = 0; round < 1_000; round++) {
    try {
      const options = { credentials: CREDENTIALS, maxHead: LIMIT, headTimeout: 5_000 };
      const { text } = await get(camera.url(), options);
      assert(text.length < 50_000);
    } catch (error) {
      assertInstanceOf(error, HttpClientError, `${error}`);
      assert(error.code !== "head-timeout");
    }
  }
});

/** Parses a response in random pieces, and checks that no byte is invented. */
function parse(text: string, random: Random): void {
  const parser = new HeadParser("camera:80", LIMIT);
  let at = 0;
  const next = () => toBytes(text.slice(at, at += random.integer(1, 100)));
  let head: Head | undefined;
  while (!head && at < text.length) {
    head = parser.push(next());
    assert(head || at <= LIMIT + 100);
  }
  head ??= parser.end();
  parseChallenges(head.headers.all("WWW-Authenticate"));
  const decoder = decoderFor(head.status, head.headers, "camera:80");
  let length = 0;
  for (let bytes = head.rest; !decoder.done; bytes = next()) {
    for (const part of decoder.push(bytes)) length += part.length;
    if (at >= text.length) break;
  }
  assert(length <= text.length);
}

/** Returns a response with a few mistakes, or cut off. */
function mutate(random: Random): string {
  let text = random.of(RESPONSES);
  for (let count = random.integer(0, 4); count > 0; count--) {
    const at = random.integer(0, text.length);
    const end = Math.min(text.length, at + random.integer(0, 8));
    const more = random.oneIn(20)
      ? random.of(PIECES).repeat(random.integer(1, 3_000))
      : random.of(PIECES);
    const other = random.of(RESPONSES);
    text = random.of([
      text.slice(0, at) + more + text.slice(at),
      text.slice(0, at) + text.slice(end),
      text.slice(0, at) + String.fromCharCode(random.integer(0, 255)) + text.slice(at + 1),
      text.slice(0, at),
      text.slice(0, end) + text.slice(at),
      text.slice(0, at) + other.slice(random.integer(0, other.length)),
    ]);
  }
  return text;
}
