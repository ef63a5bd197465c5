import { assert, assertEquals, assertGreater, assertMatch } from "@std/assert";
import emulated from "../../cameras/emulated.ts";
import { Authenticator } from "../../lib/auth/mod.ts";
import { Camera } from "../../lib/camera/camera.ts";
import { MutableCameraList } from "../../lib/camera/camera_list.ts";
import { systemClock } from "../../lib/clock.ts";
import { type Pages, readPages } from "../../lib/http/page_routes.ts";
import { frameMessage, PROTOCOL_VERSION } from "../../lib/live/mod.ts";
import { Browser, CHROMIUM, type Page } from "../browser.ts";
import { createServerApp } from "../lib/http/server_app.ts";
import { needing, PYTHON } from "../parts.ts";
import { PictureFolder } from "../picture_folder.ts";
import { eventually, Server } from "../server.ts";
import { noEvents } from "../silent.ts";
import { ReplayServer, takePictures } from "./replay_server.ts";
import { STATUS, StubServer } from "./stub_server.ts";

/** Why the list is empty. */
const REASON = "No origin publishes a camera";

/** A server whose list of cameras a test changes. Each camera shows 10 pictures per second. */
class ListServer implements AsyncDisposable {
  readonly url: string;
  readonly #list = Object.assign(new MutableCameraList(), { emptyReason: REASON });
  readonly #cameras = new Map<string, Camera>();
  readonly #server: Deno.HttpServer<Deno.NetAddr>;

