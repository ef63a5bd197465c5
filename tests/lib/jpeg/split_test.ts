import { assert, assertEquals, assertFalse, assertLess, assertStrictEquals } from "@std/assert";
import { type Bytes, HEADROOM } from "../../../lib/bytes.ts";
import type { Jpeg } from "../../../lib/frame.ts";
import { splitJpegs } from "../../../lib/jpeg/split.ts";
import { Random } from "../../random.ts";
import { FakeProgram, inChunks } from "./byte_sources.ts";
import { anyPiece } from "./random_jpegs.ts";
import {
  bytes,
  DHT,
  DQT,
  EOI,
  exif,
  join,
  sampleJpeg,
  SCAN,
  segment,
  sof,
  SOI,
  sos,
} from "./sample_jpegs.ts";
import { imagesIn } from "./split_oracle.ts";
import { assertRoom, digest, iterated, split } from "./splitting.ts";

const JPEG = sampleJpeg();
const OTHER = sampleJpeg({ width: 320, height: 240, scan: bytes(7, 7, 7) });

const COMPLETE: Record<string, Jpeg> = {
  "an EXIF thumbnail with its own SOI and EOI": sampleJpeg({ head: [exif()] }),
  "a thumbnail in a thumbnail": sampleJpeg({ head: [exif(sampleJpeg({ head: [exif()] }))] }),
  "restart markers": sampleJpeg({
    head: [segment(0xdd, [0, 4])],
    scan: join(SCAN, bytes(0xff, 0xd0), SCAN, bytes(0xff, 0xd7), SCAN),
  }),
  "no Huffman tables, as UVC cameras send it": join(
    SOI,
    segment(0xe0, new TextEncoder().encode("AVI1\0\0\0\0")),
    ...[DQT, sof(), sos(), SCAN, EOI],
  ),
  "fill bytes in front of markers": join(
    ...[SOI, bytes(0xff), DQT, bytes(0xff, 0xff, 0xff), sof(), DHT, bytes(0xff), sos(), SCAN],
    ...[bytes(0xff, 0xff), EOI],
  ),
  "several scans and tables between them": join(
    ...[SOI, DQT, sof({ marker: 0xc2 }), DHT, sos(), SCAN, DHT, sos(), SCAN, sos(), SCAN, DHT],
    ...[segment(0xfe, [0xff, 0xd9, 0xff, 0xd8, 0xff]), sos(), SCAN, EOI],
  ),
  "a DNL segment after its scan": join(
    ...[SOI, DQT, sof({ height: 0 }), DHT, sos(), SCAN, segment(0xdc, [1, 0xe0]), EOI],
  ),
  "an arithmetic coder's tables and a TEM marker": join(
    ...[
      SOI,
      DQT,
      segment(0xcc, [0, 0]),
      bytes(0xff, 0x01),
      sof({ marker: 0xc9 }),
      sos(),
      SCAN,
      EOI,
    ],
  ),
  "an empty segment and an empty scan": join(SOI, segment(0xe5), DQT, sof(), DHT, sos(), EOI),
  "a segment of the maximum length": sampleJpeg({
    head: [segment(0xe2, Array(65_533).fill(0xd9))],
  }),
};

for (const [content, jpeg] of Object.entries(COMPLETE)) {
  Deno.test(`splitJpegs() yields an image with ${content} whole`, async () => {
    const { frames, counts } = await split(join(jpeg, OTHER, jpeg));
    assertEquals(frames, [jpeg, OTHER, jpeg]);
    assertEquals(counts, { broken: 0, skippedBytes: 0 });
  });
}

Deno.test("splitJpegs() finds the end of a scan at any position, with any bytes around it", async () => {
  const around = [0x00, 0x01, 0x7f, 0x80, 0xd0, 0xfe].map((byte) => bytes(byte));
  const stuffed = bytes(0xff, 0x00);
  for (const before of [...around, stuffed, join(bytes(0x00), stuffed), join(stuffed, stuffed)]) {
    for (let length = 0; length < 9; length++) {
      const jpeg = sampleJpeg({ scan: join(new Uint8Array(length).fill(0x5a), before) });
      for (const size of [1, 4, 10_000]) {
        const images = splitJpegs(new FakeProgram(inChunks(join(jpeg, OTHER), () => size)));
        assertEquals(await Array.fromAsync(images), [jpeg, OTHER], `${length} and ${before}`);
      }
    }
  }
});

