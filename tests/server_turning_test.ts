import { assert, assertEquals } from "@std/assert";
import type { Jpeg } from "../lib/frame.ts";
import { sizeOf } from "../lib/jpeg/segments.ts";
import { decode, LIBJPEG, run } from "./lib/pixels/libjpeg.ts";
import { needing } from "./parts.ts";
import { ROOT, Server } from "./server.ts";

/** `ROTATE` and `FLIP` of cameras, and jpegtran's options for the same. */
const CAMERAS: readonly [rotate: string, flip: string, transformation: readonly string[]][] = [
  ["0", "", ["-copy", "none"]],
  ["0", "horizontal", ["-flip", "horizontal"]],
  ["90", "", ["-rotate", "90"]],
  ["90", "horizontal", ["-transpose"]],
  ["180", "", ["-rotate", "180"]],
  ["180", "horizontal", ["-flip", "vertical"]],
  ["270", "", ["-rotate", "270"]],
  ["90", "vertical", ["-transverse"]],
  ["270", "both", ["-rotate", "90"]],
];

Deno.test({
  name: "ROTATE and FLIP turn pictures to the same pixels as jpegtran, each camera its own way",
  ...needing(...LIBJPEG),
  async fn() {
    const originals: Jpeg[] = await Promise.all(
      [1, 2, 3].map((n) => Deno.readFile(new URL(`cameras/emulated/${n}.jpg`, ROOT))),
    );
    const env: Record<string, string> = {
      CAMERA: CAMERAS.map((_, i) => `c${i}=emulated`).join(","),
      FPS: "5",
    };
    CAMERAS.forEach(([rotate, flip], i) => {
      env[`C${i}_ROTATE`] = rotate;
      if (flip) env[`C${i}_FLIP`] = flip;
    });
    await using server = await Server.start({ env });
    for (const [i, [rotate, flip, transformation]] of CAMERAS.entries()) {
      const name = `ROTATE=${rotate} FLIP=${flip}`;
      const response = await fetch(`${server.url}/cameras/c${i}/snapshot.jpg`);
      const snapshot: Jpeg = new Uint8Array(await response.arrayBuffer());
      assertEquals(response.status, 200, `${name}: ${new TextDecoder().decode(snapshot)}`);
      const turned = await Promise.all(
        originals.map((original) => run("jpegtran", ["-trim", ...transformation], original)),
      );
      assertEquals(sizeOf(snapshot), sizeOf(turned[0]!), name);
      const decoded = await decode(snapshot);
      const expected = await Promise.all(turned.map(decode));
      assert(expected.some((pixels) => equal(pixels, decoded)), name);
    }
    assert(!server.output.includes("has no effect"), server.output);
  },
});

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
