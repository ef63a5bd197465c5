import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { stalling, stallTimeouts } from "../../../lib/camera/stall.ts";
import { systemClock } from "../../../lib/clock.ts";
import { CameraError, explain, ImmediateStop } from "../../../lib/errors.ts";
import { pushing } from "../../../lib/hub/source.ts";
import { FakeSource } from "../../fake_source.ts";
import { iterating } from "../../iterating.ts";
import { ManualClock, settle } from "../../manual_clock.ts";

function setUp() {
  const clock = new ManualClock();
  const source = new FakeSource<number>();
  const stop = new AbortController();
  const open = iterating(
    stalling(pushing(source.open), { clock, firstFrame: 10_000, nextFrame: 3_000 }),
  );
  const items = open(stop.signal);
  const got: unknown[] = [];
  const reading = (async () => {
    try {
      for await (const item of items) got.push(item);
      got.push("end");
    } catch (error) {
      got.push(error);
    }
  })();
  return { clock, source, stop, got, reading };
}

function messageOf(error: unknown): string {
  assert(error instanceof CameraError);
  return error.message;
}

Deno.test("stalling() ends a source without a first item for 10 s with an ImmediateStop", async () => {
  const { clock, source, got, reading } = setUp();
  await clock.advance(9_999);
  assertEquals([got, source.live], [[], 1]);
  await clock.advance(1);
  await reading;
  assertEquals(messageOf(got[0]), "No first picture for 10 s");
  assert(source.reason instanceof ImmediateStop);
  assertEquals(source.live, 0);
});

Deno.test("stalling() ends a source that has delivered no item for 3 s", async () => {
  const { clock, source, got, reading } = setUp();
  await clock.advance(9_000);
  for (let n = 0; n < 5; n++) {
    source.push(n);
    await settle();
    await clock.advance(2_999);
  }
  assertEquals(got, [0, 1, 2, 3, 4]);
  await clock.advance(1);
  await reading;
  assertEquals(messageOf(got[5]), "No picture for 3 s");
});

Deno.test("stalling() ends a source that falls silent within its first 10 s after 3 s, too", async () => {
  for (const firstAt of [0, 100, 2_000, 6_500, 9_999]) {
    const { clock, source, got, reading } = setUp();
    await clock.advance(firstAt);
    source.push(1);
    await settle();
    await clock.advance(2_999);
    assertEquals(got, [1], `${firstAt}`);
    await clock.advance(1);
    await reading;
    assertEquals(messageOf(got[1]), "No picture for 3 s");
  }
});

Deno.test("stalling() adds the error of the stopped source, and keeps its hint", async () => {
  const clock = new ManualClock();
  const cause = new CameraError("rpicam-vid was terminated by SIGKILL: frontend timed out", {
    hint: "look at the cable",
  });
  const open = iterating(stalling<number>(
    pushing(async function* (signal) {
      await clock.sleep(Infinity, signal).catch(() => {});
      if (signal.aborted) throw cause;
      yield 1;
    }),
    { clock, firstFrame: 10_000, nextFrame: 3_000 },
  ));
  const reading = assertRejects(
    () => Array.fromAsync(open(new AbortController().signal)),
    CameraError,
  );
  await clock.advance(10_000);
  const error = await reading;
  assertEquals(error.message, `No first picture for 10 s: ${cause.message}`);
  assertEquals(error.hint, "look at the cable");
  assertStrictEquals(error.cause, cause);
  assertEquals(explain(error), error.message); // the log does not repeat the cause
});

Deno.test("stalling() passes the source's failure and end on unchanged", async () => {
  const failing = setUp();
  const failure = new Error("unplugged");
  failing.source.push(1);
  failing.source.fail(failure);
  await failing.reading;
  assertEquals(failing.got, [1, failure]);
  const ending = setUp();
  ending.source.push(1);
  ending.source.end();
  await ending.reading;
  assertEquals(ending.got, [1, "end"]);
});

Deno.test("stalling() fails if the source ends without an item", async () => {
  const { source, got, reading } = setUp();
  source.end();
  await reading;
  assertEquals(got.map(messageOf), ["The camera's stream ended without a picture"]);
});

Deno.test("stalling() ends without a failure when its signal aborts, and passes the reason on", async () => {
  const { clock, source, stop, got, reading } = setUp();
  source.push(1);
  await settle();
  const reason = new ImmediateStop("shutting down");
  stop.abort(reason);
  await reading;
  assertEquals([got, source.reason, source.live], [[1, "end"], reason, 0]);
  await clock.advance(60_000);
});

