import {
  assertAlmostEquals,
  assertEquals,
  assertGreater,
  assertLess,
  assertMatch,
} from "@std/assert";
import { Browser, CHROMIUM, type Page } from "../browser.ts";
import { figure, percentile, rounded } from "../faults/figures.ts";
import { needing, PYTHON } from "../parts.ts";
import { Random } from "../random.ts";
import { numberOf } from "../recording/numbered_jpeg.ts";
import { eventually, Server } from "../server.ts";
import { median, type Seen, standIn, takeSeen } from "../stand_in.ts";
import { downloadOf, openPage, Recorded, requestOf, tabTo, untilSeen } from "./recordings_page.ts";

/** Frame rate of the cameras. */
const FPS = 15;
/** Time between two frames, in milliseconds. */
const INTERVAL = 1_000 / FPS;
const MOVES = 30;
const STEPS = 50;
const LIVE = `document.querySelector(".tile[data-state=live]") !== null`;
const SUMMARY = `document.querySelector(".summary").textContent`;
/** Position of the playhead, in seconds since the Unix epoch. */
const POSITION = `Number(document.querySelector("#timeline").ariaValueNow)`;

/** Starts a server that records two cameras. */
function start(folder: string, port = 0): Promise<Server> {
  return Server.start({
    env: standIn({
      ...{ CAMERA: "front=pi,back=pi", FRONT_SOURCE: "0", BACK_SOURCE: "1", FPS: `${FPS}` },
      ...{ FAKE_CAMERA_CAMERAS: "2", FAKE_CAMERA_COMMENT: "1" },
      ...{ RECORD_DIR: folder, PORT: `${port}` },
    }),
  });
}

/** When the camera captured a picture, in milliseconds since the Unix epoch. */
function capturedAt({ at, age }: Seen): number {
  return at - age;
}

/** Waits for pictures of the first camera. @returns Their numbers. */
async function takeNumbers(page: Page, count: number): Promise<number[]> {
  await takeSeen(page);
  await page.until(`seen.length >= ${count}`);
  return (await takeSeen(page)).map(({ frame }) => frame);
}

/** Asserts that numbers rise, or fall. */
function assertRise(numbers: readonly number[], direction: 1 | -1): void {
  for (const [i, number] of numbers.entries()) {
    if (i > 0) assertGreater(direction * (number - numbers[i - 1]!), 0, `${numbers}`);
  }
}

Deno.test("Recordings in Chromium", needing(CHROMIUM, PYTHON), async (t) => {
  const folder = await Deno.makeTempDir({ prefix: "dinocam-recordings-" });
  let server = await start(folder);
  try {
    await using browser = await Browser.start();
    await using page = await openPage(browser, `${server.url}/#front`);
    await page.until(`${LIVE} && seen.length > 13 * ${FPS}`, 30_000);

    let begin = 0;
    await t.step("a drag shows the recorded picture under the pointer", async () => {
      for (let i = 0; i < 4; i++) await page.click("[data-action=timelineIn]");
      await page.press("k");
      await page.until(`${SUMMARY} === "Paused"`);
      begin = await drag(page, await Recorded.read(folder));
    });

    await t.step("steps show each recorded picture once, and a clip contains them", async () => {
      const recorded = await Recorded.read(folder);
      const end = begin + STEPS;
      await takeSeen(page);
      for (const number of recorded.numbers(begin + 1, end)) await step(page, ".", number);
      await page.press("]");
      for (const number of recorded.numbers(end - 1, begin)) await step(page, ",", number);
      await page.press("[");
      const seen = (await takeSeen(page)).map(({ frame }) => frame);
      assertRise(seen.slice(0, STEPS), 1);
      assertEquals(seen, [
        ...recorded.numbers(begin + 1, end),
        ...recorded.numbers(end - 1, begin),
      ]);
      const size = `document.querySelector(".clip-size").textContent`;
      await page.until(`${size}.endsWith(", ${STEPS + 1} pictures")`);
      const clip = await downloadOf(browser, page, () => page.click("[data-action=download]"));
      assertMatch(clip.name, /^front-.*\.mkv$/);
      const numbers = recorded.assertClip(clip).map(({ jpeg }) => numberOf(jpeg));
      assertEquals(numbers, recorded.numbers(begin, end));
      await page.press("Escape");
    });

    await t.step("playback shows the pictures in order, and catches up with live", async () => {
      await page.press("l");
      await page.until(`${SUMMARY} === "Recorded, 1×"`);
      assertRise(await takeNumbers(page, 2 * FPS), 1);
      await page.press("j");
      await page.until(`${SUMMARY} === "Recorded, −1×"`);
      assertRise(await takeNumbers(page, 2 * FPS), -1);
      await page.press("Home");
      await page.press("j");
      await page.until(`${SUMMARY} === "Start of the recordings"`);
      await untilSeen(page, (await Recorded.read(folder)).frames[0]!.number);
      for (let i = 0; i < 6; i++) await page.press("l");
      await page.until(LIVE, 20_000);
    });

    await t.step("LIVE shows the live picture again", async () => {
      await page.press("ArrowLeft");
      await page.until(`${SUMMARY} === "Recorded, 1×"`);
      assertGreater((await waitForSeen(page)).age, 5_000);
      await page.click("#live");
      await page.until(LIVE);
      assertLess((await waitForSeen(page)).age, 1_000);
    });

    await t.step("a mark is stored", async () => {
      await page.press("b");
      await page.press("Enter");
      const marks = async () => (await fetch(`${server.url}/cameras/front/marks`)).json();
      await eventually("the mark is stored", async () => (await marks()).length === 1);
      assertEquals((await marks())[0].label, "mark");
    });

    {
      const recorded = await Recorded.read(folder);
      const linked = recorded.frames[2 * FPS]!;
      const link = `${server.url}/#front@${new Date(linked.at).toISOString()}`;
      await using linkedPage = await openPage(browser, link);

      await t.step("a link shows its moment", async () => {
        await linkedPage.until("seen.length > 5");
        const numbers = (await takeSeen(linkedPage)).map(({ frame }) => frame);
        assertEquals(numbers[0], linked.number);
        assertRise(numbers, 1);
      });

      await t.step("the keyboard operates the timeline, the clip and LIVE", async () => {
        await operateByKeys(browser, linkedPage, folder);
      });

      await t.step("a grid is replayed with one playhead", async () => {
        await replayGrid(linkedPage, folder);
      });
      assertEquals(linkedPage.errors, []);
    }

    await t.step("after a kill of the server, the page plays up to the kill", async () => {
      await takeSeen(page);
      await page.until("seen.length > 0");
      await server.stop("SIGKILL");
      const killedAt = Date.now();
      server = await start(folder, Number(new URL(server.url).port));
      await page.until(`seen.some(({ at, age }) => at - age > ${killedAt} + 1000)`, 20_000);
      await page.until(LIVE);
      await replayKill(page, folder, killedAt);
    });

    await page.until(`/^Recording: \\w+ about \\d+ (h|d|min)/
      .test(document.querySelector("#recording-state").textContent)`);
    assertEquals(page.errors, []);
  } finally {
    await server[Symbol.asyncDispose]();
    await Deno.remove(folder, { recursive: true });
  }
});

