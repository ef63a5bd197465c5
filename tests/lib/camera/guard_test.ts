import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { guardDriver, type GuardOptions } from "../../../lib/camera/guard.ts";
import { CameraError, ImmediateStop } from "../../../lib/errors.ts";
import type { Jpeg } from "../../../lib/frame.ts";
import { Redactor } from "../../../lib/redact.ts";
import { sampleJpeg } from "../jpeg/sample_jpegs.ts";

const JPEG = sampleJpeg();
const NEVER = new AbortController().signal;

function guarded(open: (signal: AbortSignal) => unknown, options: Partial<GuardOptions> = {}) {
  return guardDriver(open, { name: "mine", redact: (text) => text, ...options });
}

async function failureOf(open: (signal: AbortSignal) => unknown): Promise<CameraError> {
  return await assertRejects(() => Array.fromAsync(guarded(open)(NEVER)), CameraError);
}

Deno.test("guardDriver() passes images, their counts, and failures of cameras on unchanged", async () => {
  const counts = { broken: 3, skippedBytes: 0 };
  const timed = { jpeg: JPEG, capturedAt: 5 };
  const failure = new CameraError("unplugged");
  const images = guarded(() =>
    Object.assign(
      (async function* () {
        yield JPEG;
        yield await Promise.resolve(timed);
        throw failure;
      })(),
      { counts },
    )
  )(NEVER);
  assertEquals(images.counts, counts);
  const seen: unknown[] = [];
  const error = await assertRejects(async () => {
    for await (const image of images) seen.push(image);
  });
  assertEquals([seen, error], [[JPEG, timed], failure]);
});

Deno.test("guardDriver() uses the time of arrival for an image whose capture time is not a number", async () => {
  for (const capturedAt of [NaN, undefined, "now", Infinity]) {
    const open = guarded(async function* () {
      yield await Promise.resolve({ jpeg: JPEG, capturedAt });
    });
    assertEquals(await Array.fromAsync(open(NEVER)), [JPEG as Jpeg]);
  }
});

Deno.test("guardDriver() reports a driver's own error in one line without the secrets of SOURCE", async () => {
  const redactor = new Redactor(["http://me:hunter22@cam/"]);
  const open = guardDriver(() => {
    throw new Error(`cannot open http://me:hunter22@cam/\nmore`);
  }, { name: "mine", redact: (text) => redactor.redact(text) });
  const { message } = await assertRejects(() => Array.fromAsync(open(NEVER)), CameraError);
  assertStringIncludes(message, 'The driver "mine" failed: Error: cannot open http://');
  assert(!/hunter|more/.test(message), message);
});

Deno.test("guardDriver() ends a driver that yields something else", async () => {
  let ended = false;
  const { message } = await failureOf(async function* () {
    try {
      yield await Promise.resolve("x");
    } finally {
      ended = true;
    }
  });
  assertStringIncludes(message, "it yielded a string instead of a JPEG");
  assert(ended);
});

Deno.test("guardDriver() abandons a driver that ignores its signal, and opens it again after it has ended", async () => {
  const release = Promise.withResolvers<void>();
  let opened = 0;
  const open = guarded(async function* () {
    opened++;
    await release.promise;
    yield JPEG;
  });
  const stop = new AbortController();
  const first = assertRejects(() => Array.fromAsync(open(stop.signal)), CameraError);
  const startedAt = performance.now();
  stop.abort(new ImmediateStop("stalled"));
  assertStringIncludes((await first).message, "did not end after its signal aborted");
  assert(performance.now() - startedAt < 4_000);
  const again = await assertRejects(() => Array.fromAsync(open(NEVER)), CameraError);
  assertStringIncludes(again.message, "has not ended since its last start");
  assertEquals(opened, 1);
  release.resolve();
  await new Promise((resolve) => setTimeout(resolve, 0));
  assertEquals(await Array.fromAsync(open(NEVER)), [JPEG]);
});

Deno.test("guardDriver() drops frames beyond the maximum rate, and reports it once", async () => {
  const reports: number[] = [];
  const open = guarded(async function* () {
    for (let n = 0; n < 400; n++) yield await Promise.resolve(JPEG);
  }, {
    onExcess: (maxFps) => reports.push(maxFps),
    clock: { now: () => 0, monotonic: () => 0, sleep: () => Promise.resolve() },
  });
  assertEquals((await Array.fromAsync(open(NEVER))).length, 250);
  assertEquals(reports, [250]);
});

Deno.test("guardDriver() lets the event loop turn between the frames of a driver that never waits", async () => {
  let turns = 0;
  const timer = setInterval(() => turns++, 0);
  let frames = 0;
  for await (
    const _ of guarded(async function* () {
      for (;;) yield JPEG;
    })(NEVER)
  ) if (++frames === 50) break;
  clearInterval(timer);
  assert(turns > 10, `${turns}`);
});

Deno.test("guardDriver() describes any thrown value without control characters", async () => {
  const thrown: [unknown, string][] = [
    [new Error("a\x1b[2J"), "Error: a\\u001b[2J"],
    [Symbol("x"), "Symbol(x)"],
    [Object.create(null), "it threw an object that cannot be converted to text"],
  ];
  for (const [value, text] of thrown) {
    // deno-lint-ignore require-yield
    const error = await failureOf(async function* () {
      throw await Promise.resolve(value);
    });
    assertEquals(error.message, `The driver "mine" failed: ${text}`);
  }
});

Deno.test("guardDriver() reports an iterable that cannot be iterated, and an iterator that cannot end", async () => {
  const error = await failureOf(() => ({
    [Symbol.asyncIterator]() {
      throw new Error("no");
    },
  }));
  assertEquals(error.message, 'The driver "mine" failed: Error: no');
  const images = guarded(() => ({
    [Symbol.asyncIterator]: () => ({
      next: () => Promise.resolve({ done: false, value: JPEG }),
      return() {
        throw new Error("no");
      },
    }),
  }))(NEVER);
  for await (const image of images) {
    assertEquals(image, JPEG);
    break;
  }
});

Deno.test("guardDriver() copies images out of memory that a response cannot be made of", async () => {
  const shared = new Uint8Array(new SharedArrayBuffer(JPEG.length));
  const resizable = new Uint8Array(new ArrayBuffer(JPEG.length, { maxByteLength: 1e6 }));
  shared.set(JPEG);
  resizable.set(JPEG);
  const open = guarded(async function* () {
    yield await Promise.resolve(shared);
    yield { jpeg: resizable, capturedAt: 5 };
  });
  const images = await Array.fromAsync(open(NEVER));
  assertEquals(images, [JPEG, { jpeg: JPEG, capturedAt: 5 }]);
  for (const image of images) new Response("jpeg" in image ? image.jpeg : image);
});
