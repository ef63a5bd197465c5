import { assert, assertEquals, assertGreater } from "@std/assert";
import { type Bytes, hasHeadroom, HEADROOM } from "../../../lib/bytes.ts";
import { decodeMultipart, type DecodeOptions } from "../../../lib/multipart/decode.ts";
import { multipartFormat } from "../../../lib/multipart/encode.ts";
import { ffmpeg } from "../../ffmpeg.ts";
import { needing } from "../../parts.ts";
import { Random } from "../../random.ts";
import { decodeSlowly } from "./slow_decoder.ts";

const TYPE = "multipart/x-mixed-replace; boundary=frame";
const A = jpeg("first"), B = jpeg("the second one"), C = jpeg("3");

Deno.test("decodeMultipart() decodes this server's streams to the same images and times", async () => {
  const format = multipartFormat("frame", false);
  const frames = [A, B].map((image, index) => ({
    jpeg: fromText(image),
    capturedAt: 1_700_000_000_123 + index,
    monotonic: index,
    sequence: index + 1,
  }));
  const stream = [format.opening, ...frames.map((frame) => format.part(frame))].map(toText).join(
    "",
  );
  const parts = await Array.fromAsync(decodeMultipart(whole(stream), format.contentType));
  assertEquals(parts.map(({ jpeg }) => toText(jpeg)), [A, B]);
  assertEquals(parts.map(({ timestamp }) => timestamp), [1_700_000_000_123, 1_700_000_000_124]);
  const ahead = multipartFormat("frame", true);
  const early = [ahead.opening, ...frames.map((frame) => ahead.part(frame))].map(toText).join("");
  assertEquals(await decoded(early), { parts: [A, B], broken: 0, skippedBytes: 0 });
});

Deno.test("decodeMultipart() yields a part with a length when its last byte has arrived", async () => {
  let sent = 0;
  async function* source(): AsyncGenerator<Bytes> {
    for (const text of [`--frame\r\n${withLength(A).slice(0, -1)}`, A.slice(-1)]) {
      sent++;
      yield await Promise.resolve(fromText(text));
    }
    throw new Error("read on");
  }
  const parts = decodeMultipart(source(), TYPE);
  const { value } = await parts.next();
  assertEquals(toText(value!.jpeg), A);
  assertEquals(sent, 2);
  await parts.return(undefined);
});

Deno.test("decodeMultipart() yields a part without a length when the next delimiter has arrived", async () => {
  async function* source(): AsyncGenerator<Bytes> {
    yield await Promise.resolve(fromText(`--frame\r\n\r\n${A}\r\n--frame\r\n`));
    throw new Error("read on");
  }
  const parts = decodeMultipart(source(), TYPE);
  assertEquals(toText((await parts.next()).value!.jpeg), A);
  await parts.return(undefined);
});

Deno.test("decodeMultipart() ends its source when the caller stops reading", async () => {
  let ended = false;
  async function* source(): AsyncGenerator<Bytes> {
    try {
      for (;;) yield await Promise.resolve(fromText(`--frame\r\n${withLength(A)}\r\n`));
    } finally {
      ended = true;
    }
  }
  for await (const { jpeg } of decodeMultipart(source(), TYPE)) {
    assertEquals(toText(jpeg), A);
    break;
  }
  assert(ended);
});

Deno.test("decodeMultipart() yields each image in a separate buffer with headroom", async () => {
  const stream = `--frame\r\n${withLength(A)}\r\n--frame\r\n\r\n${B}\r\n--frame\r\n`;
  const parts = await Array.fromAsync(decodeMultipart(whole(stream), TYPE));
  assertEquals(parts.length, 2);
  for (const { jpeg } of parts) {
    assert(hasHeadroom(jpeg));
    assertEquals(jpeg.byteOffset, HEADROOM);
    assertEquals(jpeg.buffer.byteLength, jpeg.length + 2 * HEADROOM);
  }
  assert(parts[0]!.jpeg.buffer !== parts[1]!.jpeg.buffer);
});

