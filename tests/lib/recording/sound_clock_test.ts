import { assert, assertAlmostEquals, assertEquals, assertLess } from "@std/assert";
import { SoundClock, type SoundPlace } from "../../../lib/recording/sound_clock.ts";
import { Random } from "../../random.ts";

const RATE = 24_000;
/** The camera's clock less the monotonic clock of the recorder, in milliseconds. */
const OFFSET = 1_795_758_000_000;

/** A camera and a microphone whose frames and packets arrive later than they were captured. */
class Source {
  readonly clock = new SoundClock(RATE);
  /** What the camera's clock was set by, in milliseconds. */
  step = 0;
  #sequence = 0;

  /** A frame that was captured at a time of the recorder's clock. */
  frame(at: number, late = 0): void {
    this.clock.observe({ capturedAt: at + OFFSET + this.step, monotonic: at + late });
  }

  /** A packet that was heard at a time of the recorder's clock. */
  packet(at: number): SoundPlace | undefined {
    const samples = new Uint8Array(RATE * 2 / 50);
    const heardAt = at + OFFSET + this.step;
    return this.clock.place({ samples, heardAt, sequence: ++this.#sequence }, at + 20);
  }

  skip(): void {
    this.#sequence++;
  }
}

Deno.test("SoundClock has no place for sound before the first frame", () => {
  const source = new Source();
  assertEquals(source.packet(0), undefined);
  source.frame(20);
  assertEquals(source.packet(20), { monotonic: 20, continues: false });
  assertEquals(source.packet(40), { monotonic: 40, continues: true });
});

Deno.test("SoundClock records sound as late as frames are on average, without their jitter", () => {
  const [source, random] = [new Source(), new Random(1)];
  let [previous, largest] = [0, 0];
  for (let at = 0; at < 60_000; at += 20) {
    if (at % 40 === 0) source.frame(at, 20 + random.integer(0, 60));
    const { monotonic, continues } = source.packet(at)!;
    if (at > 5_000) {
      assert(continues);
      assertAlmostEquals(monotonic - at, 50, 12);
      largest = Math.max(largest, Math.abs(monotonic - previous - 20));
    }
    previous = monotonic;
  }
  assertLess(largest, 0.5);
});

Deno.test("SoundClock does not follow frames that were held up for two seconds", () => {
  const source = new Source();
  for (let at = 0; at < 30_000; at += 20) {
    // The network stalls from 10 s to 12 s, and then delivers all frames at once.
    if (at % 40 === 0) source.frame(at, at >= 10_000 && at < 12_000 ? 12_000 - at : 5);
    assertAlmostEquals(source.packet(at)!.monotonic - at, 5, 25);
  }
});

Deno.test("SoundClock follows a sound card that is 500 ppm off", () => {
  for (const factor of [1.0005, 0.9995]) {
    const source = new Source();
    let places = 0;
    for (let n = 0; n < 180_000; n++) {
      const at = n * 20 * factor; // stamped by the clock, an hour long
      source.frame(at);
      const { monotonic, continues } = source.packet(at)!;
      assertAlmostEquals(monotonic, at, 1);
      if (!continues) places++;
    }
    assertEquals(places, 1);
  }
});

Deno.test("SoundClock leaves a gap where packets are missing", () => {
  for (const missing of [1, 2, 500]) {
    const source = new Source();
    source.frame(0);
    source.packet(0);
    for (let i = 0; i < missing; i++) source.skip();
    const at = (missing + 1) * 20;
    assertEquals(source.packet(at), { monotonic: at, continues: false });
    assertEquals(source.packet(at + 20), { monotonic: at + 20, continues: true });
  }
});

Deno.test("SoundClock never goes back, and leaves out a packet that it has", () => {
  const source = new Source();
  source.frame(0);
  for (let at = 0; at < 1_000; at += 20) source.packet(at);
  for (let at = 500; at < 940; at += 20) assertEquals(source.packet(at), undefined);
  const { monotonic } = source.packet(1_000)!;
  assertAlmostEquals(monotonic, 1_000, 1);
  const packet = { samples: new Uint8Array(960), heardAt: 1_020 + OFFSET, sequence: 7 };
  assert(source.clock.place(packet, 1_040));
  assertEquals(source.clock.place(packet, 1_040), undefined);
});

Deno.test("SoundClock follows a camera whose clock was set", () => {
  for (const step of [-3_600_000, -1_000, 1_000, 3_600_000]) {
    const source = new Source();
    for (let at = 0; at < 10_000; at += 20) {
      if (at === 5_000) source.step = step;
      source.frame(at);
      const place = source.packet(at);
      if (at < 5_000 || at > 7_100) assertAlmostEquals(place!.monotonic, at, 1);
    }
  }
});