Deno.test("splitJpegs() yields the three bundled pictures", async () => {
  const pictures = await Promise.all(
    [1, 2, 3].map((n) =>
      Deno.readFile(new URL(`../../../cameras/emulated/${n}.jpg`, import.meta.url))
    ),
  );
  const images = splitJpegs(new FakeProgram(inChunks(join(...pictures), () => 4_096)));
  assertEquals(await Array.fromAsync(images), pictures);
  assertEquals(images.counts, { broken: 0, skippedBytes: 0 });
});

const DROPPED: Record<string, { input: Bytes; frames?: Jpeg[]; broken: number }> = {
  "padding between images": {
    input: join(bytes(0, 0), JPEG, bytes(0, 0, 0, 0), OTHER, bytes(0)),
    broken: 0,
  },
  "garbage in front with FF, FF D8 and FF D8 FF in it": {
    input: join(
      bytes(0xff, 1, 0xff, 0xd8, 0, 0xff, 0xff, 0xd8, 1, 0xff, 0xd9, 0xff, 0xd8, 0xff, 0, 0xff),
      ...[JPEG, OTHER],
    ),
    broken: 1,
  },
  "the rest of an image that began before": {
    input: join(JPEG.subarray(40), JPEG, OTHER),
    broken: 0,
  },
  "an image cut short in its scan": {
    input: join(JPEG.subarray(0, -6), JPEG, OTHER),
    broken: 1,
  },
  "an image cut short in a segment": {
    input: join(JPEG.subarray(0, 30), JPEG, OTHER),
    broken: 1,
  },
  "an image cut short at a marker": { input: join(SOI, DQT, JPEG, OTHER), broken: 1 },
  "an image cut short in the middle of a marker": {
    input: join(JPEG.subarray(0, -1), JPEG, OTHER),
    broken: 1,
  },
  "an image without a scan": { input: join(SOI, DQT, sof(), DHT, EOI, JPEG, OTHER), broken: 1 },
  "an image with a scan but no frame header": {
    input: join(SOI, DQT, DHT, sos(), SCAN, sof(), EOI, JPEG, OTHER),
    broken: 1,
  },
  "an image with an invalid length": {
    input: join(SOI, bytes(0xff, 0xdb, 0, 1), sof(), sos(), SCAN, EOI, JPEG, OTHER),
    broken: 1,
  },
  "an image with a length that leads into another image": {
    input: join(SOI, bytes(0xff, 0xdb, 1, 0), sof(), sos(), SCAN, EOI, JPEG, OTHER, JPEG, JPEG),
    frames: [JPEG, OTHER, JPEG, JPEG],
    broken: 1,
  },
  "an image in which the source ends": {
    input: join(JPEG, OTHER, JPEG.subarray(0, -1)),
    broken: 1,
  },
  "an SOI at the end of the source": { input: join(JPEG, OTHER, SOI), broken: 0 },
};

for (const [situation, { input, frames = [JPEG, OTHER], broken }] of Object.entries(DROPPED)) {
  Deno.test(`splitJpegs() drops and counts ${situation}`, async () => {
    const result = await split(input);
    assertEquals(result.frames, frames);
    const taken = frames.reduce((sum, frame) => sum + frame.length, 0);
    assertEquals(result.counts, { broken, skippedBytes: input.length - taken });
  });
}

Deno.test("splitJpegs() yields an image of maxFrame bytes, and drops a larger one", async () => {
  for (const more of [0, 1, 1_000, 100_000]) {
    const large = sampleJpeg({ scan: new Uint8Array(500 + more) });
    const maxFrame = large.length - more;
    const { frames, counts } = await split(join(JPEG, large, OTHER, JPEG), { maxFrame });
    assertEquals(frames, more === 0 ? [JPEG, large, OTHER, JPEG] : [JPEG, OTHER, JPEG]);
    assertEquals(counts.broken, more === 0 ? 0 : 1);
  }
});

