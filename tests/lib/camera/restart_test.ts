import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { Backoff } from "../../../lib/camera/backoff.ts";
import { restarting, type RestartOptions } from "../../../lib/camera/restart.ts";
import { CameraError } from "../../../lib/errors.ts";
import { pushing } from "../../../lib/hub/source.ts";
import { FakeSource } from "../../fake_source.ts";
import { iterating } from "../../iterating.ts";
import { ManualClock, settle } from "../../manual_clock.ts";

const options: RestartOptions<CameraError> = {
  onEnd: () => new CameraError("ended"),
  toFailure: (cause) => cause instanceof CameraError ? cause : new CameraError("broken", { cause }),
};

function setUp() {
  const clock = new ManualClock();
  const source = new FakeSource<number>();
  const reported: { error: CameraError; pause: number }[] = [];
  const backoff = new Backoff<CameraError>({
    clock,
    onFailure: (error, pause) => reported.push({ error, pause }),
  });
  const open = iterating(restarting(pushing(source.open), backoff, options));
  const stop = new AbortController();
  const got: number[] = [];
  const start = async (signal = stop.signal) => {
    for await (const item of open(signal)) got.push(item);
  };
  /** Runs everything that is due now. */
  const now = async () => {
    await settle();
    await clock.advance(0);
  };
  /**
   * Gives an item each second, from 0 to `seconds`, and fails.
   *
   * @returns The delay, which has passed.
   */
  const flowThenFail = async (seconds: number) => {
    for (let n = 0; n <= seconds; n++) {
      if (n > 0) await clock.advance(1_000);
      source.push(n);
      await settle();
    }
    source.fail(new CameraError("unplugged"));
    await settle();
    const { remaining } = backoff;
    await clock.advance(remaining);
    return remaining;
  };
  return { clock, source, reported, backoff, stop, got, start, now, flowThenFail };
}

Deno.test("restarting() opens a failed source again at once, then after growing delays, forever", async () => {
  const { clock, source, reported, backoff, stop, start, now } = setUp();
  const running = start();
  await now();
  const pauses = [];
  for (let n = 0; n < 12; n++) {
    source.fail(new CameraError("no cameras available"));
    await settle();
    const { remaining } = backoff;
    pauses.push(remaining);
    if (remaining > 0) {
      await clock.advance(remaining - 1);
      assertEquals(source.live, 0);
    }
    await clock.advance(1);
    assertEquals(source.live, 1);
  }
  assertEquals(pauses, [0, 500, 1_000, 2_000, 4_000, 8_000, ...Array(6).fill(10_000)]);
  assertEquals(reported.map(({ pause }) => pause), pauses);
  assertEquals([backoff.total, source.most], [12, 1]);
  stop.abort();
  await running;
});

Deno.test("restarting() treats the end of a source and any error as a failure", async () => {
  const { source, reported, stop, start, now } = setUp();
  const running = start();
  await now();
  source.end();
  await now();
  const bug = new TypeError("undefined is not a function");
  source.fail(bug);
  await settle();
  const [ended, failed] = reported.map(({ error }) => error);
  assertEquals(ended!.message, "ended");
  assertEquals(failed!.message, "broken");
  assertStrictEquals(failed!.cause, bug);
  stop.abort();
  await running;
});

