import { assert, assertEquals } from "@std/assert";
import { LinkSpeed } from "../../static/link_speed.js";
import { chooseHeight } from "../../static/tile.js";

const HEIGHTS = [90, 180, 270, 360, 720];

Deno.test("chooseHeight returns the smallest height that the screen needs, or undefined for own pictures", () => {
  const choose = (needed: number, steps = 0) => chooseHeight(HEIGHTS, needed, steps, undefined);
  assertEquals([80, 90, 91, 200, 360].map((needed) => choose(needed)), [90, 90, 90, 270, 360]);
  assertEquals(
    [380, 720, 1080, Infinity].map((needed) => choose(needed)),
    Array(4).fill(undefined),
  );
  assertEquals([1, 2, 3, 4, 9].map((steps) => choose(720, steps)), [360, 270, 180, 90, 90]);
  assertEquals([choose(300, 1), choose(90, 1)], [270, 90]);
});

Deno.test("chooseHeight does not alternate when a size makes the layout a little larger", () => {
  let current: number | undefined;
  const heights = [370, 372, 370, 373, 380, 385].map((needed) =>
    current = chooseHeight(HEIGHTS, needed, 0, current)
  );
  assertEquals(heights, [360, 360, 360, 360, 360, 360]);
  assertEquals(chooseHeight(HEIGHTS, 388, 0, 360), undefined);
  assertEquals(chooseHeight(HEIGHTS, 385, 0, undefined), undefined);
});

Deno.test("chooseHeight requests the height on the screen until the camera's are known", () => {
  assertEquals(chooseHeight([], 199.5, 0, undefined), 200);
  assertEquals(chooseHeight([], Infinity, 0, undefined), undefined);
  assertEquals(chooseHeight(undefined, 200, 0, undefined), undefined); // an older server
});

/** A page that shows 30 fps, and a link that loses a part of the frames at each number of steps. */
function simulate() {
  const speed = new LinkSpeed();
  const total = { painted: 0, skipped: 0, painting: 0 };
  let now = 0;
  const run = (seconds: number, loss: (steps: number) => number, paintTime = 3) => {
    const changes: [second: number, steps: number][] = [];
    for (const end = now + seconds * 1000; now < end; now += 1_000) {
      const frames = 30, skipped = frames * loss(speed.steps);
      total.skipped += skipped;
      total.painted += frames - skipped;
      total.painting += paintTime * (frames - skipped);
      const before = speed.steps;
      speed.update(now, { ...total }, speed.steps < 4);
      if (speed.steps !== before) changes.push([Math.round(now / 1000), speed.steps]);
    }
    return changes;
  };
  return { speed, run };
}

Deno.test("LinkSpeed lowers one size after another until the link keeps up, and stops at the smallest", () => {
  const { speed, run } = simulate();
  assertEquals(run(5, () => 0), []);
  assertEquals(run(8, (steps) => steps < 2 ? 0.5 : 0).map(([, steps]) => steps), [1, 2]);
  assertEquals(run(30, () => 0.8).map(([, steps]) => steps), [3, 4]);
  assertEquals(speed.steps, 4);
});

Deno.test("LinkSpeed raises the size after 10 s without loss, and later each time that it was too much", () => {
  const { run } = simulate();
  const changes = run(700, (steps) => steps === 0 ? 0.7 : 0);
  const lowered = changes.filter(([, steps]) => steps === 1).map(([second]) => second);
  const raised = changes.filter(([, steps]) => steps === 0).map(([second]) => second);
  const delays = raised.map((second, i) => second - lowered[i]!);
  const expected = [10, 20, 40, 80, 160, 160];
  for (const [i, delay] of delays.entries()) {
    assert(delay >= (expected[i] ?? 160) && delay < (expected[i] ?? 160) + 5, `${delays}`);
  }
  assertEquals(delays.length >= 5, true);
  // The link has become fast: back to the full size, and to the first delay.
  const after = run(200, () => 0);
  assertEquals(after.at(-1)![1], 0);
  const slow = run(20, (steps) => steps === 0 ? 0.7 : 0);
  assertEquals(slow.map(([, steps]) => steps), [1, 0, 1]);
});

Deno.test("LinkSpeed does not lower the size when the page is too slow to paint, or some frames are lost", () => {
  assertEquals(simulate().run(20, () => 0.5, 60), []);
  assertEquals(simulate().run(20, () => 0.08), []);
});

Deno.test("LinkSpeed ignores frames of the first second after other pictures were requested", () => {
  const speed = new LinkSpeed();
  speed.update(0, { painted: 0, skipped: 0, painting: 0 }, true);
  speed.settle(0);
  speed.update(900, { painted: 1, skipped: 99, painting: 0 }, true);
  speed.update(2_600, { painted: 100, skipped: 99, painting: 0 }, true);
  assertEquals(speed.steps, 0);
});
