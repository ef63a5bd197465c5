import { assert, assertEquals } from "@std/assert";
import { type Bytes, HEADROOM } from "../../../lib/bytes.ts";
import type { Jpeg } from "../../../lib/frame.ts";
import { segments, sizeOf } from "../../../lib/jpeg/segments.ts";
import { splitJpegs } from "../../../lib/jpeg/split.ts";
import { decodeJpeg } from "../../ffmpeg.ts";
import { needing } from "../../parts.ts";
import { Random } from "../../random.ts";
import { FakeProgram, inChunks } from "./byte_sources.ts";
import {
  changeLength,
  damageBadly,
  damageLightly,
  insertBefore,
  SOS,
  withoutEoi,
} from "./damage.ts";
import { withSegment } from "./exif.ts";
import { anyJpeg, anyPiece } from "./random_jpegs.ts";
import {
  bytes,
  DHT,
  DQT,
  EOI,
  exif,
  join,
  sampleJpeg,
  segment,
  sof,
  SOI,
  sos,
} from "./sample_jpegs.ts";
import { imagesIn } from "./split_oracle.ts";
import { assertRoom, digest, iterated, split } from "./splitting.ts";

const APP5 = 0xe5, SOF0 = 0xc0, DHT_MARKER = 0xc4, DQT_MARKER = 0xdb, COM = 0xfe;
const comment = segment(COM, new TextEncoder().encode("made by a camera"));
const JPEG = sampleJpeg({ head: [segment(APP5, Array(100).fill(0x41)), comment] });
const OTHER = sampleJpeg({ width: 320, height: 240, scan: bytes(7, 7, 7) });
/** A camera's picture of 48x32 pixels, with APP0, COM, DQT, DHT, SOF and SOS. */
const PICTURE: Jpeg = await Deno.readFile(
  new URL("../../fixtures/standard_tables.jpg", import.meta.url),
);

function text(value: string): Bytes {
  return new TextEncoder().encode(value);
}

/** Fill bytes. */
function fill(count: number): Bytes {
  return new Uint8Array(count).fill(0xff);
}

const zeros = new Uint8Array(5);
/**
 * Stray bytes with stuffing, an unknown marker and the markers of an APP5 and an SOF that lead
 * nowhere.
 */
const misleading = bytes(
  1,
  0xff,
  0,
  0xff,
  0x02,
  9,
  0xff,
  0xe5,
  0,
  9,
  3,
  0xff,
  0xc0,
  0,
  0,
  0xff,
  0xd8,
  0,
);

const REPAIRED: Record<string, { input: Jpeg; output: Jpeg }> = {
  "zeros before a table": {
    input: insertBefore(JPEG, DQT_MARKER, zeros),
    output: insertBefore(JPEG, DQT_MARKER, fill(5)),
  },
  "zeros before the frame header": {
    input: insertBefore(JPEG, SOF0, zeros),
    output: insertBefore(JPEG, SOF0, fill(5)),
  },
  "zeros before the scan": {
    input: insertBefore(JPEG, SOS, zeros),
    output: insertBefore(JPEG, SOS, fill(5)),
  },
  "64 KiB of zeros before the scan": {
    input: insertBefore(JPEG, SOS, new Uint8Array(65_536)),
    output: insertBefore(JPEG, SOS, fill(65_536)),
  },
  "text before a comment": {
    input: insertBefore(JPEG, COM, text("garbage")),
    output: insertBefore(JPEG, COM, fill(7)),
  },
  "stuffing and invalid markers between segments": {
    input: insertBefore(JPEG, SOF0, misleading),
    output: insertBefore(JPEG, SOF0, fill(misleading.length)),
  },
  "stray bytes in two places": {
    input: insertBefore(insertBefore(JPEG, DHT_MARKER, zeros), SOF0, zeros),
    output: insertBefore(insertBefore(JPEG, SOF0, fill(5)), DHT_MARKER, fill(5)),
  },
  "a fill byte after stray bytes": {
    input: insertBefore(JPEG, SOF0, bytes(0, 0xff)),
    output: insertBefore(JPEG, SOF0, fill(2)),
  },
  "an application segment of length 0": {
    input: changeLength(JPEG, APP5, -102),
    output: join(SOI, segment(APP5), fill(100), JPEG.subarray(2 + 104)),
  },
  "an application segment of length 1 without content": {
    input: withSegment(JPEG, bytes(0xff, 0xe3, 0, 1)),
    output: withSegment(JPEG, segment(0xe3)),
  },
  "an application segment whose length is far too small": {
    input: changeLength(JPEG, APP5, -60),
    output: join(SOI, segment(APP5, Array(40).fill(0x41)), fill(60), JPEG.subarray(2 + 104)),
  },
  "an application segment whose length includes other segments": {
    input: changeLength(JPEG, APP5, 70),
    output: JPEG,
  },
};
for (const marker of [COM, DQT_MARKER, SOF0, DHT_MARKER]) {
  const kind =
    { [COM]: "comment", [DQT_MARKER]: "DQT", [SOF0]: "SOF", [DHT_MARKER]: "DHT" }[marker];
  for (const by of [1, 2, 3, 8]) {
    REPAIRED[`a ${kind} segment whose length is too large by ${by}`] = {
      input: changeLength(JPEG, marker, by),
      output: JPEG,
    };
  }
  for (const by of marker === COM ? [] : [1, 2, 3]) {
    REPAIRED[`a ${kind} segment whose length is too small by ${by}`] = {
      input: changeLength(JPEG, marker, -by),
      output: JPEG,
    };
  }
}

