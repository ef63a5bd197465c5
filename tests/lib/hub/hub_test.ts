import { assert, assertEquals, assertFalse, assertRejects } from "@std/assert";
import { systemClock } from "../../../lib/clock.ts";
import { Hub, type Role, type Subscriber } from "../../../lib/hub/hub.ts";
import { FakeSource } from "../../fake_source.ts";
import { ManualClock, settle } from "../../manual_clock.ts";

function setUp({ idleTimeout = 10_000 } = {}) {
  const clock = new ManualClock();
  const source = new FakeSource<number>();
  const hub = new Hub(source.open, { clock, idleTimeout });
  return { clock, source, hub };
}

/** A subscriber that writes down what it is told. */
class Listener implements Subscriber<number> {
  readonly role: Role = "viewer";
  readonly heard: unknown[] = [];

  offer(item: number): void {
    this.heard.push(item);
  }

  end(failure?: { reason: unknown }): void {
    this.heard.push(failure ?? "end");
  }
}

Deno.test("Hub opens its source when somebody joins, and only then", async () => {
  const { source, hub } = setUp();
  await settle();
  assertEquals([source.opened, hub.running], [0, false]);
  hub.join(new Listener());
  assertEquals([source.opened, hub.running], [1, true]);
  await hub.close();
});

Deno.test("Hub gives each item to everybody, in order", async () => {
  const { source, hub } = setUp();
  const [one, other] = [new Listener(), new Listener()];
  hub.join(one);
  hub.join(other);
  for (const item of [1, 2, 3]) {
    source.push(item);
    await settle();
  }
  await hub.close();
  assertEquals(one.heard, [1, 2, 3, "end"]);
  assertEquals(other.heard, [1, 2, 3, "end"]);
});

Deno.test("Hub opens its source once for 100 who come at once", async () => {
  const { source, hub } = setUp();
  const all = Array.from({ length: 100 }, () => new Listener());
  for (const one of all) hub.join(one);
  await settle();
  source.push(1);
  await settle();
  assertEquals(source.opened, 1);
  assert(all.every(({ heard }) => heard[0] === 1));
  await hub.close();
  assertEquals(hub.count("viewer"), 0);
});

Deno.test("Hub gives a newcomer the newest item at once", async () => {
  const { source, hub } = setUp();
  hub.join(new Listener());
  source.push(1);
  source.push(2);
  await settle();
  const newcomer = new Listener();
  hub.join(newcomer);
  assertEquals(newcomer.heard, [2]);
  hub.clearLatest();
  const later = new Listener();
  hub.join(later);
  assertEquals(later.heard, []);
  source.push(3);
  await settle();
  assertEquals([newcomer.heard, later.heard], [[2, 3], [3]]);
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
  assertEquals(one.heard, [1]);
});

Deno.test("Hub keeps its source for who comes back in time, and counts 10 s anew after that", async () => {
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

Deno.test("Hub with no idle time closes its source when the last subscriber leaves", async () => {
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

Deno.test("Hub that is to be kept warm never closes its source, and start() opens it for nobody", async () => {
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
  assertEquals([source.opened, source.live, viewer.heard], [1, 1, [1]]);
  await hub.close();
});

Deno.test("Hub opens its source again, once and not before it has closed, for who come meanwhile", async () => {
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
  assertEquals([one.heard, other.heard], [[7], [7]]);
  await hub.close();
});

Deno.test("Hub does not open its source again if who came meanwhile has left", async () => {
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

Deno.test("Hub gives nobody an item that comes after its source was told to close", async () => {
  let opened = 0;
  const hub = new Hub<number>(async function* (signal) {
    const opening = ++opened;
    await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
    for (const late of [1, 2, 3]) yield opening * 10 + late;
  }, { clock: new ManualClock(), idleTimeout: 0 });
  const viewer = new Listener();
  hub.join(viewer);
  hub.leave(viewer);
  hub.join(viewer);
  await settle();
  assertEquals([viewer.heard, opened], [[], 2]);
  await hub.close();
  assertEquals(viewer.heard, ["end"]);
});

Deno.test("Hub ends its subscribers with the reason when its source fails, and opens it for the next one", async () => {
  const { source, hub } = setUp();
  const [one, other] = [new Listener(), new Listener()];
  hub.join(one);
  hub.join(other);
  source.push(1);
  await settle();
  const reason = new Error("unplugged");
  source.fail(reason);
  await settle();
  assertEquals([one.heard, other.heard], [[1, { reason }], [1, { reason }]]);
  assertEquals([hub.count("viewer"), hub.running, hub.latest], [0, false, undefined]);
  hub.join(one);
  await settle();
  assertEquals(source.opened, 2);
  await hub.close();
});

Deno.test("Hub ends its subscribers when its source cannot even be opened", async () => {
  const reason = new TypeError("no such thing");
  const clock = new ManualClock();
  const hub = new Hub<number>(() => {
    throw reason;
  }, { clock, idleTimeout: 0 });
  const viewer = new Listener();
  hub.join(viewer);
  await settle();
  assertEquals([viewer.heard, hub.running], [[{ reason }], false]);
});

Deno.test("Hub ends its subscribers when its source ends", async () => {
  const { source, hub } = setUp();
  const viewer = new Listener();
  hub.join(viewer);
  source.push(1);
  source.end();
  await settle();
  assertEquals([viewer.heard, hub.running], [[1, "end"], false]);
});

Deno.test("Hub leaves no timer behind when its source ends before the idle time is over", async () => {
  const source = new FakeSource<number>();
  // A real clock, for whose timers the test runner looks.
  const hub = new Hub(source.open, { clock: systemClock, idleTimeout: 600_000 });
  const viewer = new Listener();
  hub.join(viewer);
  hub.leave(viewer);
  source.end();
  await settle();
  assertEquals([hub.running, source.live], [false, 0]);
});

Deno.test("Hub takes a second leave(), or one of a stranger, for nothing", async () => {
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

Deno.test("Hub lets a subscriber leave, and another join, in the middle of an item", async () => {
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
  assertEquals([other.heard, hub.count("viewer")], [[1, 2], 1]);
  await hub.close();
});

Deno.test("Hub.close() ends everybody, tells its source why, and waits until that has closed", async () => {
  const { source, hub } = setUp();
  const held = Promise.withResolvers<void>();
  source.closing = held.promise;
  const viewer = new Listener();
  hub.join(viewer);
  await settle();
  let closed = false;
  const reason = new Error("shutting down");
  const closing = hub.close(reason).then(() => closed = true);
  assertEquals(viewer.heard, ["end"]);
  await settle();
  assertFalse(closed);
  held.resolve();
  await closing;
  assertEquals([source.live, source.reason], [0, reason]);
});

Deno.test("Hub.close() also ends a hub that nobody is at, and one that waits to close", async () => {
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

Deno.test("Hub ends at once who joins after its close, and opens nothing", async () => {
  const { source, hub } = setUp();
  await hub.close();
  const viewer = new Listener();
  hub.join(viewer);
  hub.start();
  await settle();
  assertEquals([viewer.heard, source.opened, hub.count("viewer")], [["end"], 0, 0]);
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

Deno.test("Hub passes on a failure of a waiting reader's source", async () => {
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
  assertEquals([recorder.heard, source.live], [[1], 1]);
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
  assertEquals(detector.heard, [1, 2]);
  await hub.close();
  assertEquals(detector.heard, [1, 2, "end"]);
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
