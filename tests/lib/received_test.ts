import { assert, assertEquals, assertFalse } from "@std/assert";
import { Received } from "../../lib/received.ts";
import { sampleJpeg } from "./jpeg/sample_jpegs.ts";

const encoder = new TextEncoder();

Deno.test("Received describes the data that has arrived instead of a picture", () => {
  const cases: [bytes: Uint8Array<ArrayBuffer>[], text: string, mayBeSlow: boolean][] = [
    [[], "no data arrived", true],
    [[encoder.encode("x")], '1 byte of text: "x" arrived, but no JPEG', false],
    [
      [new Uint8Array([0, 0, 0, 1]), new Uint8Array([0x67, 1])],
      "6 bytes of H.264 arrived, but no JPEG",
      false,
    ],
    [
      [sampleJpeg().slice(0, 99)],
      "99 bytes arrived that begin like a JPEG, but no complete picture",
      true,
    ],
    [
      [encoder.encode("\r\n--frame\r\nX: y\r\n")],
      "17 bytes arrived that begin like a multipart stream, but no complete picture",
      true,
    ],
    [
      [encoder.encode("--frame\r\nX: y\r\n\r\n--frame\r\nX: y\r\n\r\n")],
      "34 bytes arrived that begin like a multipart stream, but no complete picture",
      true,
    ],
    [
      [encoder.encode("--frame\r\nX: y\r\n\r\n\x00\x00\x00\x01\x67\x42")],
      "23 bytes of multipart stream (H.264) arrived, but no JPEG",
      false,
    ],
  ];
  for (const [bytes, text, mayBeSlow] of cases) {
    const received = new Received();
    for (const chunk of bytes) received.add(chunk);
    assertEquals([received.describe(), received.mayBeSlow], [text, mayBeSlow]);
  }
});

Deno.test("Received describes parts of other types, and broken images", () => {
  const received = new Received((text) => text.replaceAll("secret", "…"));
  received.add(new Uint8Array(12_345));
  received.addPart("text/x-secret", encoder.encode("the secret is secret"));
  received.addPart("text/x-secret", encoder.encode("the secret is secret"));
  assertEquals(
    received.describe(),
    '12,345 bytes arrived: 2 parts of type text/x-… (text: "the … is …"), but no JPEG'.replace(
      "x-…",
      "x-",
    ),
  );
  received.addBroken("cut off");
  assertEquals(received.describe(), "1 broken image arrived (12,345 bytes): cut off");
  assertFalse(received.mayBeSlow);
  assert(received.bytes === 12_345);
});
