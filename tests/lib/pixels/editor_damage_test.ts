import { assert, assertEquals, assertLess } from "@std/assert";
import type { Bytes } from "../../../lib/bytes.ts";
import type { Jpeg } from "../../../lib/frame.ts";
import { segments } from "../../../lib/jpeg/segments.ts";
import { Editor } from "../../../lib/pixels/editor.ts";
import { type Orientation, UPRIGHT } from "../../../lib/pixels/orientation.ts";
import type { Overlay, Processed, Refused } from "../../../lib/pixels/task.ts";
import { greyPixels, worstInside } from "../../masked_picture.ts";
import { needing } from "../../parts.ts";
import { Random } from "../../random.ts";
import { join, segment } from "../jpeg/sample_jpegs.ts";
import { inTime } from "./in_time.ts";
import { encode, LIBJPEG } from "./libjpeg.ts";

const MASK = [{ left: 20, top: 30, right: 60, bottom: 70 }];
const TEXT: Overlay = { text: "%time", place: "bottom", camera: "Door" };
const SIZE = { width: 160, height: 96 };
const EOI = Uint8Array.of(0xff, 0xd9);

Deno.test({
  name: "Editor refuses cut pictures, wherever they end",
  ...needing(...LIBJPEG),
  async fn() {
    for (const args of [["-sample", "2x2"], ["-restart", "1"], ["-grayscale"]]) {
      const jpeg = await encode({ ...SIZE, args });
      for (let length = 2; length < jpeg.length - 3; length++) {
        for (const end of [new Uint8Array(0), EOI]) {
          const result = edit(join(jpeg.subarray(0, length), end));
          assert("refused" in result, `${args}: ${length} of ${jpeg.length} bytes`);
        }
      }
    }
  },
});

Deno.test({
  name: "Editor drops what follows the scan: other scans, a number of lines, other pictures",
  ...needing(...LIBJPEG),
  async fn() {
    const jpeg = await encode({ ...SIZE, args: ["-sample", "2x2"] });
    const { header, data } = parts(jpeg);
    const sos = [...segments(jpeg)].at(-1)!;
    const again = join(jpeg.subarray(sos.start, sos.end), data);
    const dnl = segment(0xdc, [0, 96]);
    const expected = edit(jpeg);
    assert("jpeg" in expected);
    await assertGrey(expected.jpeg, "undamaged");
    for (const tail of [again, dnl, join(dnl, again), join(EOI, jpeg), Uint8Array.of(0xff, 0xff)]) {
      assertEquals(edit(join(header, data, tail, EOI)), expected);
    }
    assertEquals(edit(join(header, data)), expected, "without EOI");
    assertEquals(edit(join(header, data, new Uint8Array(5_000), EOI)), expected, "padded by zeros");
    assertEquals(edit(join(header, data, Uint8Array.of(1, 2, 3), EOI)), expected, "a webcam");
    assertRefused(join(header, data, data, EOI), "its data end too early, or too late");
    assertRefused(join(header, data, data.subarray(0, 100), EOI), "its data end too early");
  },
});

Deno.test({
  name: "Editor refuses restart markers that are missing, doubled, out of order or undeclared",
  ...needing(...LIBJPEG),
  async fn() {
    const jpeg = await encode({ ...SIZE, args: ["-restart", "5B"] });
    const places = restartMarkers(jpeg);
    assert(places.length > 8);
    const reason = "restart markers are missing or out of order";
    for (const [i, at] of places.entries()) {
      const marker = jpeg.subarray(at, at + 2);
      const [before, after] = [jpeg.subarray(0, at), jpeg.subarray(at + 2)];
      assertRefused(join(before, after), reason);
      assertRefused(join(before, marker, marker, after), reason);
      assertRefused(join(before, Uint8Array.of(0xff, 0xd0 | (i + 3) & 7), after), reason);
    }
    const swapped = jpeg.slice();
    [swapped[places[1]! + 1], swapped[places[2]! + 1]] = [0xd2, 0xd1];
    assertRefused(swapped, reason);
    const dri = [...segments(jpeg)].find(({ marker }) => marker === 0xdd)!;
    assertRefused(join(jpeg.subarray(0, dri.start), jpeg.subarray(dri.end)), reason);
    for (const interval of [0, 1, 4, 6, 10, 65535]) {
      const changed = jpeg.slice();
      changed.set([interval >> 8, interval & 0xff], dri.start + 4);
      assert("refused" in edit(changed), `interval ${interval}`);
    }
    // An MCU was moved from one interval to the next: their number is right.
    const moved = join(
      jpeg.subarray(0, places[2]! - 12),
      jpeg.subarray(places[2]!, places[2]! + 2),
      jpeg.subarray(places[2]! - 12, places[2]),
      jpeg.subarray(places[2]! + 2),
    );
    assert("refused" in edit(moved));
  },
});

