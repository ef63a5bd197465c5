import {
  assert,
  assertEquals,
  assertFalse,
  assertGreater,
  assertLess,
  assertMatch,
  assertNotEquals,
} from "@std/assert";
import { systemClock } from "../../lib/clock.ts";
import { Browser, CHROMIUM, type Page } from "../browser.ts";
import { needing, PYTHON } from "../parts.ts";
import { descendants, eventually, FAKES, Server } from "../server.ts";
import { recordPictures, standIn, takeSeen } from "../stand_in.ts";

const needs = needing(CHROMIUM, PYTHON, "sh", "sleep", "cat");

/** Maximum size of the page and all its files, compressed, in bytes. */
const MAX_PAGE_SIZE = 60 * 1024;
/** Size of all files of the page before it could show recordings, in bytes. */
const SIZE_BEFORE_RECORDINGS = 123_865;
/** Maximum sizes that features may add, in bytes. */
const RECORDINGS_SIZE = 60 * 1024;
/** Of the sound: in its own files, which are loaded when it is turned on, and in the others. */
const SOUND_SIZE = 22 * 1024;
const SHARED_SOUND_SIZE = 6 * 1024;
/** Of the cameras that appear and disappear, in bytes. */
const CAMERA_LIST_SIZE = 6 * 1024;
/** Of the privacy mask's editor, in its own files, which are loaded when it is opened. */
const MASK_SIZE = 25 * 1024;
/** Of the privacy mask and the sizes of the pictures, in the other files. */
const SHARED_PICTURE_SIZE = 11 * 1024;
/** Of what judges the speed of the link, in its own file, which is loaded when frames are skipped. */
const LINK_SPEED_SIZE = 4 * 1024;

const NOTICE = `document.querySelector(".notice")?.innerText`;
const LIVE = `document.querySelector("[data-state=live]") !== null`;

function button(action: string): string {
  return `button[data-action=${action}]`;
}

/** Returns the pressed state of a toggle button, as screen readers see it. */
function pressed(page: Page, action: string): Promise<string> {
  return page.eval(`document.querySelector("${button(action)}").getAttribute("aria-pressed")`);
}

/** Returns the view of the first picture: its rotation, its shape on the page, and its scale. */
function viewOf(page: Page): Promise<{ turn: string; wide: boolean; a: number; d: number }> {
  return page.eval(`(() => {
    const frame = document.querySelector(".frame");
    const { a, d } = new DOMMatrix(getComputedStyle(frame).transform);
    const { width, height } = document.querySelector("canvas").getBoundingClientRect();
    return { turn: frame.style.getPropertyValue("--turn"), wide: width > height, a, d };
  })()`);
}

