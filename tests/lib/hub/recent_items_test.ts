import { assertEquals } from "@std/assert";
import { RecentItems } from "../../../lib/hub/recent_items.ts";
import { Hub, type Subscriber } from "../../../lib/hub/hub.ts";
import { ManualClock, settle } from "../../manual_clock.ts";
import { Random } from "../../random.ts";

/** A subscriber that says which items it holds. */
class Holder implements Subscriber<number> {
  readonly role = "viewer";
  readonly held = new Set<number>();
  /** What was offered. */
  readonly items: number[] = [];

  /** @param takes Whether it holds each item that is offered. */
  constructor(public takes = false) {}

  holds(item: number): boolean {
    return this.held.has(item);
  }

  offer(item: number): void {
    this.items.push(item);
    if (this.takes) this.held.add(item);
  }

  end(): void {}
}

/** A subscriber that may keep every item. */
class Keeper implements Subscriber<number> {
  readonly role = "background";
  readonly items: number[] = [];

  offer(item: number): void {
    this.items.push(item);
  }

  end(): void {}
}

/** Items of these subscribers, and the list of what was released. */
function setUp(...subscribers: Subscriber<number>[]) {
  const released: number[] = [];
  const current = new Set(subscribers);
  const recent = new RecentItems(current, (item) => released.push(item));
  return { released, current, recent };
}

Deno.test("RecentItems releases an item that nobody holds when the next one arrives, once", () => {
  const { recent, released } = setUp(new Holder(), new Holder());
  recent.add(1);
  assertEquals(released, []);
  recent.add(2);
  assertEquals(released, [1]);
  recent.add(3);
  recent.add(4);
  assertEquals(released, [1, 2, 3]);
});

Deno.test("RecentItems releases items without any subscriber", () => {
  const { recent, released } = setUp();
  recent.add(1);
  recent.add(2);
  assertEquals(released, [1]);
});

Deno.test("RecentItems releases an item only when the last of its holders has let it go", () => {
  const [one, other] = [new Holder(), new Holder()];
  const { recent, released } = setUp(one, other);
  recent.add(1);
  one.held.add(1);
  other.held.add(1);
  recent.add(2);
  one.held.delete(1);
  recent.add(3);
  assertEquals(released, [2]);
  other.held.delete(1);
  assertEquals(released, [2]); // it is not told
  recent.add(4);
  assertEquals(released, [2, 1, 3]);
});

Deno.test("RecentItems observes four items that are held, and leaves older ones to the garbage collector", () => {
  const holder = new Holder();
  const { recent, released } = setUp(holder);
  for (let item = 1; item <= 6; item++) {
    recent.add(item);
    holder.held.add(item);
  }
  holder.held.clear();
  recent.add(7);
  assertEquals(released, [3, 4, 5, 6]);
  recent.add(8);
  assertEquals(released, [3, 4, 5, 6, 7]);
});

Deno.test("RecentItems never releases an item that a subscriber without holds() could get", () => {
  const keeper = new Keeper();
  const { recent, released, current } = setUp(new Holder(), keeper);
  recent.add(1);
  current.delete(keeper); // even if left() were not called
  recent.add(2);
  recent.add(3);
  recent.add(4);
  assertEquals(released, [2, 3]);
});

Deno.test("RecentItems keeps the items that a subscriber without holds() may have when it leaves", () => {
  const keeper = new Keeper();
  const { recent, released, current } = setUp(new Holder());
  recent.add(1);
  current.add(keeper); // joins, and is offered the item
  recent.offeredAgain(keeper);
  current.delete(keeper);
  recent.add(2);
  recent.add(3);
  assertEquals(released, [2]);
});

Deno.test("RecentItems keeps what a subscriber holds when it leaves, and releases the rest", () => {
  const holder = new Holder();
  const { recent, released, current } = setUp(holder);
  recent.add(1);
  holder.held.add(1);
  recent.add(2);
  current.delete(holder);
  recent.left(holder);
  holder.held.clear(); // it is not asked any more
  for (let item = 3; item <= 6; item++) recent.add(item);
  assertEquals(released, [2, 3, 4, 5]);
});

Deno.test("RecentItems keeps the latest item if it is used elsewhere, and no other one", () => {
  const { recent, released } = setUp();
  recent.keepLatest(); // there is none
  recent.add(1);
  recent.add(2);
  recent.keepLatest();
  recent.add(3);
  recent.add(4);
  recent.add(5);
  assertEquals(released, [1, 3, 4]);
});

Deno.test("RecentItems asks a joining subscriber with holds() about the latest item later", () => {
  const holder = new Holder();
  const { recent, released, current } = setUp();
  recent.add(1);
  current.add(holder);
  recent.offeredAgain(holder);
  holder.held.add(1);
  recent.add(2);
  assertEquals(released, []);
  holder.held.clear();
  recent.add(3);
  assertEquals(released, [1, 2]);
});

Deno.test("RecentItems releases nothing that it has forgotten", () => {
  const { recent, released } = setUp();
  recent.add(1);
  recent.clear();
  recent.keepLatest();
  recent.add(2);
  recent.add(3);
  assertEquals(released, [2]);
});

/** A hub whose items a test publishes, and the list of what was released. */
function openHub({ onReleased }: { onReleased?: (item: number) => void } = {}) {
  const released: number[] = [];
  let push: (item: number) => void = () => {};
  let end: PromiseWithResolvers<void> | undefined;
  const hub = new Hub<number>(
    (signal, add) => {
      push = add;
      end = Promise.withResolvers();
      signal.addEventListener("abort", () => end!.resolve());
      return end.promise;
    },
    {
      clock: new ManualClock(),
      idleTimeout: Infinity,
      onReleased: (item) => {
        released.push(item);
        onReleased?.(item);
      },
    },
  );
  hub.start();
  return { hub, released, push: (item: number) => push(item), end: () => end!.resolve() };
}

