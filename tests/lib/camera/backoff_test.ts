import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { Backoff, restarting } from "../../../lib/camera/backoff.ts";
import { CameraError } from "../../../lib/errors.ts";
import { FakeSource } from "../../fake_source.ts";
import { ManualClock, settle } from "../../manual_clock.ts";

function setUp() {
  const clock = new ManualClock();
  const source = new FakeSource<number>();
  const told: { error: CameraError; pause: number }[] = [];
  const failures = new Backoff({
    clock,
    onFailure: (error, pause) => told.push({ error, pause }),
  });
  const open = restarting(source.open, failures);
  const stop = new AbortController();
  const got: number[] = [];
  const start = async (signal = stop.signal) => {
    for await (const item of open(signal)) got.push(item);
  };
  /** Lets all happen that is due now. */
  const now = async () => {
    await settle();
    await clock.advance(0);
  };
  return { clock, source, told, failures, stop, got, start, now };
}

Deno.test("restarting() opens a failed source again at once, then after growing pauses, for ever", async () => {
  const { clock, source, told, failures, stop, start, now } = setUp();
  const running = start();
  await now();
  const pauses = [];
  for (let n = 0; n < 12; n++) {
    source.fail(new CameraError("no cameras available"));
    await settle();
    const { remaining } = failures;
    pauses.push(remaining);
    if (remaining > 0) {
      await clock.advance(remaining - 1);
      assertEquals(source.live, 0);
    }
    await clock.advance(1);
    assertEquals(source.live, 1);
  }
  assertEquals(pauses, [0, 500, 1_000, 2_000, 4_000, 8_000, ...Array(6).fill(10_000)]);
  assertEquals(told.map(({ pause }) => pause), pauses);
  assertEquals([failures.total, source.most], [12, 1]);
  stop.abort();
  await running;
});

Deno.test("restarting() counts the end of a source as a failure, and any error as one", async () => {
  const { source, told, stop, start, now } = setUp();
  const running = start();
  await now();
  source.end();
  await now();
  const bug = new TypeError("undefined is not a function");
  source.fail(bug);
  await settle();
  const [ended, failed] = told.map(({ error }) => error);
  assertEquals(ended!.message, "The camera's stream ended");
  assertEquals(failed!.message, "The camera's driver failed");
  assertStrictEquals(failed!.cause, bug);
  stop.abort();
  await running;
});

Deno.test("restarting() gives the items of each opening, one after another", async () => {
  const { source, got, stop, start, now } = setUp();
  const running = start();
  await now();
  source.push(1);
  source.push(2);
  source.end();
  await now();
  source.push(3);
  await settle();
  assertEquals(got, [1, 2, 3]);
  stop.abort();
  await running;
});

Deno.test("restarting() makes its pauses short again after 10 s of items, not after fewer", async () => {
  const { clock, source, failures, stop, start, now } = setUp();
  const running = start();
  await now();
  const flowThenFail = async (seconds: number) => {
    for (let n = 0; n <= seconds; n++) {
      if (n > 0) await clock.advance(1_000);
      source.push(n);
      await settle();
    }
    source.fail(new CameraError("unplugged"));
    await settle();
    const { remaining } = failures;
    await clock.advance(remaining);
    return remaining;
  };
  assertEquals(await flowThenFail(9), 0);
  assertEquals(await flowThenFail(9), 500);
  assertEquals(await flowThenFail(9), 1_000);
  assertEquals(await flowThenFail(10), 0);
  assertEquals(await flowThenFail(1), 500);
  stop.abort();
  await running;
});

Deno.test("restarting() does not count silence as 10 s of items", async () => {
  const { clock, source, failures, stop, start, now } = setUp();
  const running = start();
  await now();
  for (const pause of [0, 500, 1_000]) {
    await clock.advance(60_000);
    source.push(1);
    await settle();
    source.fail(new CameraError("unplugged"));
    await settle();
    assertEquals(failures.remaining, pause);
    await clock.advance(pause);
  }
  stop.abort();
  await running;
});

