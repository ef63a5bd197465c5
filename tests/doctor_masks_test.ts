import { assertEquals, assertMatch } from "@std/assert";
import type { Jpeg } from "../lib/frame.ts";
import { progressivePicture } from "./known_pictures.ts";
import { encode, LIBJPEG } from "./lib/pixels/libjpeg.ts";
import { needing } from "./parts.ts";
import { PictureServer } from "./picture_server.ts";
import { ROOT } from "./server.ts";

/** Runs the doctor with a camera that sends these pictures. */
async function doctor(pictures: readonly Jpeg[], env: Record<string, string>) {
  await using source = new PictureServer({ fps: 50 });
  source.pictures.set("front", pictures);
  const { code, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-q", "--allow-all", "main.ts", "doctor"],
    cwd: ROOT,
    env: { PORT: "0", CAMERA: "front=mjpeg", FRONT_SOURCE: source.url("front"), ...env },
    stdin: "null",
  }).output();
  return { code, text: new TextDecoder().decode(stdout) };
}

const DAMAGED = Uint8Array.of(0xff, 0xd8, 0xff, 0xdb, 0, 2, 0xff, 0xc0, 0, 2, 0xff, 0xd9);

Deno.test(
  "the doctor masks a picture, and says what it costs",
  needing(...LIBJPEG),
  async () => {
    const good = await encode({ width: 640, height: 480 });
    const progressive = await progressivePicture();
    const env = { PRIVACY_MASK: "0,0,30,20", ROTATE: "90", FPS: "20", OVERLAY: "%time" };
    const { code, text } = await doctor([progressive, DAMAGED, good], env);
    assertEquals(code, 0, text);
    assertMatch(text, /^ok +Camera front \(mjpeg\) delivers pictures: \d+x\d+, the first/m);
    assertMatch(
      text,
      /^ok +Camera front \(mjpeg\) can be turned, masked, given a text: \d+\.\d ms per picture, \d+ % of a CPU core at 20 fps$/m,
    );
  },
);

Deno.test(
  "the doctor says that pictures cannot be masked, turned or given a text",
  needing(...LIBJPEG),
  async () => {
    const pictures = [await progressivePicture()];
    const rows = [
      [{ PRIVACY_MASK: "0,0,30,20", OVERLAY: "%time" }, "problem", "cannot be masked", 1],
      [{ FLIP: "both" }, "problem", "cannot be turned", 1],
      [{ OVERLAY: "%time" }, "warning", "cannot get a text", 0],
    ] as const;
    for (const [env, verdict, failure, expected] of rows) {
      const { code, text } = await doctor(pictures, env);
      assertEquals(code, expected, text);
      assertMatch(
        text,
        new RegExp(
          `^${verdict} +Camera front \\(mjpeg\\) delivers pictures that ${failure}: progressive ` +
            "JPEG\n +→ set the camera to baseline JPEG",
          "m",
        ),
      );
    }
  },
);
