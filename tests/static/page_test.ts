import { assert, assertEquals, assertGreater, assertLess, assertMatch } from "@std/assert";
import { systemClock } from "../../lib/clock.ts";
import { Browser, CHROMIUM, type Page } from "../browser.ts";
import { needing, PYTHON } from "../parts.ts";
import { descendants, eventually, FAKES, Server } from "../server.ts";
import { recordPictures, standIn, takeSeen } from "../stand_in.ts";

const needs = needing(CHROMIUM, PYTHON);

/** Maximum size of the page and all its files, compressed, in bytes. */
const MAX_PAGE_SIZE = 60 * 1024;

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
    assertEquals(addresses.size, 2);
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
    await page.press("r");
    assertEquals((await viewOf(page)).turn, "90deg");
    await page.press("m");
    await page.press("+");
    const moved = () =>
      page.eval<number>(
        `new DOMMatrix(getComputedStyle(document.querySelector(".frame")).transform).e`,
      );
    assertEquals(await moved(), 0);
    await page.press("ArrowRight");
    assertLess(await moved(), -1);
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
      const { width, height } = await page.eval(`(() => {
    const { offsetWidth, offsetHeight } = document.querySelector(".frame");
    return { width: offsetWidth, height: offsetHeight };
  })()`);
      const edge = await matrix();
      assertLess(Math.abs(edge.e - width * (edge.a - 1) / 2), 2);
      assertLess(Math.abs(edge.f - height * (edge.a - 1) / 2), 2);
    },
  );

  await t.step(
    "the page shows within a second why a camera failed, and what to do",
    async () => {
      await using server = await Server.start({ env: standIn({ FAKE_CAMERA_MODE: "busy" }) });
      await using page = await browser.newPage();
      await page.goto(server.url);
      await page.until(`${NOTICE}?.includes("No picture from the camera")`, 4_000);
      const words = await page.eval<string>(NOTICE);
      assertMatch(words, /Another program is using the camera: `fuser/);
      assertMatch(words, /failed to acquire camera/);
      assertMatch(words, /Retrying automatically/);
      await page.until(
        `document.querySelector("[role=status]").textContent.startsWith("front: No picture. Another program")`,
      );
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

  /** `CAMERA` for six cameras that need no program. */
  const SIX = Array.from({ length: 6 }, (_, i) => `camera${i + 1}=emulated`).join(",");

  await t.step("the page watches only the cameras in its visible part", async () => {
    await using server = await Server.start({ env: { CAMERA: SIX } });
    await using page = await browser.newPage();
    await page.send("Emulation.setDeviceMetricsOverride", {
      width: 390,
      height: 600,
      deviceScaleFactor: 1,
      mobile: true,
    });
    const viewers = async (): Promise<string> => {
      const cameras = await (await fetch(`${server.url}/cameras`)).json();
      return cameras.map((camera: { viewers: number }) => camera.viewers).join("");
    };
    await page.goto(server.url);
    await eventually(
      "the cameras at the top are watched",
      async () => await viewers() === "111000",
    );
    await page.eval(`document.querySelector("main").scrollTop = 10_000`);
    await eventually(
      "the cameras at the end are watched",
      async () => await viewers() === "000111",
    );
  });

  await t.step(
    "the page limits the plain streams, so that other requests get a connection",
    async () => {
      await using server = await Server.start({ env: { CAMERA: SIX } });
      await using page = await browser.newPage();
      await page.beforeEachPage("delete globalThis.WebSocket");
      await page.goto(server.url);
      await page.until(
        `[...document.images].filter((image) => image.naturalWidth === 640).length === 4`,
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