Deno.test("splitJpegs() yields small images that arrive in one read larger than maxFrame", async () => {
  const input = join(...Array(50).fill(JPEG));
  const { frames, counts } = await split(input, { maxFrame: JPEG.length });
  assertEquals(frames.length, 50);
  assertEquals(counts, { broken: 0, skippedBytes: 0 });
});

Deno.test("splitJpegs() drops 64 MiB without an EOI quickly, in bounded memory, and continues", async () => {
  const MiB = 1024 * 1024;
  const noise = new Uint8Array(65_536).fill(0x55);
  function* chunks() {
    yield JPEG.subarray(0, -2);
    for (let sent = 0; sent < 64 * MiB; sent += noise.length) yield noise;
    yield OTHER;
  }
  const source = new FakeProgram(chunks());
  const started = performance.now();
  const images = splitJpegs(source);
  assertEquals(await Array.fromAsync(images), [OTHER]);
  assertEquals(images.counts.broken, 1);
  assertLess(source.largest, 34 * MiB);
  // Copying the image again for each read would take many times as long.
  assertLess(performance.now() - started, 5_000);
});

Deno.test("splitJpegs() keeps no memory of endless garbage", async () => {
  const noise = new Uint8Array(65_536).fill(0xff);
  function* chunks() {
    for (let n = 0; n < 40; n++) yield noise;
    yield OTHER;
  }
  const source = new FakeProgram(chunks());
  assertEquals(await Array.fromAsync(splitJpegs(source)), [OTHER]);
  assertLess(source.largest, 300_000);
});

Deno.test("splitJpegs() yields an image as soon as its last byte has arrived", async () => {
  const given: string[] = [];
  function* chunks() {
    yield JPEG;
    given.push("the next read");
    yield join(OTHER, JPEG.subarray(0, 5));
    given.push("the next read");
  }
  for await (const frame of splitJpegs(new FakeProgram(chunks()))) {
    given.push(`an image of ${frame.length} bytes`);
  }
  assertEquals(given, [
    `an image of ${JPEG.length} bytes`,
    "the next read",
    `an image of ${OTHER.length} bytes`,
    "the next read",
  ]);
});

Deno.test("splitJpegs() reads an image directly into the image's buffer, without a copy", async () => {
  const large = sampleJpeg({ scan: new Uint8Array(300_000) });
  const whole = join(...Array(8).fill(large));
  // A pipe returns 64 KiB at most; a camera waits between two images.
  const sizes = Array(8).fill([65_536, 65_536, 65_536, 65_536, large.length - 4 * 65_536]).flat();
  const source = new FakeProgram(inChunks(whole, () => sizes.shift()!));
  const frames = await Array.fromAsync(splitJpegs(source));
  assertEquals(frames.length, 8);
  for (const [n, frame] of frames.entries()) {
    assertStrictEquals(frame.buffer, source.buffers[5 * n + 4]);
    // From the second image on its size is known, and its buffer large enough from the first read
    // on.
    if (n === 0) continue;
    const lengths = source.buffers.slice(5 * n, 5 * n + 5).map((buffer) =>
      buffer.byteLength || frame.buffer.byteLength
    );
    assertEquals(new Set(lengths).size, 1);
  }
});

Deno.test("splitJpegs() leaves headroom around each image, in a buffer that no other image shares", async () => {
  const whole = join(
    JPEG,
    OTHER,
    bytes(1, 2, 3),
    JPEG,
    sampleJpeg({ scan: new Uint8Array(90_000) }),
  );
  for (const size of [1, 100, 65_536]) {
    const frames = await Array.fromAsync(splitJpegs(new FakeProgram(inChunks(whole, () => size))));
    assertEquals(frames.length, 4);
    assertEquals(new Set(frames.map((frame) => frame.buffer)).size, 4);
    for (const frame of frames) assertRoom(frame);
  }
});

