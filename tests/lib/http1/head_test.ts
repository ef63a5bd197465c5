import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { HttpClientError } from "../../../lib/http1/errors.ts";
import { type Head, HeadParser } from "../../../lib/http1/head.ts";
import { latin1, toBytes } from "./fake_camera.ts";

Deno.test("HeadParser reads a status line, fields and the beginning of the body", () => {
  const head = parse("HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\n\r\nbody");
  assertEquals([head.format, head.status, head.reason], ["http", 200, "OK"]);
  assertEquals(head.headers.get("content-TYPE"), "image/jpeg");
  assertEquals(head.body, "body");
});

Deno.test("HeadParser accepts malformed status lines", () => {
  for (
    const [line, status, reason] of [
      ["HTTP/1.0 200", 200, ""],
      ["HTTP/1.0 200 ", 200, ""],
      ["HTTP/1.1  404\tNot Found", 404, "Not Found"],
      ["http/1.1 200 ok", 200, "ok"],
      ["HTTP 200 OK", 200, "OK"],
      ["HTTP/1.1 200OK", 200, "OK"],
      ["ICY 200 OK", 200, "OK"],
    ] as const
  ) {
    const head = parse(`${line}\r\nA: b\r\n\r\nbody`);
    assertEquals([head.status, head.reason, head.body], [status, reason, "body"], line);
  }
});

Deno.test("HeadParser accepts bare LF, blank lines before the head, and folded lines", () => {
  const head = parse("\r\n\nHTTP/1.0 200 OK\nA: one\n two\nB : three \r\n\n--body");
  assertEquals([...head.headers], [["a", "one two"], ["b", "three"]]);
  assertEquals(head.body, "--body");
});

Deno.test("HeadParser skips lines that are no fields", () => {
  // The first is GoAhead's date without a name, the next two are of an ESP32 program.
  const head = parse(
    "HTTP/1.1 200 OK\r\nTue, 12 Jun 2012 01:56:34 GMT\r\n: *\r\n" +
      "Access-Control-Allow-Origin; Content-Type: text/plain\r\n folded\r\nno colon\r\nA: b\r\n\r\n.",
  );
  assertEquals([...head.headers], [["a", "b"]]);
});

Deno.test("HeadParser keeps all values of a field, and returns the first", () => {
  const { headers } = parse("HTTP/1.1 200 OK\r\nA: 1\r\na: 2\r\nB: 3\r\n\r\n");
  assertEquals([headers.get("A"), headers.all("A"), headers.get("C")], [
    "1",
    ["1", "2"],
    undefined,
  ]);
});

Deno.test("HeadParser decodes values as ISO 8859-1, without control characters", () => {
  const { headers, reason } = parse("HTTP/1.1 200 O\x00K\r\nA: K\xfcche \x93\x1b[0m\r\n\r\n");
  assertEquals([headers.get("A"), reason], ["K\xfcche \x93 [0m", "O K"]);
});

Deno.test("HeadParser uses the second of two status lines", () => {
  const head = parse("HTTP/1.0 200 OK\r\nHTTP/1.0 401 Unauthorized\r\nA: b\r\n\r\n");
  assertEquals([head.status, head.headers.get("A")], [401, "b"]);
});

Deno.test("HeadParser uses the second of two heads", () => {
  const head = parse("HTTP/1.0 200 OK\r\n\r\nHTTP/1.1 404 Not Found\r\nA: b\r\n\r\nbody");
  assertEquals([head.status, head.headers.get("A"), head.body], [404, "b", "body"]);
});

Deno.test("HeadParser accepts a head without fields", () => {
  for (const body of ["body", "HT", "", "\xff\xd8"]) {
    const head = parse(`HTTP/1.0 200 OK\r\n\r\n${body}`);
    assertEquals([head.status, head.body], [200, body]);
  }
});

Deno.test("HeadParser skips interim responses", () => {
  const head = parse(
    "HTTP/1.1 100 Continue\r\nX: y\r\n\r\nHTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 200 OK\r\nA: b\r\n\r\n",
  );
  assertEquals([head.status, [...head.headers]], [200, [["a", "b"]]]);
});