Deno.test("Hub releases an item before it offers the next one, when it is no longer the latest", async () => {
  const order: string[] = [];
  const { hub, push } = openHub({ onReleased: (item) => order.push(`${item} released`) });
  const viewer = new Holder();
  viewer.offer = (item) => order.push(`${item} offered`);
  hub.join(viewer);
  for (const item of [1, 2, 3]) push(item);
  assertEquals(order, ["1 offered", "1 released", "2 offered", "2 released", "3 offered"]);
  await hub.close();
});

Deno.test("Hub does not release the item that a subscriber takes while it is offered", async () => {
  const { hub, push, released } = openHub();
  hub.join(new Holder(true));
  hub.join(new Holder());
  for (const item of [1, 2, 3]) push(item);
  assertEquals(released, []);
  await hub.close();
});

Deno.test("Hub does not release the latest item after it was read", async () => {
  const { hub, push, released } = openHub();
  hub.join(new Holder());
  push(1);
  assertEquals(hub.hasLatest, true); // does not count
  push(2);
  assertEquals(hub.latest, 2);
  push(3);
  push(4);
  assertEquals(released, [1, 3]);
  await hub.close();
});

Deno.test("Hub does not release what it offered to subscriptions that have left", async () => {
  const { hub, push, released } = openHub();
  hub.join(new Holder());
  push(1);
  const subscription = hub.subscribe();
  assertEquals(await subscription.next(), { done: false, value: 1 });
  push(2);
  assertEquals(await subscription.next(), { done: false, value: 2 });
  const next = subscription.next();
  push(3);
  await subscription.return();
  assertEquals(await next, { done: false, value: 3 });
  for (const item of [4, 5, 6]) push(item);
  assertEquals(released, [4, 5]);
  await hub.close();
});

Deno.test("Hub does not release what a subscriber holds that leaves, or fails, while it is offered", async () => {
  const { hub, push, released } = openHub();
  const leaving = new Holder(true);
  const failing = new Holder(true);
  const { offer } = Holder.prototype;
  leaving.offer = (item) => {
    offer.call(leaving, item);
    hub.leave(leaving);
    leaving.held.clear();
  };
  failing.offer = (item) => {
    offer.call(failing, item);
    if (item === 2) throw new Error("a defect");
    failing.held.clear();
  };
  hub.join(new Holder());
  hub.join(leaving);
  hub.join(failing);
  for (const item of [1, 2]) push(item);
  failing.held.clear();
  for (const item of [3, 4, 5]) push(item);
  assertEquals(released, [3, 4]);
  await hub.close();
});

Deno.test("Hub does not release an item that a subscriber without holds() gets by joining while it is offered", async () => {
  const { hub, push, released } = openHub();
  const keeper = new Keeper();
  const inviting = new Holder();
  inviting.offer = (item) => item === 2 ? hub.join(keeper) : hub.leave(keeper);
  hub.join(inviting);
  for (const item of [1, 2, 3, 4, 5]) push(item);
  assertEquals(keeper.items.includes(2), true);
  assertEquals(released, [1, 4]);
  await hub.close();
});

Deno.test("Hub releases nothing of a source that has ended", async () => {
  const { hub, push, released, end } = openHub();
  hub.join(new Holder());
  push(1);
  push(2);
  end();
  await settle();
  hub.join(new Holder());
  await settle();
  push(3);
  push(4);
  assertEquals(released, [1, 3]);
  await hub.close();
  assertEquals(released, [1, 3]);
});

Deno.test("Hub releases no item that anybody may still use, whoever joins and leaves", async () => {
  let releases = 0;
  for (let seed = 1; seed <= 200; seed++) {
    const random = new Random(seed);
    const holders = new Set<Holder>();
    /** Items that were taken, and are never released. */
    const kept = new Set<number>();
    const keepers = new Set<Keeper>();
    const { hub, push, released } = openHub({
      onReleased: (item) => {
        const used = kept.has(item) || [...holders].some(({ held }) => held.has(item)) ||
          [...keepers].some(({ items }) => items.includes(item));
        assertEquals(used, false, `item ${item}, seed ${seed}`);
      },
    });
    for (let item = 1; item <= 60; item++) {
      for (let n = random.integer(0, 3); n > 0; n--) {
        switch (random.integer(0, 9)) {
          case 0:
          case 1: {
            const holder = new Holder(random.oneIn(3));
            holders.add(holder);
            hub.join(holder);
            break;
          }
          case 2: {
            const keeper = new Keeper();
            keepers.add(keeper);
            hub.join(keeper);
            if (random.oneIn(2)) hub.leave(keeper);
            break;
          }
          case 3:
            for (const keeper of keepers) hub.leave(keeper);
            break;
          case 4:
            if (hub.hasLatest && random.oneIn(3)) kept.add(hub.latest!);
            break;
          case 5: {
            const [holder] = holders;
            if (!holder) break;
            for (const held of holder.held) kept.add(held); // as a chunk in a stream
            hub.leave(holder);
            holders.delete(holder);
            break;
          }
          default:
            for (const { held } of holders) {
              for (const old of held) if (random.oneIn(2)) held.delete(old);
            }
        }
      }
      push(item);
    }
    assertEquals(new Set(released).size, released.length);
    releases += released.length;
    await hub.close();
  }
  assertEquals(releases > 1_000, true, `${releases}`);
});