Deno.test("splitJpegs() leaves headroom after an image when a read fills the buffer", async () => {
  for (let size = 65_536 - HEADROOM; size <= 65_536 + 2 * HEADROOM; size += 20) {
    const large = sampleJpeg({ scan: new Uint8Array(size - sampleJpeg().length + SCAN.length) });
    const source = new FakeProgram([join(large, large, large)]);
    const frames = await Array.fromAsync(splitJpegs(source));
    assertEquals(frames.map((frame) => frame.length), [size, size, size]);
    for (const frame of frames) assertRoom(frame);
  }
});

Deno.test("splitJpegs() accepts chunks of any size from an iterator without changing them", async () => {
  const whole = join(...Array(300).fill(join(JPEG, OTHER)));
  const chunks = [
    whole.slice(0, 10),
    new Uint8Array(0),
    whole.slice(10, 70_000),
    whole.slice(70_000),
  ];
  async function* source(): AsyncGenerator<Bytes> {
    for (const chunk of chunks) yield await Promise.resolve(chunk);
  }
  const frames = await Array.fromAsync(splitJpegs(source()));
  assertEquals(frames.length, 600);
  for (const frame of frames) frame.fill(0);
  assertEquals(join(...chunks), whole);
});

Deno.test("splitJpegs() reads nothing before the first image is requested", async () => {
  let started = false;
  async function* source(): AsyncGenerator<Bytes> {
    started = true;
    yield await Promise.resolve(JPEG);
  }
  const images = splitJpegs(source());
  await images.return(undefined);
  assertFalse(started);
});

Deno.test("splitJpegs() ends its source when its reader leaves", async () => {
  const program = new FakeProgram([JPEG, JPEG]);
  for await (const _ of splitJpegs(program)) break;
  assertEquals(program.disposed, 1);

  let left = false;
  async function* source(): AsyncGenerator<Bytes> {
    try {
      for (;;) yield await Promise.resolve(JPEG);
    } finally {
      left = true;
    }
  }
  for await (const _ of splitJpegs(source())) break;
  assert(left);
});

Deno.test("splitJpegs() rethrows its source's error after the images before it", async () => {
  async function* source(): AsyncGenerator<Bytes> {
    yield await Promise.resolve(JPEG);
    throw new Error("unplugged");
  }
  const frames: Jpeg[] = [];
  let failure: unknown;
  try {
    for await (const frame of splitJpegs(source())) frames.push(frame);
  } catch (error) {
    failure = error;
  }
  assertEquals(frames, [JPEG]);
  assertEquals((failure as Error).message, "unplugged");
});

Deno.test("splitJpegs() agrees with a simple implementation on random bytes", async () => {
  for (let seed = 1; seed <= 100; seed++) {
    const random = new Random(seed);
    const maxFrame = random.of([3_000, 20_000, 1_000_000]);
    const whole = join(...Array.from({ length: random.integer(1, 25) }, () => anyPiece(random)));
    const expected = imagesIn(whole, maxFrame);
    const most = random.of([1, 20, 700, 5_000, 65_536]);
    const chunks = inChunks(whole, () => random.integer(1, most));
    const images = splitJpegs(random.oneIn(3) ? iterated(chunks) : new FakeProgram(chunks), {
      maxFrame,
    });
    const frames = await Array.fromAsync(images);
    const where = `with seed ${seed}`;
    assertEquals(frames.map(digest), expected.map(({ image }) => digest(image)), where);
    const taken = expected.reduce((sum, image) => sum + image.taken, 0);
    assertEquals(images.counts.skippedBytes, whole.length - taken, where);
    // The headroom of an image is no part of another image.
    for (const frame of frames) {
      assertRoom(frame);
      new Uint8Array(frame.buffer, frame.byteOffset - HEADROOM, HEADROOM).fill(0xaa);
      new Uint8Array(frame.buffer, frame.byteOffset + frame.length, HEADROOM).fill(0xaa);
    }
    assertEquals(frames.map(digest), expected.map(({ image }) => digest(image)), where);
  }
});
