import {
  assert,
  assertEquals,
  assertGreater,
  assertLess,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { systemClock } from "../../lib/clock.ts";
import { Browser, CHROMIUM } from "../browser.ts";
import { needing, PYTHON } from "../parts.ts";
import { descendants, eventually, Server } from "../server.ts";
import { SlowLink } from "../slow_link.ts";
import { median, recordPictures, type Seen, standIn, takeSeen, watchImage } from "../stand_in.ts";

const needs = needing(CHROMIUM, PYTHON);

/** Caption of the first camera on the page. */
const CAPTION = `document.querySelector("figcaption").textContent`;
/** Tooltip of the picture's age. */
const LATENCY = `document.querySelector(".age").title`;
const NOTICE = `document.querySelector(".notice")?.innerText`;

function assertInOrder(pictures: readonly Seen[]): void {
  const frames = pictures.map(({ frame }) => frame);
  assert(frames.every((frame, i) => i === 0 || frame > frames[i - 1]!), `${frames}`);
}

Deno.test("Live player in Chromium", needs, async (t) => {
  await using browser = await Browser.start();

  await t.step(
    "the page paints 30 frames per second, in order, and shows their age",
    async () => {
      await using server = await Server.start({ env: standIn({ FPS: "30" }) });
      await using page = await browser.newPage();
      await recordPictures(page);
      await page.goto(server.url);
      await page.until("seen.length > 30");
      // Other work on this machine may take the processors for a moment: one good period of 3 s is
      // enough.
      const rates: number[] = [];
      for (let tries = 0; tries < 10 && !(Math.max(...rates) >= 28.5); tries++) {
        await takeSeen(page);
        await systemClock.sleep(3_000);
        const pictures = await takeSeen(page);
        assertInOrder(pictures);
        const [first, last] = [pictures[0]!, pictures.at(-1)!];
        rates.push(1000 * (pictures.length - 1) / (last.at - first.at));
        const shown = Number(/Latency: (\d+) ms/.exec(await page.eval(LATENCY))![1]);
        const age = median(pictures.map(({ age }) => age));
        console.log(
          `${rates.at(-1)!.toFixed(1)} fps, ${age} ms from the camera, the page shows ${shown} ms`,
        );
        // The stand-in takes its time before it writes a frame to the pipe, the server after it has
        // read the frame.
        assertLess(Math.abs(age - shown), 60);
      }
      assertMatch(await page.eval(CAPTION), /\d\d:\d\d:\d\d · (< )?\d\.\d s ago/);
      assertGreater(Math.max(...rates), 28.5);
      assertLess(Math.max(...rates), 33);
      assertEquals(page.errors, []);
    },
  );

  await t.step(
    "on a link of 500 KB/s, frames are no older than their transmission time plus 300 ms",
    async () => {
      const rate = 500_000;
      await using server = await Server.start({
        env: standIn({ FPS: "30", WIDTH: "640", HEIGHT: "480", FAKE_CAMERA_SIZE: "100000" }),
      });
      const size = (await (await fetch(`${server.url}/snapshot.jpg`)).arrayBuffer()).byteLength;
      assertGreater(size, 90_000);
      await using link = new SlowLink(server.url, rate);
      await using page = await browser.newPage();
      // Otherwise the page would request smaller pictures, which are not late.
      await page.send("Network.enable");
      await page.send("Network.setBlockedURLs", { urls: ["*/link_speed.js"] });
      await recordPictures(page);
      await page.goto(link.url);
      await page.until("seen.length > 3", 20_000);
      await takeSeen(page);
      await systemClock.sleep(4_000);
      const pictures = await takeSeen(page);
      await page.goto("about:blank");
      assertInOrder(pictures);
      assertGreater(pictures.length, 8); // the link carries at most 22
      const ages = pictures.map(({ age }) => age);

      await using other = await browser.newPage();
      await other.goto(`${link.url}/healthz`); // any page of that server
      const plain = await watchImage(other, "/video_feed", 5_000);
      const plainAges = plain.slice(plain.length >> 1).map(({ age }) => age);
      console.log(
        `age of pictures of ${size >> 10} KB at ${
          rate / 1000
        } KB/s, median / oldest: the live player ` +
          `${median(ages)} / ${Math.max(...ages)} ms, a plain <img> ` +
          `${median(plainAges)} / ${Math.max(...plainAges)} ms`,
      );
      const limit = 1000 * size / rate + 300;
      assertLess(median(ages), limit);
      // Other work on this machine may delay one or two frames.
      const late = ages.filter((age) => age >= limit);
      assertLess(late.length, 1 + ages.length / 10, `${ages}`);
    },
  );

  await t.step(
    "the page shows that the server was killed, and reconnects when it is back",
    async () => {
      const env = standIn();
      await using page = await browser.newPage();
      await recordPictures(page);
      let port: string;
      {
        await using server = await Server.start({ env });
        port = new URL(server.url).port;
        await page.goto(server.url);
        await page.until("seen.length > 10");
      }
      const killed = Date.now();
      await page.until(`${NOTICE}?.includes("Connection lost")`, 2_000);
      await page.until(`${NOTICE}?.includes("The server is not responding")`, 5_000);
      assertStringIncludes(await page.eval(CAPTION), "Not connected");
      await systemClock.sleep(Math.max(0, 2_500 - (Date.now() - killed))); // the retry delay has reached its maximum
      await takeSeen(page);
      await using _server = await Server.start({ env: { ...env, PORT: port } });
      const back = Date.now();
      await page.until("seen.length > 0", 10_000);
      const [first] = await takeSeen(page);
      console.log(`${first!.at - back} ms from the server's restart to the first frame`);
      assertLess(first!.at - back, 3_000);
      await page.until(`document.querySelector(".notice").hidden`);
    },
  );

  await t.step("the page shows the reason when the server shuts down", async () => {
    await using server = await Server.start({ env: standIn() });
    await using page = await browser.newPage();
    await recordPictures(page);
    await page.goto(server.url);
    await page.until("seen.length > 3");
    const { code, took } = await server.stop();
    assertEquals(code, 0);
    assertLess(took, 1_000);
    await page.until(`${NOTICE}?.includes("The server is shutting down")`, 3_000);
  });

  await t.step("the page shows why the capture ended, and continues when it is back", async () => {
    await using server = await Server.start({ env: standIn() });
    await using page = await browser.newPage();
    await recordPictures(page);
    await page.goto(server.url);
    await page.until("seen.length > 10");
    const [capture] = [...(await descendants(server.pid)).keys()];
    await takeSeen(page);
    Deno.kill(capture!, "SIGKILL");
    const killed = Date.now();
    // The new capture numbers its frames from 0.
    await page.until("seen.some(({ frame }) => frame < 10)", 5_000);
    const first = (await takeSeen(page)).find(({ frame }) => frame < 10)!;
    console.log(`${first.at - killed} ms without a frame`);
    assertLess(first.at - killed, 3_000);
    await page.until(
      `${CAPTION}.includes("Live again after: rpicam-vid was terminated by SIGKILL")`,
      2_000,
    );
  });

  await t.step(
    "a hidden tab lets the camera stop, and continues as soon as it is visible",
    async () => {
      await using server = await Server.start({ env: standIn({ IDLE_SECONDS: "0.5" }) });
      await using page = await browser.newPage();
      await recordPictures(page);
      await page.goto(server.url);
      await page.until("seen.length > 3");
      const { windowId } = await browser.send("Browser.getWindowForTarget", {
        targetId: page.targetId,
      });
      const show = (windowState: string) =>
        browser.send("Browser.setWindowBounds", { windowId, bounds: { windowState } });
      await show("minimized");
      await eventually(
        "the capture ends",
        async () => (await descendants(server.pid)).size === 0,
        5_000,
      );
      await takeSeen(page);
      const shown = Date.now();
      await show("normal");
      await page.until("seen.length > 0", 5_000);
      const [first] = await takeSeen(page);
      assertLess(first!.at - shown, 3_000);
    },
  );

  await t.step("two cameras share a socket, each at its own frame rate", async () => {
    await using server = await Server.start({
      env: standIn({
        CAMERA: "front=pi,back=pi",
        FAKE_CAMERA_CAMERAS: "2",
        BACK_SOURCE: "1",
        BACK_FPS: "5",
        IDLE_SECONDS: "0",
      }),
    });
    await using page = await browser.newPage();
    await recordPictures(page);
    await page.beforeEachPage(`
    globalThis.sockets = [];
    globalThis.WebSocket = class extends WebSocket {
      constructor(...args) {
        super(...args);
        sockets.push(this);
      }
    };
  `);
    const viewers = async (): Promise<number[]> => {
      const cameras = await (await fetch(`${server.url}/cameras`)).json();
      return cameras.map((camera: { viewers: number }) => camera.viewers);
    };
    await page.goto(server.url);
    await page.until(
      "seen.some(({ camera }) => camera === 0) && seen.some(({ camera }) => camera === 1)",
    );
    await takeSeen(page);
    await systemClock.sleep(2_000);
    const pictures = await takeSeen(page);
    const [front, back] = [0, 1].map((place) => pictures.filter(({ camera }) => camera === place));
    for (const frames of [front!, back!]) assertInOrder(frames);
    assertGreater(front!.length, 2 * back!.length);
    assertGreater(back!.length, 5);
    assertEquals(await viewers(), [1, 1]);
    await page.click(`[data-camera="back"] .open`);
    await eventually("only the back camera is watched", async () => `${await viewers()}` === "0,1");
    await page.press("g");
    await eventually("both cameras are watched again", async () => `${await viewers()}` === "1,1");
    assertEquals(await page.eval("sockets.length"), 1);
    assertEquals(page.errors, []);
  });
});