Deno.test("restarting() yields the items of all openings in order", async () => {
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

Deno.test("Backoff resets its delays after 10 s of items, not earlier", async () => {
  const { stop, start, now, flowThenFail } = setUp();
  const running = start();
  await now();
  for (const pause of [0, 500, 1_000]) assertEquals(await flowThenFail(1), pause);
  assertEquals(await flowThenFail(9), 0); // at once, but the delays stay
  assertEquals(await flowThenFail(1), 2_000);
  assertEquals(await flowThenFail(10), 0);
  assertEquals(await flowThenFail(1), 500);
  stop.abort();
  await running;
});

Deno.test("Backoff opens a source at once that closes every few seconds after good items, forever", async () => {
  const { source, reported, stop, start, now, flowThenFail } = setUp();
  const running = start();
  await now();
  for (let n = 0; n < 100; n++) assertEquals(await flowThenFail(2 + n % 3), 0);
  assertEquals([source.opened, reported.length], [101, 100]);
  stop.abort();
  await running;
});

Deno.test("Backoff delays a source that fails after its first item or soon after", async () => {
  for (const seconds of [0, 1]) {
    const { stop, start, now, flowThenFail } = setUp();
    const running = start();
    await now();
    for (const pause of [0, 500, 1_000, 2_000, 4_000, 8_000, 10_000, 10_000]) {
      assertEquals(await flowThenFail(seconds), pause);
    }
    stop.abort();
    await running;
  }
});

Deno.test("Backoff opens a source twice at most before the first delay", async () => {
  const { stop, start, now, flowThenFail } = setUp();
  const running = start();
  await now();
  assertEquals(await flowThenFail(5), 0);
  assertEquals(await flowThenFail(0), 500);
  assertEquals(await flowThenFail(0), 1_000);
  stop.abort();
  await running;
});

Deno.test("Backoff does not count silence as 10 s of items", async () => {
  const { clock, source, backoff, stop, start, now } = setUp();
  const running = start();
  await now();
  for (const pause of [0, 500, 1_000]) {
    await clock.advance(60_000);
    source.push(1);
    await settle();
    source.fail(new CameraError("unplugged"));
    await settle();
    assertEquals(backoff.remaining, pause);
    await clock.advance(pause);
  }
  stop.abort();
  await running;
});

Deno.test("Backoff keeps the last error until there is an item", async () => {
  const { source, backoff, stop, start, now } = setUp();
  const running = start();
  await now();
  assertEquals(backoff.lastError, undefined);
  source.fail(new CameraError("busy"));
  await now();
  assertEquals([backoff.lastError?.message, source.live], ["busy", 1]);
  source.push(1);
  await settle();
  assertEquals(backoff.lastError, undefined);
  stop.abort();
  await running;
});

Deno.test("restarting() ends when its signal aborts, during a delay and while the source is open", async () => {
  for (const failuresFirst of [0, 2]) {
    const { clock, source, backoff, stop, start, now } = setUp();
    const running = start();
    await now();
    for (let n = 0; n < failuresFirst; n++) {
      source.fail(new CameraError("busy"));
      await now();
    }
    const { total } = backoff;
    stop.abort();
    await running;
    await clock.advance(60_000);
    assertEquals([source.live, backoff.total, source.opened], [0, total, Math.max(1, total)]);
  }
});

Deno.test("restarting() does not count a failure of a source that is being aborted", async () => {
  const clock = new ManualClock();
  const backoff = new Backoff<CameraError>({ clock });
  const open = iterating(restarting(
    pushing(async function* (signal) {
      yield 1;
      await clock.sleep(Infinity, signal);
    }),
    backoff,
    options,
  ));
  const stop = new AbortController();
  const running = (async () => {
    for await (const _ of open(stop.signal));
  })();
  await clock.advance(0);
  stop.abort();
  await running;
  assertEquals([backoff.total, backoff.lastError], [0, undefined]);
});

Deno.test("Backoff keeps its delays over openings, so that clients that reconnect cannot shorten them", async () => {
  const clock = new ManualClock();
  const backoff = new Backoff<CameraError>({ clock });
  let opened = 0;
  const open = iterating(restarting(
    // deno-lint-ignore require-yield
    pushing(async function* () {
      opened++;
      throw await Promise.resolve(new CameraError("busy"));
    }),
    backoff,
    options,
  ));
  for (let n = 0; n < 200; n++) { // for 20 s, a client connects and disconnects ten times a second
    const stop = new AbortController();
    const running = Array.fromAsync(open(stop.signal));
    await clock.advance(100);
    stop.abort();
    await running;
  }
  assertEquals([opened, backoff.total], [7, 7]); // at 0, 0, 0.5, 1.5, 3.5, 7.5 and 15.5 s
});

Deno.test("restarting() retries a permanent failure on request, and not before", async () => {
  const { clock, source, backoff, stop, start, now } = setUp();
  const running = start();
  await now();
  source.fail(new CameraError("no program rpicam-vid", { permanent: true }));
  await clock.advance(24 * 3_600_000);
  assertEquals(source.opened, 1);
  backoff.retryNow();
  await now();
  assertEquals(source.opened, 2);
  source.push(1);
  await settle();
  assertEquals(backoff.lastError, undefined);
  stop.abort();
  await running;
});

Deno.test("Backoff keeps its delays when a retry is requested all the time", async () => {
  const { clock, source, backoff, stop, start, now } = setUp();
  const running = start();
  await now();
  for (let n = 0; n < 200; n++) { // every 100 ms for 20 s
    if (source.live > 0) source.fail(new CameraError("no program", { permanent: true }));
    backoff.retryNow();
    await clock.advance(100);
  }
  assert(source.opened >= 6 && source.opened <= 9, `opened ${source.opened} times`);
  stop.abort();
  await running;
});

Deno.test("Backoff retries a second after the failure when a user requests it", async () => {
  const { clock, source, backoff, stop, start, now } = setUp();
  const running = start();
  await now();
  for (let n = 0; n < 6; n++) {
    source.fail(new CameraError("the camera is busy"));
    await settle();
    await clock.advance(backoff.remaining);
  }
  const { opened } = source;
  source.fail(new CameraError("the camera is busy"));
  await settle();
  assertEquals(backoff.remaining, 10_000);
  backoff.retryNow();
  await clock.advance(300);
  backoff.retryNow({ skipDelay: true });
  await settle();
  assertEquals([source.opened, backoff.remaining], [opened, 700]);
  await clock.advance(699);
  assertEquals(source.opened, opened);
  await clock.advance(1);
  await settle();
  assertEquals(source.opened, opened + 1);
  source.fail(new CameraError("the camera is busy"));
  await settle();
  await clock.advance(4_000);
  backoff.retryNow({ skipDelay: true });
  await now();
  assertEquals(source.opened, opened + 2);
  stop.abort();
  await running;
});

Deno.test("restarting() retries a permanent failure once for each new start, without a request", async () => {
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

Deno.test("Backoff retries a second after a failure at the latest, once its promise is fulfilled", async () => {
  const { clock, source, backoff, stop, start, now } = setUp();
  const running = start();
  await now();
  for (let n = 0; n < 6; n++) {
    source.fail(new CameraError("gone"));
    await settle();
    await clock.advance(backoff.remaining);
  }
  const { promise, resolve } = Promise.withResolvers<void>();
  const { opened } = source;
  source.fail(new CameraError("nobody publishes it", { retryWhen: promise }));
  await settle();
  assertEquals(backoff.remaining, 10_000);
  await clock.advance(300);
  resolve();
  await settle();
  assertEquals(backoff.remaining, 700);
  await clock.advance(699);
  assertEquals(source.opened, opened);
  await clock.advance(1);
  assertEquals(source.opened, opened + 1);
  stop.abort();
  await running;
});

Deno.test("Backoff retries at once if a promise is fulfilled later, also after a permanent failure", async () => {
  const { clock, source, backoff, stop, start, now } = setUp();
  const running = start();
  await now();
  const { promise, resolve } = Promise.withResolvers<void>();
  source.fail(new CameraError("gone", { permanent: true, retryWhen: promise }));
  await clock.advance(60_000);
  assertEquals([source.opened, backoff.total], [1, 1]);
  resolve();
  await now();
  assertEquals(source.opened, 2);
  stop.abort();
  await running;
});

Deno.test("Backoff ignores the promise of an older failure", async () => {
  const { clock, source, backoff, stop, start, now } = setUp();
  const running = start();
  await now();
  const { promise, resolve } = Promise.withResolvers<void>();
  source.fail(new CameraError("nobody publishes it", { retryWhen: promise }));
  await now();
  for (let n = 0; n < 6; n++) {
    source.fail(new CameraError("gone"));
    await settle();
    if (n < 5) await clock.advance(backoff.remaining);
  }
  const { remaining } = backoff;
  resolve();
  await settle();
  assertEquals([remaining, backoff.remaining], [10_000, 10_000]);
  stop.abort();
  await running;
});
