import { assert, assertEquals, assertGreater, assertLess } from "@std/assert";
import { systemClock } from "../../../lib/clock.ts";
import { FakeCamera, send, untilClosed } from "../../lib/http1/fake_camera.ts";
import { Random } from "../../random.ts";
import { A, B, C, head, imagesOf, open } from "./upstream.ts";

const MULTIPART = "multipart/x-mixed-replace; boundary=frame";
const NO_EOI = [A, B, C].map((image) => image.slice(0, -2));

/** Makes a multipart body. */
function body(images: readonly string[], options: {
  delimiter?: string;
  length?: (image: string) => number;
  type?: string;
  afterImage?: string;
  lineBreak?: string;
  first?: boolean;
} = {}): string {
  const { delimiter = "--frame", length, type = "image/jpeg" } = options;
  const { afterImage = "", lineBreak = "\r\n", first = true } = options;
  const parts = images.map((image) => {
    const fields = [
      ...type ? [`Content-Type: ${type}`] : [],
      ...length ? [`Content-Length: ${length(image + afterImage)}`] : [],
    ];
    return `${fields.join("\r\n")}\r\n\r\n${image}${afterImage}${lineBreak}`;
  });
  return (first ? `${delimiter}\r\n` : "") + parts.join(`${delimiter}\r\n`) + `${delimiter}--\r\n`;
}

const right = (image: string) => image.length;

Deno.test("mjpeg shows streams whose boundary is not the declared one", async () => {
  const bodies = {
    "with lengths": body([A, B, C], { delimiter: "--other", length: right }),
    "without lengths": body([A, B, C], { delimiter: "--other" }),
    "without a first delimiter": body([A, B, C], { delimiter: "--other", first: false }),
    "without a first delimiter, with lengths": body([A, B, C], {
      delimiter: "--other",
      first: false,
      length: right,
    }),
    "without dashes": body([A, B, C], { delimiter: "frame" }),
    "without dashes, with lengths": body([A, B, C], { delimiter: "frame", length: right }),
    "with more dashes": body([A, B, C], { delimiter: "------frame", length: right }),
    "without any": body([A, B, C], { delimiter: "", length: right }).replaceAll(
      /^\r\n|--\r\n$/g,
      "",
    ),
    "wrong lengths": body([A, B, C], { delimiter: "--other", length: ({ length }) => length + 50 }),
    "no line break before it": body([A, B, C], { delimiter: "--frame", lineBreak: "" }),
    "no line break, lengths": body([A, B, C], { delimiter: "--x", lineBreak: "", length: right }),
  };
  for (const [name, text] of Object.entries(bodies)) {
    await using camera = new FakeCamera(`${head(MULTIPART)}${text}`);
    const { images, broken } = await imagesOf({ SOURCE: camera.url().href }, 3);
    assertEquals(images.map(({ length }) => length), [A, B, C].map(right), name);
    assertEquals([images, broken], [[A, B, C], 0], name);
  }
});

Deno.test("mjpeg removes the bytes after the EOI of a part", async () => {
  for (
    const afterImage of [
      "\r\n\r\n",
      "\0".repeat(500),
      "some text",
      "\xff\xd9\x01 \xd9",
      "\xff".repeat(30),
    ]
  ) {
    for (const length of [undefined, right, ({ length }: string) => length - 1, () => 99_999]) {
      await using camera = new FakeCamera(
        head(MULTIPART) + body([A, B, C], { afterImage, length }),
      );
      const { images, broken } = await imagesOf({ SOURCE: camera.url().href });
      const shown = images.map((image, index) => image.startsWith([A, B, C][index]!));
      assertEquals([shown, broken], [[true, true, true], 0], JSON.stringify(afterImage));
    }
  }
});

Deno.test("mjpeg shows a part with bytes after its EOI when its length has arrived", async () => {
  let sent = 0;
  await using camera = new FakeCamera(async (_, conn) => {
    await send(conn, head(MULTIPART) + "--frame\r\n");
    for (;; sent++) {
      await send(conn, `Content-Length: ${A.length + 4}\r\n\r\n${A}junk`);
      await systemClock.sleep(300);
      await send(conn, "\r\n--frame\r\n");
    }
  });
  const images = open({ SOURCE: camera.url().href })[Symbol.asyncIterator]();
  await images.next();
  assertEquals(sent, 0);
  await images.return(undefined);
});

Deno.test("mjpeg appends EOI to the images of a camera that never sends it", async () => {
  for (const length of [undefined, right, ({ length }: string) => length - 9]) {
    for (const lineBreak of ["\r\n", "\n", "\0\0\r\n"]) {
      const text = body([...NO_EOI, ...NO_EOI], { length, lineBreak });
      await using camera = new FakeCamera(head(MULTIPART) + text);
      const { images, broken } = await imagesOf({ SOURCE: camera.url().href });
      // The first image may be cut off.
      assertEquals(broken, 1, `${length}`);
      const all = [A, B, C, A, B, C].slice(1).map((image) => image.slice(0, -2));
      assertEquals(images.length, 5);
      for (const [index, image] of images.entries()) {
        assert(image.startsWith(all[index]!) && image.endsWith("\xff\xd9"));
        assertLess(image.length - all[index]!.length, 8);
      }
    }
  }
});

Deno.test("mjpeg drops an image without EOI of a camera that usually sends it", async () => {
  for (const length of [undefined, right]) {
    const text = body([A, NO_EOI[1]!, C, NO_EOI[0]!, NO_EOI[1]!, B], { length });
    await using camera = new FakeCamera(head(MULTIPART) + text);
    const { images, broken } = await imagesOf({ SOURCE: camera.url().href });
    assertEquals([images, broken], [[A, C, B], 3]);
  }
});