for (const [situation, { input, output }] of Object.entries(REPAIRED)) {
  Deno.test(`splitJpegs() repairs ${situation}`, async () => {
    const { frames, counts } = await split(join(OTHER, input, OTHER));
    assertEquals(frames, [OTHER, output, OTHER]);
    assertEquals(counts, { broken: 0, skippedBytes: 0 });
    assertEquals(sizeOf(frames[1]!), { width: 640, height: 480 });
    assertEquals([...segments(frames[1]!)].at(-1)!.marker, SOS);
  });
}

const NOT_REPAIRED: Record<string, Bytes> = {
  "more than 64 KiB of zeros between segments": insertBefore(JPEG, SOS, new Uint8Array(65_537)),
  "an EOI in stray bytes": insertBefore(JPEG, SOS, bytes(0, 0xff, 0xd9, 0)),
  "stray bytes, but no frame header": join(SOI, DQT, zeros, DHT, sos(), EOI),
  "stray bytes, but no scan": join(SOI, DQT, zeros, sof(), DHT, EOI),
  "stray bytes after an unknown segment": join(SOI, segment(0xf0, [1]), zeros, JPEG.subarray(2)),
  "stray bytes after a table whose content does not fit": join(
    SOI,
    segment(0xdb, [0xf7, 1]),
    zeros,
    JPEG.subarray(2),
  ),
  "a table whose marker was lost": join(
    SOI,
    comment,
    bytes(0),
    DQT.subarray(1),
    JPEG.subarray(-(19 + DHT.length + 14 + 9 + 2)),
  ),
  "a table of length 0": changeLength(JPEG, DQT_MARKER, -67),
  "a cut image whose table contains the SOI of the next image": JPEG.slice(0, 150),
  "a cut image whose table ends in the SOI of the next image": join(SOI, DQT.subarray(0, -1)),
  "an image that stray bytes end": join(SOI, DQT, sof(), DHT, zeros),
};

for (const [situation, input] of Object.entries(NOT_REPAIRED)) {
  Deno.test(`splitJpegs() drops and counts ${situation}, and yields the next image`, async () => {
    const rest = [OTHER, JPEG, OTHER];
    const { frames, counts } = await split(join(OTHER, input, ...rest, new Uint8Array(70_000)));
    assertEquals(frames, [OTHER, ...rest]);
    assertEquals(counts, { broken: 1, skippedBytes: input.length + 70_000 });
  });
}

Deno.test("splitJpegs() drops stray bytes after a segment with a thumbnail, as the thumbnail may be the next image", async () => {
  const damaged = withSegment(JPEG, join(exif(OTHER), zeros));
  const { frames, counts } = await split(join(JPEG, damaged, JPEG));
  assertEquals(frames, [JPEG, OTHER, JPEG]);
  assertEquals(counts.broken, 1);
});

Deno.test("splitJpegs() begins an image at the last of consecutive SOI markers", async () => {
  for (const markers of [[SOI], [SOI, SOI, SOI], [SOI, fill(3)], [SOI, bytes(0)]]) {
    const added = join(...markers);
    const { frames, counts } = await split(join(added, JPEG, added, OTHER));
    assertEquals(frames, [JPEG, OTHER]);
    assertEquals(counts, { broken: 0, skippedBytes: 2 * added.length });
  }
});

/** Images of 64x48 pixels: a scan of at least 12 bytes. */
const SMALL = [1, 2, 3, 4, 5].map((n) =>
  sampleJpeg({ width: 64, height: 48, scan: new Uint8Array(20 + n).fill(n) })
);
const CUT = SMALL.map(withoutEoi);

Deno.test("splitJpegs() appends EOI to the images of a camera that never sends it, from the second on", async () => {
  for (const start of [join(), bytes(1, 2, 3), SMALL[4]!.subarray(50, -2), SOI]) {
    const input = join(start, ...CUT);
    const { frames, counts } = await split(input);
    assertEquals(frames, SMALL.slice(1));
    assertEquals(counts, { broken: 1, skippedBytes: start.length + CUT[0]!.length });
  }
});

