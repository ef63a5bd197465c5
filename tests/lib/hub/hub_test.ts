import { assert, assertEquals, assertFalse, assertRejects } from "@std/assert";
import { systemClock } from "../../../lib/clock.ts";
import { Hub, type Role, type Subscriber } from "../../../lib/hub/hub.ts";
import { pushing } from "../../../lib/hub/source.ts";
import { FakeSource } from "../../fake_source.ts";
import { ManualClock, settle } from "../../manual_clock.ts";

function setUp({ idleTimeout = 10_000 } = {}) {
  const clock = new ManualClock();
  const source = new FakeSource<number>();
  const hub = new Hub(pushing(source.open), { clock, idleTimeout });
  return { clock, source, hub };
}

/** A subscriber that records its items and its end. */
class Listener implements Subscriber<number> {
  readonly role: Role = "viewer";
  readonly received: unknown[] = [];

  offer(item: number): void {
    this.received.push(item);
  }

  end(failure?: { reason: unknown }): void {
    this.received.push(failure ?? "end");
  }
}

Deno.test("Hub opens its source when the first subscriber joins", async () => {
  const { source, hub } = setUp();
  await settle();
  assertEquals([source.opened, hub.running], [0, false]);
  hub.join(new Listener());
  assertEquals([source.opened, hub.running], [1, true]);
  await hub.close();
});

Deno.test("Hub offers each item to all subscribers, in order", async () => {
  const { source, hub } = setUp();
  const [one, other] = [new Listener(), new Listener()];
  hub.join(one);
  hub.join(other);
  for (const item of [1, 2, 3]) {
    source.push(item);
    await settle();
  }
  await hub.close();
  assertEquals(one.received, [1, 2, 3, "end"]);
  assertEquals(other.received, [1, 2, 3, "end"]);
});

Deno.test("Hub opens its source once for 100 subscribers that join at once", async () => {
  const { source, hub } = setUp();
  const all = Array.from({ length: 100 }, () => new Listener());
  for (const one of all) hub.join(one);
  await settle();
  source.push(1);
  await settle();
  assertEquals(source.opened, 1);
  assert(all.every(({ received }) => received[0] === 1));
  await hub.close();
  assertEquals(hub.count("viewer"), 0);
});

Deno.test("Hub offers a new subscriber the latest item at once", async () => {
  const { source, hub } = setUp();
  hub.join(new Listener());
  source.push(1);
  source.push(2);
  await settle();
  const newcomer = new Listener();
  hub.join(newcomer);
  assertEquals(newcomer.received, [2]);
  hub.clearLatest();
  const later = new Listener();
  hub.join(later);
  assertEquals(later.received, []);
  source.push(3);
  await settle();
  assertEquals([newcomer.received, later.received], [[2, 3], [3]]);
  await hub.close();
});

Deno.test("Hub closes its source 10 s after the last subscriber leaves", async () => {
  const { clock, source, hub } = setUp();
  const [one, other] = [new Listener(), new Listener()];
  hub.join(one);
  hub.join(other);
  source.push(1);
  await settle();
  hub.leave(one);
  await clock.advance(60_000);
  assertEquals(source.live, 1);
  hub.leave(other);
  await clock.advance(9_999);
  assertEquals([source.live, hub.latest], [1, 1]);
  await clock.advance(1);
  assertEquals([source.live, hub.running, hub.latest], [0, false, undefined]);
  assertEquals(one.received, [1]);
});

Deno.test("Hub keeps its source for a subscriber that returns in time, and restarts the idle timeout", async () => {
  const { clock, source, hub } = setUp();
  const viewer = new Listener();
  for (let n = 0; n < 5; n++) {
    hub.join(viewer);
    hub.leave(viewer);
    await clock.advance(9_000);
  }
  assertEquals([source.opened, source.live], [1, 1]);
  await clock.advance(1_000);
  assertEquals([source.opened, source.live], [1, 0]);
});

Deno.test("Hub without an idle timeout closes its source when the last subscriber leaves", async () => {
  const { source, hub } = setUp({ idleTimeout: 0 });
  const [one, other] = [new Listener(), new Listener()];
  hub.join(one);
  hub.join(other);
  await settle();
  hub.leave(one);
  await settle();
  assertEquals(source.live, 1);
  hub.leave(other);
  await settle();
  assertEquals([source.live, hub.running], [0, false]);
  hub.join(one);
  await settle();
  assertEquals([source.opened, source.live], [2, 1]);
  await hub.close();
});

Deno.test("Hub with an infinite idle timeout never closes its source; start() opens it without a subscriber", async () => {
  const { clock, source, hub } = setUp({ idleTimeout: Infinity });
  hub.start();
  await settle();
  source.push(1);
  await settle();
  assertEquals([source.opened, hub.latest], [1, 1]);
  const viewer = new Listener();
  hub.join(viewer);
  hub.leave(viewer);
  await clock.advance(365 * 24 * 3_600_000);
  hub.start();
  assertEquals([source.opened, source.live, viewer.received], [1, 1, [1]]);
  await hub.close();
});

