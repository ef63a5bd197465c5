import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import type { Frame } from "../../../lib/frame.ts";
import type { Subscriber } from "../../../lib/hub/hub.ts";
import { openBeeps } from "../../../lib/sound/beeps.ts";
import { ManualClock } from "../../manual_clock.ts";

const RATE = 24_000;

/** A camera with one subscriber. */
class FakeCamera {
  subscriber: Subscriber<Frame> | undefined;
  #sequence = 0;

  join(subscriber: Subscriber<Frame>): void {
    this.subscriber = subscriber;
  }

  leave(subscriber: Subscriber<Frame>): void {
    if (this.subscriber === subscriber) this.subscriber = undefined;
  }

  frame(capturedAt: number, monotonic: number): void {
    const sequence = ++this.#sequence;
    this.subscriber?.offer({ jpeg: new Uint8Array(0), capturedAt, monotonic, sequence });
  }
}

function setUp() {
  const clock = new ManualClock();
  const camera = new FakeCamera();
  const stop = new AbortController();
  const samples: { time: number; value: number }[] = [];
  const reading = (async () => {
    for await (const { bytes, heardAt } of openBeeps({ camera, rate: RATE, clock })(stop.signal)) {
      const view = new DataView(bytes.buffer);
      for (let i = 0; i < bytes.length / 2; i++) {
        samples.push({ time: heardAt! + i * 1_000 / RATE, value: view.getInt16(2 * i, true) });
      }
    }
  })();
  /** The beeps so far: their first and last sound, and the number of crossings of zero. */
  const beeps = () => {
    const found: { from: number; to: number; crossings: number }[] = [];
    let last = 0;
    for (const { time, value } of samples) {
      if (value === 0) continue;
      const beep = found.at(-1);
      if (!beep || time - beep.to > 5) found.push({ from: time, to: time, crossings: 0 });
      else {
        beep.to = time;
        if (value * last < 0) beep.crossings++;
      }
      last = value;
    }
    return found;
  };
  return { clock, camera, stop, samples, reading, beeps };
}

Deno.test("openBeeps() begins a beep of 60 ms exactly at the capture time of a frame", async () => {
  const { clock, camera, stop, reading, beeps } = setUp();
  const captured: number[] = [];
  for (let i = 0; i < 4; i++) {
    await clock.advance(1_007.3);
    captured.push(clock.now());
    camera.frame(clock.now(), clock.monotonic());
  }
  await clock.advance(500);
  stop.abort();
  await reading;
  const heard = beeps();
  assertEquals(heard.length, 4);
  for (const [i, { from, to }] of heard.entries()) {
    // The first sample of a beep is zero, or almost.
    assert(from - captured[i]! >= 0 && from - captured[i]! < 2 * 1_000 / RATE + 0.001, `${from}`);
    assertAlmostEquals(to - from, 60, 1);
  }
  assertEquals(heard.map(({ crossings }) => Math.round(crossings / 10) * 10), [70, 120, 170, 70]);
});

Deno.test("openBeeps() beeps at most twice a second, and is continuous", async () => {
  const { clock, camera, stop, reading, beeps, samples } = setUp();
  for (let i = 0; i < 300; i++) {
    camera.frame(clock.now(), clock.monotonic());
    await clock.advance(1_000 / 30);
  }
  stop.abort();
  await reading;
  const starts = beeps().map(({ from }) => from);
  assert(starts.length >= 19 && starts.length <= 21, `${starts.length}`);
  for (let i = 1; i < starts.length; i++) assertAlmostEquals(starts[i]! - starts[i - 1]!, 500, 1);
  for (let i = 1; i < samples.length; i++) {
    assertAlmostEquals(samples[i]!.time - samples[i - 1]!.time, 1_000 / RATE, 0.01);
  }
});

Deno.test("openBeeps() uses the clock of a relayed camera", async () => {
  const { clock, camera, stop, reading, beeps } = setUp();
  await clock.advance(300);
  const captured: number[] = [];
  for (let i = 0; i < 3; i++) {
    const capturedAt = clock.now() - 86_400_000;
    captured.push(capturedAt);
    camera.frame(capturedAt, clock.monotonic());
    await clock.advance(1_000);
  }
  stop.abort();
  await reading;
  const heard = beeps();
  assertEquals(heard.length, 3);
  for (const [i, { from }] of heard.entries()) assertAlmostEquals(from, captured[i]!, 0.1);
});

Deno.test("openBeeps() is silent without frames, and leaves the camera at its end", async () => {
  const { clock, camera, stop, reading, samples, beeps } = setUp();
  await clock.advance(1_000);
  assert(camera.subscriber?.role === "background");
  assertEquals([samples.length, beeps().length], [RATE, 0]);
  stop.abort();
  await reading;
  assertEquals(camera.subscriber, undefined);
});
