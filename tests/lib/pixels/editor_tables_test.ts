import { assert, assertEquals } from "@std/assert";
import type { Jpeg } from "../../../lib/frame.ts";
import { splitJpegs } from "../../../lib/jpeg/split.ts";
import { STANDARD_TABLES_BY_ID } from "../../../lib/jpeg/tables.ts";
import { type Baseline, readBaseline } from "../../../lib/pixels/baseline.ts";
import { Editor } from "../../../lib/pixels/editor.ts";
import { HeaderReader } from "../../../lib/pixels/header_reader.ts";
import { encoderOf } from "../../../lib/pixels/huffman.ts";
import { maskedMcus } from "../../../lib/pixels/masked_mcus.ts";
import { UPRIGHT } from "../../../lib/pixels/orientation.ts";
import { Patcher } from "../../../lib/pixels/patcher.ts";
import { PatchMaker } from "../../../lib/pixels/patch_maker.ts";
import type { Rectangle } from "../../../lib/pixels/rectangle.ts";
import type { EditTask } from "../../../lib/pixels/task.ts";
import { drawText, type TextPicture } from "../../../lib/pixels/text_picture.ts";
import { ffmpeg } from "../../ffmpeg.ts";
import { greyPixels, type Pixels, worstInside } from "../../masked_picture.ts";
import { needing } from "../../parts.ts";
import { LIBJPEG } from "./libjpeg.ts";

const SIZE = "size=640x360:rate=30";
const NIGHT = `color=0x101018:${SIZE},noise=alls=20:allf=t`;
/** What ffmpeg encodes with Huffman tables for each picture. */
const SCENES = {
  "sharp edges": `testsrc2=${SIZE}`,
  "noise": `testsrc2=${SIZE},noise=alls=10:allf=t`,
  "details": `mandelbrot=${SIZE}`,
  "a smooth gradient": `gradients=${SIZE}:seed=3`,
  "one level": `color=gray:${SIZE}`,
  "a lamp at night": `${NIGHT},drawbox=300:150:40:40:white:fill`,
  "a soft night": `${NIGHT},gblur=sigma=2`,
};
const NOON = new Date(2026, 10, 27, 12, 0, 0).getTime();
const LINE = "FRONT DOOR 12:00:00";
const MASK = [{ left: 20, top: 0, right: 50, bottom: 40 }];

for (const [scene, source] of Object.entries(SCENES)) {
  Deno.test({
    name: `Editor writes a legible text into pictures of ${scene} without new tables for the rest`,
    ...needing("ffmpeg", ...LIBJPEG),
    async fn() {
      for (const place of ["top", "bottom"] as const) {
        const editor = new Editor(taskOf({ place }));
        for (const quality of [2, 5, 10, 20]) {
          for (const jpeg of await encode(source, quality)) {
            const name = `-q:v ${quality}, ${place}`;
            const edited = edit(editor, jpeg);
            await assertLegible(edited, jpeg, drawText(headerOf(jpeg), LINE, place)!, name);
            assertSameCodes(edited, jpeg, name);
          }
        }
      }
    },
  });

  Deno.test({
    name: `Editor masks pictures of ${scene} without new tables for the rest`,
    ...needing("ffmpeg", ...LIBJPEG),
    async fn() {
      const editor = new Editor(taskOf({ mask: MASK }));
      for (const quality of [2, 20]) {
        for (const jpeg of await encode(source, quality)) {
          const edited = edit(editor, jpeg), after = await greyPixels(edited);
          assert(worstInside(after, MASK[0]!) <= 1, `-q:v ${quality}: not grey`);
          const boxes = maskedMcus(headerOf(jpeg), MASK);
          assertSameOutside(after, await greyPixels(jpeg), boxes.map(inPixels), `${quality}`);
          assertSameCodes(edited, jpeg, `-q:v ${quality}`);
        }
      }
    },
  });
}

Deno.test({
  name: "Editor replaces tables that have no room if letters would not be legible",
  ...needing("ffmpeg", ...LIBJPEG),
  async fn() {
    const editor = new Editor(taskOf({ place: "top" }));
    for (const jpeg of await encode(NIGHT.replace(SIZE, "size=1280x720:rate=30"), 2)) {
      const edited = edit(editor, jpeg);
      await assertLegible(edited, jpeg, drawText(headerOf(jpeg), LINE, "top")!, "");
      const { huffman } = headerOf(edited);
      assertEquals(huffman.get(0x10)!.values, STANDARD_TABLES_BY_ID.get(0x10)!.values);
    }
  },
});