Deno.test("stalling() does not fail if its signal aborts while it ends a source", async () => {
  const { clock, source, stop, got, reading } = setUp();
  const closing = Promise.withResolvers<void>();
  source.closing = closing.promise;
  await clock.advance(10_000);
  stop.abort();
  closing.resolve();
  await reading;
  assertEquals(got, ["end"]);
});

Deno.test("stalling() wakes for all sources together, at whole seconds, while items flow", async () => {
  const wakes: number[] = [];
  class RecordingClock extends ManualClock {
    override async sleep(ms: number, signal?: AbortSignal): Promise<void> {
      await super.sleep(ms, signal);
      wakes.push(this.monotonic());
    }
  }
  const clock = new RecordingClock();
  const stop = new AbortController();
  const pushes: ((item: number) => void)[] = [];
  const ends = [];
  for (const delay of [137, 411, 83]) {
    await clock.advance(delay);
    const source = stalling<number>((signal, push) => {
      pushes.push(push);
      return new Promise((resolve) => signal.addEventListener("abort", () => resolve()));
    }, { clock, firstFrame: 10_000, nextFrame: 3_000 });
    ends.push(source(stop.signal, () => {}));
  }
  for (let n = 0; n < 300; n++) {
    for (const push of pushes) push(n);
    await clock.advance(100);
  }
  assertEquals(wakes.filter((time) => time % 1_000 !== 0), []);
  assertEquals(wakes.length, 3 * new Set(wakes).size);
  assert(wakes.length >= 3 * 8, `${wakes}`);
  stop.abort();
  await Promise.all(ends);
});

Deno.test("stalling() leaves no timer behind", async () => {
  // The system clock, so that the test runner detects a leaked timer.
  const options = { clock: systemClock, firstFrame: 600_000, nextFrame: 600_000 };
  const { signal } = new AbortController();
  const open = iterating(stalling<number>(
    pushing(async function* () {
      yield await Promise.resolve(1);
      throw new Error("unplugged");
    }),
    options,
  ));
  await assertRejects(() => Array.fromAsync(open(signal)), Error, "unplugged");
});

Deno.test("stallTimeouts() allows 8 frame intervals, at least 3 s, and 10 s for the first frame", () => {
  assertEquals(stallTimeouts(), { firstFrame: 10_000, nextFrame: 3_000 });
  assertEquals(stallTimeouts(30), { firstFrame: 10_000, nextFrame: 3_000 });
  assertEquals(stallTimeouts(2), { firstFrame: 10_000, nextFrame: 4_000 });
  assertEquals(stallTimeouts(0.5), { firstFrame: 16_000, nextFrame: 16_000 });
});

Deno.test("stalling() names what a microphone has not delivered, without advice for pictures", async () => {
  const words = { device: "microphone", first: "sound", item: "sound", any: "sound" };
  const clock = new ManualClock();
  const source = new FakeSource<number>();
  const timeouts = { firstFrame: 10_000, nextFrame: 2_000 };
  const failure = async (act: () => unknown) => {
    const open = iterating(stalling(pushing(source.open), { clock, words, ...timeouts }));
    const reading = assertRejects(() => Array.fromAsync(open(new AbortController().signal)));
    await settle();
    await act();
    const { message, hint } = await reading as CameraError;
    return [message, hint];
  };
  assertEquals(await failure(() => clock.advance(10_000)), ["No sound for 10 s", undefined]);
  assertEquals(
    await failure(async () => {
      source.push(1);
      await clock.advance(2_000);
    }),
    ["No sound for 2 s", undefined],
  );
  const ended = "The microphone's stream ended without sound";
  assertEquals(await failure(() => source.end()), [ended, undefined]);
});

Deno.test("stalling() explains why no further item arrives, if the source can", async () => {
  const clock = new ManualClock();
  const source = new FakeSource<number>();
  const explain = () => ({ text: "too dark", hint: "light", mayBeSlow: false, always: true });
  const open = iterating(
    stalling(pushing(source.open), { clock, firstFrame: 10_000, nextFrame: 3_000, explain }),
  );
  const reading = assertRejects(async () => {
    for await (const _ of open(new AbortController().signal));
  }, CameraError);
  for (let n = 0; n < 5; n++) {
    await settle();
    source.push(n);
  }
  await settle();
  await clock.advance(3_000);
  const { message, hint } = await reading as CameraError;
  assertEquals([message, hint], ["No picture for 3 s: too dark", "light"]);
});
