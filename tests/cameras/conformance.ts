import { assert, assertEquals, assertGreaterOrEqual, assertLess } from "@std/assert";
import type { CameraDriver, CommonSettings, Images } from "../../lib/camera/driver.ts";
import type { Env } from "../../lib/env.ts";
import type { Jpeg } from "../../lib/frame.ts";
import { splitJpegs } from "../../lib/jpeg/split.ts";
import { leavingNoProcess } from "../processes.ts";

/** One kind of camera, with something real behind it. */
export interface Conformance<Settings extends CommonSettings> {
  /** What gives the pictures, to end the test's name. */
  behind: string;
  driver: CameraDriver<Settings>;
  /** The settings; with `await using`, what is behind it is put up and taken down around each step. */
  setUp(): Promise<AsyncDisposable & { env: Env }>;
  /** How soon it must end after an abort, in milliseconds. */
  ends?: number;
  ignore?: boolean;
}

/** What holds for every driver: one test with a step for each promise of the contract. */
export function testConformance<Settings extends CommonSettings>(
  { behind, driver, setUp, ends = 1_500, ignore }: Conformance<Settings>,
): void {
  Deno.test({
    name: `a camera as every camera: ${behind}`,
    ignore,
    fn: async (t) => {
      const step = (name: string, body: (open: Open) => Promise<void>) =>
        t.step(name, () =>
          leavingNoProcess(async () => {
            await using around = await setUp();
            const settings = driver.configure(around.env);
            await body((signal) => driver.open(settings, signal));
          }));

      await step("gives whole JPEGs, one at a time, until its signal aborts", async (open) => {
        const stop = new AbortController();
        let seen = 0;
        let aborted = 0;
        for await (const image of open(stop.signal)) {
          const jpeg = "jpeg" in image ? image.jpeg : image;
          assertEquals(await imagesIn(jpeg), [jpeg.length]);
          if (++seen === 3) {
            stop.abort();
            aborted = performance.now();
          }
          assertLess(seen, 50, "it does not end");
        }
        assertGreaterOrEqual(seen, 3);
        assertLess(performance.now() - aborted, ends);
      });

      await step("ends soon after an abort while it is waited for", async (open) => {
        const stop = new AbortController();
        const images = open(stop.signal)[Symbol.asyncIterator]();
        await images.next();
        let next = images.next();
        const aborted = performance.now();
        stop.abort();
        while (!(await next).done) next = images.next();
        assertLess(performance.now() - aborted, ends);
      });

      await step("ends at once, and starts nothing, if its signal has aborted", async (open) => {
        const begun = performance.now();
        const images = await Array.fromAsync(open(AbortSignal.abort()));
        assert(images.length <= 1);
        assertLess(performance.now() - begun, ends);
      });

      await step("can be left in the middle", async (open) => {
        for await (const _ of open(new AbortController().signal)) break;
      });

      await step("can be opened again", async (open) => {
        for (let opened = 0; opened < 2; opened++) {
          for await (const _ of open(new AbortController().signal)) break;
        }
      });
    },
  });
}

type Open = (signal: AbortSignal) => Images;

/** The lengths of the images that are in some bytes: one if they are one whole JPEG. */
async function imagesIn(bytes: Jpeg): Promise<number[]> {
  const images = splitJpegs((async function* () {
    yield bytes.slice();
  })());
  const lengths = await Array.fromAsync(images, (jpeg) => jpeg.length);
  assertEquals(images.counts.skippedBytes, 0);
  return lengths;
}
