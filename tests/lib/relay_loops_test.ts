import { assert, assertEquals, assertFalse, assertMatch, assertNotEquals } from "@std/assert";
import { isRelay, RelayLoops } from "../../lib/relay_loops.ts";

Deno.test("RelayLoops recognizes a camera that requests itself", () => {
  const loops = new RelayLoops();
  const via = loops.via("front");
  assertMatch(via, /^1\.1 dinocam-[0-9a-f]{32}$/);
  assertEquals(loops.via("front"), via);
  assert(loops.closesLoop("front", via));
  assert(loops.closesLoop("front", `1.0 proxy.example, ${via}, 1.1 nginx (a comment)`));
});

Deno.test("RelayLoops recognizes a camera that requests itself through other servers", () => {
  const [first, second, third] = [new RelayLoops(), new RelayLoops(), new RelayLoops()];
  assertFalse(second.closesLoop("b", first.via("a")));
  assertFalse(third.closesLoop("c", second.via("b")));
  assert(first.closesLoop("a", third.via("c")));
  assertEquals(third.via("c").split(", ").length, 3);
});

Deno.test("RelayLoops allows relays of other cameras of the server, also by each other's server", () => {
  const [first, second] = [new RelayLoops(), new RelayLoops()];
  assertNotEquals(first.via("a"), first.via("b"));
  assertFalse(first.closesLoop("b", first.via("a")));
  assertFalse(second.closesLoop("c", first.via("a")));
  assertFalse(first.closesLoop("d", second.via("c")));
});

Deno.test("RelayLoops remembers at most 32 relays of a camera, and ignores other values", () => {
  const loops = new RelayLoops();
  for (let n = 0; n < 100; n++) assertFalse(loops.closesLoop("a", new RelayLoops().via("x")));
  assertEquals(loops.via("a").split(", ").length, 33);
  assertFalse(
    loops.closesLoop("b", `1.1 dinocam-${"x".repeat(32)}, 1.1 dinocam, , ${"y".repeat(99)}`),
  );
  assertEquals(loops.via("b").split(", ").length, 1);
});

Deno.test("isRelay() recognizes a relaying camera, but no other proxy", () => {
  assert(isRelay(`1.1 nginx, ${new RelayLoops().via("a")}`));
  assertFalse(isRelay(undefined));
  assertFalse(isRelay("1.1 nginx"));
});