Deno.test({
  name: "Editor refuses headers that decoders understand differently",
  ...needing(...LIBJPEG),
  async fn() {
    const jpeg = await encode({ ...SIZE, args: ["-sample", "2x2"] });
    const all = [...segments(jpeg)];
    const find = (wanted: number) => all.find(({ marker }) => marker === wanted)!;
    const sof = find(0xc0), dqt = find(0xdb), dht = find(0xc4), sos = find(0xda);
    const insert = (at: number, ...added: Uint8Array[]) =>
      join(jpeg.subarray(0, at), ...added, jpeg.subarray(at));
    const change = (at: number, ...values: number[]) => {
      const changed = jpeg.slice();
      changed.set(values, at);
      return changed;
    };
    const frame = jpeg.subarray(sof.start, sof.end);
    assertRefused(insert(sof.start, frame), "two frame headers");
    assertRefused(change(sof.start + 5, 0, 0), "without its height");
    assertRefused(change(sof.start + 5, 0, 80), "its data end too early, or too late");
    assertRefused(change(sof.start + 5, 0, 112), "its data end too early, or too late");
    assertRefused(change(sof.start + 5, 0xff, 0xff, 0xff, 0xff), "65535x65535 pixels");
    assertRefused(change(sof.start + 4, 12), "12 bits");
    assertRefused(change(sof.start + 9, 4), "damaged JPEG");
    assertRefused(change(sof.start + 11, 0x44), "damaged JPEG"); // 18 blocks per MCU
    assertRefused(change(sos.start + 4, 1), "several scans");
    assertRefused(change(sos.start + 5, 2, 0x11, 1, 0), "damaged JPEG"); // another order
    assertRefused(change(dqt.start + 10, 0), "damaged JPEG"); // a step of 0
    assertRefused(change(dht.start + 5, 3), "damaged JPEG"); // three codes of one bit
    assertRefused(join(jpeg.subarray(0, dht.start), jpeg.subarray(dht.end)), "without its tables");
    const run = jpeg.slice(dht.start, dht.end);
    assertEquals(edit(insert(dht.start, run)), edit(jpeg), "the same table twice");
  },
});

Deno.test({
  name: "Editor refuses codes that decoders understand differently",
  ...needing(...LIBJPEG),
  async fn() {
    const jpeg = await encode({ ...SIZE, args: ["-grayscale"] });
    const table = [...segments(jpeg)].filter(({ marker }) => marker === 0xc4)
      .find(({ start }) => jpeg[start + 4] === 0x10)!;
    const at = jpeg.indexOf(0x00, table.start + 4 + 17); // ends a block
    assertLess(at, table.end);
    for (const symbol of [0x10, 0x20, 0xe0]) { // a run without a value
      const changed = jpeg.slice();
      changed[at] = symbol;
      assert("refused" in edit(changed), `symbol ${symbol}`);
    }
  },
});

