import { assertEquals, assertGreater } from "@std/assert";
import { leftOut } from "../parts.ts";
import { growth, medians, type Resources, resourcesOf } from "./resources.ts";

const STEADY = { memory: 100, anonymous: 50, descriptors: 30, threads: 20, children: 2 };

/** Returns a sample per second for ten minutes. */
function samples(of: (share: number) => Partial<Resources>): Resources[] {
  return Array.from({ length: 600 }, (_, i) => ({ ...STEADY, ...of(i / 600) }));
}

Deno.test("growth() ignores what grows in the first third, and single values", () => {
  const memory = (share: number) => Math.min(share, 1 / 3) * 300;
  assertEquals(growth(samples((share) => ({ memory: memory(share) }))), []);
  assertEquals(
    growth(samples((share) => share > 0.99 ? { memory: 900, descriptors: 900 } : {})),
    [],
  );
});

Deno.test("growth() returns memory, descriptors and threads that grow steadily", () => {
  assertEquals(growth(samples((share) => ({ memory: 100 + 30 * share }))), [
    "memory from 112.5 to 127.5 MB",
  ]);
  assertEquals(growth(samples((share) => ({ descriptors: 30 + Math.floor(20 * share) }))), [
    "descriptors from 38 to 48",
  ]);
  assertEquals(growth(samples((share) => ({ threads: 20 + Math.floor(20 * share) }))), [
    "threads from 28 to 38",
  ]);
  assertEquals(growth(samples((share) => ({ memory: 100 + 10 * share }))), []);
});

Deno.test("medians() returns the median of each figure", () => {
  const all = [1, 9, 2].map((value) => ({ ...STEADY, memory: value, threads: 10 - value }));
  assertEquals(medians(all), { ...STEADY, memory: 2, threads: 8 });
});

Deno.test(
  "resourcesOf() counts open files",
  Deno.build.os === "linux" ? {} : leftOut("Linux"),
  () => {
    const before = resourcesOf(Deno.pid);
    using _ = Deno.openSync(new URL(import.meta.url));
    assertEquals(resourcesOf(Deno.pid).descriptors, before.descriptors + 1);
    assertGreater(before.memory, before.anonymous);
    assertGreater(before.anonymous, 1);
    assertGreater(before.threads, 0);
  },
);