Deno.test("Hub opens its source once more, after it has closed, for subscribers that join meanwhile", async () => {
  const { source, hub } = setUp({ idleTimeout: 0 });
  const closing = Promise.withResolvers<void>();
  source.closing = closing.promise;
  const [one, other] = [new Listener(), new Listener()];
  hub.join(one);
  await settle();
  hub.leave(one);
  hub.join(one);
  hub.join(other);
  await settle();
  assertEquals([source.opened, source.live], [1, 1]);
  closing.resolve();
  await settle();
  assertEquals([source.opened, source.live, source.most], [2, 1, 1]);
  source.push(7);
  await settle();
  assertEquals([one.received, other.received], [[7], [7]]);
  await hub.close();
});

Deno.test("Hub does not open its source again if the subscriber that joined meanwhile has left", async () => {
  const { clock, source, hub } = setUp();
  const closing = Promise.withResolvers<void>();
  source.closing = closing.promise;
  const viewer = new Listener();
  hub.join(viewer);
  await settle();
  hub.leave(viewer);
  await clock.advance(10_000);
  hub.join(viewer);
  hub.leave(viewer);
  closing.resolve();
  await clock.advance(60_000);
  assertEquals([source.opened, source.live, hub.running], [1, 0, false]);
});

Deno.test("Hub discards items that arrive after its source was aborted", async () => {
  let opened = 0;
  const hub = new Hub<number>(
    pushing(async function* (signal) {
      const opening = ++opened;
      await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
      for (const late of [1, 2, 3]) yield opening * 10 + late;
    }),
    { clock: new ManualClock(), idleTimeout: 0 },
  );
  const viewer = new Listener();
  hub.join(viewer);
  hub.leave(viewer);
  hub.join(viewer);
  await settle();
  assertEquals([viewer.received, opened], [[], 2]);
  await hub.close();
  assertEquals(viewer.received, ["end"]);
});

Deno.test("Hub ends its subscribers with the reason when its source fails, and opens it for the next subscriber", async () => {
  const { source, hub } = setUp();
  const [one, other] = [new Listener(), new Listener()];
  hub.join(one);
  hub.join(other);
  source.push(1);
  await settle();
  const reason = new Error("unplugged");
  source.fail(reason);
  await settle();
  assertEquals([one.received, other.received], [[1, { reason }], [1, { reason }]]);
  assertEquals([hub.count("viewer"), hub.running, hub.latest], [0, false, undefined]);
  hub.join(one);
  await settle();
  assertEquals(source.opened, 2);
  await hub.close();
});

Deno.test("Hub ends its subscribers when its source cannot be opened", async () => {
  const reason = new TypeError("no such thing");
  const clock = new ManualClock();
  const hub = new Hub<number>(() => {
    throw reason;
  }, { clock, idleTimeout: 0 });
  const viewer = new Listener();
  hub.join(viewer);
  await settle();
  assertEquals([viewer.received, hub.running], [[{ reason }], false]);
});

Deno.test("Hub ends its subscribers when its source ends", async () => {
  const { source, hub } = setUp();
  const viewer = new Listener();
  hub.join(viewer);
  source.push(1);
  source.end();
  await settle();
  assertEquals([viewer.received, hub.running], [[1, "end"], false]);
});

Deno.test("Hub leaves no timer behind when its source ends before the idle timeout", async () => {
  const source = new FakeSource<number>();
  // The system clock, so that the test runner detects a leaked timer.
  const hub = new Hub(pushing(source.open), { clock: systemClock, idleTimeout: 600_000 });
  const viewer = new Listener();
  hub.join(viewer);
  hub.leave(viewer);
  source.end();
  await settle();
  assertEquals([hub.running, source.live], [false, 0]);
});

Deno.test("Hub ignores a second leave(), and one of an unknown subscriber", async () => {
  const { clock, source, hub } = setUp();
  const [one, other] = [new Listener(), new Listener()];
  hub.join(one);
  hub.join(other);
  hub.leave(one);
  hub.leave(one);
  hub.leave(new Listener());
  await clock.advance(60_000);
  assertEquals([hub.count("viewer"), source.live], [1, 1]);
  await hub.close();
});

Deno.test("Hub lets a subscriber leave and another join while it offers an item", async () => {
  const { source, hub } = setUp({ idleTimeout: 0 });
  const other = new Listener();
  const leaving: Subscriber<number> = {
    role: "viewer",
    offer: () => hub.leave(leaving),
    end: () => {},
  };
  hub.join(leaving);
  hub.join(other);
  source.push(1);
  source.push(2);
  await settle();
  assertEquals([other.received, hub.count("viewer")], [[1, 2], 1]);
  await hub.close();
});