Deno.test("restarting() remembers the last failure until there is an item", async () => {
  const { source, failures, stop, start, now } = setUp();
  const running = start();
  await now();
  assertEquals(failures.lastError, undefined);
  source.fail(new CameraError("busy"));
  await now();
  assertEquals([failures.lastError?.message, source.live], ["busy", 1]);
  source.push(1);
  await settle();
  assertEquals(failures.lastError, undefined);
  stop.abort();
  await running;
});

Deno.test("restarting() ends in a pause, and while the source is open, when it is told to", async () => {
  for (const failuresFirst of [0, 2]) {
    const { clock, source, failures, stop, start, now } = setUp();
    const running = start();
    await now();
    for (let n = 0; n < failuresFirst; n++) {
      source.fail(new CameraError("busy"));
      await now();
    }
    const { total } = failures;
    stop.abort();
    await running;
    await clock.advance(60_000);
    assertEquals([source.live, failures.total, source.opened], [0, total, Math.max(1, total)]);
  }
});

Deno.test("restarting() does not count it as a failure that a source fails when it is told to end", async () => {
  const clock = new ManualClock();
  const failures = new Backoff({ clock });
  const open = restarting<number>(async function* (signal) {
    yield 1;
    await clock.sleep(Infinity, signal);
  }, failures);
  const stop = new AbortController();
  const running = (async () => {
    for await (const _ of open(stop.signal));
  })();
  await clock.advance(0);
  stop.abort();
  await running;
  assertEquals([failures.total, failures.lastError], [0, undefined]);
});

Deno.test("restarting() keeps to the pauses over openings, so that who comes and goes cannot shorten them", async () => {
  const clock = new ManualClock();
  const failures = new Backoff({ clock });
  let opened = 0;
  // deno-lint-ignore require-yield
  const open = restarting<number>(async function* () {
    opened++;
    throw await Promise.resolve(new CameraError("busy"));
  }, failures);
  for (let n = 0; n < 200; n++) { // 20 s of somebody who comes and goes ten times a second
    const stop = new AbortController();
    const running = Array.fromAsync(open(stop.signal));
    await clock.advance(100);
    stop.abort();
    await running;
  }
  assertEquals([opened, failures.total], [7, 7]); // at 0, 0, 0.5, 1.5, 3.5, 7.5 and 15.5 s
});

Deno.test("restarting() tries what is permanent again when somebody asks, and not before", async () => {
  const { clock, source, failures, stop, start, now } = setUp();
  const running = start();
  await now();
  source.fail(new CameraError("no program rpicam-vid", { permanent: true }));
  await clock.advance(24 * 3_600_000);
  assertEquals(source.opened, 1);
  failures.retryNow();
  await now();
  assertEquals(source.opened, 2);
  source.push(1);
  await settle();
  assertEquals(failures.lastError, undefined);
  stop.abort();
  await running;
});

Deno.test("restarting() keeps to the pauses also when it is asked all the time", async () => {
  const { clock, source, failures, stop, start, now } = setUp();
  const running = start();
  await now();
  for (let n = 0; n < 200; n++) { // every 100 ms for 20 s
    if (source.live > 0) source.fail(new CameraError("no program", { permanent: true }));
    failures.retryNow();
    await clock.advance(100);
  }
  assert(source.opened >= 6 && source.opened <= 9, `opened ${source.opened} times`);
  stop.abort();
  await running;
});

Deno.test("restarting() tries what is permanent once for somebody new, without being asked", async () => {
  const { clock, source, start } = setUp();
  for (const opened of [1, 2]) {
    const stop = new AbortController();
    const running = start(stop.signal);
    await clock.advance(60_000);
    source.fail(new CameraError("no program", { permanent: true }));
    await clock.advance(60_000);
    assertEquals(source.opened, opened);
    stop.abort();
    await running;
  }
});
