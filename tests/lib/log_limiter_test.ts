import { assertEquals } from "@std/assert";
import { LogLimiter } from "../../lib/log_limiter.ts";
import { ManualClock } from "../manual_clock.ts";

function setUp() {
  const clock = new ManualClock();
  const calls: string[] = [];
  const limiter = new LogLimiter({
    clock,
    maxLines: 10,
    onSuspend: (key, seconds) => calls.push(`${key} suspended for ${seconds} s`),
    onResume: (key, suppressed) => calls.push(`${key} resumed, ${suppressed} suppressed`),
  });
  /** Counts `times` lines. @returns The number of those allowed. */
  const count = (key: string, times: number) =>
    Array.from({ length: times }, () => limiter.allow(key)).filter((allowed) => allowed).length;
  return { clock, calls, limiter, count };
}

Deno.test("LogLimiter allows the maximum in a minute, then suppresses lines for a minute", async () => {
  const { clock, calls, count } = setUp();
  assertEquals(count("a", 6), 6);
  await clock.advance(59_000);
  assertEquals(count("a", 100), 4);
  assertEquals(calls, ["a suspended for 60 s"]);
  await clock.advance(59_999);
  assertEquals(count("a", 4), 0);
  await clock.advance(1);
  assertEquals(calls, ["a suspended for 60 s", "a resumed, 100 suppressed"]);
  assertEquals(count("a", 11), 10);
});

Deno.test("LogLimiter allows any number of lines at a low rate", async () => {
  const { clock, calls, count } = setUp();
  for (let minute = 0; minute < 20; minute++) {
    assertEquals(count("a", 10), 10);
    await clock.advance(60_000);
  }
  assertEquals(calls, []);
});

Deno.test("LogLimiter counts each key separately, and at most 1,000 keys", async () => {
  const { clock, calls, count } = setUp();
  count("a", 11);
  for (let n = 0; n < 999; n++) assertEquals(count(`key ${n}`, 1), 1);
  assertEquals(count("a", 1), 0);
  assertEquals(count("key 999", 1), 1);
  assertEquals(count("a", 1), 1); // the oldest was forgotten
  await clock.advance(60_000);
  assertEquals(calls, ["a suspended for 60 s", "a resumed, 2 suppressed"]);
});

Deno.test("LogLimiter calls nothing after it is disposed", async () => {
  const { clock, calls, limiter, count } = setUp();
  count("a", 11);
  limiter[Symbol.dispose]();
  await clock.advance(60_000);
  assertEquals(calls, ["a suspended for 60 s"]);
});
