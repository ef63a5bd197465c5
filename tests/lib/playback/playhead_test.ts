import { assert, assertEquals } from "@std/assert";
import { Playback, Playhead } from "../../../lib/playback/mod.ts";
import { ManualClock } from "../../manual_clock.ts";
import { readImage, RecordedCamera } from "./recorded_camera.ts";

const BEGIN = Date.UTC(2026, 0, 1) - 3_600_000;

/** Plays several cameras with one playhead. @returns What each has shown, and when. */
async function play(
  cameras: readonly RecordedCamera[],
  { at, speed, duration }: { at: number; speed: number; duration: number },
) {
  const clock = new ManualClock();
  const playhead = new Playhead({ at, speed, clock });
  const playbacks = cameras.map((camera) =>
    new Playback({ source: camera.source(), playhead, clock })
  );
  const shown = playbacks.map((): { what: number | string; time: number }[] => []);
  const playing = playbacks.map(async (playback, index) => {
    for (let event; (event = await playback.next()).type !== "end";) {
      const what = event.type === "frame" ? readImage(event.jpeg).at - BEGIN : event.type;
      shown[index]!.push({ what, time: clock.monotonic() });
      if (what === "live" || what === "none") break;
    }
    await playback[Symbol.asyncDispose]();
  });
  await clock.advance(duration);
  const open = cameras.reduce((sum, camera) => sum + camera.open, 0);
  const left = playbacks.map((playback) => playback[Symbol.asyncDispose]());
  await clock.advance(1_000);
  await Promise.all([...playing, ...left]);
  return { shown, position: playhead.position, open };
}

Deno.test("cameras with one playhead show the same moment", async () => {
  const cameras = [
    new RecordedCamera().record(BEGIN, 300, 100),
    new RecordedCamera().record(BEGIN, 1_000, 1000 / 30),
  ];
  const { shown } = await play(cameras, { at: BEGIN + 1_000, speed: 2, duration: 3_000 });
  for (const [index, interval] of [100, 34].entries()) {
    for (const { what, time } of shown[index]!.slice(1)) {
      const late = time - ((what as number) - 1_000) / 2;
      assert(late >= 0 && late <= interval / 2 + 20, `camera ${index}: ${what} at ${time}`);
    }
  }
});

for (const speed of [10, -10]) {
  Deno.test(`a playhead at speed ${speed} jumps only over what no camera has recorded`, async () => {
    // Seconds:  0     10     20     30     40     50     60
    // first:    =======             =======       =======
    // second:   =======      =======               ======
    const first = new RecordedCamera(), second = new RecordedCamera();
    for (const [camera, from] of [[first, 0], [first, 30], [first, 50]] as const) {
      camera.record(BEGIN + from * 1_000, 101, 100);
    }
    for (const [camera, from] of [[second, 0], [second, 20], [second, 51]] as const) {
      camera.record(BEGIN + from * 1_000, from === 20 ? 100 : 101, 100);
    }
    const at = BEGIN + (speed > 0 ? 5_000 : 56_000);
    const { shown } = await play([first, second], { at, speed, duration: 4_500 });
    // 10 s to 20 s, and 40 s to 50 s are jumped over.
    for (const frames of shown) {
      for (const { what, time } of frames) {
        if (typeof what === "string") continue;
        const seconds = what / 1_000;
        const played = speed > 0
          ? seconds - 5 - (seconds >= 20 ? 10 : 0) - (seconds >= 50 ? 10 : 0)
          : 56 - seconds - (seconds <= 40 ? 10 : 0) - (seconds <= 10 ? 10 : 0);
        const late = time - 100 * played;
        assert(late > -15 && late < 80, `${what} is ${late} ms late`);
      }
      assert(frames.filter(({ what }) => typeof what === "number").length > 100);
      assert(frames.some(({ what }) => what === "gap"));
    }
  });
}

Deno.test("a camera without recordings does not keep the playhead in a gap", async () => {
  const camera = new RecordedCamera().record(BEGIN, 10, 100).record(BEGIN + 600_000, 100, 100);
  const cameras = [camera, new RecordedCamera()];
  const { shown } = await play(cameras, { at: BEGIN + 500, speed: 1, duration: 2_000 });
  assertEquals(shown[1]!.map(({ what }) => what), ["none"]);
  const resumed = shown[0]!.find(({ what }) => what === 600_000);
  assert(resumed && resumed.time < 600, `at ${resumed?.time} ms`);
});

for (const speed of [1, -1]) {
  Deno.test(`a camera without frames where playback at speed ${speed} begins reports that once`, async () => {
    const clock = new ManualClock();
    const [here, there] = [new RecordedCamera(), new RecordedCamera()];
    here.record(BEGIN, 1_000, 100);
    there.record(BEGIN + speed * 60_000, 100, 100);
    const playhead = new Playhead({ at: BEGIN, speed, clock });
    await using _other = new Playback({ source: here.source(), playhead, clock });
    await using playback = new Playback({ source: there.source(), playhead, clock });
    assertEquals((await playback.next()).type, "gap");
    await clock.advance(5);
    const next = playback.next();
    await clock.advance(5_000);
    assertEquals(await Promise.race([next, Promise.resolve("nothing")]), "nothing");
    await clock.advance(60_000);
    assertEquals((await next).type, "frame");
  });
}

Deno.test("a camera that is recorded no more waits for the others, and is live with them", async () => {
  const ended = new RecordedCamera().record(BEGIN - 86_400_000, 10, 100);
  const other = new RecordedCamera().record(BEGIN, 100, 100);
  const { shown, open } = await play([ended, other], { at: BEGIN, speed: 4, duration: 5_000 });
  assertEquals(shown[0]!.map(({ what }) => what), ["gap", "live"]);
  const live = shown.map((each) => each.at(-1)!);
  assertEquals(live[1]!.what, "live");
  assert(live[0]!.time >= 2_475 && Math.abs(live[0]!.time - live[1]!.time) < 50);
  assertEquals(open, 0);
});

Deno.test("the other cameras show their frames where one has stepped to", async () => {
  const clock = new ManualClock();
  const first = new RecordedCamera().record(BEGIN, 100, 100);
  const second = new RecordedCamera().record(BEGIN + 10, 100, 100);
  const playhead = new Playhead({ at: BEGIN + 1_050, speed: 0, clock });
  const [leading, following] = [first, second].map((camera) =>
    new Playback({ source: camera.source(), playhead, clock })
  );
  const numberOf = async (playback: Playback) => {
    const event = await playback.next();
    return event.type === "frame" ? readImage(event.jpeg).number : event.type;
  };
  assertEquals([await numberOf(leading!), await numberOf(following!)], [10, 10]);
  leading!.step(-2);
  await clock.advance(20);
  assertEquals([await numberOf(leading!), await numberOf(following!)], [8, 7]);
  await leading![Symbol.asyncDispose]();
  await following![Symbol.asyncDispose]();
});
