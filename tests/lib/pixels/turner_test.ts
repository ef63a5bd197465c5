import { assert, assertEquals, assertLess, assertStrictEquals } from "@std/assert";
import { hasHeadroom, HEADROOM } from "../../../lib/bytes.ts";
import type { Jpeg } from "../../../lib/frame.ts";
import { segments, sizeOf } from "../../../lib/jpeg/segments.ts";
import { HeaderReader, type ReadHeader } from "../../../lib/pixels/header_reader.ts";
import { type Orientation, UPRIGHT } from "../../../lib/pixels/orientation.ts";
import type { Refused } from "../../../lib/pixels/task.ts";
import { Turner } from "../../../lib/pixels/turner.ts";
import { needing } from "../../parts.ts";
import { Random } from "../../random.ts";
import { exifWith, withSegment } from "../jpeg/exif.ts";
import { inTime } from "./in_time.ts";
import { decode, encode, LIBJPEG, run, SAMPLINGS } from "./libjpeg.ts";

/** jpegtran's options for each orientation. */
const TRANSFORMATIONS: readonly [Orientation, string[]][] = [
  [{ rotation: 0, mirrored: true }, ["-flip", "horizontal"]],
  [{ rotation: 90, mirrored: false }, ["-rotate", "90"]],
  [{ rotation: 90, mirrored: true }, ["-transpose"]],
  [{ rotation: 180, mirrored: false }, ["-rotate", "180"]],
  [{ rotation: 180, mirrored: true }, ["-flip", "vertical"]],
  [{ rotation: 270, mirrored: false }, ["-rotate", "270"]],
  [{ rotation: 270, mirrored: true }, ["-transverse"]],
];
const ALL_SAMPLINGS = { ...SAMPLINGS, "RGB": ["-rgb"] };
const VARIANTS = {
  "": [],
  " with restart markers": ["-restart", "3B"],
  " with optimised tables": ["-optimize"],
  " in high quality": ["-quality", "98"],
  " with quantization tables of 16 bits": ["-quality", "1"],
};

const turner = new Turner();
const reader = new HeaderReader();
const QUARTER: Orientation = { rotation: 90, mirrored: false };
const HALF: Orientation = { rotation: 180, mirrored: false };

for (const [sampling, args] of Object.entries(ALL_SAMPLINGS)) {
  Deno.test({
    name: `Turner turns pictures in ${sampling} to the same pixels as jpegtran -trim`,
    ...needing(...LIBJPEG),
    async fn() {
      for (const [variant, more] of Object.entries(VARIANTS)) {
        for (const [width, height] of [[160, 96], [131, 77], [64, 33]] as const) {
          const jpeg = await encode({ width, height, args: [...args, ...more] });
          await Promise.all(TRANSFORMATIONS.map(async ([orientation, transformation]) => {
            const turned = turn(jpeg, orientation);
            const expected = await run("jpegtran", ["-trim", ...transformation], jpeg);
            const name = `${width}x${height}${variant} ${transformation}`;
            assertEquals(sizeOf(turned), sizeOf(expected), name);
            assert(equal(await decode(turned), await decode(expected)), name);
          }));
        }
      }
    },
  });
}

Deno.test({
  name: "Turner moves the DC and AC coefficients of a large picture without changing any",
  ...needing(...LIBJPEG),
  async fn() {
    const jpeg = await encode({ width: 1280, height: 720, args: ["-sample", "2x2"] });
    let turned = jpeg;
    for (let i = 0; i < 4; i++) turned = turn(turned, QUARTER);
    assert(equal(await decode(turned), await decode(jpeg)));
    assertLess(turned.length, jpeg.length); // its Huffman tables fit better
    assertStrictEquals(turn(jpeg, UPRIGHT), jpeg);
  },
});

Deno.test({
  name: "Turner keeps the size of files with optimised Huffman tables",
  ...needing(...LIBJPEG),
  async fn() {
    const args = ["-sample", "2x2", "-optimize"];
    const jpeg = await encode({ width: 640, height: 480, args });
    assertLess(turn(jpeg, HALF).length, jpeg.length * 1.01);
    const own = new Turner(), header = reader.read(jpeg) as ReadHeader;
    const [first, second, third] = [1, 2, 3].map(() => own.turn(jpeg, header, QUARTER) as Jpeg);
    assertLess(first!.length, jpeg.length * 1.3); // with the standard tables
    assertLess(second!.length, jpeg.length * 1.02); // with tables that were fitted to the first
    assertEquals(third, second);
    assert(equal(await decode(second!), await decode(first!)));
    // Other pictures may have symbols that the first did not have.
    const rich = await encode({ width: 640, height: 480, args: ["-quality", "100"] });
    const turned = own.turn(rich, reader.read(rich) as ReadHeader, QUARTER) as Jpeg;
    const expected = await run("jpegtran", ["-rotate", "90"], rich);
    assert(equal(await decode(turned), await decode(expected)));
  },
});

