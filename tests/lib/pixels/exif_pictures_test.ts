import { assert, assertEquals } from "@std/assert";
import { segments } from "../../../lib/jpeg/segments.ts";
import { Editor } from "../../../lib/pixels/editor.ts";
import { exifSegment } from "../../../lib/pixels/exif_orientation.ts";
import { type Rotation, UPRIGHT } from "../../../lib/pixels/orientation.ts";
import { needing, PYTHON } from "../../parts.ts";
import { withSegment } from "../jpeg/exif.ts";
import { decode, encode, LIBJPEG, run } from "./libjpeg.ts";

/** Prints a JPEG as people see it, as a PGM file. */
const AS_SEEN = `
import sys, cv2, numpy
picture = cv2.imdecode(numpy.frombuffer(sys.stdin.buffer.read(), numpy.uint8), cv2.IMREAD_GRAYSCALE)
sys.stdout.buffer.write(b"P5\\n%d %d\\n255\\n" % (picture.shape[1], picture.shape[0]) + picture.tobytes())
`;
const probe = new Deno.Command(PYTHON, { args: ["-c", "import cv2"], stderr: "null" });
const hasOpenCv = await probe.output().then(({ success }) => success, () => false);

Deno.test({
  name: "Editor turns pictures as OpenCV shows them by their EXIF orientation, and removes it",
  ...needing(...LIBJPEG, PYTHON, hasOpenCv ? PYTHON : "python3-opencv"),
  async fn() {
    const jpeg = await encode({ width: 96, height: 64, args: ["-grayscale"] });
    for (const rotation of [0, 90, 180, 270] satisfies Rotation[]) {
      for (const mirrored of [false, true]) {
        const tagged = withSegment(jpeg, exifSegment({ rotation, mirrored }));
        const task = { mask: [], overlay: undefined, orientation: UPRIGHT };
        const result = new Editor({ type: "edit", ...task }).process(tagged, 0);
        assert(!("refused" in result), JSON.stringify(result));
        const expected = await run(PYTHON, ["-c", AS_SEEN], tagged);
        const decoded = await decode(result.jpeg), name = `${rotation} ${mirrored}`;
        assertEquals(decoded.subarray(0, 13), expected.subarray(0, 13), name); // the size
        // Decoders round a transposed block differently.
        assert(decoded.every((level, i) => Math.abs(level - expected[i]!) <= 1), name);
        assert([...segments(result.jpeg)].every(({ marker }) => marker !== 0xe1));
      }
    }
  },
});
