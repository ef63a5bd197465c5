import { assertEquals, assertGreater, assertLess } from "@std/assert";
import { SendWindow } from "../../../lib/live/send_window.ts";

/** A link between a server and a client, simulated in steps of a millisecond. */
interface Link {
  /** Time without load from sending to the acknowledgement, in milliseconds. */
  readonly roundTrip: number;
  /** How long the link, or the client, is busy with a frame, in milliseconds. */
  readonly busy: number;
}

/** What a client has got of a camera with 30 fps. */
interface Outcome {
  readonly fps: number;
  /** Ages of the frames at the client, in milliseconds. */
  readonly ages: readonly number[];
  /** The window's size at the end. */
  readonly size: number;
}

/** Sends the newest frames over a link for some seconds, and counts those of the last half. */
function simulate(
  link: (now: number) => Link,
  seconds: number,
  window = new SendWindow(),
): Outcome {
  const inFlight: { sentAt: number; ackAt: number; generation: number }[] = [];
  let waiting: number | undefined, freeAt = 0;
  const ages: number[] = [];
  const send = (capturedAt: number, now: number) => {
    const { roundTrip, busy } = link(now);
    freeAt = Math.max(freeAt, now) + busy;
    inFlight.push({ sentAt: now, ackAt: freeAt + roundTrip, generation: window.generation });
    if (now > seconds * 500) ages.push(freeAt + roundTrip / 2 - capturedAt);
  };
  for (let now = 0, next = 0; now < seconds * 1000; now++) {
    while (inFlight[0] && inFlight[0].ackAt <= now) {
      const { sentAt, generation } = inFlight.shift()!;
      window.add(now - sentAt, generation, now);
    }
    if (now >= next) {
      waiting = now;
      next += 1000 / 30;
    }
    if (waiting === undefined) continue;
    if (window.admits(inFlight.length, now - (inFlight[0]?.sentAt ?? now))) {
      send(waiting, now);
      waiting = undefined;
    } else window.limit();
  }
  return {
    fps: ages.length / (seconds / 2),
    ages: ages.toSorted((a, b) => a - b),
    size: window.size,
  };
}

function percentile({ ages }: Outcome, part: number): number {
  return ages[Math.floor(part * (ages.length - 1))]!;
}

for (const roundTrip of [50, 100, 200]) {
  Deno.test(`SendWindow allows the full frame rate with a round trip of ${roundTrip} ms`, () => {
    const outcome = simulate(() => ({ roundTrip, busy: 27 }), 20);
    assertGreater(outcome.fps, 29);
    assertLess(percentile(outcome, 0.99), roundTrip / 2 + 27 + 10);
  });
}

for (const busy of [5, 40, 80, 150]) {
  Deno.test(`SendWindow keeps one frame in flight where each takes ${busy} ms and the next would wait`, () => {
    const outcome = simulate(() => ({ roundTrip: 2, busy }), 60);
    assertEquals(outcome.size, 1);
    // A frame has waited for at most one interval before it is sent.
    assertLess(percentile(outcome, 0.97), busy + 35);
  });
}

Deno.test("SendWindow fills a slow link with a long round trip, without a queue", () => {
  const outcome = simulate(() => ({ roundTrip: 100, busy: 80 }), 60);
  assertGreater(outcome.fps, 1000 / 100);
  assertLess(percentile(outcome, 0.95), 50 + 80 + 40);
});

Deno.test("SendWindow shrinks when a link becomes slow, and grows when it is fast again", () => {
  const window = new SendWindow();
  const before = simulate(() => ({ roundTrip: 100, busy: 10 }), 10, window);
  assertGreater(before.size, 2);
  const slow = simulate(() => ({ roundTrip: 4, busy: 200 }), 20, window);
  assertEquals(slow.size, 1);
  assertLess(percentile(slow, 0.9), 200 + 40);
  const after = simulate(() => ({ roundTrip: 100, busy: 10 }), 150, window);
  assertGreater(after.fps, 29);
});

Deno.test("SendWindow.reset starts with one frame in flight again", () => {
  const window = new SendWindow();
  simulate(() => ({ roundTrip: 100, busy: 10 }), 10, window);
  window.reset();
  assertEquals([window.admits(0, 0), window.admits(1, 0)], [true, false]);
});

Deno.test("SendWindow sends nothing more while a frame has been in flight for 250 ms", () => {
  const window = new SendWindow();
  simulate(() => ({ roundTrip: 200, busy: 10 }), 10, window);
  assertEquals([window.admits(2, 249), window.admits(2, 250), window.admits(0, 0)], [
    true,
    false,
    true,
  ]);
});
