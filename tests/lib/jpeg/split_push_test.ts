import { assert, assertEquals, assertLess, assertRejects } from "@std/assert";
import type { Bytes, ByteSource } from "../../../lib/bytes.ts";
import { BrokenImages, normalize, type NormalizedImage } from "../../../lib/camera/normalize.ts";
import { systemClock } from "../../../lib/clock.ts";
import type { Jpeg } from "../../../lib/frame.ts";
import { releaseFrameBuffer } from "../../../lib/frame_buffers.ts";
import { splitJpegs } from "../../../lib/jpeg/split.ts";
import { Random } from "../../random.ts";
import { FakeProgram, inChunks } from "./byte_sources.ts";
import { damageLightly } from "./damage.ts";
import { exifWith } from "./exif.ts";
import { anyJpeg, anyPiece } from "./random_jpegs.ts";
import {
  bytes,
  DHT,
  DQT,
  EOI,
  join,
  sampleJpeg,
  SCAN,
  segment,
  sof,
  SOI,
  sos,
} from "./sample_jpegs.ts";
import { imagesIn } from "./split_oracle.ts";
import { digest, iterated, pushed } from "./splitting.ts";

const JPEG = sampleJpeg();
const DHT_AFTER_SCAN = join(SOI, DQT, sof(), sos(), SCAN, DHT, EOI);

const HEADERS: Record<string, { jpeg: Uint8Array; isPlain: boolean; size?: [number, number] }> = {
  "of an image with a size and Huffman tables": { jpeg: JPEG, isPlain: true },
  "of an image with JFIF, comments and restart intervals": {
    jpeg: sampleJpeg({ head: [segment(0xe0, [1]), segment(0xfe, [2]), segment(0xdd, [0, 4])] }),
    isPlain: true,
  },
  "of a progressive image": {
    jpeg: join(SOI, DQT, sof({ marker: 0xc2 }), DHT, sos(), SCAN, EOI),
    isPlain: true,
  },
  "of an image with fill bytes before its markers": {
    jpeg: join(SOI, bytes(0xff), DQT, bytes(0xff, 0xff), sof(), DHT, sos(), SCAN, EOI),
    isPlain: true,
  },
  "of an image with EXIF data": {
    jpeg: sampleJpeg({ head: [exifWith({ thumbnail: JPEG })] }),
    isPlain: false,
  },
  "of an image without Huffman tables": {
    jpeg: join(SOI, DQT, sof(), sos(), SCAN, EOI),
    isPlain: false,
  },
  "of an image with Huffman tables only after its scan": { jpeg: DHT_AFTER_SCAN, isPlain: false },
  "of an image with stray bytes in its header, which become fill bytes": {
    jpeg: join(SOI, DQT, bytes(1, 2, 3), sof(), DHT, sos(), SCAN, EOI),
    isPlain: false,
  },
  "of an image whose size is in a DNL segment": {
    jpeg: join(SOI, DQT, sof({ height: 0 }), DHT, sos(), SCAN, segment(0xdc, [1, 0xe0]), EOI),
    isPlain: false,
    size: [640, 0],
  },
  "of an image with a frame header that is too short": {
    jpeg: join(SOI, DQT, segment(0xc0, [8, 1, 2]), DHT, sos(), SCAN, EOI),
    isPlain: false,
    size: [0, 0],
  },
};

for (const [name, { jpeg, isPlain, size = [640, 480] }] of Object.entries(HEADERS)) {
  Deno.test(`splitJpegs().pushTo() reports the header ${name}`, async () => {
    const [width, height] = size;
    const plain = { width: 640, height: 480, isPlain: true };
    for (const chunk of [1, 3, 1_000_000]) {
      // What was seen in the header of the image before must not count.
      const input = join(JPEG, jpeg, JPEG, jpeg.subarray(0, -3), jpeg);
      const { headers } = await pushed(new FakeProgram(inChunks(input, () => chunk)));
      assertEquals(headers, [plain, { width, height, isPlain }, plain, { width, height, isPlain }]);
    }
  });
}

Deno.test("splitJpegs().pushTo() reports the headers of images without EOI", async () => {
  const [plain, exif] = [[], [exifWith({ thumbnail: JPEG })]].map((head) =>
    sampleJpeg({ width: 64, height: 48, head, scan: new Uint8Array(20).fill(1) }).subarray(0, -2)
  );
  const input = join(plain!, exif!, plain!, exif!);
  const { headers } = await pushed(new FakeProgram([input]));
  assertEquals(headers.map(({ isPlain }) => isPlain), [false, true, false]);
});

Deno.test("splitJpegs().pushTo() agrees with a simple implementation on random bytes", async () => {
  for (let seed = 1; seed <= 60; seed++) {
    const random = new Random(seed);
    const maxFrame = random.of([3_000, 20_000, 1_000_000]);
    const lacksEoi = random.oneIn(2);
    const whole = join(
      ...Array.from({ length: random.integer(1, 25) }, () => {
        if (!lacksEoi) return random.oneIn(3) ? damageLightly(random, WHOLE) : anyPiece(random);
        const end = random.of([bytes(), bytes(0xff), bytes(0, 0), EOI]);
        return join(anyJpeg(random).subarray(0, -2), random.oneIn(8) ? EOI : end);
      }),
    );
    const expected = imagesIn(whole, maxFrame);
    const taken = expected.reduce((sum, image) => sum + image.taken, 0);
    for (const release of [false, true]) {
      const most = random.of([1, 20, 700, 5_000, 65_536]);
      const chunks = inChunks(whole, () => random.integer(1, most));
      const source = random.oneIn(3) ? iterated(chunks) : new FakeProgram(chunks);
      const { frames, counts } = await pushed(source, { maxFrame, release });
      const where = `with seed ${seed}`;
      assertEquals(frames.map(digest), expected.map(({ image }) => digest(image)), where);
      assertEquals(counts.skippedBytes, whole.length - taken, where);
    }
  }
});