/** Waits for the next picture. */
async function waitForSeen(page: Page): Promise<Seen> {
  await takeSeen(page);
  await page.until("seen.length > 0");
  return (await takeSeen(page)).at(-1)!;
}

/** Presses a key that shows one more picture, and waits for it. */
async function step(page: Page, key: string, number: number): Promise<void> {
  await page.press(key);
  await untilSeen(page, number);
}

/**
 * Drags the playhead over the recordings, and checks each picture and its delay.
 *
 * @returns Index of the recorded frame that is shown at the end: that after 4 s.
 */
async function drag(page: Page, recorded: Recorded): Promise<number> {
  const { left, width, top } = await page.eval(
    `document.querySelector("#timeline").getBoundingClientRect().toJSON()`,
  );
  /** @returns The time to which the page moves the playhead. */
  const mouse = async (type: string, x: number): Promise<number> => {
    const button = { button: "left", buttons: 1, clickCount: 1 };
    const { at, speed, cameras } = await requestOf(
      page,
      () => page.mouse(type, { x, y: top + 40 }, button),
    );
    assertEquals([speed, cameras], [0, ["front"]]);
    assertEquals(await page.eval(POSITION), Math.round(at! / 1_000));
    return at!;
  };
  // Two positions give the scale of the timeline: the newest recorded second is at 0.93 of it.
  const [right, middle] = [left + 0.92 * width, left + 0.82 * width].map(Math.round) as [
    number,
    number,
  ];
  const newest = await mouse("mousePressed", right);
  await untilSeen(page, recorded.frameAt(newest).number);
  let shown = await mouse("mouseMoved", middle);
  await untilSeen(page, recorded.frameAt(shown).number);
  const scale = (newest - shown) / (right - middle);
  assertLess(scale, INTERVAL);
  const xOf = (time: number) => right + (time - newest) / scale;

  const begin = FPS * 4;
  const oldest = Math.ceil(xOf(recorded.frames[0]!.at));
  const random = new Random(7);
  const positions = Array.from({ length: MOVES }, () => random.integer(oldest, right));
  const delays: number[] = [];
  for (const x of [...positions, Math.round(xOf(recorded.frames[begin]!.at))]) {
    const expected = newest + (x - right) * scale;
    const distance = recorded.indexAt(expected) - recorded.indexAt(shown);
    if (Math.abs(distance) < 2) continue; // perhaps the same picture
    shown = await mouse("mouseMoved", x);
    assertAlmostEquals(shown, expected, scale);
    const { renderedAt } = await untilSeen(page, recorded.frameAt(shown).number);
    delays.push(renderedAt - await page.eval<number>("movedAt"));
  }
  await page.mouse("mouseReleased", { x: xOf(shown), y: top + 40 }, { button: "left" });
  const [half, most, all] = [0.5, 0.9, 1].map((share) => rounded(percentile(delays, share)));
  figure(
    "from a move of the pointer to the picture, median, 90th percentile and maximum",
    `${half}, ${most} and ${all} ms`,
    "100 ms",
  );
  assertLess(most!, 100); // other programs may delay some
  return recorded.indexAt(shown);
}

