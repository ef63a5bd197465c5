import { assert, assertEquals, assertThrows } from "@std/assert";
import { decoderFor } from "../../../lib/http1/body_decoder.ts";
import { HttpClientError } from "../../../lib/http1/errors.ts";
import { HeaderFields } from "../../../lib/http1/fields.ts";
import { latin1, toBytes } from "./fake_camera.ts";

const CHUNKED = { "Transfer-Encoding": "chunked" };

Deno.test("ChunkedDecoder joins chunks, with extensions, trailers, any case and bare LF", () => {
  for (
    const text of [
      "4\r\nbody\r\n0\r\n\r\n",
      "1\r\nb\r\n3\r\nody\r\n0\r\n\r\n",
      '0004 ; name="value"\r\nbody\r\n0;last\r\nTrailer: field\r\n\r\nmore',
      "4\nbody\n0\n\n",
      " 4 \r\nbody\r\n0",
    ]
  ) {
    const { body, incomplete } = decode(text, CHUNKED);
    assertEquals([body, incomplete], ["body", text.endsWith("0")], text);
  }
  assertEquals(decode(`A\r\n0123456789\r\na\r\n0123456789\r\n0\r\n`, CHUNKED).body.length, 20);
});

Deno.test("ChunkedDecoder reads the encoding's name in any case", () => {
  const headers = { "Transfer-Encoding": "identity, CHUNKED" };
  assertEquals(decode("4\r\nbody\r\n0\r\n\r\n", headers).body, "body");
});

Deno.test("ChunkedDecoder passes a body that is not chunked through unchanged", () => {
  for (
    const text of [
      "--frame\r\nContent-Type: image/jpeg\r\n\r\n",
      "\r\n--frame\r\n",
      "\xff\xd8\xff\xe0",
      "Access denied",
      "deadbeefdeadbeefdead",
      `a;${"b".repeat(5000)}`,
    ]
  ) {
    assertEquals(decode(text, CHUNKED), { body: text, done: false, incomplete: false });
  }
});

Deno.test("ChunkedDecoder tolerates no line break after a chunk, and several", () => {
  for (const text of ["1\r\nb3\r\nody0\r\n\r\n", "1\r\nb\r\n\r\n3\r\nody\r\n\n\r\n0\r\n\r\n"]) {
    assertEquals(decode(text, CHUNKED).body, "body", text);
  }
});

Deno.test("ChunkedDecoder rejects a line without a length after the first chunk", () => {
  for (
    const text of [
      ...["4\r\nbody\r\nx\r\n", "4\r\nbodymore", "4\r\nbody\r\n-1\r\n", "1\r\nb\r\n \r\n"],
      "1\r\nb\r\n;x\r\n",
    ]
  ) {
    const error: HttpClientError = assertThrows(() => decode(text, CHUNKED), HttpClientError);
    assertEquals(error.code, "bad-chunk", text);
  }
});

Deno.test("ChunkedDecoder reports a truncated body", () => {
  for (const [text, body] of [["4\r\nbo", "bo"], ["4\r\nbody\r\n", "body"], ["4", ""]] as const) {
    assertEquals(decode(text, CHUNKED), { body, done: false, incomplete: true });
  }
});

Deno.test("decoderFor() ends a body at its Content-Length", () => {
  const headers = { "Content-Length": "4" };
  assertEquals(decode("body", headers), { body: "body", done: true, incomplete: false });
  assertEquals(decode("body and more", headers).body, "body");
  assertEquals(decode("bo", headers), { body: "bo", done: false, incomplete: true });
  assertEquals(decode("body and more", { "Content-Length": "4, 4" }).body, "body");
  assertEquals(decode("body", { "Content-Length": "0" }), {
    body: "",
    done: true,
    incomplete: false,
  });
});

Deno.test("decoderFor() reads to the end of the connection without a valid Content-Length", () => {
  for (const length of ["-1", "", "unknown", "4.0", "0x4", "4, 5"]) {
    const headers = { "Content-Length": length };
    assertEquals(
      decode("body!", headers),
      { body: "body!", done: false, incomplete: false },
      length,
    );
  }
  assertEquals(decode("body!", { "Content-Length": "-1, 4" }).body, "body");
  assertEquals(decode("body!", { ...CHUNKED, "Content-Length": "1" }).body, "body!");
});

Deno.test("decoderFor() reads a multipart stream to the end of the connection if its length is 0", () => {
  const headers = { "Content-Length": "0", "Content-Type": "multipart/x-mixed-replace" };
  assertEquals(decode("body", headers), { body: "body", done: false, incomplete: false });
  assert(decoderFor(404, fields(headers), "camera:80").done);
});

Deno.test("decoderFor() expects no body with status 204 and 304", () => {
  assert(decoderFor(204, new HeaderFields(), "camera:80").done);
  assert(decoderFor(304, new HeaderFields(), "camera:80").done);
});

Deno.test("decoderFor() rejects compressed bodies, but only of successful responses", () => {
  for (
    const [name, value] of [["Content-Encoding", "GZIP"], ["Transfer-Encoding", "x-gzip, chunked"]]
  ) {
    const error: HttpClientError = assertThrows(
      () => decode("", { [name!]: value! }),
      HttpClientError,
      "camera:80 compresses",
    );
    assertEquals(error.code, "unsupported-encoding");
    assert(decoderFor(401, fields({ [name!]: value! }), "camera:80").done);
  }
  for (const value of ["identity", "binary", "utf-8", ""]) {
    assertEquals(decode("body", { "Content-Encoding": value }).body, "body");
  }
});

/** Decodes a body; the result is the same for all sizes of pieces. */
function decode(text: string, headers: Record<string, string>) {
  const [first, ...others] = [1, 2, 3, 7, text.length || 1].map((size) => {
    const decoder = decoderFor(200, fields(headers), "camera:80");
    let body = "";
    for (let at = 0; at < text.length && !decoder.done; at += size) {
      body += decoder.push(toBytes(text.slice(at, at + size))).map(latin1).join("");
    }
    return { body, done: decoder.done, incomplete: decoder.incomplete };
  });
  for (const other of others) assertEquals(other, first!);
  return first!;
}

function fields(values: Record<string, string>): HeaderFields {
  const headers = new HeaderFields();
  for (const [name, value] of Object.entries(values)) headers.append(name, value);
  return headers;
}
