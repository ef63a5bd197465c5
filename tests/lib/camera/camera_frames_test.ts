import { assertEquals, assertRejects } from "@std/assert";
import { Camera } from "../../../lib/camera/camera.ts";
import type { TimedJpeg } from "../../../lib/camera/driver.ts";
import { CameraError } from "../../../lib/errors.ts";
import type { Jpeg } from "../../../lib/frame.ts";
import { segments, sizeOf } from "../../../lib/jpeg/segments.ts";
import { ManualClock, settle } from "../../manual_clock.ts";
import { noEvents } from "../../silent.ts";

const DHT = 0xc4;
const PICTURE = await Deno.readFile(new URL("../../../cameras/emulated/1.jpg", import.meta.url));

Deno.test("Camera adds missing Huffman tables to a frame, and keeps the camera's capture time", async () => {
  await using camera = setUp();
  const bare = withoutTables(PICTURE);
  const frame = camera.frame(Infinity);
  await camera.push({ jpeg: bare, capturedAt: camera.clock.now() - 70 });
  const { jpeg, capturedAt } = await frame;
  assertEquals(tables(bare), 0);
  assertEquals(tables(jpeg), 1); // one segment with all four
  assertEquals(sizeOf(jpeg), sizeOf(PICTURE));
  assertEquals(capturedAt, camera.clock.now() - 70);
});

Deno.test("Camera repairs an image with two SOI or with stray bytes between its segments", async () => {
  const stray = (at: number, ...bytes: number[]) =>
    new Uint8Array([...PICTURE.subarray(0, at), ...bytes, ...PICTURE.subarray(at)]);
  const length = PICTURE.slice();
  length[5]! -= 3;
  for (const damaged of [stray(2, 0xff, 0xd8), stray(20, 0, 0, 0x61, 0xff, 0), length]) {
    await using camera = setUp();
    const frame = camera.frame(Infinity);
    await camera.push(damaged);
    const { jpeg } = await frame;
    assertEquals(sizeOf(jpeg), sizeOf(PICTURE));
    assertEquals([...segments(jpeg)].at(-1)?.marker, 0xda);
  }
});

Deno.test("Camera passes a frame with tables on unchanged, with the time of its arrival", async () => {
  await using camera = setUp();
  const frame = camera.frame(Infinity);
  await camera.push(PICTURE);
  assertEquals(await frame, {
    jpeg: PICTURE,
    capturedAt: camera.clock.now(),
    monotonic: camera.clock.monotonic(),
    sequence: 1,
  });
});

Deno.test("Camera.frame() waits for a frame captured after the request", async () => {
  await using camera = setUp();
  const first = camera.frame();
  await camera.push({ jpeg: PICTURE, capturedAt: camera.clock.now() - 200 }); // captured before the request
  await camera.push({ jpeg: PICTURE, capturedAt: camera.clock.now() });
  assertEquals((await first).sequence, 2);
});

Deno.test("Camera.frame() returns the second new frame of a camera whose clock is behind", async () => {
  await using camera = setUp();
  const hourBehind = () => camera.clock.now() - 3_600_000;
  using _viewer = camera.watch();
  const first = camera.frame();
  for (let i = 0; i < 3; i++) await camera.push({ jpeg: PICTURE, capturedAt: hourBehind() });
  assertEquals((await first).sequence, 2);
  // By the camera's clock the newest frame is an hour old, but it has arrived just now.
  assertEquals((await camera.frame(1_000)).sequence, 3);
});

Deno.test("Camera.frame() does not return an old frame of a camera whose clock is ahead", async () => {
  await using camera = setUp();
  const hourAhead = () => camera.clock.now() + 3_600_000;
  using _viewer = camera.watch();
  await camera.push({ jpeg: PICTURE, capturedAt: hourAhead() });
  await camera.clock.advance(1_000);
  const second = camera.frame();
  await camera.push({ jpeg: PICTURE, capturedAt: hourAhead() });
  assertEquals((await second).sequence, 2);
});

Deno.test("Camera.frame() of a silent camera fails after the first-frame timeout", async () => {
  await using camera = setUp();
  const frame = assertRejects(() => camera.frame(Infinity), CameraError, "for 10 s");
  await camera.clock.advance(10_000);
  await frame;
});

function setUp() {
  const clock = new ManualClock();
  const images: (Jpeg | TimedJpeg)[] = [];
  let wake = () => {};
  async function* open(signal: AbortSignal): AsyncGenerator<Jpeg | TimedJpeg> {
    signal.addEventListener("abort", () => wake());
    while (!signal.aborted) {
      yield* images.splice(0);
      const { promise, resolve } = Promise.withResolvers<void>();
      wake = resolve;
      if (images.length === 0 && !signal.aborted) await promise;
    }
  }
  const camera = new Camera({
    name: "c",
    driver: "fake",
    open,
    idleTimeout: 0,
    clock,
    events: noEvents,
  });
  return {
    clock,
    frame: (maxAge?: number) => camera.frame(maxAge),
    watch() {
      const viewer = camera.subscribe({ role: "viewer" });
      viewer.next();
      return viewer;
    },
    async push(image: Jpeg | TimedJpeg) {
      await clock.advance(0);
      images.push(image);
      wake();
      await settle();
    },
    [Symbol.asyncDispose]: () => camera.close(),
  };
}

function tables(jpeg: Jpeg): number {
  return [...segments(jpeg)].filter(({ marker }) => marker === DHT).length;
}

/** A JPEG as some webcams make it. */
function withoutTables(jpeg: Jpeg): Jpeg {
  const kept: Jpeg[] = [jpeg.slice(0, 2)];
  let end = 2;
  for (const segment of segments(jpeg)) {
    if (segment.marker !== DHT) kept.push(jpeg.slice(segment.start, segment.end));
    end = segment.end;
  }
  return new Uint8Array([...kept, jpeg.slice(end)].flatMap((part) => [...part]));
}