Deno.test({
  name: "Patcher ends pictures whose code for the end of a block ends with ones",
  ...needing("ffmpeg"),
  async fn() {
    const patcher = new Patcher(), headers = new HeaderReader();
    const text = { line: "DOOR", place: "top" } as const;
    let found = 0;
    for (const jpeg of await encode("testsrc2=size=160x96", 20, 12)) {
      const read = headers.read(jpeg);
      assert(!("refused" in read));
      const patches = new PatchMaker([]).make(read.header, text);
      assert(!("refused" in patches));
      const whole = patcher.patch(jpeg, read.data, { ...patches, isStrict: true });
      assertEquals(patcher.patch(jpeg, read.data, patches), whole);
      const { components, huffman } = read.header.baseline;
      const [endOfBlock] = encoderOf(huffman.get(0x10 | components.at(-1)!.ta)!).codes;
      if (endOfBlock! & 1) found++;
    }
    assert(found > 0, "no such picture");
  },
});

async function encode(source: string, quality: number, count = 2): Promise<Jpeg[]> {
  const { output } = await ffmpeg([
    ...["-f", "lavfi", "-i", `${source},format=yuvj420p`, "-frames:v", `${count}`],
    ...["-c:v", "mjpeg", "-q:v", `${quality}`, "-f", "mjpeg", "pipe:1"],
  ]);
  return Array.fromAsync(splitJpegs(new Blob([output]).stream()));
}

function taskOf(
  { mask = [], place }: { mask?: readonly Rectangle[]; place?: "top" | "bottom" },
): EditTask {
  const overlay = place && { text: "%name %time", place, camera: "FRONT DOOR" };
  return { type: "edit", orientation: UPRIGHT, mask, overlay };
}

function edit(editor: Editor, jpeg: Jpeg): Jpeg {
  const result = editor.process(jpeg, NOON);
  assert(!("refused" in result));
  return result.jpeg;
}

function headerOf(jpeg: Jpeg): Baseline {
  const header = readBaseline(jpeg);
  assert(!("refused" in header));
  return header;
}

/** Returns a rectangle of MCUs in pixels. */
function inPixels({ left, top, right, bottom }: Rectangle): Rectangle {
  return { left: left * 16, top: top * 16, right: right * 16, bottom: bottom * 16 };
}

/** Asserts that nearly all dots of letters are clearly lighter than the ground around them. */
async function assertLegible(edited: Jpeg, jpeg: Jpeg, text: TextPicture, name: string) {
  const before = await greyPixels(jpeg), after = await greyPixels(edited);
  const { area, stride, dots } = text;
  const box = inPixels(area);
  assertSameOutside(after, before, [box], name);
  const levelAt = (i: number) =>
    after.values[(box.top + Math.floor(i / stride)) * after.width + box.left + i % stride]!;
  const visible = Math.min(dots.length, (after.height - box.top) * stride);
  let letters = 0, legible = 0;
  for (let i = 0; i < visible; i++) {
    if (!dots[i]) continue;
    letters++;
    if (levelAt(i) - meanGround(i) >= 60) legible++;
  }
  assert(legible >= 0.95 * letters, `${name}: ${legible} of ${letters} dots are legible`);

  function meanGround(at: number): number {
    const x = at % stride, y = Math.floor(at / stride);
    let sum = 0, count = 0;
    for (let j = Math.max(0, y - 8); j < y + 8 && j * stride < visible; j++) {
      for (let i = Math.max(0, x - 8); i < Math.min(x + 8, stride); i++) {
        if (dots[j * stride + i]) continue;
        sum += levelAt(j * stride + i);
        count++;
      }
    }
    return sum / count;
  }
}

/** Asserts that the codes that the camera's picture has mean the same in the edited one. */
function assertSameCodes(edited: Jpeg, jpeg: Jpeg, name: string) {
  const after = headerOf(edited).huffman;
  for (const [id, { counts, values }] of headerOf(jpeg).huffman) {
    const table = after.get(id)!;
    assertEquals(table.counts.subarray(0, 15), counts.subarray(0, 15), name);
    assertEquals(table.values.subarray(0, values.length), values, name);
  }
}

function assertSameOutside(
  { width, height, values }: Pixels,
  before: Pixels,
  boxes: Rectangle[],
  name: string,
) {
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (values[y * width + x] === before.values[y * width + x]) continue;
      const isInside = boxes.some(({ left, top, right, bottom }) =>
        x >= left && x < right && y >= top && y < bottom
      );
      assert(isInside, `${name}: changed at ${x}, ${y}`);
    }
  }
}