Deno.test("decodeMultipart() finds the boundary in any form of the content type", async () => {
  const types: [contentType: string, line: string][] = [
    ["multipart/x-mixed-replace;boundary=frame", "--frame"],
    ["Multipart/X-Mixed-Replace; Boundary=frame", "--frame"],
    ['multipart/x-mixed-replace; boundary="frame"', "--frame"],
    ['multipart/x-mixed-replace; boundary="a b;c=\\"d\\\\"', '--a b;c="d\\'],
    ['multipart/x-mixed-replace; boundary="frame', "--frame"],
    ["multipart/x-mixed-replace; charset=utf-8; boundary=frame ; x=y", "--frame"],
    ['multipart/x-mixed-replace; note="; boundary=wrong"; boundary = frame', "--frame"],
    ["multipart/x-mixed-replace; xboundary=wrong;boundary= frame", "--frame"],
    ["multipart/x-mixed-replace; boundary=--frame", "--frame"],
    ["multipart/x-mixed-replace; boundary=--frame", "----frame"],
    ["multipart/x-mixed-replace; boundary=----", "----"],
    ["multipart/x-mixed-replace; boundary=----", "------"],
    ["multipart/x-mixed-replace", "--any:thing"],
    ["multipart/x-mixed-replace; boundary=", "--any:thing"],
    ['multipart/x-mixed-replace; boundary=""', "--any:thing"],
    ["", "--any:thing"],
  ];
  for (const [contentType, line] of types) {
    const stream = `${line}\r\n\r\n${A}\r\n${line}\r\n\r\n${B}\r\n${line}\r\n`;
    const expected = { parts: [A, B], broken: 0, skippedBytes: 0 };
    assertEquals(await decoded(stream, { contentType }), expected, `${contentType} with ${line}`);
  }
});

Deno.test("decodeMultipart() tolerates the mistakes of servers between images", async () => {
  const streams = {
    "no first boundary": `${withLength(A)}\r\n--frame\r\n${withLength(B)}\r\n--frame\r\n`,
    "neither boundary nor header at first": `${A}\r\n--frame\r\n\r\n${B}\r\n--frame\r\n`,
    "blank lines at first": `\r\n\r\n--frame\r\n\r\n${A}\r\n--frame\r\n\r\n${B}\r\n--frame`,
    "a preamble":
      `This is\r\n\r\nmultipart\r\n--frame\r\n\r\n${A}\r\n--frame\r\n\r\n${B}\r\n--frame`,
    "bare line feeds": `--frame\nContent-Type: image/jpeg\n\n${A}\n--frame\n\n${B}\n--frame\n`,
    "extra blank lines":
      `\n--frame\r\n\r\n\r\nX: y\r\n\r\n\r\n\n${A}\r\n\r\n\n--frame\r\n\r\n${B}\n--frame`,
    "blanks around a boundary": ` --frame \r\n\r\n${A}\r\n\t--frame\t \r\n\r\n${B}\r\n--frame\r\n`,
    "a final boundary": `--frame\r\n\r\n${A}\r\n--frame\r\n\r\n${B}\r\n--frame--\r\n`,
    "a final boundary in the middle": `--frame\r\n\r\n${A}\r\n--frame--\r\n\r\n${B}\r\n--frame--`,
    "lines without a colon": `--frame\r\nhello\r\n\r\n${A}\r\n--frame\r\n:\r\n\r\n${B}\r\n--frame`,
    "no blank line": `--frame\r\nX: y\r\n${A}\r\n--frame\r\n${B}\r\n--frame`,
    "padding": `--frame\r\n\r\n${A}\0\0\0 \r\n--frame\r\n\r\n${B}\0\r\n\0\r\n--frame`,
    "no end": `--frame\r\n\r\n${A}\r\n--frame\r\n\r\n${B}`,
    "no break after an image with a length": `--frame\n${withLength(A)}--frame\n${withLength(B)}`,
    "types":
      `--frame\nCONTENT-type:Image/JPG\n\n${A}\n--frame\nContent-Type: image/jpeg; q=1\n\n${B}`,
    "empty parts": `--frame\n--frame\n\n--frame\nX: y\n\n\n--frame\n\n${A}\n--frame\n\n${B}`,
    "padded lengths":
      `--frame\ncontent-LENGTH:   ${A.length}  \n\n${A}\n--frame\n\n${B}\n--frame\n`,
  };
  for (const [name, stream] of Object.entries(streams)) {
    assertEquals(await decoded(stream), { parts: [A, B], broken: 0, skippedBytes: 0 }, name);
  }
});

Deno.test("decodeMultipart() trusts a correct length, even if the image contains a delimiter", async () => {
  const odd = jpeg("\xff\xd9\r\n--frame\r\n\r\n\xff\xd8 not one \xff\xd9\r\n--frame--\r\n");
  const stream = `--frame\r\n${withLength(odd)}\r\n--frame\r\n${withLength(A)}\r\n--frame\r\n`;
  assertEquals(await decoded(stream), { parts: [odd, A], broken: 0, skippedBytes: 0 });
});

