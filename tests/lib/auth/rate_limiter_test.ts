import { assertEquals } from "@std/assert";
import { RateLimiter } from "../../../lib/auth/rate_limiter.ts";
import { ManualClock } from "../../manual_clock.ts";

function setUp() {
  const clock = new ManualClock();
  const limiter = new RateLimiter(clock);
  const fail = (address: string, times: number) =>
    Array.from({ length: times }, () => limiter.consume(address));
  return { clock, limiter, fail };
}

Deno.test("RateLimiter allows ten failed log-ins in a burst, then one every five seconds", async () => {
  const { clock, fail } = setUp();
  assertEquals(fail("192.0.2.1", 12), [...Array(10).fill(0), 5_000, 5_000]);
  await clock.advance(4_999);
  assertEquals(fail("192.0.2.1", 1), [1]);
  await clock.advance(1);
  assertEquals(fail("192.0.2.1", 2), [0, 5_000]);
  await clock.advance(60_000);
  assertEquals(fail("192.0.2.1", 11), [...Array(10).fill(0), 5_000]);
});

Deno.test("RateLimiter counts each address separately", () => {
  const { fail } = setUp();
  fail("192.0.2.1", 20);
  assertEquals(fail("192.0.2.2", 1), [0]);
});

Deno.test("RateLimiter.refund() takes back one attempt, but no failures", () => {
  const { limiter, fail } = setUp();
  for (let i = 0; i < 50; i++) {
    assertEquals(limiter.consume("192.0.2.1"), 0);
    limiter.refund("192.0.2.1");
  }
  fail("192.0.2.1", 9);
  limiter.consume("192.0.2.1");
  limiter.refund("192.0.2.1");
  assertEquals(fail("192.0.2.1", 2), [0, 5_000]);
});

Deno.test("RateLimiter counts an IPv6 /64 as one client, and IPv4-mapped addresses as IPv4", () => {
  const { fail } = setUp();
  fail("2001:db8:1:2::1", 10);
  assertEquals(fail("2001:db8:1:2:3:4:5:6", 1), [5_000]);
  assertEquals(fail("2001:db8:1:3::1", 1), [0]);
  fail("2001:db8::1", 10);
  assertEquals(fail("2001:db8:0:0:9:9:9:9", 1), [5_000]);
  fail("::ffff:192.0.2.1", 10);
  assertEquals(fail("192.0.2.1", 1), [5_000]);
  assertEquals(fail("::ffff:192.0.2.2", 1), [0]);
});

Deno.test("RateLimiter remembers the newest ten thousand addresses", () => {
  const { fail } = setUp();
  fail("first", 10);
  for (let i = 0; i < 10_000; i++) fail(`address ${i}`, 10);
  assertEquals(fail("address 9999", 1), [5_000]);
  assertEquals(fail("first", 1), [0]);
});