Deno.test("mjpeg does not mistake a truncated image for a complete one because of the EOI of its thumbnail", async () => {
  const thumbnail = `Exif\0\0${A.slice(0, 2_000)}\xff\xd9`;
  const size = String.fromCharCode((thumbnail.length + 2) >> 8, (thumbnail.length + 2) & 0xff);
  const cut = `\xff\xd8\xff\xe1${size}${thumbnail}${B.slice(2, 4_000)}`;
  await using camera = new FakeCamera(head(MULTIPART) + body([A, cut, C]));
  const { images, broken } = await imagesOf({ SOURCE: camera.url().href });
  assertEquals([images, broken], [[A, C], 1]);
});

Deno.test("mjpeg shows parts that begin with FF D8, whatever their type is", async () => {
  for (const type of ["application/octet-stream", "", "text/plain", "image/png"]) {
    for (const length of [undefined, right]) {
      await using camera = new FakeCamera(head(MULTIPART) + body([A, B], { type, length }));
      assertEquals((await imagesOf({ SOURCE: camera.url().href })).images, [A, B], type);
    }
  }
});

Deno.test("mjpeg shows concatenated JPEGs, whatever the type of the response is", async () => {
  for (
    const type of [
      "image/jpeg",
      "application/octet-stream",
      "video/x-motion-jpeg",
      "text/html",
      MULTIPART,
      undefined,
    ]
  ) {
    for (const between of ["", "\r\n", "\0\0\0"]) {
      await using camera = new FakeCamera(async (_, conn) => {
        await send(conn, head(type));
        for (const image of [A, B, C, A, B]) await send(conn, image + between);
        await untilClosed(conn);
      });
      const { images, broken } = await imagesOf({ SOURCE: camera.url().href }, 4);
      assertEquals([images, broken], [[A, B, C, A], 0], type);
      assertEquals(camera.requests.length, 1);
    }
  }
});

Deno.test("mjpeg shows concatenated JPEGs that never have EOI", async () => {
  await using camera = new FakeCamera(async (_, conn) => {
    await send(conn, head("image/jpeg"));
    for (const image of [...NO_EOI, ...NO_EOI]) await send(conn, image);
    await untilClosed(conn);
  });
  const { images } = await imagesOf({ SOURCE: camera.url().href }, 3);
  assertEquals(images, [B, C, A]);
});

Deno.test("mjpeg shows streams whose head is not quite HTTP", async () => {
  const text = body([A, B], { length: right });
  const type = `Content-Type: ${MULTIPART}`;
  const responses = {
    "ICY": `ICY 200 OK\r\n${type}\r\n\r\n${text}`,
    "two status lines": `HTTP/1.1 200 OK\r\nHTTP/1.1 200 OK\r\n${type}\r\n\r\n${text}`,
    "a line without a name": `HTTP/1.1 200 OK\r\n: x\r\nhello\r\n${type}\r\n\r\n${text}`,
    "a negative length": `HTTP/1.1 200 OK\r\nContent-Length: -1\r\n${type}\r\n\r\n${text}`,
    "only fields": `${type}\r\n\r\n${text}`,
    "only a multipart body": text,
    "only JPEGs": A + B + C,
    "no type": `HTTP/1.0 200 OK\r\n\r\n${text}`,
    "a blank line before the status": `\r\nHTTP/1.1 200 OK\r\n${type}\r\n\r\n${text}`,
    "no type, no first delimiter": `HTTP/1.0 200 OK\r\n\r\n${body([A, B], { first: false })}`,
  };
  for (const [name, response] of Object.entries(responses)) {
    await using camera = new FakeCamera(response);
    assertEquals((await imagesOf({ SOURCE: camera.url().href }, 2)).images, [A, B], name);
  }
});

Deno.test("mjpeg survives random damage of a stream, in chunks of any size, and closes its connections", async () => {
  const random = new Random(7);
  const until = performance.now() + 4_000;
  let shown = 0;
  for (let run = 0; performance.now() < until; run++) {
    const type = random.of([MULTIPART, "image/jpeg", "text/html", "x/y", "multipart/mixed"]);
    const length = random.of([
      undefined,
      right,
      ({ length }: string) => length + random.integer(-50, 50),
    ]);
    const afterImage = random.of(["", "\0", "\xff\xd8", "--frame", "\r\n--frame\r\n"]);
    const delimiter = random.of(["--frame", "--x", "frame", "----frame"]);
    let text = head(type) + body([A, B, C, A, B, C], { length, afterImage, delimiter });
    for (let damage = random.integer(0, 6); damage > 0; damage--) {
      const at = random.integer(0, text.length);
      const removed = random.of([0, 1, 100, 5_000]);
      const added = random.of([
        "",
        "\xff",
        "\n",
        "\xff\xd9",
        "\xff\xd8\xff",
        "--frame\r\n",
        "\0".repeat(50),
      ]);
      text = text.slice(0, at) + added + text.slice(at + removed);
    }
    await using camera = new FakeCamera([
      (_, conn) => send(conn, text, random.of([500, 20_000, 1_000_000])),
      "HTTP/1.1 401 Unauthorized\r\n\r\n",
    ]);
    const { images } = await imagesOf({ SOURCE: camera.url().href, FPS: "100" });
    for (const image of images) assert(image.startsWith("\xff\xd8") && image.endsWith("\xff\xd9"));
    shown += images.length;
    assertLess(run, 100_000);
  }
  assertGreater(shown, 20);
});
