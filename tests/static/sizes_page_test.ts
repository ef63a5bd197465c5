import { assert, assertEquals } from "@std/assert";
import { sizeOf } from "../../lib/jpeg/segments.ts";
import { Browser, CHROMIUM, type Page } from "../browser.ts";
import { needing } from "../parts.ts";
import { eventually, Server } from "../server.ts";
import { SlowLink } from "../slow_link.ts";

/** Heights of the pictures on the page, one for each tile that shows one. */
const HEIGHTS =
  `[...document.querySelectorAll(".tile:not([hidden], .blank) canvas")].map(({ height }) => height)`;
/** Size of the picture of a camera on its own, as the page says it. */
const SIZE = `document.querySelector(".single .size").textContent`;
const SUMMARY = `document.querySelector(".single .summary").textContent`;
/** Height of the emulated camera's pictures. */
const OWN = 480;

/** `CAMERA` for cameras that need no program. */
function emulated(count: number): string {
  return Array.from({ length: count }, (_, i) => `camera${i + 1}=emulated`).join(",");
}

/** Waits until all pictures on the page have one height. */
function untilHeight(page: Page, condition: string, count: number, ms = 20_000): Promise<void> {
  return page.until(
    `${HEIGHTS}.length === ${count} && ${HEIGHTS}.every((height) => height ${condition})`,
    ms,
  );
}

Deno.test("Sizes of pictures in Chromium", needing(CHROMIUM), async (t) => {
  await using browser = await Browser.start();

  await t.step(
    "a tile requests the size that the screen needs, a camera on its own the full one",
    async () => {
      await using server = await Server.start({ env: { CAMERA: emulated(9), FPS: "5" } });
      const viewers = async () => {
        const cameras = await (await fetch(`${server.url}/cameras`)).json();
        return cameras.map((camera: { viewers: number }) => camera.viewers);
      };
      await using page = await browser.newPage();
      await page.goto(server.url);
      await untilHeight(page, `< ${OWN}`, 9);
      const scale = await page.eval(`(() => {
        const canvas = document.querySelector("canvas");
        return canvas.getBoundingClientRect().height / canvas.height;
      })()`);
      assert(scale < 1.08, `${scale}`);
      await eventually(
        "one viewer each",
        async () => `${await viewers()}` === `${Array(9).fill(1)}`,
      );

      await page.send("Emulation.setDeviceMetricsOverride", {
        ...{ width: 1280, height: 800, deviceScaleFactor: 3, mobile: false },
      });
      await untilHeight(page, `=== ${OWN}`, 9); // a screen with more pixels
      await page.send("Emulation.clearDeviceMetricsOverride");
      await untilHeight(page, `< ${OWN}`, 9);

      await page.click(`[data-camera="camera2"] .open`);
      await untilHeight(page, `=== ${OWN}`, 1);
      await page.until(`${SIZE} === "640 × 480"`);
      await eventually(
        "only that is watched",
        async () => `${await viewers()}` === "0,1,0,0,0,0,0,0,0",
      );
      await page.send("Emulation.setDeviceMetricsOverride", {
        ...{ width: 400, height: 300, deviceScaleFactor: 1, mobile: false },
      });
      await untilHeight(page, `< ${OWN}`, 1);
      await page.until(`/ of 640 × 480$/.test(${SIZE})`);
      await page.press("+"); // zoomed
      await untilHeight(page, `=== ${OWN}`, 1);
      await page.press("0");
      await untilHeight(page, `< ${OWN}`, 1);
      await page.press("f");
      await page.until(`document.documentElement.classList.contains("fullscreen")`);
      await untilHeight(page, `=== ${OWN}`, 1);
      assertEquals(page.errors, []);
    },
  );

  await t.step("the saved picture has the camera's own size", async () => {
    const downloads = await Deno.makeTempDir();
    try {
      await using server = await Server.start({ env: { CAMERA: emulated(1), FPS: "10" } });
      await using page = await browser.newPage();
      await browser.send("Browser.setDownloadBehavior", {
        ...{ behavior: "allow", downloadPath: downloads, browserContextId: page.context },
      });
      await page.send("Emulation.setDeviceMetricsOverride", {
        ...{ width: 400, height: 300, deviceScaleFactor: 1, mobile: false },
      });
      await page.goto(server.url);
      await untilHeight(page, `< ${OWN}`, 1);
      await page.press("s");
      const files = async () =>
        (await Array.fromAsync(Deno.readDir(downloads))).map(({ name }) => name)
          .filter((name) => name.endsWith(".jpg"));
      await eventually("the picture is saved", async () => (await files()).length > 0);
      const saved = await Deno.readFile(`${downloads}/${(await files())[0]}`);
      assertEquals(sizeOf(saved), { width: 640, height: 480 });
    } finally {
      await Deno.remove(downloads, { recursive: true });
    }
  });

  await t.step(
    "on a slow link the page shows smaller pictures, and larger ones when it is fast again",
    async () => {
      await using server = await Server.start({ env: { CAMERA: emulated(1), FPS: "30" } });
      const snapshot = await (await fetch(`${server.url}/snapshot.jpg`)).arrayBuffer();
      await using link = new SlowLink(server.url, 10 * snapshot.byteLength);
      await using page = await browser.newPage();
      await page.goto(link.url);
      await untilHeight(page, `=== ${OWN}`, 1);
      await untilHeight(page, `< ${OWN}`, 1, 30_000);
      await page.until(`${SUMMARY}.includes("smaller for the slow link")`);
      await page.until(`/ of 640 × 480$/.test(${SIZE})`);
      link.rate = 1e9;
      await untilHeight(page, `=== ${OWN}`, 1, 90_000);
      await page.until(`!${SUMMARY}.includes("slow link")`);
      assertEquals(page.errors, []);
    },
  );

  await t.step("a page without WebSocket requests smaller pictures, too", async () => {
    await using server = await Server.start({ env: { CAMERA: emulated(4), FPS: "5" } });
    await using page = await browser.newPage();
    await page.send("Emulation.setDeviceMetricsOverride", {
      ...{ width: 640, height: 500, deviceScaleFactor: 1, mobile: false },
    });
    await page.beforeEachPage("delete globalThis.WebSocket;");
    await page.goto(server.url);
    const images = `[...document.querySelectorAll("img.picture")]`;
    const heights = `${images}.map(({ naturalHeight }) => naturalHeight)`;
    await page.until(
      `${images}.length === 4 && ${heights}.every((h) => h > 0 && h < ${OWN})`,
      20_000,
    );
    await page.click(`[data-camera="camera2"] .open`);
    await page.until(`${images}.length === 1 && ${heights}[0] >= 240`, 20_000);
    assertEquals(page.errors, []);
  });
});
