import { assert, assertAlmostEquals, assertEquals, assertLess } from "@std/assert";
import type { Frame } from "../../../lib/frame.ts";
import { CameraClock } from "../../../lib/sound/camera_clock.ts";

/** A clock whose wall time can be set, and a camera that stamps frames with another clock. */
class World {
  mono = 1_000;
  /** Wall clock minus monotonic clock. */
  wall = Date.UTC(2026, 0, 1);
  /** The camera's clock minus the wall clock, if it is another machine's. */
  skew: number | undefined;
  latest: Frame | undefined;
  readonly clock = {
    now: () => Math.floor(this.mono + this.wall),
    monotonic: () => this.mono,
    sleep: () => Promise.reject(new Error("not used")),
  };
  readonly cameraClock = new CameraClock(this, this.clock);
  #sequence = 0;
  readonly #firstWall = this.wall;

  frame(lateness = 0): void {
    const capturedAt = this.skew === undefined
      ? this.clock.now()
      : this.mono - lateness + this.#firstWall + this.skew;
    const jpeg = new Uint8Array(0);
    this.latest = { jpeg, capturedAt, monotonic: this.mono, sequence: ++this.#sequence };
  }

  /** Lets time pass at 30 fps and 50 packets a second. @returns The offsets of the packets. */
  run(seconds: number, { frames = true, lateness = (): number => 0 } = {}): number[] {
    const offsets: number[] = [];
    const steps = seconds * 150;
    for (let i = 0; i < steps; i++) {
      this.mono += 1_000 / 150;
      if (frames && i % 5 === 0) this.frame(lateness());
      if (i % 3 === 0) offsets.push(this.cameraClock.at(this.mono) - this.mono);
    }
    return offsets;
  }
}

function spread(numbers: readonly number[]): number {
  return Math.max(...numbers) - Math.min(...numbers);
}

Deno.test("CameraClock is the wall clock without frames, and steady within a millisecond", () => {
  const world = new World();
  const offsets = world.run(10, { frames: false });
  assertAlmostEquals(offsets.at(-1)!, world.wall, 1);
  assertLess(spread(offsets), 1);
});

Deno.test("CameraClock is the clock of the frames of a local camera", () => {
  const world = new World();
  world.frame();
  const offsets = world.run(10);
  for (const offset of offsets) assertAlmostEquals(offset, world.wall, 1);
});

Deno.test("CameraClock follows the wall clock when it is set while frames flow", () => {
  for (const jump of [-3_600_000, -3_000, 300, 3_000, 3_600_000]) {
    const world = new World();
    world.run(5);
    world.wall += jump;
    const [first, ...offsets] = world.run(2);
    assertAlmostEquals(first!, world.wall, 2, `${jump}`);
    for (const offset of offsets) assertAlmostEquals(offset, world.wall, 2, `${jump}`);
  }
});

Deno.test("CameraClock follows the clock of a relayed camera, whatever this machine's clock does", () => {
  const world = new World();
  world.skew = 123_456;
  const cameraClock = world.wall + world.skew;
  world.run(1);
  for (const offset of world.run(5)) assertAlmostEquals(offset, cameraClock, 1);
  world.wall += 10_000;
  for (const offset of world.run(5)) assertAlmostEquals(offset, cameraClock, 1);
  world.latest = undefined; // the pictures stop, the sound goes on
  for (const offset of world.run(5, { frames: false })) assertAlmostEquals(offset, cameraClock, 1);
});

Deno.test("CameraClock ignores a frame that the network has held up", () => {
  const world = new World();
  world.skew = 0;
  world.run(5);
  let late = 0;
  const offsets = world.run(5, { lateness: () => late++ % 40 === 20 ? 400 : 0 });
  assert(late > 100);
  assertLess(spread(offsets), 1);
});

Deno.test("CameraClock smooths the jitter of a network", () => {
  const world = new World();
  world.skew = 0;
  let seed = 1;
  const lateness = () => (seed = seed * 16_807 % 2_147_483_647) % 40;
  world.run(5, { lateness });
  const offsets = world.run(20, { lateness });
  assertLess(spread(offsets), 15);
  assertEquals(offsets.length, 1_000);
});
