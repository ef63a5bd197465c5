import { assert, assertEquals, assertLess, assertRejects } from "@std/assert";
import { settlesWithin, systemClock } from "../../lib/clock.ts";
import { ManualClock, settle } from "../manual_clock.ts";

Deno.test("systemClock sleeps for the given time", async () => {
  const begun = systemClock.monotonic();
  await systemClock.sleep(30);
  const slept = systemClock.monotonic() - begun;
  assert(slept >= 29 && slept < 2_000, `${slept} ms`);
});

Deno.test("systemClock.sleep() with a negative time ends at once, without a warning", async () => {
  const { stderr, success } = await new Deno.Command(Deno.execPath(), {
    args: [
      "eval",
      `import { systemClock } from ${
        JSON.stringify(new URL("../../lib/clock.ts", import.meta.url))
      };
       await systemClock.sleep(-1000);`,
    ],
    env: { NO_COLOR: "1" },
  }).output();
  assertEquals([success, new TextDecoder().decode(stderr)], [true, ""]);
});

Deno.test("systemClock.now() returns the wall-clock time", () => {
  assertLess(Math.abs(systemClock.now() - Date.now()), 1_000);
});

Deno.test("systemClock.sleep() rejects with the signal's reason when that aborts, also beforehand", async () => {
  const stop = new AbortController();
  const reason = new Error("aborted by the test");
  const sleeping = assertRejects(
    () => systemClock.sleep(60_000, stop.signal),
    Error,
    reason.message,
  );
  stop.abort(reason);
  await sleeping;
  await assertRejects(() => systemClock.sleep(60_000, stop.signal), Error, reason.message);
});

Deno.test("systemClock sleeps for longer than the maximum of setTimeout", async () => {
  for (const ms of [2 ** 31, 2 ** 40, Infinity]) {
    const stop = new AbortController();
    let woken = false;
    const sleeping = systemClock.sleep(ms, stop.signal).then(() => woken = true, () => {});
    await systemClock.sleep(20);
    assert(!woken, `woken from ${ms} ms`);
    stop.abort();
    await sleeping;
  }
});

Deno.test("systemClock leaves no listener at a signal", async () => {
  const stop = new AbortController();
  let listeners = 0;
  const { addEventListener, removeEventListener } = stop.signal;
  stop.signal.addEventListener = (...args: Parameters<typeof addEventListener>) => {
    listeners++;
    addEventListener.apply(stop.signal, args);
  };
  stop.signal.removeEventListener = (...args: Parameters<typeof removeEventListener>) => {
    listeners--;
    removeEventListener.apply(stop.signal, args);
  };
  for (let n = 0; n < 3; n++) await systemClock.sleep(0, stop.signal);
  assertEquals(listeners, 0);
});

Deno.test("settlesWithin() returns whether a promise settles in time, and leaves no timer behind", async () => {
  assertEquals(await settlesWithin(Promise.resolve(1), 60_000), true);
  assertEquals(await settlesWithin(new Promise(() => {}), 5), false);
  const clock = new ManualClock();
  const { promise, resolve } = Promise.withResolvers<void>();
  const outcome = settlesWithin(promise, 1_000, clock);
  await clock.advance(999);
  resolve();
  assertEquals(await outcome, true);
});

Deno.test("settlesWithin() rethrows a failure that occurs in time, and ignores a later one", async () => {
  await assertRejects(() => settlesWithin(Promise.reject(new Error("no")), 60_000), Error, "no");
  const clock = new ManualClock();
  const { promise, reject } = Promise.withResolvers<void>();
  const outcome = settlesWithin(promise, 1_000, clock);
  await clock.advance(1_000);
  assertEquals(await outcome, false);
  reject(new Error("too late to matter"));
  await settle();
});