Deno.test("splitJpegs() drops the images without EOI of a camera that sends it", async () => {
  const [a, b, c, d] = SMALL;
  const { frames, counts } = await split(
    join(a!, ...CUT, b!, CUT[0]!, CUT[1]!, CUT[2]!, c!, CUT[3]!),
  );
  assertEquals(frames, [a, b, c]);
  assertEquals(counts.broken, 9);

  // The first image of a camera is often cut.
  const { frames: others } = await split(join(CUT[0]!, b!, CUT[2]!, CUT[3]!, CUT[4]!, d!));
  assertEquals(others, [b, d]);
});

Deno.test("splitJpegs() appends no EOI any more after an image with EOI", async () => {
  const [a, b, c, d, e] = SMALL;
  const { frames, counts } = await split(
    join(CUT[0]!, CUT[1]!, c!, CUT[3]!, CUT[4]!, CUT[0]!, a!, CUT[1]!, b!, d!, e!),
  );
  assertEquals(frames, [b, c, a, b, d, e]);
  assertEquals(counts.broken, 5);
});

Deno.test("splitJpegs() appends no EOI to an image that is too short for its size", async () => {
  const blocks = (640 / 8) * (480 / 8);
  for (const missing of [0, 1]) {
    const scan = new Uint8Array(blocks / 4 - missing).fill(5);
    const image = sampleJpeg({ scan });
    const { frames } = await split(join(...CUT, ...Array(3).fill(withoutEoi(image)), CUT[0]!));
    assertEquals(frames, [
      ...SMALL.slice(1),
      ...(missing === 0 ? [image, image, image] : []),
      SMALL[0],
    ]);
  }
  // Short images do not show that a camera sends no EOI.
  const short = withoutEoi(sampleJpeg({ scan: new Uint8Array(1_199).fill(5) }));
  const { frames, counts } = await split(join(short, short, short, short, CUT[0]!, CUT[1]!, short));
  assertEquals(frames, [SMALL[1]]);
  assertEquals(counts.broken, 6);
});

Deno.test("splitJpegs() appends EOI to progressive images with any scan", async () => {
  const image = join(
    SOI,
    DQT,
    sof({ marker: 0xc2 }),
    DHT,
    sos(),
    bytes(1),
    DHT,
    sos(),
    bytes(2, 3),
    EOI,
  );
  const { frames } = await split(join(...Array(4).fill(withoutEoi(image))));
  assertEquals(frames, [image, image, image]);
});

Deno.test("splitJpegs() cuts the zeros that pad images without EOI to 16", async () => {
  for (const count of [1, 16, 17, 5_000]) {
    const padding = new Uint8Array(count);
    const { frames, counts } = await split(join(...CUT.map((image) => join(image, padding))));
    const kept = new Uint8Array(Math.min(count, 16));
    assertEquals(frames, CUT.slice(1).map((image) => join(image, kept, EOI)));
    const skipped = CUT[0]!.length + count + 4 * (count - kept.length);
    assertEquals(counts, { broken: 1, skippedBytes: skipped });
  }
});

Deno.test("splitJpegs() appends EOI after the start of a marker in which an image ends", async () => {
  const { frames } = await split(join(...CUT.map((image) => join(image, fill(1)))));
  assertEquals(frames, CUT.slice(1).map((image) => join(image, fill(1), EOI)));
});

Deno.test("splitJpegs() ends the last image without EOI at the end of its source", async () => {
  const { frames, counts } = await split(join(...CUT, SOI));
  assertEquals(frames, SMALL.slice(1));
  assertEquals(counts, { broken: 1, skippedBytes: CUT[0]!.length + 2 });

  for (const end of [30, CUT[2]!.length - 20]) { // in a table, and before 12 bytes of the scan
    const { frames, counts } = await split(join(...CUT, CUT[2]!.subarray(0, end)));
    assertEquals(frames, SMALL.slice(1));
    assertEquals(counts, { broken: 2, skippedBytes: CUT[0]!.length + end });
  }
});

Deno.test("splitJpegs() drops an image without EOI that is larger than maxFrame with it", async () => {
  const large = sampleJpeg({ width: 64, height: 48, scan: new Uint8Array(500).fill(3) });
  for (const missing of [0, 1]) {
    const { frames } = await split(join(...CUT, withoutEoi(large), ...CUT), {
      maxFrame: large.length - missing,
    });
    assertEquals(frames, [...SMALL.slice(1), ...(missing === 0 ? [large] : []), ...SMALL]);
  }
});

Deno.test("splitJpegs() ignores the EOI of an image larger than maxFrame", async () => {
  const large = sampleJpeg({ width: 64, height: 48, scan: new Uint8Array(500).fill(3) });
  const { frames } = await split(join(large, ...CUT), { maxFrame: 400 });
  assertEquals(frames, SMALL.slice(1));
});