Deno.test("decodeMultipart() ends a part with a wrong length at the delimiter", async () => {
  const lengths = [-5, 0, 3, 99_999_999_999_999, "1e3", "12 34", "", A.length - 1, A.length + 9];
  for (const length of lengths) {
    const part = `--frame\r\nContent-Length: ${length}\r\n\r\n${A}\r\n`;
    const expected = { parts: [A, A, B], broken: 0, skippedBytes: 0 };
    assertEquals(
      await decoded(`${part}${part}--frame\r\n\r\n${B}\r\n--frame\r\n`),
      expected,
      `${length}`,
    );
  }
});

Deno.test("decodeMultipart() waits for the delimiter after a wrong length, until a length is correct again", async () => {
  let sent = 0;
  async function* source(): AsyncGenerator<Bytes> {
    const wrong = withLength(A).replace(`${A.length}`, `${A.length - 1}`);
    const sending = [`--frame\n${wrong}\n--frame\n${withLength(B)}`, "\n--frame\n", withLength(C)];
    for (const text of sending) {
      sent++;
      yield await Promise.resolve(fromText(text));
    }
  }
  const seen: [string, number][] = [];
  for await (const { jpeg } of decodeMultipart(source(), TYPE)) seen.push([toText(jpeg), sent]);
  assertEquals(seen, [[A, 1], [B, 2], [C, 3]]);
});

Deno.test("decodeMultipart() drops and counts parts that are no complete JPEG", async () => {
  const parts = [A.slice(0, -1), A.slice(1), "text", "\xff\xd8", "\xff\xd8\xff\xd9x"];
  for (const part of parts) {
    const stream = `--frame\nX: y\n\n${part}\n--frame\n\n${B}\n--frame\n`;
    assertEquals(await decoded(stream), { parts: [B], broken: 1, skippedBytes: part.length });
  }
  const cut = `--frame\r\n${withLength(A)}\r\n--frame\r\n${withLength(B).slice(0, -3)}`;
  assertEquals(await decoded(cut), { parts: [A], broken: 1, skippedBytes: B.length - 3 });
});

Deno.test("decodeMultipart() skips parts of another type without counting them as broken", async () => {
  const text = "--frame\nContent-Type: text/plain\n\nhello\n";
  const stream = `${text}--frame\n\n${B}\n--frame\n`;
  assertEquals(await decoded(stream), { parts: [B], broken: 0, skippedBytes: 5 });
});

Deno.test("decodeMultipart() decodes each part that begins with FF D8, whatever its type is", async () => {
  const types = ["application/octet-stream", "image/jpegs", "text/html", "video/h264", "x", ""];
  for (const type of types) {
    for (const length of ["", `Content-Length: ${A.length}\n`]) {
      const stream = `--frame\nContent-Type: ${type}\n${length}\n${A}\n--frame\n`;
      assertEquals(await decoded(stream), { parts: [A], broken: 0, skippedBytes: 0 }, type);
    }
  }
});

Deno.test("decodeMultipart() drops a part that is too large, with or without a length", async () => {
  const large = jpeg("x".repeat(1_000));
  const limits: [maxFrame: number, parts: string[]][] = [
    [large.length, [large, large, B]],
    [large.length - 1, [B]],
  ];
  for (const [maxFrame, expected] of limits) {
    const stream = `--frame\n${withLength(large)}\n--frame\n\n${large}\n--frame\n\n${B}\n--frame\n`;
    const { parts, broken } = await decoded(stream, { maxFrame });
    assertEquals({ parts, broken }, { parts: expected, broken: 3 - expected.length });
  }
});

Deno.test("decodeMultipart() drops headers that are too large, and decodes the next part", async () => {
  const lines = "X: y\n".repeat(14_000);
  for (const header of [lines, `X: ${"y".repeat(70_000)}\n`, "y".repeat(70_000)]) {
    const { parts, broken } = await decoded(`--frame\n${header}\n${A}\n--frame\n\n${B}\n--frame\n`);
    assertEquals({ parts, broken }, { parts: [B], broken: 1 });
  }
});

Deno.test("decodeMultipart() drops endless headers and images as soon as they are too large", async () => {
  for (const [start, limit] of [["--frame\nX", 65_536], ["--frame\n\n\xff\xd8", 1_000]] as const) {
    const counts = { broken: 0, skippedBytes: 0 };
    const seen: number[] = [];
    const source = async function* (): AsyncGenerator<Bytes> {
      for (const text of [start, "y".repeat(limit - 100), "y".repeat(200), "y"]) {
        seen.push(counts.broken);
        yield await Promise.resolve(fromText(text));
      }
    };
    const parts = decodeMultipart(source(), TYPE, { maxFrame: 1_000, counts });
    assertEquals(await Array.fromAsync(parts), []);
    assertEquals(seen, [0, 0, 0, 1]);
  }
});

