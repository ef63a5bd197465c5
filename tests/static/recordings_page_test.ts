import {
  assertAlmostEquals,
  assertEquals,
  assertGreater,
  assertLess,
  assertMatch,
} from "@std/assert";
import { systemClock } from "../../lib/clock.ts";
import { Browser, CHROMIUM, type Page } from "../browser.ts";
import { needing, PYTHON } from "../parts.ts";
import { eventually, Server } from "../server.ts";
import { median, recordPictures, standIn, takeSeen } from "../stand_in.ts";

/** Frame rate of the camera. */
const FPS = 15;
const LIVE = `document.querySelector(".tile[data-state=live]") !== null`;
const SUMMARY = `document.querySelector(".summary").textContent`;
/** Position of the playhead, in milliseconds since the Unix epoch. */
const POSITION = `1000 * Number(document.querySelector("#timeline").ariaValueNow)`;

/** The picture on the screen: its number, and when the camera captured it. */
async function shown(page: Page): Promise<{ frame: number; captured: number }> {
  const { frame, age, at } = await page.eval(`readPicture(document.querySelector(".tile canvas"))`);
  return { frame, captured: at - age };
}

Deno.test("Replay from a server in Chromium", needing(CHROMIUM, PYTHON), async (t) => {
  const folder = await Deno.makeTempDir({ prefix: "dinocam-replay-" });
  try {
    await using server = await Server.start({
      env: standIn({ RECORD_DIR: `${folder}/recordings`, FPS: `${FPS}` }),
    });
    await using browser = await Browser.start();
    await using page = await browser.newPage();
    await recordPictures(page);
    await page.goto(server.url);
    await page.until(`${LIVE} && seen.length > 12 * ${FPS}`, 30_000);

    await t.step("a jump shows the picture of that moment, a drag as well", async () => {
      await page.press("k");
      await page.until(`${SUMMARY} === "Paused"`);
      const before = await page.eval<number>(POSITION);
      await page.press("ArrowLeft");
      await eventually("the picture is 10 s older", async () => {
        const { captured } = await shown(page);
        return Math.abs(captured - (before - 10_000)) < 700;
      });
      // From now on, each picture is that of the time below it.
      const { left, width, top } = await page.eval(
        `document.querySelector("#timeline").getBoundingClientRect().toJSON()`,
      );
      const delays: number[] = [];
      const drag = (type: string, share: number) =>
        page.mouse(type, { x: left + width * share, y: top + 40 }, {
          ...{ button: "left", buttons: 1, clickCount: 1 },
        });
      await page.eval(
        `addEventListener("pointermove", () => globalThis.movedAt = Date.now(), true)`,
      );
      // The pause was at 0.94 of the width; a recorded second is 0.0017 of it.
      await drag("mousePressed", 0.923);
      await systemClock.sleep(200);
      for (const share of [0.926, 0.934, 0.929, 0.936, 0.931]) {
        const { frame } = await shown(page);
        await takeSeen(page);
        await drag("mouseMoved", share);
        await page.until(
          `readPicture(document.querySelector(".tile canvas"))?.frame !== ${frame}`,
          3_000,
        );
        delays.push(await page.eval("seen[0].at - movedAt"));
        await systemClock.sleep(150);
        const position = await page.eval<number>(POSITION);
        const { captured } = await shown(page);
        assertAlmostEquals(captured, position, 1_000 + 1_000 / FPS);
      }
      await drag("mouseReleased", 0.931);
      console.log(`the picture is painted ${delays} ms after the pointer has moved`);
      assertLess(median(delays), 100);
    });

    await t.step("each step shows one picture", async () => {
      let { frame } = await shown(page);
      for (const [key, by] of [...Array(10).fill([",", -1]), ...Array(10).fill([".", 1])]) {
        await page.press(key);
        frame += by;
        await page.until(
          `readPicture(document.querySelector(".tile canvas"))?.frame === ${frame}`,
          3_000,
        );
      }
    });

    await t.step("playback shows the pictures in order, and catches up with live", async () => {
      await takeSeen(page);
      await page.press("l");
      await systemClock.sleep(1_500);
      const forwards = (await takeSeen(page)).map(({ frame }) => frame);
      assertGreater(forwards.length, FPS / 2);
      for (let i = 1; i < forwards.length; i++) assertGreater(forwards[i]!, forwards[i - 1]!);
      await page.press("j");
      await page.until(`${SUMMARY} === "Recorded, −1×"`);
      await takeSeen(page);
      await systemClock.sleep(1_000);
      const backwards = (await takeSeen(page)).map(({ frame }) => frame);
      assertGreater(backwards.length, FPS / 2);
      for (let i = 1; i < backwards.length; i++) assertLess(backwards[i]!, backwards[i - 1]!);
      await page.press("Home");
      await page.press("j"); // the oldest picture
      await page.until(`${SUMMARY} === "Start of the recordings"`);
      assertLess((await shown(page)).frame, 3);
      for (let i = 0; i < 6; i++) await page.press("l");
      await page.until(LIVE, 20_000);
      await takeSeen(page);
      await page.until("seen.length > 5");
      const live = (await takeSeen(page)).at(-1)!;
      assertLess(live.age, 1_000);
    });

    await t.step("a mark is stored, and a clip is downloaded", async () => {
      await page.press("b");
      await page.press("Enter");
      const marks = async () => (await fetch(`${server.url}/cameras/front/marks`)).json();
      await eventually("the mark is stored", async () => (await marks()).length === 1);
      assertEquals((await marks())[0].label, "mark");
      await page.press("Home");
      await page.press("k");
      await page.press("[");
      await page.press("ArrowRight");
      await page.press("]");
      const size = `document.querySelector(".clip-size").textContent`;
      await page.until(`/^[\\d.]+ [kM]B, (9\\.\\d+|10) s, 1[45]\\d pictures$/.test(${size})`);
      await browser.send("Browser.setDownloadBehavior", {
        behavior: "allow",
        downloadPath: folder,
        browserContextId: page.context,
      });
      await page.click("[data-action=download]");
      const clips = async () =>
        (await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name)
          .filter((name) => name.endsWith(".mkv"));
      await eventually("the clip is saved", async () => (await clips()).length === 1);
      assertMatch((await clips())[0]!, /^front-.*Z?\.mkv$/);
      assertGreater((await Deno.stat(`${folder}/${(await clips())[0]}`)).size, 100_000);
      await page.press("Escape");
    });

    assertMatch(
      await page.eval(`document.querySelector("#recording-state").textContent`),
      /^Recording: holds about \d+ (h|d|min)/,
    );
    assertEquals(page.errors, []);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
