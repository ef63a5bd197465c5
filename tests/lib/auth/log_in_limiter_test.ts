import { assert, assertEquals } from "@std/assert";
import { LogInLimiter } from "../../../lib/auth/log_in_limiter.ts";
import { ManualClock } from "../../manual_clock.ts";

function setUp() {
  const clock = new ManualClock();
  const limiter = new LogInLimiter(clock);
  const fail = (digest: string, address = "192.0.2.1") => limiter.attempt(address, digest, false);
  const succeed = (address = "192.0.2.1") => limiter.attempt(address, "right", true);
  return { clock, fail, succeed };
}

Deno.test("LogInLimiter limits all attempts of a network without a successful log-in", async () => {
  const { clock, fail, succeed } = setUp();
  const delays = Array.from({ length: 12 }, () => fail("old"));
  assertEquals(delays, [...Array(10).fill(0), 5_000, 5_000]);
  assertEquals(succeed(), 5_000);
  await clock.advance(5_000);
  assertEquals([succeed(), fail("old"), succeed()], [0, 0, 5_000]);
  await clock.advance(5_000);
  assertEquals([fail("old"), fail("old"), succeed()], [0, 5_000, 0]); // "old" is no new guess
});

Deno.test("LogInLimiter limits different wrong credentials, even between correct ones", () => {
  const { fail, succeed } = setUp();
  assertEquals(succeed(), 0);
  const delays = Array.from({ length: 12 }, (_, n) => {
    succeed();
    return fail(`guess ${n}`);
  });
  assertEquals(delays, [...Array(10).fill(0), 5_000, 5_000]);
  assertEquals(succeed(), 5_000);
});

Deno.test("LogInLimiter never allows more than ten guesses and one every five seconds", async () => {
  const { clock, fail, succeed } = setUp();
  succeed();
  let allowed = 0;
  for (let n = 0; n < 200; n++) { // repeated credentials use up the attempts, but no guesses
    for (let times = 0; times < 3; times++) fail("old");
    fail(`guess ${n}`);
    // A guess would have been answered if the correct credentials are.
    if (succeed() === 0) allowed++;
    await clock.advance(1_000);
  }
  assert(allowed <= 10 + 40, `${allowed}`);
});

Deno.test("LogInLimiter remembers a thousand networks with a successful log-in", () => {
  const { fail, succeed } = setUp();
  const block = (address: string) => {
    for (let n = 0; n < 20; n++) fail("old", address);
  };
  succeed("first");
  for (let n = 1; n < 1_000; n++) succeed(`address ${n}`);
  block("first");
  assertEquals(succeed("first"), 0); // now the newest
  for (let n = 0; n < 999; n++) succeed(`another ${n}`);
  assertEquals(succeed("first"), 0);
  for (let n = 0; n < 1_000; n++) succeed(`address ${n}`);
  assertEquals(succeed("first"), 5_000);
  block("address 999");
  assertEquals(succeed("address 999"), 0);
});