interface Box {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

/** Returns the edges of the first picture and of its stage, in CSS pixels. */
function edgesOf(page: Page): Promise<{ picture: Box; stage: Box }> {
  return page.eval(`(() => {
    const boxOf = (selector) => document.querySelector(selector).getBoundingClientRect().toJSON();
    return { picture: boxOf(".picture"), stage: boxOf(".stage") };
  })()`);
}

/**
 * Asserts that the picture covers the stage where it is larger, and is centred in it where it is
 * smaller.
 */
async function assertCovers(page: Page): Promise<void> {
  const { picture, stage } = await edgesOf(page);
  for (const [from, to] of [["left", "right"], ["top", "bottom"]] as const) {
    const before = stage[from] - picture[from], after = picture[to] - stage[to];
    if (before + after < 0) assertLess(Math.abs(before - after), 2);
    else assertGreater(Math.min(before, after), -1);
  }
}

/** Sets the size of the window. */
async function resize(page: Page, width: number, height: number, mobile = false): Promise<void> {
  const metrics = { width, height, deviceScaleFactor: 1, mobile };
  await page.send("Emulation.setDeviceMetricsOverride", metrics);
  await page.send("Emulation.setTouchEmulationEnabled", { enabled: mobile });
  await page.eval(`new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve, 50)))`);
}

/** `CAMERA` for cameras that need no program. */
function emulated(count: number): string {
  return Array.from({ length: count }, (_, i) => `camera${i + 1}=emulated`).join(",");
}

Deno.test("the recordings add less than 60 KB to the files of the page, the sound 28 KB, the list 6 KB, the mask 25 KB, sizes 15 KB", async () => {
  let size = 0, sound = 0, mask = 0, speed = 0;
  for await (const { name } of Deno.readDir("static")) {
    const file = (await Deno.stat(`static/${name}`)).size;
    size += file;
    if (name.startsWith("sound")) sound += file;
    if (name.startsWith("mask_")) mask += file;
    if (name === "link_speed.js") speed += file;
  }
  console.log(
    `${size} bytes, ${sound} of them in files for the sound, ${mask} in files for the mask`,
  );
  assertGreater(size, SIZE_BEFORE_RECORDINGS / 2);
  assertLess(sound, SOUND_SIZE);
  assertLess(mask, MASK_SIZE);
  assertLess(speed, LINK_SPEED_SIZE);
  const shared = SHARED_SOUND_SIZE + CAMERA_LIST_SIZE + SHARED_PICTURE_SIZE;
  assertLess(size - sound - mask - speed, SIZE_BEFORE_RECORDINGS + RECORDINGS_SIZE + shared);
});

Deno.test("Page in Chromium", needs, async (t) => {
  await using browser = await Browser.start();

  await t.step(
    "the page is small, loads nothing from other servers, and has no layout shifts",
    async () => {
      await using server = await Server.start({ env: standIn({ WIDTH: "640", HEIGHT: "480" }) });
      await using page = await browser.newPage();
      const addresses: string[] = [];
      let size = 0;
      page.on("Network.requestWillBeSent", ({ request }) => addresses.push(request.url));
      page.on("Network.loadingFinished", ({ encodedDataLength }) => size += encodedDataLength);
      await page.send("Network.enable");
      await page.beforeEachPage(`
    globalThis.shifts = [];
    const describe = ({ x, y, width, height }) => [x, y, width, height].map(Math.round).join(" ");
    new PerformanceObserver((list) => {
      for (const { value, sources } of list.getEntries()) {
        shifts.push([value, ...sources.map(({ node, previousRect, currentRect }) =>
          (node?.className || node?.nodeName) + ": " + describe(previousRect) + " -> " + describe(currentRect)
        )]);
      }
    })
      .observe({ type: "layout-shift", buffered: true });
  `);
      await page.goto(server.url);
      await page.until(LIVE);
      await systemClock.sleep(1_000);
      assertEquals(
        addresses.filter((url) => !url.startsWith(`${server.url}/`) && !/^(data|blob):/.test(url)),
        [],
      );
      console.log(`the page has ${size} bytes`);
      assertGreater(size, 10_000);
      assertLess(size, MAX_PAGE_SIZE);
      assertEquals(await page.eval("shifts"), []);
      assertEquals(page.errors, []);
    },
  );

  await t.step("the buttons of the toolbar work", async () => {
    const downloads = await Deno.makeTempDir();
    await using server = await Server.start({ env: standIn({ IDLE_SECONDS: "0.3" }) });
    await using page = await browser.newPage();
    await browser.send("Browser.setDownloadBehavior", {
      behavior: "allow",
      downloadPath: downloads,
      browserContextId: page.context,
    });
    await recordPictures(page);
    await page.goto(server.url);
    await page.until("seen.length > 5");

    // Save: the camera's JPEG, unchanged.
    await page.click(button("snapshot"));
    const files = async () =>
      (await Array.fromAsync(Deno.readDir(downloads))).map(({ name }) => name);
    const isSaved = async () => (await files()).some((name) => name.endsWith(".jpg"));
    await eventually("the picture is saved", isSaved);
    const [name] = await files();
    assertMatch(name!, /^front-\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d\.jpg$/);
    const saved = await Deno.readFile(`${downloads}/${name}`);
    assertEquals([...saved.subarray(0, 3), ...saved.subarray(-2)], [0xff, 0xd8, 0xff, 0xff, 0xd9]);
    await Deno.remove(downloads, { recursive: true });

    // Pause: no more frames, and the camera may stop.
    await page.click(button("pause"));
    assertEquals(await pressed(page, "pause"), "true");
    await eventually("the capture ends", async () => (await descendants(server.pid)).size === 0);
    await takeSeen(page);
    await systemClock.sleep(300);
    assertEquals(await takeSeen(page), []);
    await page.click(button("pause"));
    assertEquals(await pressed(page, "pause"), "false");
    await page.until("seen.length > 0");

    // Rotate, mirror, zoom: stored in this browser.
    assertEquals(await viewOf(page), { turn: "0deg", wide: true, a: 1, d: 1 });
    await page.click(button("rotate"));
    assertEquals(await viewOf(page), { turn: "90deg", wide: false, a: 1, d: 1 });
    await page.click(button("mirror"));
    assertEquals(await viewOf(page), { turn: "90deg", wide: false, a: -1, d: 1 });
    assertEquals(await pressed(page, "mirror"), "true");
    await page.click(button("zoomIn"));
    await page.click(button("zoomIn"));
    await page.click(button("zoomOut"));
    assertEquals(await viewOf(page), { turn: "90deg", wide: false, a: -1.25, d: 1.25 });
    await page.goto(server.url);
    await page.until("seen.length > 0");
    assertEquals(await viewOf(page), { turn: "90deg", wide: false, a: -1.25, d: 1.25 });
    await page.click(button("resetZoom"));
    await page.click(button("mirror"));
    for (let i = 0; i < 3; i++) await page.click(button("rotate"));
    assertEquals(await viewOf(page), { turn: "0deg", wide: true, a: 1, d: 1 });

    // Full screen: the header disappears, and comes back.
    const headerIsVisible = `document.querySelector("header").getBoundingClientRect().height > 0`;
    await page.click(button("fullscreen"));
    await page.until(`document.fullscreenElement && !(${headerIsVisible})`);
    await page.click(button("fullscreen"));
    await page.until(`!document.fullscreenElement && ${headerIsVisible}`);

    // A view that an earlier version of the page stored.
    await page.eval(`
      localStorage.setItem("look of front", localStorage.getItem("view of front").replace('"turn":0', '"turn":180'));
      localStorage.removeItem("view of front");
    `);
    await page.goto(server.url);
    await page.until("seen.length > 0");
    assertEquals((await viewOf(page)).turn, "180deg");
    for (let i = 0; i < 2; i++) await page.click(button("rotate"));
    assertEquals(await viewOf(page), { turn: "0deg", wide: true, a: 1, d: 1 });

    // The dialogs.
    for (const dialog of ["help", "addresses"]) {
      await page.click(button(dialog));
      assertEquals(await page.eval(`document.querySelector("dialog[open]").id`), dialog);
      await page.click("dialog[open] form button");
      assertEquals(await page.eval(`document.querySelector("dialog[open]")`), null);
    }
    assertEquals(page.errors, []);
  });

  await t.step("the addresses in the dialog are correct and can be copied", async () => {
    await using server = await Server.start({
      env: standIn({ CAMERA: "front=pi,garden=emulated" }),
    });
    await using page = await browser.newPage();
    await page.goto(`${server.url}/#garden`);
    await page.until(LIVE);
    await page.click(button("addresses"));
    const texts = await page.eval<string[]>(
      `[...document.querySelectorAll("#addresses input")].map((field) => field.value)`,
    );
    assertGreater(texts.length, 4);
    for (const text of texts) assert(text.includes(`${server.url}/cameras/garden/`), text);
    const addresses = new Set(texts.join(" ").match(/http:[^\s"]+/g));
    assertEquals(addresses.size, 3);
    for (const address of addresses) {
      const { status, body } = await fetch(address);
      await body?.cancel();
      assertEquals([address, status], [address, 200]);
    }
    await browser.send("Browser.grantPermissions", {
      permissions: ["clipboardReadWrite", "clipboardSanitizedWrite"],
      browserContextId: page.context,
    });
    await page.click(`#addresses ${button("copy")}`);
    await page.until(
      `document.querySelector("#addresses ${button("copy")}").textContent === "Copied"`,
    );
    assertEquals(await page.eval("navigator.clipboard.readText()"), texts[0]);
  });

  await t.step("the page can be operated by keyboard", async () => {
    await using server = await Server.start({
      env: standIn({ CAMERA: "front=pi,garden=emulated" }),
    });
    await using page = await browser.newPage();
    await page.goto(server.url);
    await page.until(LIVE);
    const hash = () => page.eval<string>("location.hash");
    await page.press("2");
    assertEquals(await hash(), "#garden");
    await page.press("ArrowLeft");
    assertEquals(await hash(), "#front");
    await page.press("g");
    assertEquals(await hash(), "");
    // With the Tab key to the link of the first camera, and Enter.
    for (let i = 0; i < 20; i++) {
      await page.press("Tab");
      if (await page.eval(`document.activeElement.matches("[data-camera=front] .open")`)) break;
    }
    await page.press("Enter");
    assertEquals(await hash(), "#front");
    await page.until(`!document.activeElement.matches(".open")`); // the page follows the address later
    await page.press("r");
    assertEquals((await viewOf(page)).turn, "90deg");
    await page.press("m");
    await page.press("+");
    const moved = () =>
      page.eval<number[]>(`(() => {
        const { e, f } = new DOMMatrix(getComputedStyle(document.querySelector(".frame")).transform);
        return [e, f];
      })()`);
    assertEquals(await moved(), [0, 0]);
    await page.press("ArrowDown");
    const [x, y] = await moved();
    assertEquals(x, 0);
    assertLess(y!, -1);
    await page.press("0");
    assertEquals((await viewOf(page)).a, -1);
    await page.press(" ");
    assertEquals(await pressed(page, "pause"), "true");
    await page.press("?");
    assertEquals(await page.eval(`document.querySelector("dialog[open]").id`), "help");
    await page.press(" "); // activates the button of the dialog
    await page.press("Escape");
    assertEquals(await page.eval(`document.querySelector("dialog[open]")`), null);
    assertEquals(await pressed(page, "pause"), "true");
    await page.press("f");
    await page.until("document.fullscreenElement");
    await page.press("f");
    await page.until("!document.fullscreenElement");
    const unnamed = await page.eval<string[]>(`
    [...document.querySelectorAll("button, a, canvas, input")].filter((element) =>
      !element.getAttribute("aria-label") && !element.textContent.trim() && !element.labels?.length
    ).map((element) => element.outerHTML)
  `);
    assertEquals(unnamed, []);
    assertEquals(page.errors, []);
  });

  await t.step(
    "the wheel zooms and dragging moves the picture, within its edges",
    async () => {
      await using server = await Server.start();
      await using page = await browser.newPage();
      await page.goto(server.url);
      await page.until(LIVE);
      const matrix = () =>
        page.eval<{ a: number; e: number; f: number }>(`(() => {
      const { a, e, f } = new DOMMatrix(getComputedStyle(document.querySelector(".frame")).transform);
      return { a, e, f };
    })()`);
      const middle = { x: 640, y: 400 };
      await page.mouse("mouseWheel", { x: 800, y: 400 }, { deltaX: 0, deltaY: -500 });
      await page.until(`document.querySelector(".zoom").textContent !== "100 %"`);
      const zoomed = await matrix();
      assertGreater(zoomed.a, 1.5);
      // The point under the pointer stays in place, so the rest moves away from it.
      assertLess(Math.abs(zoomed.e - -160 * (zoomed.a - 1)), 3);
      await page.mouse("mousePressed", middle, { button: "left", clickCount: 1 });
      await page.mouse("mouseMoved", { x: 680, y: 400 }, { button: "left", buttons: 1 });
      assertLess(Math.abs((await matrix()).e - zoomed.e - 40), 2);
      await page.mouse("mouseMoved", { x: 20_000, y: 20_000 }, { button: "left", buttons: 1 });
      await page.mouse("mouseReleased", { x: 20_000, y: 20_000 }, { button: "left" });
      await assertCovers(page);
      const edges = await edgesOf(page);
      assertLess(Math.abs(edges.picture.left - edges.stage.left), 2);
      assertLess(Math.abs(edges.picture.top - edges.stage.top), 2);
      assertEquals(
        await page.eval(`getComputedStyle(document.querySelector(".stage")).backgroundColor`),
        "rgb(12, 15, 16)",
      );
    },
  );

  await t.step("a picture cannot be dragged out of the stage, however it is rotated", async () => {
    await using server = await Server.start();
    await using page = await browser.newPage();
    await page.goto(server.url);
    await page.until(LIVE);
    const drag = async (dx: number, dy: number) => {
      const start = { x: 640, y: 400 };
      await page.mouse("mousePressed", start, { button: "left", clickCount: 1 });
      const end = { x: start.x + dx, y: start.y + dy };
      await page.mouse("mouseMoved", end, { button: "left", buttons: 1 });
      await page.mouse("mouseReleased", end, { button: "left" });
    };
    for (let turns = 0; turns < 4; turns++) {
      await page.press("0");
      // The picture is first smaller than the stage in one direction, then larger in both.
      for (let steps = 0; steps < 7; steps++) {
        await page.press("+");
        for (const [dx, dy] of [[3_000, 100], [-3_000, -3_000], [100, 3_000]] as const) {
          await drag(dx, dy);
          await assertCovers(page);
        }
      }
      // Zooming out at an edge, and resizing the window.
      await page.mouse("mouseWheel", { x: 60, y: 100 }, { deltaX: 0, deltaY: 300 });
      await assertCovers(page);
      await resize(page, 500, 900);
      await assertCovers(page);
      await resize(page, 1280, 800);
      await assertCovers(page);
      await page.press("r");
      await assertCovers(page);
    }
    assertEquals(page.errors, []);
  });

  await t.step(
    "the page shows within a second why a camera failed, and what to do",
    async () => {
      await using server = await Server.start({ env: standIn({ FAKE_CAMERA_MODE: "busy" }) });
      await using page = await browser.newPage();
      await page.goto(server.url);
      await page.until(`${NOTICE}?.includes("No picture from the camera")`, 4_000);
      const words = await page.eval<string>(NOTICE);
      // The cause, then what to do.
      assertMatch(words, /failed to acquire camera[^]*Another program is using the camera: `fuser/);
      assertMatch(words, /Trying again automatically/);
      await page.until(
        `/^front: No picture. rpicam-vid.*Another program/.test(document.querySelector("[role=status]").textContent)`,
      );
      assertEquals(await page.eval("document.title"), "⚠ No picture – dinocam");
      const failures = async () =>
        (await (await fetch(`${server.url}/cameras`)).json())[0].failures;
      // The delay between automatic attempts grows to seconds.
      let before = -1;
      await eventually("automatic attempts are rare", async () => {
        const start = before;
        before = await failures();
        await systemClock.sleep(1_000);
        return start === before;
      }, 30_000);
      await page.click(button("retry"));
      await eventually("the camera is tried now", async () => await failures() > before, 2_000);
      assertEquals(
        await page.eval(`document.querySelector("${button("snapshot")}").disabled`),
        true,
      );
    },
  );

  await t.step("the retry button has the server retry a permanent failure", async () => {
    const programs = await Deno.makeTempDir();
    try {
      const env = { ...standIn(), PATH: programs };
      await using server = await Server.start({
        env,
        command: [Deno.execPath(), "run", "-qA", "main.ts"],
      });
      await using page = await browser.newPage();
      await page.goto(server.url);
      await page.until(`${NOTICE}?.includes("rpicam-apps")`, 5_000);
      // Opening the page caused a few attempts, up to a second apart: wait until they are over.
      const failures = async () =>
        (await (await fetch(`${server.url}/cameras`)).json())[0].failures;
      for (let before; before !== (before = await failures());) await systemClock.sleep(1_500);
      await Deno.symlink(`${FAKES}/rpicam-vid`, `${programs}/rpicam-vid`);
      await systemClock.sleep(1_500);
      assertEquals(await page.eval(LIVE), false);
      await page.click(button("retry"));
      await page.until(LIVE, 5_000);
    } finally {
      await Deno.remove(programs, { recursive: true });
    }
  });

  await t.step("a camera that starts slowly is live from its first picture", async () => {
    const picture = new URL("../../cameras/emulated/1.jpg", import.meta.url).pathname;
    const SOURCE = `sh -c 'sleep 0.7; while cat ${picture}; do sleep 0.1; done'`;
    await using server = await Server.start({ env: { CAMERA: "exec", SOURCE } });
    await using page = await browser.newPage();
    await page.beforeEachPage(`setInterval(() => {
      const tile = document.querySelector(".tile");
      if (tile && !tile.matches(".blank")) globalThis.paintedAt ??= performance.now();
      if (tile?.dataset.state === "live") globalThis.liveAt ??= performance.now();
    }, 5)`);
    await page.goto(server.url);
    await page.until("globalThis.liveAt !== undefined");
    assertLess(await page.eval<number>("liveAt - paintedAt"), 250);
  });

  await t.step("the retry button is visible in every tile with a notice", async () => {
    const env = {
      CAMERA: "good=emulated,missing=exec,refused=mjpeg",
      MISSING_SOURCE: "no-such-program",
      REFUSED_SOURCE: "http://127.0.0.1:9/video_feed",
    };
    await using server = await Server.start({ env });
    await using page = await browser.newPage();
    await page.goto(server.url);
    await page.until(`document.querySelectorAll(".notice:not([hidden])").length === 2`);
    for (
      const [width, height, isPhone] of [[390, 844, true], [412, 915, true], [1280, 800]] as const
    ) {
      await resize(page, width, height, isPhone);
      const buttons = await page.eval<boolean[]>(`
        [...document.querySelectorAll(".notice:not([hidden]) .retry")].map((button) => {
          const { left, right, top, bottom } = button.getBoundingClientRect();
          const points = [[left + 9, top + 2], [right - 9, top + 2], [left + 9, bottom - 2]];
          return points.every(([x, y]) => document.elementFromPoint(x, y) === button);
        })
      `);
      assertEquals([width, height, ...buttons], [width, height, true, true]);
    }
  });

  await t.step("the page recovers when the browser stops decoding frames", async () => {
    await using server = await Server.start({ env: standIn() });
    await using page = await browser.newPage();
    await recordPictures(page);
    await page.goto(server.url);
    await page.until("seen.length > 3");
    await page.eval(`
    globalThis.decode = createImageBitmap;
    globalThis.createImageBitmap = () => new Promise(() => {});
  `);
    await page.until(`${NOTICE}?.includes("No new picture for")`, 6_000);
    await page.eval("globalThis.createImageBitmap = decode; seen.length = 0");
    await page.until("seen.length > 3", 12_000);
    await page.until(LIVE);
  });

  await t.step(
    "without a WebSocket, the page shows the plain stream, and reconnects that too",
    async () => {
      const env = standIn({ IDLE_SECONDS: "0.3" });
      await using page = await browser.newPage();
      await page.beforeEachPage("delete globalThis.WebSocket");
      const width = `document.querySelector("img.picture")?.naturalWidth`;
      let port: string;
      {
        await using server = await Server.start({ env });
        port = new URL(server.url).port;
        await page.goto(server.url);
        await page.until(`${width} === 320 && ${LIVE}`);
        assertEquals(
          await page.eval(`document.querySelector("#plain-stream").innerText`),
          "Plain stream",
        );
        await page.press(" ");
        await eventually(
          "the capture ends",
          async () => (await descendants(server.pid)).size === 0,
        );
        await page.press(" ");
        await page.until(`${width} === 320`);
      }
      await page.until(`${NOTICE}?.includes("The server is not responding")`, 5_000);
      await using _server = await Server.start({ env: { ...env, PORT: port } });
      await page.until(`${width} === 320 && ${LIVE}`);
    },
  );

  await t.step("the page watches only the cameras in its visible part", async () => {
    await using server = await Server.start({ env: { CAMERA: emulated(18) } });
    await using page = await browser.newPage();
    await resize(page, 390, 600, true);
    const viewers = async (): Promise<string> => {
      const cameras = await (await fetch(`${server.url}/cameras`)).json();
      return cameras.map((camera: { viewers: number }) => camera.viewers).join("");
    };
    await page.goto(server.url);
    await eventually(
      "the cameras at the top are watched",
      async () => /^1{8,10}0{8,10}$/.test(await viewers()),
    );
    await page.eval(`document.querySelector("main").scrollTop = 10_000`);
    await eventually(
      "the cameras at the end are watched",
      async () => /^0{8,10}1{8,10}$/.test(await viewers()),
    );
  });

  await t.step("a grid of four cameras fills the window, without scrolling", async () => {
    await using server = await Server.start({ env: { CAMERA: emulated(4) } });
    await using page = await browser.newPage();
    await page.goto(server.url);
    await page.until(`document.querySelectorAll("[data-state=live]").length === 4`);
    /**
     * Returns the number of pictures that are wholly visible, and the share of the stage that is
     * picture.
     */
    const measure = () =>
      page.eval<{ visible: number; share: number; scrolls: boolean }>(`(() => {
        const main = document.querySelector("main");
        const stage = main.getBoundingClientRect();
        const pictures = [...document.querySelectorAll("canvas")].map((canvas) => canvas.getBoundingClientRect());
        return {
          visible: pictures.filter(({ top, bottom, left, right, width }) =>
            top >= stage.top && bottom <= stage.bottom && left >= 0 && right <= innerWidth && width >= 160
          ).length,
          share: pictures.reduce((sum, { width, height }) => sum + width * height, 0) / (stage.width * stage.height),
          scrolls: main.scrollHeight > main.clientHeight,
        };
      })()`);
    for (const [width, height] of [[1280, 800], [1920, 1080], [390, 844]] as const) {
      await resize(page, width, height);
      const { visible, share, scrolls } = await measure();
      console.log(`four cameras at ${width} × ${height}: ${Math.round(100 * share)} % is picture`);
      assertEquals([visible, scrolls], [4, false]);
      if (width > 1000) assertGreater(share, 0.6);
    }
    // A rotated picture changes the best grid.
    await resize(page, 1280, 800);
    await page.press("1");
    await page.until(`document.body.matches(".single-camera")`);
    for (const key of ["r", "g"]) await page.press(key);
    await page.until(`document.querySelector("body:not(.single-camera) .sideways") !== null`);
    const rotated = await measure();
    assertEquals([rotated.visible, rotated.scrolls], [4, false]);
    assertEquals(await page.eval("document.title"), "● 4 cameras – dinocam");
    assertEquals(page.errors, []);
  });

  await t.step("the tabs of many cameras scroll to the current one", async () => {
    await using server = await Server.start({ env: { CAMERA: emulated(24) } });
    await using page = await browser.newPage();
    await resize(page, 800, 600);
    await page.goto(`${server.url}/#camera24`);
    await page.until(LIVE);
    const { overflows, visible, pageOverflows } = await page.eval(`(() => {
      const nav = document.querySelector("nav");
      const box = nav.getBoundingClientRect();
      const tab = document.querySelector("nav [aria-current]").getBoundingClientRect();
      return {
        overflows: nav.scrollWidth > nav.clientWidth,
        visible: tab.left >= box.left && tab.right <= box.right + 1,
        pageOverflows: document.documentElement.scrollWidth > innerWidth,
      };
    })()`);
    assertEquals([overflows, visible, pageOverflows], [true, true, false]);
  });

  await t.step("on a phone, every button and link has at least 44 px", async () => {
    await using server = await Server.start({ env: { CAMERA: emulated(2) } });
    await using page = await browser.newPage();
    for (const width of [390, 360, 320]) {
      await resize(page, width, 700, true);
      await page.goto(`${server.url}/#camera1`);
      await page.until(LIVE);
      for (const dialog of ["", "addresses"]) {
        if (dialog) await page.press("a");
        const { count, small } = await page.eval<{ count: number; small: string[] }>(`(() => {
          const targets = [...document.querySelectorAll("button, nav a, .brand, input, select")]
            .filter((target) => target.checkVisibility());
          const small = targets.filter((target) => {
            const { width, height, left, right } = target.getBoundingClientRect();
            const isHidden = target.closest("nav") === null && (left < 0 || right > innerWidth);
            return width < 44 || height < 44 || isHidden;
          });
          return { count: targets.length, small: small.map((target) => target.outerHTML.slice(0, 80)) };
        })()`);
        assertGreater(count, 8);
        assertEquals([width, small], [width, []]);
      }
    }
  });

  await t.step(
    "with forced colours, buttons have borders and the current tab is marked",
    async () => {
      await using server = await Server.start({ env: { CAMERA: emulated(2) } });
      await using page = await browser.newPage();
      await page.send("Emulation.setEmulatedMedia", {
        features: [{ name: "forced-colors", value: "active" }],
      });
      await page.goto(server.url);
      await page.until(LIVE);
      const styles = await page.eval(`(() => {
      const styleOf = (selector) => getComputedStyle(document.querySelector(selector));
      return {
        border: styleOf("button").borderTopStyle,
        current: styleOf("nav a[aria-current]").backgroundColor,
        other: styleOf("nav a:not([aria-current])").backgroundColor,
        dot: styleOf(".dot").backgroundColor,
      };
    })()`);
      assertEquals(styles.border, "solid");
      assertNotEquals(styles.current, styles.other);
      assertEquals(styles.dot, "rgb(22, 163, 107)");
    },
  );

  await t.step("the page has a valid web manifest with icons", async () => {
    await using server = await Server.start({ env: { AUTH: "me:secret" } });
    await using page = await browser.newPage();
    await page.goto(server.url.replace("://", "://me:secret@"));
    await page.until(LIVE);
    const { errors, data } = await page.send("Page.getAppManifest");
    assertEquals(errors, []);
    const { icons, start_url } = JSON.parse(data);
    assertEquals(new URL(start_url, `${server.url}/static/manifest.webmanifest`).pathname, "/");
    for (const { src, type } of icons) {
      const headers = { Authorization: `Basic ${btoa("me:secret")}` };
      const icon = await fetch(`${server.url}/static/${src}`, { headers });
      assertEquals([icon.status, icon.headers.get("Content-Type")], [200, type]);
      await icon.body?.cancel();
    }
  });

  for (const plain of [false, true]) {
    const kind = plain ? "on plain streams" : "with a WebSocket";
    await t.step(`the page says that the server is full, and recovers soon, ${kind}`, async () => {
      await using server = await Server.start({ env: { CAMERA: emulated(1), MAX_VIEWERS: "2" } });
      await using page = await browser.newPage();
      if (plain) await page.beforeEachPage("delete globalThis.WebSocket");
      const viewers: Response[] = [];
      for (let i = 0; i < 2; i++) viewers.push(await fetch(`${server.url}/video_feed`));
      await page.goto(server.url);
      await page.until(`${NOTICE}?.includes("The server has reached its limit of 2 viewers")`);
      await page.until(`/Trying again in \\d s/.test(${NOTICE})`);
      // It stays so, and never claims to be live.
      const start = performance.now();
      while (performance.now() - start < 5_000) {
        assertEquals(await page.eval(LIVE), false);
        assertFalse(/\bLive\b/.test(await page.eval("document.body.innerText")));
        await systemClock.sleep(50);
      }
      assertEquals(
        await page.eval("document.title"),
        "⚠ Too many viewers – dinocam",
      );
      await viewers[0]!.body?.cancel();
      const free = performance.now();
      await page.until(LIVE, 5_000);
      console.log(
        `${Math.round(performance.now() - free)} ms from a free place to a picture, ${kind}`,
      );
      const { width } = await page.eval(
        `({ width: document.querySelector("img.picture")?.naturalWidth ?? document.querySelector("canvas").width })`,
      );
      assertEquals(width, 640);
      await viewers[1]!.body?.cancel();
      assertEquals(page.errors, []);
    });
  }

  await t.step(
    "the page limits the plain streams, so that other requests get a connection",
    async () => {
      await using server = await Server.start({ env: { CAMERA: emulated(6) } });
      await using page = await browser.newPage();
      await page.beforeEachPage("delete globalThis.WebSocket");
      await page.goto(server.url);
      await page.until(
        `[...document.querySelectorAll("img.picture")].filter((image) => image.naturalWidth > 0).length === 4`,
      );
      assertMatch(await page.eval("document.body.innerText"), /Not shown here/);
      const start = performance.now();
      assertEquals(await page.eval(`fetch("cameras").then(({ status }) => status)`), 200);
      assertLess(performance.now() - start, 2_000);
      await page.press("6");
      await page.until(`document.querySelector("[data-camera=camera6] img")?.naturalWidth === 640`);
    },
  );
});