/** An image whose damage can be repaired. */
const WHOLE = await Deno.readFile(new URL("../../../cameras/emulated/1.jpg", import.meta.url));

Deno.test("normalize() passes on the same images, whether they are pushed or iterated", async () => {
  for (let seed = 1; seed <= 100; seed++) {
    const random = new Random(seed);
    const whole = join(...Array.from({ length: 20 }, () => anyPieceWithSize(random)));
    const results = [];
    for (const isPushed of [false, true]) {
      const source = new FakeProgram(inChunks(whole, () => random.integer(1, 5_000)));
      const images = splitJpegs(source);
      const broken = new BrokenImages();
      const open = () => isPushed ? images : Object.assign(images, { pushTo: undefined });
      const frames: string[] = [];
      const kept: [Jpeg, string][] = [];
      await normalize(open, { clock: systemClock, broken })(NEVER, (image: NormalizedImage) => {
        const { size: { width, height }, jpeg } = image;
        frames.push(`${width} x ${height}, ${digest(jpeg)}`);
        if (frames.length % 3 === 0) releaseFrameBuffer(jpeg);
        else kept.push([jpeg, digest(jpeg)]);
      });
      for (const [jpeg, before] of kept) assertEquals(digest(jpeg), before, `with seed ${seed}`);
      results.push({ frames, broken: broken.total });
    }
    assertEquals(results[1], results[0], `with seed ${seed}`);
  }
});

const NEVER = new AbortController().signal;

/** A piece that has a size more often than not, or two. */
function anyPieceWithSize(random: Random): Uint8Array {
  if (random.oneIn(2)) return anyPiece(random);
  const header = () =>
    sof({ width: random.of([0, 64, 640]), height: random.of([0, 48, 480]), marker: 0xc0 });
  const tables = () => random.of([DHT, bytes(), bytes()]);
  const second = random.oneIn(4) ? header() : bytes();
  const exif = random.oneIn(4) ? exifWith({ thumbnail: JPEG }) : bytes();
  return join(SOI, exif, DQT, header(), tables(), second, tables(), sos(), SCAN, EOI);
}

Deno.test("splitJpegs().pushTo() leaves the first images out", async () => {
  const { frames, headers } = await pushed(new FakeProgram([join(JPEG, JPEG, DHT_AFTER_SCAN)]), {
    skip: 2,
  });
  assertEquals(frames, [DHT_AFTER_SCAN]);
  assertEquals(headers.map(({ isPlain }) => isPlain), [false]);
});

Deno.test("splitJpegs().pushTo() writes to a buffer again only after it was given back", async () => {
  const images = Array.from({ length: 60 }, (_, n) => sampleJpeg({ scan: scanOf(n) }));
  for (const keepEvery of [1, 2, 3, 100]) {
    const source = new PlainSource(join(...images), 7_000);
    const kept: [Jpeg, number][] = [];
    const buffers = new Set<ArrayBuffer>();
    let n = 0;
    await splitJpegs(source).pushTo((jpeg) => {
      assertEquals(jpeg, images[n]);
      buffers.add(jpeg.buffer);
      if (n % keepEvery === 0) kept.push([jpeg, n]);
      else releaseFrameBuffer(jpeg);
      n++;
      for (const [image, number] of kept) assertEquals(digest(image), digest(images[number]!));
    });
    assertEquals(n, images.length);
    assertLess(buffers.size, kept.length + 4);
    assert(buffers.size >= kept.length);
  }
});

Deno.test("splitJpegs().pushTo() ends its source when it, or a push, fails", async () => {
  const source = new FakeProgram([JPEG, JPEG]);
  const failing = splitJpegs(source).pushTo(() => {
    throw new Error("a defect");
  });
  await assertRejects(() => failing, Error, "a defect");
  assertEquals(source.disposed, 1);

  const seen: Jpeg[] = [];
  const unplugged = splitJpegs((async function* () {
    yield await Promise.resolve(JPEG.slice());
    throw new Error("unplugged");
  })());
  await assertRejects(() => unplugged.pushTo((jpeg) => seen.push(jpeg)), Error, "unplugged");
  assertEquals(seen, [JPEG]);
});

/** A source that does not detach the buffers that it fills, like the pipe of a program on Linux. */
class PlainSource implements ByteSource {
  readonly #whole: Uint8Array;
  readonly #most: number;
  #at = 0;

  constructor(whole: Uint8Array, most: number) {
    this.#whole = whole;
    this.#most = most;
  }

  async read(into: Bytes): Promise<Bytes | undefined> {
    await Promise.resolve();
    const taken = this.#whole.subarray(this.#at, this.#at + Math.min(this.#most, into.length));
    if (taken.length === 0) return undefined;
    this.#at += taken.length;
    into.set(taken);
    return into.subarray(0, taken.length);
  }

  [Symbol.asyncIterator](): AsyncIterator<Bytes> {
    throw new Error("A byte source is read, not iterated");
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }
}

/** Data of a scan that differ with `n`, as does their length. */
function scanOf(n: number): Bytes {
  return new Uint8Array(2_000 + n * 7_919 % 30_000).fill(1 + n % 200);
}
