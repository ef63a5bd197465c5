import { assert, assertEquals, assertNotEquals, assertStrictEquals } from "@std/assert";
import { HEADROOM, markHeadroom } from "../../../lib/bytes.ts";
import type { Frame, Jpeg } from "../../../lib/frame.ts";
import { multipartFormat } from "../../../lib/multipart/encode.ts";

const CAPTURED = Date.UTC(2026, 10, 22, 10, 0, 0, 123);
const HEADER =
  "Content-Type: image/jpeg\r\nContent-Length: 4\r\nX-Timestamp: 1795341600.123000\r\n\r\n";

function frame(jpeg: Jpeg, capturedAt = CAPTURED): Frame {
  return { jpeg, capturedAt, monotonic: 0, sequence: 1 };
}

/** An image of four bytes, with or without headroom. */
function pixels({ headroom }: { headroom: boolean }): Jpeg {
  if (!headroom) return new TextEncoder().encode("JPEG");
  const buffer = new Uint8Array(4 + 2 * HEADROOM).fill(0x2e);
  buffer.set(new TextEncoder().encode("JPEG"), HEADROOM);
  return markHeadroom(buffer.subarray(HEADROOM, HEADROOM + 4));
}

function text(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

for (const boundary of ["frame", "boundarydonotcross"]) {
  for (const headroom of [true, false]) {
    const how = `for boundary "${boundary}", ${headroom ? "in place" : "with a copy"}`;

    Deno.test(`part() has a length and ends with the delimiter, ${how}`, () => {
      const format = multipartFormat(boundary, false);
      assertEquals(format.contentType, `multipart/x-mixed-replace; boundary=${boundary}`);
      assertEquals(text(format.opening), `--${boundary}\r\n`);
      const part = format.part(frame(pixels({ headroom })));
      assertEquals(text(part), `${HEADER}JPEG\r\n--${boundary}\r\n`);
    });

    Deno.test(`part() ends with the next part's headers if they are sent in advance, ${how}`, () => {
      const format = multipartFormat(boundary, true);
      assertEquals(format.contentType, `multipart/x-mixed-replace; boundary=${boundary}`);
      const next = `--${boundary}\r\nContent-Type: image/jpeg\r\n\r\n`;
      assertEquals(text(format.opening), next);
      assertEquals(text(format.part(frame(pixels({ headroom })))), `JPEG\r\n${next}`);
    });
  }
}

Deno.test("part() is written into the image's buffer if that has headroom", () => {
  const spacious = frame(pixels({ headroom: true }));
  for (const advance of [false, true]) {
    assertStrictEquals(
      multipartFormat("frame", advance).part(spacious).buffer,
      spacious.jpeg.buffer,
    );
  }
});

Deno.test("part() is a copy if there is no headroom, and the bytes around the image do not change", () => {
  const file = new TextEncoder().encode(".".repeat(500) + "JPEG" + ".".repeat(500));
  const cramped = frame(file.subarray(500, 504));
  const longer = frame(pixels({ headroom: true }));
  for (const advance of [false, true]) {
    const part = multipartFormat("frame", advance).part(cramped);
    assertNotEquals(part.buffer, file.buffer);
    multipartFormat("boundarydonotcross", advance).part(longer);
  }
  assertEquals(text(file), ".".repeat(500) + "JPEG" + ".".repeat(500));
  const surroundings = text(new Uint8Array(longer.jpeg.buffer));
  assertEquals(surroundings, ".".repeat(HEADROOM) + "JPEG" + ".".repeat(HEADROOM));
});

Deno.test("part() is built once for all viewers", () => {
  for (const headroom of [true, false]) {
    const one = frame(pixels({ headroom }));
    for (const boundary of ["frame", "boundarydonotcross"]) {
      const first = multipartFormat(boundary, false).part(one);
      assertStrictEquals(multipartFormat(boundary, false).part(one), first);
    }
  }
});

Deno.test("part() of both formats can share a buffer, in any order", () => {
  const withLength = `${HEADER}JPEG\r\n--frame\r\n`;
  const inAdvance = "JPEG\r\n--frame\r\nContent-Type: image/jpeg\r\n\r\n";
  for (const order of [[false, true, false], [true, false, true]]) {
    const one = frame(pixels({ headroom: true }));
    const parts = order.map((advance) => multipartFormat("frame", advance).part(one));
    for (const [n, advance] of order.entries()) {
      assertEquals(text(parts[n]!), advance ? inAdvance : withLength);
    }
    assertEquals(text(one.jpeg), "JPEG");
  }
});

Deno.test("HEADROOM is enough for the longest headers and ending", () => {
  const size = 99_999_999;
  const buffer = new ArrayBuffer(size + 2 * HEADROOM);
  const jpeg = markHeadroom(new Uint8Array(buffer, HEADROOM, size));
  const farAway = Date.UTC(9999, 11, 31);
  const part = multipartFormat("frame", false).part(frame(jpeg, farAway));
  assertEquals(text(part.subarray(0, HEADROOM)).split("\0")[0]!.split("\r\n"), [
    "Content-Type: image/jpeg",
    "Content-Length: 99999999",
    "X-Timestamp: 253402214400.000000",
    "",
    "",
  ]);
  const advance = multipartFormat("frame", true).part(frame(jpeg, farAway));
  assert(advance.byteOffset + advance.length <= buffer.byteLength);
});