Deno.test("splitJpegs() leaves headroom around images without EOI, also in large reads", async () => {
  for (let size = 65_536 - HEADROOM; size <= 65_536 + 2 * HEADROOM; size += 20) {
    const scan = new Uint8Array(size).fill(1);
    const large = withoutEoi(sampleJpeg({ scan }));
    for (const chunk of [1_000, 65_536, 1_000_000]) {
      const source = new FakeProgram(inChunks(join(large, large, large, large), () => chunk));
      const frames = await Array.fromAsync(splitJpegs(source));
      assertEquals(frames.map((frame) => frame.length), Array(3).fill(large.length + 2));
      assertEquals(new Set(frames.map((frame) => frame.buffer)).size, 3);
      for (const frame of frames) assertRoom(frame);
    }
  }
});

Deno.test("splitJpegs() agrees with a simple implementation on damaged images", async () => {
  for (let seed = 1; seed <= 150; seed++) {
    const random = new Random(seed);
    const maxFrame = random.of([3_000, 20_000, 1_000_000]);
    const lacksEoi = random.oneIn(2);
    const whole = join(
      ...Array.from({ length: random.integer(1, 20) }, () => {
        const jpeg = anyJpeg(random);
        const image = lacksEoi && !random.oneIn(40) ? withoutEoi(jpeg) : jpeg;
        if ([...segments(image)].at(-1)?.marker !== SOS) return image;
        return random.of([anyPiece, damageLightly, damageLightly, damageBadly, same])(
          random,
          image,
        );
      }),
    );
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
    for (const frame of frames) assertRoom(frame);
  }
});

function same(_random: Random, jpeg: Jpeg): Jpeg {
  return jpeg;
}

Deno.test("splitJpegs() yields every good image and every repairable image between others", async () => {
  for (let seed = 1; seed <= 100; seed++) {
    const random = new Random(seed);
    const { stream, good, repairable } = damagedStream(random, random.integer(1, 30));
    const most = random.of([100, 5_000, 65_536]);
    const source = new FakeProgram(inChunks(stream, () => random.integer(1, most)));
    const frames = await Array.fromAsync(splitJpegs(source));
    const where = `with seed ${seed}`;
    for (const frame of frames) {
      assertEquals(frame.subarray(0, 2), SOI, where);
      assertEquals(frame.subarray(-2), EOI, where);
    }
    const found = new Set(frames.map(digest));
    for (const [n, image] of good.entries()) assert(found.has(digest(image)), `${n} ${where}`);
    const numbers = new Set(frames.map(numberOf));
    for (const n of repairable) assert(numbers.has(n), `the repairable image ${n} ${where}`);
  }
});

Deno.test({
  name: "splitJpegs() repairs images so that ffmpeg decodes the same pixels without a warning",
  ...needing("ffmpeg"),
  async fn() {
    const original = await decodeJpeg(PICTURE);
    const random = new Random(7);
    const stream = join(
      PICTURE,
      ...Array.from({ length: 12 }, (_, n) => damageLightly(random, numbered(n))),
    );
    const frames = await Array.fromAsync(splitJpegs(new FakeProgram([stream])));
    assertEquals(frames.length, 13);
    for (const frame of frames) assertEquals(await decodeJpeg(frame), original);

    const cut = join(...Array(4).fill(withoutEoi(PICTURE)));
    const withEoi = await Array.fromAsync(splitJpegs(new FakeProgram([cut])));
    assertEquals(withEoi, [PICTURE, PICTURE, PICTURE]);
  },
});

/** Makes a stream of good images, images with repairable damage and broken images. */
function damagedStream(random: Random, count: number) {
  const pieces: Uint8Array[] = [PICTURE];
  const good: Jpeg[] = [];
  const repairable: number[] = [];
  for (let n = 0; n < count; n++) {
    const jpeg = numbered(n);
    switch (random.integer(0, 3)) {
      case 0:
        repairable.push(n);
        pieces.push(damageLightly(random, jpeg));
        break;
      case 1:
        pieces.push(damageBadly(random, jpeg));
        break;
      default:
        good.push(jpeg);
        pieces.push(jpeg);
    }
  }
  // A wrong length may lead 64 KiB ahead, and the search for the next segment 64 KiB more.
  return { stream: join(...pieces, new Uint8Array(140_000)), good, repairable };
}

/** Returns the picture with a number in a comment, whose end may be overwritten. */
function numbered(n: number): Jpeg {
  return withSegment(PICTURE, segment(COM, text(`number ${n}    `)));
}

function numberOf(jpeg: Jpeg): number {
  return Number(/number (\d+)/.exec(new TextDecoder("latin1").decode(jpeg))?.[1]);
}
