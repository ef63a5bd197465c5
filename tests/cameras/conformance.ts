import { assert, assertEquals, assertGreaterOrEqual, assertLess } from "@std/assert";
import type { CameraDriver, CommonSettings, Images } from "../../lib/camera/driver.ts";
import type { Env } from "../../lib/env.ts";
import type { Jpeg } from "../../lib/frame.ts";
import { splitJpegs } from "../../lib/jpeg/split.ts";
import { leavingNoProcess } from "../processes.ts";

/** A driver under test, with a source of frames. */
export interface Conformance<Settings extends CommonSettings> {
  /** Describes the source of the frames. It ends the test's name. */
  source: string;
  driver: CameraDriver<Settings>;
  /**
   * Starts the source and returns the settings. Disposing of them stops the source. Runs for each
   * step.
   */
  setUp(): Promise<AsyncDisposable & { env: Env }>;
  /** Time limit for the end after an abort, in milliseconds. */
  endsWithin?: number;
  ignore?: boolean;
}

/** Tests a driver against the driver contract, with a step for each promise of the contract. */
export function testConformance<Settings extends CommonSettings>(
  { source, driver, setUp, endsWithin = 1_500, ignore }: Conformance<Settings>,
): void {
  Deno.test({
    name: `a driver follows the driver contract: ${source}`,
    ignore,
    fn: async (t) => {
      const step = (name: string, body: (open: Open) => Promise<void>) =>
        t.step(name, () =>
          leavingNoProcess(async () => {
            await using prepared = await setUp();
            const settings = driver.configure(prepared.env);
            await body((signal) => driver.open(settings, signal));
          }));

      await step("open() yields complete JPEGs until its signal aborts", async (open) => {
        const stop = new AbortController();
        let seen = 0;
        let abortedAt = 0;
        for await (const image of open(stop.signal)) {
          const jpeg = "jpeg" in image ? image.jpeg : image;
          assertEquals(await jpegLengths(jpeg), [jpeg.length]);
          if (++seen === 3) {
            stop.abort();
            abortedAt = performance.now();
          }
          assertLess(seen, 50, "the iteration does not end");
        }
        assertGreaterOrEqual(seen, 3);
        assertLess(performance.now() - abortedAt, endsWithin);
      });

      await step("open() ends soon after an abort during a pending next()", async (open) => {
        const stop = new AbortController();
        const images = open(stop.signal)[Symbol.asyncIterator]();
        await images.next();
        let next = images.next();
        const abortedAt = performance.now();
        stop.abort();
        while (!(await next).done) next = images.next();
        assertLess(performance.now() - abortedAt, endsWithin);
      });

      await step(
        "open() ends immediately and starts nothing if its signal has aborted",
        async (open) => {
          const startedAt = performance.now();
          const images = await Array.fromAsync(open(AbortSignal.abort()));
          assert(images.length <= 1);
          assertLess(performance.now() - startedAt, endsWithin);
        },
      );

      await step("open() stops when the reader leaves the loop", async (open) => {
        for await (const _ of open(new AbortController().signal)) break;
      });

      await step("open() can be called again", async (open) => {
        for (let opened = 0; opened < 2; opened++) {
          for await (const _ of open(new AbortController().signal)) break;
        }
      });
    },
  });
}

type Open = (signal: AbortSignal) => Images;

/** Returns the lengths of the JPEGs in some bytes: a single length for one complete JPEG. */
async function jpegLengths(bytes: Jpeg): Promise<number[]> {
  const images = splitJpegs((async function* () {
    yield bytes.slice();
  })());
  const lengths = await Array.fromAsync(images, (jpeg) => jpeg.length);
  assertEquals(images.counts.skippedBytes, 0);
  return lengths;
}