Deno.test({
  name: "Editor masks damaged pictures or refuses them, soon and without an exception",
  ...needing(...LIBJPEG),
  async fn() {
    const random = new Random(2026);
    const samples = await Promise.all(
      [
        ["-sample", "2x2"],
        ["-sample", "2x2", "-optimize"],
        ["-sample", "2x1", "-restart", "1"],
        ["-restart", "7B"],
        ["-grayscale"],
        ["-sample", "1x1", "-quality", "97"],
      ].map((args) => encode({ ...SIZE, args })),
    );
    const checks: Promise<void>[] = [];
    let refused = 0;
    for (let round = 0; round < 2_000; round++) {
      const damaged = damage(random, random.of(samples));
      const result = edit(damaged);
      if ("refused" in result) refused++;
      else checks.push(assertGrey(result.jpeg, `round ${round}`));
      if (checks.length % 8 === 7) await Promise.all(checks.splice(0));
      const turned = edit(damaged, turning);
      if ("jpeg" in turned && random.oneIn(4)) await assertGrey(turned.jpeg, `turned ${round}`);
      edit(damaged, writing);
    }
    await Promise.all(checks);
    assert(refused > 500 && refused < 2_000, `${refused} refused`);
  },
});

const TURNED: Orientation = { rotation: 90, mirrored: true };
const masking = new Editor({ type: "edit", orientation: UPRIGHT, mask: MASK, overlay: undefined });
const turning = new Editor({ type: "edit", orientation: TURNED, mask: MASK, overlay: undefined });
const writing = new Editor({ type: "edit", orientation: UPRIGHT, mask: [], overlay: TEXT });

/** Edits a picture, with the editor of the pictures before. */
function edit(jpeg: Jpeg, editor = masking): Processed | Refused {
  return inTime(() => editor.process(jpeg, 0));
}

function assertRefused(jpeg: Jpeg, reason: string): void {
  const result = edit(jpeg);
  assert("refused" in result, `not refused: ${reason}`);
  assert(result.refused.includes(reason), `${result.refused}, not ${reason}`);
}

/** Asserts that libjpeg finds no damage in a picture, and grey in its mask. */
async function assertGrey(jpeg: Jpeg, name: string): Promise<void> {
  const pixels = await greyPixels(jpeg).catch((error) => {
    throw new Error(name, { cause: error });
  });
  for (const rectangle of MASK) assertLess(worstInside(pixels, rectangle), 2, name);
}

/** Splits a picture into its header, and its data before EOI. */
function parts(jpeg: Jpeg): { header: Bytes; data: Bytes } {
  const { end } = [...segments(jpeg)].at(-1)!;
  return { header: jpeg.slice(0, end), data: jpeg.slice(end, -2) };
}

function restartMarkers(jpeg: Jpeg): number[] {
  const { end } = [...segments(jpeg)].at(-1)!;
  const places: number[] = [];
  for (let at = end; at < jpeg.length; at++) {
    if (jpeg[at] === 0xff && (jpeg[at + 1]! & 0xf8) === 0xd0) places.push(at);
  }
  return places;
}

/** Changes, removes, inserts, doubles or cuts bytes. */
function damage(random: Random, jpeg: Jpeg): Jpeg {
  const at = random.integer(2, jpeg.length - 1);
  const count = random.integer(1, random.of([2, 40, 2_000]));
  switch (random.integer(0, 5)) {
    case 0:
      return join(jpeg.subarray(0, at), EOI);
    case 1:
      return join(jpeg.subarray(0, at), jpeg.subarray(at + count));
    case 2:
      return join(jpeg.subarray(0, at), jpeg.subarray(at - count), EOI);
    case 3:
      return join(
        jpeg.subarray(0, at),
        Uint8Array.of(0xff, random.integer(0xd0, 0xd9)),
        jpeg.subarray(at),
      );
    default: {
      const changed = jpeg.slice();
      for (let i = random.integer(1, 6); i > 0; i--) {
        const place = random.integer(2, jpeg.length - 1);
        changed[place]! ^= random.oneIn(2) ? 1 << random.integer(0, 7) : random.integer(1, 255);
      }
      return changed;
    }
  }
}