Deno.test({
  name: "Turner removes all metadata but JFIF and Adobe segments, and adds headroom",
  ...needing(...LIBJPEG),
  async fn() {
    const thumbnail = await encode({ width: 32, height: 16 });
    const jpeg = withSegment(await encode({ width: 64, height: 64 }), exifWith({ thumbnail }));
    const turned = turn(jpeg, HALF);
    const markers = [...segments(turned)].map(({ marker }) => marker);
    assertEquals(markers, [0xe0, 0xdb, 0xc0, 0xc4, 0xda]);
    assert(hasHeadroom(turned));
    assertEquals([turned.byteOffset, turned.buffer.byteLength], [
      HEADROOM,
      turned.length + 2 * HEADROOM,
    ]);
    const rgb = turn(await encode({ width: 64, height: 64, args: ["-rgb"] }), HALF);
    assertEquals([...segments(rgb)][0]!.marker, 0xee);
  },
});

Deno.test({
  name: "Turner refuses pictures that are cut off, or too small to be trimmed",
  ...needing(...LIBJPEG),
  async fn() {
    const jpeg = await encode({ width: 160, height: 120, args: ["-sample", "2x2"] });
    const { length } = jpeg;
    const whole = await decode(turn(jpeg, HALF));
    for (const cut of [length - 3, length - 20, length >> 1, length - 2]) {
      const result = tryTurn(jpeg.slice(0, cut), HALF);
      // Without EOI alone, and perhaps without bits that only fill the last byte.
      if (result instanceof Uint8Array) assert(equal(await decode(result), whole), `${cut}`);
      else assertEquals(result.refused, "damaged JPEG");
    }
    assert("refused" in tryTurn(jpeg.slice(0, length >> 1), QUARTER));
    const markers = await encode({ width: 160, height: 120, args: ["-restart", "2B"] });
    const lost = markers.findIndex((byte, at) => byte === 0xff && markers[at + 1] === 0xd3);
    const next = markers.findIndex((byte, at) => byte === 0xff && markers[at + 1] === 0xd4);
    const holed = Uint8Array.of(...markers.subarray(0, lost), ...markers.subarray(next));
    assertEquals(tryTurn(holed, HALF), { refused: "damaged JPEG" });
    // Data that are repeated: those behind them move to other places.
    const middle = length >> 1;
    const shifted = Uint8Array.of(...jpeg.subarray(0, middle), ...jpeg.subarray(middle - 200));
    assert("refused" in tryTurn(shifted, HALF));
    const narrow = await encode({ width: 15, height: 40, args: ["-sample", "2x2"] });
    assertEquals(tryTurn(narrow, HALF), {
      refused: "JPEG of 15x40 pixels, which is too small to be turned",
    });
    assertEquals(sizeOf(turn(narrow, QUARTER)), { width: 32, height: 15 });
  },
});

Deno.test({
  name: "Turner returns damaged pictures refused or complete, soon and without an exception",
  ...needing(...LIBJPEG),
  async fn() {
    const random = new Random(16);
    const samples = await Promise.all(
      [["-sample", "2x2"], ["-restart", "5B"], ["-optimize"], ["-grayscale"]].map((args) =>
        encode({ width: 320, height: 200, args })
      ),
    );
    const counts = { turned: 0, refused: 0 };
    for (let round = 0; round < 1_000; round++) {
      const damaged = random.of(samples).slice();
      for (let i = random.integer(1, 8); i > 0; i--) {
        damaged[random.integer(2, damaged.length - 1)] = random.integer(0, 255);
      }
      const [orientation] = random.of(TRANSFORMATIONS);
      const result = inTime(() => tryTurn(damaged, orientation));
      if (!(result instanceof Uint8Array)) counts.refused++;
      else {
        counts.turned++;
        assert(!("refused" in new HeaderReader().read(result)));
      }
    }
    assert(counts.turned > 100 && counts.refused > 100, JSON.stringify(counts));
  },
});

function tryTurn(jpeg: Jpeg, orientation: Orientation): Jpeg | Refused {
  const header = reader.read(jpeg);
  return "refused" in header ? header : turner.turn(jpeg, header, orientation);
}

function turn(jpeg: Jpeg, orientation: Orientation): Jpeg {
  const result = tryTurn(jpeg, orientation);
  if ("refused" in result) throw new Error(result.refused);
  return result;
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
