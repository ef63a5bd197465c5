import { assertEquals } from "@std/assert";
import { whenResolved } from "../../../lib/camera/when_resolved.ts";

Deno.test("whenResolved() calls back once, when the promise is fulfilled", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const calls: string[] = [];
  whenResolved(promise, () => calls.push("a"));
  whenResolved(promise, () => calls.push("b"));
  await Promise.resolve();
  assertEquals(calls, []);
  resolve();
  await promise;
  assertEquals(calls, ["a", "b"]);
});

Deno.test("whenResolved() calls back for a promise that was fulfilled before", async () => {
  const promise = Promise.resolve();
  const calls: string[] = [];
  whenResolved(promise, () => calls.push("a"));
  await promise;
  whenResolved(promise, () => calls.push("b"));
  await promise;
  assertEquals(calls, ["a", "b"]);
});

Deno.test("whenResolved() does not call back after its disposal, nor if the promise is rejected", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const calls: string[] = [];
  whenResolved(promise, () => calls.push("a"))[Symbol.dispose]();
  whenResolved(Promise.reject(new Error("no")), () => calls.push("b"));
  resolve();
  await promise;
  assertEquals(calls, []);
});

Deno.test("whenResolved() adds one reaction to a promise that never settles", () => {
  const promise = new Promise<void>(() => {});
  let reactions = 0;
  const then = promise.then.bind(promise);
  promise.then = ((...args: Parameters<typeof then>) => {
    reactions++;
    return then(...args);
  }) as typeof promise.then;
  for (let n = 0; n < 1_000; n++) whenResolved(promise, () => {})[Symbol.dispose]();
  assertEquals(reactions, 1);
});