Deno.test("decodeMultipart() reads a plausible time in seconds", async () => {
  const times: [string, number | undefined][] = [
    ["1700000000.123456", 1_700_000_000_123.456],
    ["1700000000", 1_700_000_000_000],
    [" 1700000000.5 ", 1_700_000_000_500],
    ["12345.678", undefined], // since the start of the machine
    ["1700000000123", undefined], // milliseconds
    ["-1700000000", undefined],
    ["0x6553f100", undefined],
    ["now", undefined],
    ["", undefined],
  ];
  for (const [value, timestamp] of times) {
    const stream = `--frame\r\nX-TimeStamp:${value}\r\n\r\n${A}\r\n--frame\r\n`;
    const [part] = await Array.fromAsync(decodeMultipart(whole(stream), TYPE));
    assertEquals(part!.timestamp, timestamp, value);
  }
});

Deno.test("decodeMultipart() applies a time to one part only", async () => {
  const stream = `--frame\nX-Timestamp: 1700000000\n\n${A}\n--frame\n\n${B}\n--frame\n`;
  const parts = await Array.fromAsync(decodeMultipart(whole(stream), TYPE));
  assertEquals(parts.map(({ timestamp }) => timestamp), [1_700_000_000_000, undefined]);
});

Deno.test("decodeMultipart() parses a hostile stream in linear time, also byte by byte", async () => {
  const hostile = (size: number) => [
    "-".repeat(size),
    "\n".repeat(size),
    "\n--frame".repeat(size / 8),
    `--frame\n${"y".repeat(Math.min(size, 60_000))}`,
    `--frame\nContent-Length: ${size}\n\n\xff\xd8${"\n--fram".repeat(size / 7)}`,
    `--frame\n\n\xff\xd8${"\0".repeat(size)}`,
    `--frame\n\n\xff\xd8${"\n ".repeat(size / 2)}`,
  ];
  const sizes: [size: number, cut: number][] = [[20_000, 1], [200_000, 65_536]];
  for (const [size, cut] of sizes) {
    for (const stream of hostile(size)) {
      const bytes = fromText(`${stream}\n--frame\n\n${B}\n--frame\n`);
      assertEquals((await decoded(bytes, { cut: () => cut })).parts, [B]);
    }
  }
  for (const contentType of [TYPE, ""]) {
    assertEquals((await decoded("-".repeat(1_000_000), { contentType })).parts, []);
  }
});

Deno.test("decodeMultipart() agrees with a slow decoder on random streams in chunks of any size", async () => {
  const random = new Random(1);
  let found = 0, broken = 0;
  for (let run = 0; run < 400; run++) {
    const boundary = random.of(["frame", "--frame", "f", "----"]);
    const contentType = `multipart/x-mixed-replace; boundary=${boundary}`;
    const stream = randomStream(random, boundary);
    const maxFrame = random.of([60, 300, 100_000]);
    const expected = decodeSlowly(stream, boundary, maxFrame);
    found += expected.parts.length;
    broken += expected.broken;
    const cuts = [() => 1, () => 65_536, () => 1 + random.integer(0, 40 - 1)];
    const results = [];
    for (const cut of cuts) {
      const result = await decoded(stream, { contentType, maxFrame, cut });
      assertEquals({ parts: result.parts, broken: result.broken }, expected, `run ${run}`);
      results.push(result.skippedBytes);
    }
    assertEquals(new Set(results).size, 1, `skipped bytes in run ${run}`);
  }
  assertGreater(found, 500); // otherwise the random streams prove too little
  assertGreater(broken, 400);
});

Deno.test("decodeMultipart() decodes images of any content with correct lengths in chunks of any size", async () => {
  const random = new Random(2);
  for (let run = 0; run < 100; run++) {
    const images = Array.from(
      { length: 1 + random.integer(0, 6 - 1) },
      () => randomJpeg(random, "frame"),
    );
    const stream = images.map((image) => `--frame\r\n${withLength(image)}\r\n`).join("");
    const cut = random.of([() => 1, () => 65_536, () => 1 + random.integer(0, 40 - 1)]);
    assertEquals(await decoded(stream, { cut }), { parts: images, broken: 0, skippedBytes: 0 });
  }
});