/** Operates the page by keys only. */
async function operateByKeys(browser: Browser, page: Page, folder: string): Promise<void> {
  await tabTo(page, "#timeline");
  await page.press("k");
  await page.until(`${SUMMARY} === "Paused"`);
  const recorded = await Recorded.read(folder);
  for (const key of ["Home", "ArrowRight", "ArrowLeft"]) {
    const { at } = await requestOf(page, () => page.press(key));
    await untilSeen(page, recorded.frameAt(at!).number);
  }
  await tabTo(page, "#transport [data-action=clip]");
  await page.press("Enter");
  await page.until(`!document.querySelector("[data-action=download]").disabled`);
  await tabTo(page, "[data-action=download]");
  const clip = await downloadOf(browser, page, () => page.press("Enter"));
  assertGreater((await Recorded.read(folder)).assertClip(clip).length, FPS);
  await page.press("Escape");
  await tabTo(page, "#live");
  await page.press("Enter");
  await page.until(LIVE);
  assertLess((await waitForSeen(page)).age, 1_000);
}

/** Replays the grid: the pictures of both cameras are of one time. */
async function replayGrid(page: Page, folder: string): Promise<void> {
  await page.press("g");
  await page.until(`[0, 1].every((camera) => seen.some((picture) => picture.camera === camera))`);
  await page.press("k");
  const distances: number[] = [];
  for (const key of ["ArrowLeft", "Home", "ArrowRight"]) {
    const { at, cameras } = await requestOf(page, () => page.press(key));
    assertEquals(cameras, ["front", "back"]);
    const recorded = await Promise.all([Recorded.read(folder), Recorded.read(folder, "back")]);
    const shown = recorded.map((own) => own.frameAt(at!));
    for (const [camera, { number }] of shown.entries()) await untilSeen(page, number, camera);
    distances.push(Math.abs(shown[0]!.at - shown[1]!.at));
    // The cameras begin at different times: the oldest picture of one of them may be newer.
    if (key === "Home") continue;
    const intervals = recorded.map(({ frames }, i) =>
      frames[frames.indexOf(shown[i]!) + 1]!.at - shown[i]!.at
    );
    assertLess(distances.at(-1)!, Math.max(...intervals));
  }
  await takeSeen(page);
  await page.press("l");
  await page.until(`seen.length > ${4 * FPS}`);
  const latest: number[] = [];
  const playing = (await takeSeen(page)).map((seen) => {
    latest[seen.camera] = capturedAt(seen);
    return Math.abs(latest[0]! - latest[1]!);
  }).filter((distance) => !Number.isNaN(distance));
  figure(
    "between the pictures of a grid, paused and playing (median and 90th percentile)",
    `${distances.join(", ")} and ${median(playing)}, ${percentile(playing, 0.9)} ms`,
    `${rounded(INTERVAL)} ms`,
  );
  assertLess(median(playing), INTERVAL);
}

/** Replays the time before and after a kill of the server. */
async function replayKill(page: Page, folder: string, killedAt: number): Promise<void> {
  const recorded = await Recorded.read(folder);
  const { at, number } = recorded.frameAt(killedAt - 3_000);
  await takeSeen(page);
  await page.eval(`location.hash = "#front@${new Date(at).toISOString()}"`);
  // The camera of the second server has begun at 0 again.
  await page.until(
    `seen.some(({ frame }) => frame === ${number}) && seen.at(-1).frame < ${number}`,
    15_000,
  );
  const seen = await takeSeen(page);
  const replayed = seen.slice(seen.findIndex(({ frame }) => frame === number))
    .filter(({ frame }) => frame >= number);
  const numbers = replayed.map(({ frame }) => frame);
  assertGreater(numbers.length, FPS);
  assertRise(numbers, 1);
  const recordedNumbers = recorded.numbers(recorded.indexAt(at), recorded.indexAt(killedAt));
  assertEquals(numbers.filter((number) => !recordedNumbers.includes(number)), []);
  const missing = killedAt - capturedAt(replayed.at(-1)!);
  figure("from the last picture before a kill to the kill", `${rounded(missing)} ms`, "1000 ms");
  assertLess(missing, 1_000);
}