Deno.test("HeadParser finds a body without a blank line before it", () => {
  for (const body of ["--frame\r\n", "\xff\xd8\xff\xe0"]) {
    const head = parse(`HTTP/1.1 200 OK\r\nA: b\r\n${body}`);
    assertEquals([head.format, head.headers.get("A"), head.body], ["http", "b", body]);
  }
});

Deno.test("HeadParser detects the format of a response without a head, and keeps its bytes", () => {
  for (
    const [text, format, body] of [
      ["\xff\xd8\xff\xe0", "jpeg", "\xff\xd8\xff\xe0"],
      ["--frame\r\nA: b\r\n\r\n", "multipart", "--frame\r\nA: b\r\n\r\n"],
      ["\r\n--frame\r\n", "multipart", "--frame\r\n"],
      ["Content-Type: image/jpeg\r\n\r\nbody", "fields", "body"],
    ] as const
  ) {
    const head = parse(text);
    assertEquals([head.format, head.status, head.body], [format, 200, body]);
  }
});

Deno.test("HeadParser reports the protocol that a server uses instead of HTTP", () => {
  for (
    const [text, what] of [
      ["\x15\x03\x01\x00\x02\x02\x46", "https"],
      ["<html></html>", "document"],
      ["\x00\x00", "unknown data"],
      ["RTSP/1.0 400 Bad Request\r\n\r\n", "RTSP"],
      ["SSH-2.0-OpenSSH_9.2\r\n", "SSH"],
      ["220 ready\r\n", "220"],
      ["Access denied\r\n", "unknown text"],
    ] as const
  ) {
    const error: HttpClientError = assertThrows(() => parse(text), HttpClientError);
    assertEquals(error.code, "not-http", text);
    assertStringIncludes(error.message, what);
  }
});

Deno.test("HeadParser rejects a head that is too large, but not a large body", () => {
  for (
    const text of [
      `HTTP/1.1 200 OK\r\nA: ${"b".repeat(1100)}\r\n\r\n`,
      `HTTP/1.1 200 OK\r\n${"A: b\r\n".repeat(200)}\r\n`,
      `${"\r\n".repeat(600)}HTTP/1.1 200 OK\r\n\r\n`,
      "HTTP/1.1 100 Continue\r\n\r\n".repeat(50),
      "a".repeat(1100),
    ]
  ) {
    for (const size of [1, 7, 5000]) {
      const error: HttpClientError = assertThrows(() => parse(text, size), HttpClientError);
      assertEquals(error.code, "head-too-large");
    }
  }
  assertEquals(parse(`HTTP/1.1 200 OK\r\nA: b\r\n\r\n${"c".repeat(5000)}`).body.length, 5000);
});

Deno.test("HeadParser reports a connection that closes too early", () => {
  for (
    const [text, code] of [
      ["", "closed"],
      ["HTTP/1.1 200 OK\r\nA: b\r\n", "head-truncated"],
      ["HTTP/1.1 20", "head-truncated"],
    ] as const
  ) {
    const error: HttpClientError = assertThrows(() => parse(text), HttpClientError);
    assertEquals(error.code, code);
  }
});

/** Parses a response with a limit of 1000 bytes; the result is the same for all sizes of pieces. */
function parse(text: string, size?: number): Head & { body: string } {
  if (size === undefined) {
    const [first, ...others] = [1, 2, 3, 7, text.length || 1].map((size) => parse(text, size));
    for (const other of others) assertEquals(asText(other), asText(first!));
    return first!;
  }
  const parser = new HeadParser("camera:80", 1000);
  let at = 0;
  let head: Head | undefined;
  while (!head && at < text.length) head = parser.push(toBytes(text.slice(at, at += size)));
  head ??= parser.end();
  return { ...head, body: latin1(head.rest) + text.slice(at) };
}

function asText({ rest: _, headers, ...head }: Head): string {
  return JSON.stringify([head, [...headers]]);
}