Deno.test({
  name: "decodeMultipart() decodes ffmpeg's multipart stream to the images that ffmpeg encodes",
  ...needing("ffmpeg"),
  async fn() {
    const source = ["-f", "lavfi", "-i", "testsrc=size=160x120:rate=10", "-frames:v", "12"];
    const encoder = ["-c:v", "mjpeg", "-q:v", "5", "-flags", "+bitexact", "-threads", "1"];
    const stream = await ffmpeg([...source, ...encoder, "-f", "mpjpeg", "pipe:1"]);
    const images = await ffmpeg([...source, ...encoder, "-f", "mjpeg", "pipe:1"]);
    for (const cut of [() => 1, () => 1_000, () => 65_536]) {
      const contentType = "multipart/x-mixed-replace;boundary=ffmpeg";
      const { parts, broken, skippedBytes } = await decoded(stream.output, { contentType, cut });
      assertEquals({ broken, skippedBytes, count: parts.length }, {
        broken: 0,
        skippedBytes: 0,
        count: 12,
      });
      assertEquals(parts.join(""), toText(images.output));
    }
  },
});

interface Decoding extends DecodeOptions {
  contentType?: string;
  /** Returns the size of the next chunk. */
  cut?: () => number;
}

/** Decodes a stream to Latin-1 texts, and counts what was dropped. */
async function decoded(stream: string | Bytes, options: Decoding = {}) {
  const { contentType = TYPE, maxFrame, cut } = options;
  const bytes = typeof stream === "string" ? fromText(stream) : stream;
  const counts = { broken: 0, skippedBytes: 0 };
  const parts: string[] = [];
  for await (
    const { jpeg } of decodeMultipart(whole(bytes, cut), contentType, { maxFrame, counts })
  ) parts.push(toText(jpeg));
  return { parts, ...counts };
}

async function* whole(
  stream: string | Bytes,
  cut: () => number = () => Infinity,
): AsyncGenerator<Bytes> {
  const bytes = typeof stream === "string" ? fromText(stream) : stream;
  for (let at = 0; at < bytes.length;) {
    const chunk = bytes.slice(at, at + cut());
    at += chunk.length;
    yield await chunk;
  }
}

/** A JPEG by its first and last marker. */
function jpeg(content: string): string {
  return `\xff\xd8${content}\xff\xd9`;
}

function withLength(image: string): string {
  return `Content-Type: image/jpeg\r\nContent-Length: ${image.length}\r\n\r\n${image}`;
}

function randomJpeg(random: Random, boundary: string): string {
  const bits = ["\n", "\r\n", "-", "--", " ", "\0", "\xff\xd9", "\xff\xd8", "data", "\n--frame\n"];
  const more = [`\r\n--${boundary}\r\n`, boundary, `\n--${boundary}x\n`];
  const content = Array.from(
    { length: random.integer(0, 12 - 1) },
    () => random.of([...bits, ...more]),
  );
  return jpeg(content.join(""));
}

/** A stream of parts with random mistakes. */
function randomStream(random: Random, boundary: string): string {
  const line = () => random.of(["\r\n", "\r\n", "\n"]);
  const rarely = (text: string) => random.integer(0, 8 - 1) === 0 ? text : "";
  const part = (): string => {
    const image = random.integer(0, 6 - 1) === 0
      ? random.of(["", "text", jpeg("cut").slice(0, -1), "\xff"])
      : random.integer(0, 3 - 1) === 0
      ? randomJpeg(random, boundary)
      : jpeg(`data ${random.integer(0, 1_000 - 1)}`.padEnd(random.integer(0, 120 - 1), "."));
    const wrong = random.of([0, 0, 0, 0, 1, -1, 2, 7, 40, 500, -image.length]);
    const length = random.integer(0, 2 - 1) === 0
      ? `Content-Length: ${image.length + wrong}${line()}`
      : "";
    const type = random.of([
      "",
      `Content-Type: image/jpeg${line()}`,
      `Content-Type: a/b${line()}`,
    ]);
    const delimiter = random.of(["--", "--", "--", "", "----"]) + boundary;
    return rarely("garbage") + rarely(line()) + rarely(" ") + delimiter + rarely("--") +
      rarely(" ") + rarely("x") + line() + length + rarely(`no colon${line()}`) +
      (random.integer(0, 3 - 1) > 0 ? "" : type) + line() + rarely(line()) + image +
      rarely("\0\0") +
      (random.integer(0, 9 - 1) === 0 ? "" : line());
  };
  const stream = Array.from({ length: 1 + random.integer(0, 12 - 1) }, part).join("");
  return rarely("preamble\r\n\r\n") + stream.slice(rarely("x") ? random.integer(0, 20 - 1) : 0) +
    rarely(`--${boundary}`);
}

function toText(bytes: Bytes): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

function fromText(text: string): Bytes {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}
