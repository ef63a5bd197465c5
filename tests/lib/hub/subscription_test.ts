import { assertEquals, assertRejects } from "@std/assert";
import { Hub } from "../../../lib/hub/hub.ts";
import { pushing } from "../../../lib/hub/source.ts";
import { FakeSource } from "../../fake_source.ts";
import { ManualClock, settle } from "../../manual_clock.ts";

/** A hub with another subscriber, so that its source is open. */
function setUp() {
  const source = new FakeSource<number>();
  const hub = new Hub(pushing(source.open), { clock: new ManualClock(), idleTimeout: 10_000 });
  hub.start();
  const push = async (...items: number[]) => {
    for (const item of items) source.push(item);
    await settle();
  };
  return { source, hub, push };
}

Deno.test("Subscription joins at its first next()", async () => {
  const { hub } = setUp();
  const viewer = hub.subscribe();
  assertEquals(hub.count("viewer"), 0);
  const waiting = viewer.next();
  assertEquals(hub.count("viewer"), 1);
  await hub.close();
  assertEquals(await waiting, { done: true, value: undefined });
});

Deno.test("Subscription returns every item, in order, to a fast reader", async () => {
  const { hub, push } = setUp();
  using viewer = hub.subscribe();
  for (let n = 1; n <= 5; n++) {
    const next = viewer.next();
    await push(n);
    assertEquals(await next, { done: false, value: n });
  }
  assertEquals(viewer.dropped, 0);
  await hub.close();
});

Deno.test("Subscription returns the latest item to a slow reader, and counts the other items as dropped", async () => {
  const { hub, push } = setUp();
  using viewer = hub.subscribe();
  const first = viewer.next();
  await push(1, 2, 3, 4, 5);
  assertEquals((await first).value, 1);
  assertEquals((await viewer.next()).value, 5);
  assertEquals(viewer.dropped, 3);
  await hub.close();
});

Deno.test("Subscription with a depth keeps that many items, and drops the oldest", async () => {
  const { hub, push } = setUp();
  using viewer = hub.subscribe({ depth: 3 });
  const first = viewer.next();
  await push(1, 2, 3, 4);
  assertEquals((await first).value, 1);
  assertEquals(viewer.dropped, 0);
  await push(5, 6);
  await hub.close();
  const rest = await Array.fromAsync(viewer);
  assertEquals([rest, viewer.dropped], [[4, 5, 6], 2]);
});

Deno.test("Subscription yields its queued items before it ends or fails", async () => {
  const { source, hub, push } = setUp();
  const viewer = hub.subscribe({ depth: 2 });
  const first = viewer.next();
  await push(1, 2, 3);
  source.fail(new Error("unplugged"));
  await settle();
  assertEquals((await first).value, 1);
  assertEquals((await viewer.next()).value, 2);
  assertEquals((await viewer.next()).value, 3);
  await assertRejects(() => viewer.next(), Error, "unplugged");
  assertEquals(await viewer.next(), { done: true, value: undefined });
});

Deno.test("Subscription.return() ends a next() that waits for a silent source", async () => {
  const { hub } = setUp();
  const viewer = hub.subscribe();
  const waiting = viewer.next();
  await settle();
  assertEquals(await viewer.return(), { done: true, value: undefined });
  assertEquals(await waiting, { done: true, value: undefined });
  assertEquals(hub.count("viewer"), 0);
  assertEquals(await viewer.next(), { done: true, value: undefined });
  await viewer.return();
  await hub.close();
});

Deno.test("Subscription yields no queued items after return()", async () => {
  const { hub, push } = setUp();
  const viewer = hub.subscribe();
  const first = viewer.next();
  await push(1, 2);
  await first;
  await viewer.return();
  await push(3);
  assertEquals(await viewer.next(), { done: true, value: undefined });
  assertEquals(hub.count("viewer"), 0);
  await hub.close();
});

Deno.test("Subscription that returns before its first next() does not join", async () => {
  const { hub } = setUp();
  const viewer = hub.subscribe();
  await viewer.return();
  assertEquals(await viewer.next(), { done: true, value: undefined });
  assertEquals(hub.count("viewer"), 0);
  await hub.close();
});

Deno.test("Subscription leaves its hub when its loop or its block is left", async () => {
  const { hub, push } = setUp();
  const loop = (async () => {
    for await (const item of hub.subscribe()) if (item === 2) break;
  })();
  await push(1);
  await push(2);
  await loop;
  assertEquals(hub.count("viewer"), 0);
  {
    using viewer = hub.subscribe();
    await viewer.next();
    assertEquals(hub.count("viewer"), 1);
  }
  assertEquals(hub.count("viewer"), 0);
  await hub.close();
});

Deno.test("Subscription of a closed hub is done", async () => {
  const { hub } = setUp();
  await hub.close();
  assertEquals(await hub.subscribe().next(), { done: true, value: undefined });
});