Deno.test("Hub ends a subscriber that throws, and serves the others", async () => {
  const { clock, source, hub } = setUp();
  const reason = new Error("defect");
  const [before, defective, after] = [new Listener(), new Listener(), new Listener()];
  defective.offer = () => {
    throw reason;
  };
  for (const subscriber of [before, defective, after]) hub.join(subscriber);
  for (const item of [1, 2]) {
    source.push(item);
    await settle();
  }
  assertEquals(before.received, [1, 2]);
  assertEquals(after.received, [1, 2]);
  assertEquals(defective.received, [{ reason }]);
  assertEquals(hub.count("viewer"), 2);
  hub.leave(before);
  hub.leave(after);
  await clock.advance(10_000);
  assertFalse(hub.running);
});

Deno.test("Hub.close() ends all subscribers, passes its reason to the source, and waits until that has closed", async () => {
  const { source, hub } = setUp();
  const held = Promise.withResolvers<void>();
  source.closing = held.promise;
  const viewer = new Listener();
  hub.join(viewer);
  await settle();
  let closed = false;
  const reason = new Error("shutting down");
  const closing = hub.close(reason).then(() => closed = true);
  assertEquals(viewer.received, ["end"]);
  await settle();
  assertFalse(closed);
  held.resolve();
  await closing;
  assertEquals([source.live, source.reason], [0, reason]);
});

Deno.test("Hub.close() also closes a hub without subscribers, and one in its idle timeout", async () => {
  const { source, hub } = setUp();
  await hub.close();
  const { source: idle, hub: waiting } = setUp();
  const viewer = new Listener();
  waiting.join(viewer);
  waiting.leave(viewer);
  await waiting.close();
  await waiting.close();
  assertEquals([source.opened, idle.live], [0, 0]);
});

Deno.test("Hub ends a subscriber that joins after close() at once, and opens nothing", async () => {
  const { source, hub } = setUp();
  await hub.close();
  const viewer = new Listener();
  hub.join(viewer);
  hub.start();
  await settle();
  assertEquals([viewer.received, source.opened, hub.count("viewer")], [["end"], 0, 0]);
});

Deno.test("Hub is closed by `await using`", async () => {
  const { source, hub } = setUp();
  {
    await using closing = hub;
    closing.join(new Listener());
    await settle();
    assertEquals(source.live, 1);
  }
  assertEquals(source.live, 0);
});

Deno.test("Hub rejects the next() of a waiting subscription when its source fails", async () => {
  const { source, hub } = setUp();
  using viewer = hub.subscribe();
  const waiting = viewer.next();
  source.fail(new Error("unplugged"));
  await assertRejects(() => waiting, Error, "unplugged");
  assertEquals((await viewer.next()).done, true);
});

/** A background subscriber that records what it receives. */
class BackgroundListener extends Listener {
  override readonly role = "background";

  constructor(readonly keepsRunning: boolean) {
    super();
  }
}

Deno.test("Hub counts background subscribers apart from viewers", async () => {
  const { hub } = setUp();
  hub.join(new BackgroundListener(true));
  hub.join(new Listener());
  hub.subscribe({ role: "background" }).next();
  assertEquals([hub.count("viewer"), hub.count("background")], [1, 2]);
  await hub.close();
});

Deno.test("Hub keeps its source open for a background subscriber that needs it", async () => {
  const { clock, source, hub } = setUp();
  const recorder = new BackgroundListener(true);
  hub.join(recorder);
  source.push(1);
  await clock.advance(60_000);
  assertEquals([recorder.received, source.live], [[1], 1]);
  hub.leave(recorder);
  await clock.advance(10_000);
  assertEquals(source.live, 0);
});

Deno.test("Hub neither opens its source nor keeps it open for a passive subscriber", async () => {
  const { clock, source, hub } = setUp();
  const detector = new BackgroundListener(false);
  const viewer = new Listener();
  hub.join(detector);
  await settle();
  assertEquals(source.opened, 0);
  hub.join(viewer);
  source.push(1);
  await settle();
  hub.leave(viewer);
  await clock.advance(9_999);
  assertEquals(source.live, 1);
  await clock.advance(1);
  assertEquals([source.live, hub.running], [0, false]);
  hub.join(viewer);
  await settle();
  source.push(2);
  await settle();
  assertEquals(detector.received, [1, 2]);
  await hub.close();
  assertEquals(detector.received, [1, 2, "end"]);
});

Deno.test("Hub lets a passive subscriber leave without a new idle timeout", async () => {
  const { clock, source, hub } = setUp();
  const detector = new BackgroundListener(false);
  const viewer = new Listener();
  hub.join(viewer);
  hub.join(detector);
  await settle();
  hub.leave(viewer);
  await clock.advance(9_000);
  hub.leave(detector);
  await clock.advance(1_000);
  assertEquals(source.live, 0);
});
