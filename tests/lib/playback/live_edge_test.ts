import { assert, assertEquals } from "@std/assert";
import { Playback, Playhead } from "../../../lib/playback/mod.ts";
import { ManualClock } from "../../manual_clock.ts";
import { readImage, RecordedCamera } from "./recorded_camera.ts";

/** Interval of the frames, in milliseconds. */
const INTERVAL = 40;

/** A camera that delivers frames, and records each of them some time later. */
class LiveCamera {
  readonly recorded: RecordedCamera;
  readonly clock: ManualClock;
  /** How long a frame takes until it is recorded, in milliseconds. */
  lag = 1;
  /** Time of the newest live frame. */
  edge: number;
  #running = true;

  /** @param past How long it has been recorded, in milliseconds. */
  constructor(past: number, clock = new ManualClock()) {
    this.clock = clock;
    this.edge = clock.now();
    this.recorded = new RecordedCamera().record(clock.now() - past, past / INTERVAL + 1, INTERVAL);
  }

  /** Delivers frames until `stop()`. */
  async run(): Promise<void> {
    const { clock } = this;
    while (this.#running) {
      await clock.sleep(INTERVAL);
      const at = this.edge = clock.now();
      clock.sleep(this.lag).then(() => this.recorded.add(at));
    }
  }

  stop(): void {
    this.#running = false;
  }
}

/** Plays a camera until playback is live or the time is over. @returns What it has shown. */
async function play(
  camera: LiveCamera,
  { at, speed, duration }: { at: number; speed: number; duration: number },
) {
  const { clock } = camera;
  const running = camera.run();
  const playhead = new Playhead({ at, speed, clock });
  const playback = new Playback({
    source: camera.recorded.source(),
    playhead,
    clock,
    liveEdge: () => camera.edge,
  });
  const numbers: number[] = [];
  const delays: number[] = [];
  let live: number | undefined;
  const playing = (async () => {
    for (let event; (event = await playback.next()).type !== "end";) {
      if (event.type === "frame") {
        numbers.push(readImage(event.jpeg).number);
        delays.push(clock.now() - event.at);
      } else if (event.type === "live") {
        live = clock.now();
        assert(event.at === undefined || event.at <= camera.edge);
        break;
      }
    }
  })();
  await clock.advance(duration);
  camera.stop();
  const { edge } = camera;
  await playback[Symbol.asyncDispose]();
  await clock.advance(INTERVAL + camera.lag);
  await Promise.all([playing, running]);
  assertEquals(camera.recorded.open, 0);
  return { numbers, delays, live, edge };
}

/** Asserts that no frame is missing. */
function assertConsecutive(numbers: readonly number[]): void {
  assertEquals(numbers, Array.from({ length: numbers.length }, (_, index) => numbers[0]! + index));
}

for (const delay of [100, 1_000, 30_000]) {
  Deno.test(`Playback at speed 1 stays ${delay} ms behind a camera that is being recorded`, async () => {
    const camera = new LiveCamera(60_000);
    const at = camera.clock.now() - delay;
    const { numbers, delays, live } = await play(camera, { at, speed: 1, duration: 10_000 });
    assertEquals(live, undefined);
    assert(numbers.length >= 249, `${numbers.length} frames`);
    assertConsecutive(numbers);
    assert(delays.every((each) => Math.abs(each - delay) <= INTERVAL));
  });
}

for (const lag of [1, 300]) {
  Deno.test(`Playback catches up with a recorder that is ${lag} ms late without a gap`, async () => {
    const camera = new LiveCamera(60_000);
    camera.lag = lag;
    const at = camera.clock.now() - 1_000;
    const { numbers, live } = await play(camera, { at, speed: 1.5, duration: 5_000 });
    assert(live !== undefined && live - camera.clock.now() < 0);
    assertConsecutive(numbers.slice(1));
  });
}

Deno.test("Playback goes live although fewer frames are recorded than the camera delivers", async () => {
  const camera = new LiveCamera(0);
  const start = camera.clock.now();
  camera.recorded.record(start - 60_000, 61, 1_000);
  const { add } = camera.recorded;
  camera.recorded.add = function (at) {
    if ((at - start) % 1_000 === 0) add.call(this, at);
  };
  const { live } = await play(camera, { at: start - 5_000, speed: 6, duration: 2_000 });
  assert(live! - start > 500 && live! - start < 1_400, `live after ${live! - start} ms`);
});

Deno.test("Playback at a high speed is live when it has shown the newest frame", async () => {
  const camera = new LiveCamera(60_000);
  const start = camera.clock.now();
  const { live } = await play(camera, { at: start - 50_000, speed: 60, duration: 2_000 });
  assert(Math.abs(live! - start - 850) < 60, `live after ${live! - start} ms`);
});

Deno.test("Playback from a later time than the newest frame is live at once", async () => {
  for (const ahead of [0, 3_600_000]) {
    const camera = new LiveCamera(60_000);
    const start = camera.clock.now();
    const { live, numbers } = await play(camera, { at: start + ahead, speed: 1, duration: 200 });
    assert(live! - start <= 20 && numbers.length <= 1);
  }
});

Deno.test("Playback slower than the time never becomes live", async () => {
  const camera = new LiveCamera(60_000);
  const at = camera.clock.now() - 20;
  const { live, numbers } = await play(camera, { at, speed: 0.5, duration: 5_000 });
  assertEquals(live, undefined);
  assertConsecutive(numbers);
  assert(Math.abs(numbers.length - 62) <= 2, `${numbers.length} frames`);
});

Deno.test("Playback becomes live where the recording has ended", async () => {
  const clock = new ManualClock();
  const recorded = new RecordedCamera().record(clock.now() - 3_600_000, 10, 40);
  const playhead = new Playhead({ at: recorded.times[7]!, speed: 1, clock });
  const playback = new Playback({ source: recorded.source(), playhead, clock });
  const types: string[] = [];
  for (let left = 4; left > 0; left--) {
    const next = playback.next();
    await clock.advance(40);
    types.push((await next).type);
  }
  assertEquals(types, ["frame", "frame", "frame", "live"]);
  await playback[Symbol.asyncDispose]();
});

Deno.test("Playback goes live after 1 s when the recorder writes nothing more", async () => {
  const camera = new LiveCamera(60_000);
  camera.lag = 1_000_000;
  const start = camera.clock.now();
  const { live } = await play(camera, { at: start - 200, speed: 2, duration: 3_000 });
  assert(live! - start > 1_000 && live! - start < 1_300, `live after ${live! - start} ms`);
});

Deno.test("Playback does not jump into recordings from before the clock was set back", async () => {
  const camera = new LiveCamera(60_000);
  const start = camera.clock.now();
  camera.recorded.times.push(start + 3_600_000);
  camera.recorded.add = (at) => void camera.recorded.times.splice(-1, 0, at);
  const { live } = await play(camera, { at: start - 1_000, speed: 10, duration: 1_000 });
  assert(live !== undefined);
});