  constructor(pages: Pages, ...names: string[]) {
    this.show(...names);
    const log = { info() {}, warn() {}, error() {} };
    const app = createServerApp({
      cameras: this.#list,
      pages,
      authenticator: new Authenticator("anyone", { clock: systemClock, log }),
      clock: systemClock,
      log,
    });
    this.#server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen() {} },
      (request, info) => app.fetch(request, info),
    );
    this.url = `http://127.0.0.1:${this.#server.addr.port}`;
  }

  /** Has these cameras from now on. */
  show(...names: string[]): void {
    this.#list.set(names.map((name) => {
      const camera = this.#cameras.get(name) ?? new Camera({
        name,
        driver: "emulated",
        open: (signal) => emulated.open({ fps: 10 }, signal),
        idleTimeout: 0,
        clock: systemClock,
        events: noEvents,
      });
      this.#cameras.set(name, camera);
      return camera;
    }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const cameras = [...this.#cameras.values()];
    await Promise.all([this.#server.shutdown(), ...cameras.map((camera) => camera.close())]);
  }
}

/** Script that counts the pictures painted of each camera, and can watch for changes of tiles. */
const SCRIPT = `
  globalThis.painted = {};
  const { transferFromImageBitmap } = ImageBitmapRenderingContext.prototype;
  ImageBitmapRenderingContext.prototype.transferFromImageBitmap = function (bitmap) {
    transferFromImageBitmap.call(this, bitmap);
    const { camera } = this.canvas.closest(".tile").dataset;
    painted[camera] = (painted[camera] ?? 0) + 1;
  };
  globalThis.tileOf = (name) => document.querySelector('.tile[data-camera="' + name + '"]');
  globalThis.linkTo = (name) => document.querySelector('#names a[href="#' + name + '"]');
  globalThis.namesOf = (selector) =>
    Array.from(document.querySelectorAll(selector), ({ innerText }) => innerText.trim()).join();
  globalThis.watchTiles = () => {
    globalThis.touched = [];
    const observer = new MutationObserver((records) => {
      for (const { addedNodes, removedNodes, type, target } of records) {
        if (type === "attributes") {
          if (target.matches(".tile.blank")) touched.push(target.dataset.camera + " is blank");
        } else if (target === main) {
          for (const node of [...addedNodes, ...removedNodes]) {
            touched.push((node.isConnected ? "+" : "-") + (node.dataset?.camera ?? node.nodeName));
          }
        }
      }
    });
    const main = document.querySelector("#cameras");
    observer.observe(main, {
      childList: true, subtree: true, attributes: true, attributeFilter: ["class"],
    });
  };
`;

/** Names of the cameras of the tiles, in the order of the page. */
const TILES =
  `Array.from(document.querySelectorAll(".tile"), ({ dataset }) => dataset.camera).join()`;

/** Whether the page says that there are no cameras. */
const IS_EMPTY = `document.querySelector("#empty")?.hidden === false`;

async function openPage(browser: Browser, url: string, script = ""): Promise<Page> {
  const page = await browser.newPage();
  await page.beforeEachPage(SCRIPT + script);
  await page.goto(url);
  return page;
}

async function untilPainted(page: Page, ...names: string[]): Promise<void> {
  for (const name of names) await page.until(`painted[${JSON.stringify(name)}] > 2`);
}

/** The lines of an element's text, or undefined if it is hidden. */
function linesOf(page: Page, selector: string): Promise<string[] | undefined> {
  return page.eval(`(() => {
    const element = document.querySelector(${JSON.stringify(selector)});
    return element.hidden ? undefined : element.innerText.trim().split(/\\n+/);
  })()`);
}

Deno.test("A list of cameras that changes, in Chromium", needing(CHROMIUM), async (t) => {
  await using browser = await Browser.start();
  const pages = readPages("static");

  await t.step("a page without cameras says why, and cameras appear and disappear", async () => {
    await using server = new ListServer(pages);
    await using page = await openPage(browser, server.url);
    const advice = "Cameras appear here as soon as the server finds them";
    await page.until(IS_EMPTY);
    assertEquals(await linesOf(page, "#empty"), ["No cameras yet", REASON, advice]);
    assertMatch(await page.eval(`document.querySelector("#announcement").innerText`), /No cameras/);
    server.show("front");
    await untilPainted(page, "front");
    assertEquals([await page.eval(TILES), await linesOf(page, "#empty")], ["front", undefined]);
    await page.until(`document.title === "● front – dinocam"`);
    server.show();
    await page.until(IS_EMPTY);
    assertEquals([await page.eval(TILES), await page.eval("document.title")], ["", "dinocam"]);
    server.show("front", "back");
    await page.eval("painted = {}");
    await untilPainted(page, "front", "back");
    assertEquals(page.errors, []);
  });

  await t.step("cameras that come and go leave the others and the focus alone", async () => {
    await using server = new ListServer(pages, "front", "side", "yard");
    await using page = await openPage(browser, server.url);
    await untilPainted(page, "front", "side", "yard");
    await page.eval(`
      globalThis.kept = [tileOf("side"), tileOf("yard"), linkTo("side"), linkTo("yard")];
      tileOf("yard").querySelector(".open").focus();
      watchTiles();
    `);
    server.show("attic", "side", "street", "yard");
    await page.until(`${TILES} === "attic,side,street,yard"`);
    assertEquals(await page.eval(`namesOf("#names a")`), "All,attic,side,street,yard");
    await page.eval("painted = {}");
    await untilPainted(page, "attic", "side", "street", "yard");
    const isKept = `[tileOf("side"), tileOf("yard"), linkTo("side"), linkTo("yard")]
      .every((element, i) => element === kept[i])`;
    assert(await page.eval(isKept));
    const touched = await page.eval<string[]>("touched");
    assertEquals(touched.filter((text) => /side|yard/.test(text)), []);
    assertEquals(touched.filter((text) => /front/.test(text)), ["-front"]);
    const focused = `document.activeElement === tileOf("yard").querySelector(".open")`;
    assert(await page.eval(focused));
    await page.eval(`linkTo("side").focus()`);
    server.show("side", "yard");
    await page.until(`${TILES} === "side,yard"`);
    assert(await page.eval(`document.activeElement === kept[2] && ${isKept}`));
    assertEquals(page.errors, []);
  });

  await t.step(
    "a camera that is shown on its own and disappears is shown when it returns",
    async () => {
      await using server = new ListServer(pages, "back", "front", "yard");
      await using page = await openPage(browser, `${server.url}/#front`);
      await untilPainted(page, "front");
      const single = `document.querySelector(".tile.single")?.dataset.camera`;
      assertEquals([await page.eval(single), await linesOf(page, "#absent")], ["front", undefined]);
      await page.press("f");
      await page.until(`document.querySelector(".fullscreen") !== null`);
      server.show("back", "yard");
      await untilPainted(page, "back", "yard");
      assertEquals(await page.eval(`${single} ?? "none"`), "none");
      const text = 'Camera "front" is not available: it is shown as soon as it appears';
      assertEquals(await linesOf(page, "#absent"), [text]);
      server.show("back", "front", "yard");
      await page.eval("painted = {}");
      await untilPainted(page, "front");
      assertEquals([await page.eval(single), await linesOf(page, "#absent")], ["front", undefined]);
      assert(await page.eval(`document.querySelector(".fullscreen") !== null`));
      await page.eval("painted = {}");
      await untilPainted(page, "front");
      assertEquals(await page.eval("painted.back ?? 0"), 0); // only one camera is watched
      assertEquals(page.errors, []);
    },
  );

  await t.step("the dialog with the addresses follows, and keeps the focus", async () => {
    await using server = new ListServer(pages, "back", "front");
    await using page = await openPage(browser, server.url);
    await untilPainted(page, "back", "front");
    await page.press("a");
    const names = `namesOf("#addresses h3")`;
    assertEquals(await page.eval(names), "back,front");
    await page.eval(`
      globalThis.button = [...document.querySelectorAll("#addresses [data-action=copy]")].at(-1);
      button.focus();
    `);
    server.show("attic", "front");
    await page.until(`${names} === "attic,front"`);
    assert(await page.eval("document.activeElement === button && button.isConnected"));
    assertEquals(
      await page.eval(`new Set(Array.from(document.querySelectorAll("#addresses input"),
        ({ value }) => /cameras.(\\w+)/.exec(value)[1])).size`),
      2,
    );
    assertEquals(page.errors, []);
  });

  await t.step("a page without WebSocket follows, and opens no other stream again", async () => {
    await using server = new ListServer(pages, "back", "front");
    await using page = await openPage(browser, server.url, "delete globalThis.WebSocket;");
    const image = (name: string) => `tileOf("${name}")?.querySelector("img.picture")`;
    // The size of the tiles, and with it that of the pictures, depends on the shape of the first ones.
    await page.until(
      `${image("front")}?.naturalHeight === 480 && ${image("back")}?.naturalHeight === 480`,
    );
    await page.eval(`globalThis.image = ${image("front")}; globalThis.address = image.src;`);
    server.show("attic", "front");
    await page.until(`${TILES} === "attic,front"`);
    await page.until(`${image("attic")}?.naturalWidth > 0`);
    assert(await page.eval(`${image("front")} === image && image.src === address`));
    server.show();
    await page.until(IS_EMPTY);
    assertEquals((await linesOf(page, "#empty"))![0], "No cameras yet");
    assertEquals(page.errors, []);
  });

  await t.step("cameras that a driver discovers appear and disappear on the page", async () => {
    await using folder = await PictureFolder.create();
    await using server = await Server.start({
      env: { CAMERAS_DIR: folder.path, CAMERA: "pictures" },
    });
    await using page = await openPage(browser, server.url);
    await page.until(IS_EMPTY);
    assertMatch((await linesOf(page, "#empty"))![1]!, /pictures/);
    await folder.add("front");
    await folder.add("yard");
    await untilPainted(page, "front", "yard");
    await page.eval(`globalThis.kept = tileOf("yard")`);
    await folder.remove("front");
    await page.until(`${TILES} === "yard"`);
    await page.eval("painted = {}");
    await untilPainted(page, "yard");
    assert(await page.eval(`tileOf("yard") === kept`));
    assertEquals(page.errors, []);
  });

  await t.step("frames with an unknown index are ignored, and acknowledged", async () => {
    const jpeg = await Deno.readFile("cameras/emulated/1.jpg");
    const frame = (index: number) =>
      frameMessage({ jpeg, sequence: 5 + index, capturedAt: Date.now(), monotonic: 0 }, index);
    const cameras = [{ ...STATUS, index: 7, link: { lanes: 2, late: 3 } }];
    const hello = { type: "hello", version: PROTOCOL_VERSION, now: Date.now(), cameras };
    await using server = new StubServer(
      pages,
      () => [JSON.stringify(hello), frame(0), frame(9), frame(7)],
    );
    await using page = await openPage(browser, server.url);
    await page.until("painted.front === 1");
    const acknowledged = () =>
      server.received.map((text) => JSON.parse(text)).filter(({ type }) => type === "painted")
        .map(({ camera }) => camera).sort();
    await eventually("all are acknowledged", () => acknowledged().length === 3);
    assertEquals([acknowledged(), await page.eval("painted")], [[0, 7, 9], { front: 1 }]);
    // The details of a camera from a hub.
    await page.until(`tileOf("front").querySelector(".age").title
      .endsWith("Hub: 2 lanes, 3 pictures late.")`);
    assertEquals(page.errors, []);
  });
});

Deno.test(
  "A replay while the list of cameras changes, in Chromium",
  needing(CHROMIUM, PYTHON),
  async (t) => {
    await using browser = await Browser.start();
    const pages = readPages("static");
    const pictures = await takePictures();

    await t.step(
      "cameras that come and go leave the playhead, the clip and the others alone",
      async () => {
        await using server = new ReplayServer({
          pages,
          pictures,
          cameras: ["front", "side", "yard"],
        });
        server.show("front", "side");
        await using page = await openPage(browser, server.url);
        await page.until(`document.querySelector("#playback")?.hidden === false`);
        await page.eval(`document.querySelector("[data-action=back]").click()`);
        await eventually("the replay begins", () => server.acknowledged > 5);
        await page.press("c");
        const replays = () => server.received.filter(({ type }) => type === "replay");
        const { id, at } = replays().at(-1)!;
        await page.eval("watchTiles()");

        // Appears: it joins the request of the others, which show one picture after another.
        server.show("front", "side", "yard");
        await page.until("painted.yard > 2");
        const join = replays().at(-1)!;
        assertEquals(join, {
          ...{ type: "replay", at: null, speed: 1, id },
          cameras: ["front", "side", "yard"],
        });
        const options = `namesOf("#clip [name=camera] option")`;
        assertEquals(await page.eval(options), "front,side,yard");
        const value = () =>
          page.eval<number>(`Number(
      document.querySelector("#timeline").getAttribute("aria-valuenow"))`);
        const position = await value();
        assertGreater(position * 1000, (at as number) - 1_000);

        // Disappears: the others go on.
        server.show("front", "yard");
        await page.until(`${TILES} === "front,yard"`);
        await page.until(`${options} === "front,yard"`);
        await page.eval("painted = {}");
        await untilPainted(page, "front", "yard");
        const state = `tileOf("front").dataset.state`;
        assertEquals([await page.eval(state), await value() >= position], ["replay", true]);
        assertEquals(
          (await page.eval<string[]>("touched")).filter((text) => /front/.test(text)),
          [],
        );

        // All disappear, and one returns: at the same moment.
        const before = await value();
        server.show();
        await page.until(IS_EMPTY);
        server.show("side");
        await page.eval("painted = {}");
        await untilPainted(page, "side");
        assertEquals(await page.eval(`tileOf("side").dataset.state`), "replay");
        assert(Math.abs(await value() - before) < 5);
        assertEquals(page.errors, []);
      },
    );
  },
);
