import { assertEquals, assertMatch, assertNotEquals, assertStringIncludes } from "@std/assert";
import { forCamera } from "../../lib/env.ts";
import type { Baseline } from "../../lib/pixels/baseline.ts";
import { maskedMcus } from "../../lib/pixels/masked_mcus.ts";
import { PICTURE_SETTINGS } from "../../lib/pixels/settings.ts";
import {
  type Area,
  areaBetween,
  areaOfBlocks,
  formatAreas,
  formatSetting,
  moveArea,
  parseAreas,
  resizeArea,
} from "../../static/mask_areas.js";
import { Browser, CHROMIUM, type Page } from "../browser.ts";
import { needing } from "../parts.ts";
import { Server } from "../server.ts";

/** Returns a rectangle. */
function area(left: number, top: number, right: number, bottom: number): Area {
  return { left, top, right, bottom };
}

/** Reads a line of settings as the server does for a camera. */
function readSetting(line: string, camera: string): Area[] | undefined {
  const [, name, value] = /^(\w+)='?([\d.,;]*)'?$/.exec(line)!;
  const mask = PICTURE_SETTINGS.mask.read(forCamera({ [name!]: value }, camera), "PRIVACY_MASK");
  return mask?.map((rectangle) => ({ ...rectangle }));
}

Deno.test("formatSetting returns a line that the server reads, under the camera's name", () => {
  const areas = [area(0, 0, 30, 20), area(60, 10.5, 100, 40)];
  const line = formatSetting("front-door", areas);
  assertEquals(line, "FRONT_DOOR_PRIVACY_MASK='0,0,30,20;60,10.5,100,40'");
  assertEquals(readSetting(line, "front-door"), areas);
  assertEquals(readSetting(line, "garden"), undefined);
  const one = formatSetting(undefined, areas.slice(0, 1));
  assertEquals(one, "PRIVACY_MASK=0,0,30,20");
  assertEquals(readSetting(one, "garden"), areas.slice(0, 1));
});

Deno.test("formatAreas rounds to tenths of a per cent, so that a rectangle gets no smaller", () => {
  assertEquals(formatAreas([area(10.19, 0.04, 20.01, 99.96)]), "10.1,0,20.1,100");
  const moved = [1, 2, 3].reduce((moved) => moveArea(moved, 0.1, 0.2), area(0.1, 0.1, 9.7, 9.7));
  assertEquals(formatAreas([moved]), "0.4,0.7,10,10.3");
});

Deno.test("parseAreas reads what the server sends, and nothing else", () => {
  assertEquals(parseAreas("0,0,30,20;60,10.5,100,40"), [
    area(0, 0, 30, 20),
    area(60, 10.5, 100, 40),
  ]);
  for (const text of [null, undefined, "", "1,2,3", "a,b,c,d"]) assertEquals(parseAreas(text), []);
});

Deno.test("moveArea, resizeArea and areaBetween stay within the picture", () => {
  const start = area(10, 20, 30, 40);
  assertEquals(moveArea(start, 5, -5), area(15, 15, 35, 35));
  assertEquals(moveArea(start, -50, 99), area(0, 80, 20, 100));
  assertEquals(resizeArea(start, ["right", "bottom"], 99, 1), area(10, 20, 100, 41));
  // An edge stops before the opposite one.
  assertEquals(resizeArea(start, ["left", "top"], 99, -99), area(29, 0, 30, 40));
  assertEquals(resizeArea(start, ["right"], -99, 50), area(10, 20, 11, 40));
  assertEquals(areaBetween({ x: 120, y: 5 }, { x: 40, y: -5 }), area(40, 0, 100, 5));
  assertEquals(areaBetween({ x: 10, y: 10 }, { x: 10.5, y: 90 }), undefined);
});

Deno.test("areaOfBlocks returns what the server masks in pictures with blocks of 16 x 16 pixels", () => {
  const components = [{ h: 2, v: 2 }, { h: 1, v: 1 }, { h: 1, v: 1 }];
  for (const [width, height] of [[640, 480], [1366, 768], [168, 100]] as const) {
    const [mcusX, mcusY] = [Math.ceil(width / 16), Math.ceil(height / 16)];
    const header = { width, height, mcuWidth: 16, mcuHeight: 16, mcusX, mcusY, components };
    for (let i = 0; i <= 990; i += 7) {
      const rectangle = area(i / 10, (990 - i) / 10, (i + 10) / 10, (1_000 - i) / 10);
      const [mcus] = maskedMcus(header as unknown as Baseline, [rectangle]);
      const { left, top, right, bottom } = areaOfBlocks(rectangle, { width, height });
      const pixels = [left * width, top * height, right * width, bottom * height]
        .map((number) => Math.round(number / 100));
      const edge = (mcus: number, size: number) => Math.min(mcus * 16, size);
      const masked = [mcus!.left * 16, mcus!.top * 16];
      masked.push(edge(mcus!.right, width), edge(mcus!.bottom, height));
      assertEquals(pixels, masked, `${width}x${height}: ${JSON.stringify(rectangle)}`);
    }
  }
});

const MASK = "button[data-action=mask]";
const LIVE = `document.querySelector("[data-state=live]") !== null`;
const IS_OPEN = `document.querySelector("dialog#mask") !== null`;
/** Whether the editor shows the picture of the emulated camera. */
const IS_SHOWN = `document.querySelector("#mask canvas")?.width === 640`;
const LINE = `document.querySelector("#mask input").value`;
const STATUS =
  `document.querySelector("#mask [role=status]").textContent.replaceAll("\\u00a0", " ")`;
const ADVICE = `document.querySelector(".mask-advice").textContent`;
const NAMES =
  `[...document.querySelectorAll(".mask-area")].map((box) => box.ariaLabel.replaceAll("\\u00a0", " "))`;

/** Opens the editor of a camera, and waits for its picture. */
async function openEditor(page: Page, url: string): Promise<void> {
  await page.goto(url);
  await page.until(LIVE);
  await page.click(MASK);
  await page.until(IS_SHOWN, 10_000);
}

/** Returns a function that converts per cents of the picture into a position on the page. */
async function pointsOf(page: Page): Promise<(x: number, y: number) => { x: number; y: number }> {
  const box = await page.eval<{ left: number; top: number; width: number; height: number }>(
    `document.querySelector(".mask-areas").getBoundingClientRect().toJSON()`,
  );
  return (x, y) => ({ x: box.left + box.width * x / 100, y: box.top + box.height * y / 100 });
}

/** Drags the mouse from one position to another, in per cent of the picture. */
async function drag(page: Page, ...[x1, y1, x2, y2]: [number, number, number, number]) {
  const at = await pointsOf(page);
  const button = { button: "left", clickCount: 1 };
  await page.mouse("mousePressed", at(x1, y1), { ...button, buttons: 1 });
  await page.mouse("mouseMoved", at((x1 + x2) / 2, (y1 + y2) / 2), { ...button, buttons: 1 });
  await page.mouse("mouseMoved", at(x2, y2), { ...button, buttons: 1 });
  await page.mouse("mouseReleased", at(x2, y2), button);
}

/** Asserts that a line has these rectangles, give or take a per cent. */
function assertLine(line: string, variable: string, expected: readonly number[][]): void {
  const [, name, value] = /^(\w+)='?([^']+)'?$/.exec(line) ?? [];
  const areas = value?.split(";").map((text) => text.split(",").map(Number)) ?? [];
  const isClose = areas.length === expected.length &&
    areas.flat().every((number, i) => Math.abs(number - expected.flat()[i]!) <= 1);
  assertEquals([name, isClose ? expected : areas], [variable, expected]);
}

/** Returns the colour of a camera's picture, at a position in per cent. */
function pixelAt(page: Page, camera: string, x: number, y: number): Promise<number[]> {
  return page.eval(`(async () => {
    const response = await fetch("cameras/${camera}/snapshot.jpg");
    const picture = await createImageBitmap(await response.blob());
    const { width, height } = picture;
    const context = new OffscreenCanvas(width, height).getContext("2d");
    context.drawImage(picture, 0, 0);
    const { data } = context.getImageData(width * ${x} / 100, height * ${y} / 100, 1, 1);
    return [...data.subarray(0, 3)];
  })()`);
}

Deno.test("Editor of the privacy mask in Chromium", needing(CHROMIUM, "sh"), async (t) => {
  await using browser = await Browser.start();
  await using server = await Server.start({
    env: {
      CAMERA: "front-door=emulated,back=emulated",
      BACK_PRIVACY_MASK: "0,0,30,20;50,50,100,70.5",
    },
  });

  await t.step("rectangles are drawn, moved and resized with the mouse", async () => {
    await using page = await browser.newPage();
    const requests: string[] = [];
    page.on("Network.requestWillBeSent", ({ request }) => requests.push(request.url));
    await page.send("Network.enable");
    await page.goto(`${server.url}/#front-door`);
    await page.until(LIVE);
    // What this browser does to the picture has no effect on the mask.
    for (const action of ["rotate", "mirror", "zoomIn"]) {
      await page.click(`button[data-action=${action}]`);
    }
    assertEquals(requests.filter((url) => url.includes("/mask_")), []);
    await page.click(MASK);
    await page.until(IS_SHOWN, 10_000);
    assertEquals(
      await page.eval(`(() => {
        const { width, height } = document.querySelector("#mask canvas").getBoundingClientRect();
        const drawn = document.querySelector(".mask-areas").getBoundingClientRect();
        return [(width / height).toFixed(2), drawn.width - width, drawn.height - height];
      })()`),
      [(640 / 480).toFixed(2), 0, 0],
    );
    assertEquals([await page.eval(STATUS), await page.eval(LINE)], ["No rectangles", ""]);

    const variable = "FRONT_DOOR_PRIVACY_MASK";
    await drag(page, 0, 0, 30, 20);
    assertLine(await page.eval(LINE), variable, [[0, 0, 30, 20]]);
    await drag(page, 90, 80, 60, 50); // from the lower right
    assertLine(await page.eval(LINE), variable, [[0, 0, 30, 20], [60, 50, 90, 80]]);
    await drag(page, 75, 65, 65, 60);
    assertLine(await page.eval(LINE), variable, [[0, 0, 30, 20], [50, 45, 80, 75]]);
    await drag(page, 80, 75, 95, 90); // a handle
    assertLine(await page.eval(LINE), variable, [[0, 0, 30, 20], [50, 45, 95, 90]]);
    assertMatch(await page.eval(STATUS), /^Rectangle 2 of 2: left \d/);
    await page.click("[data-tool=undo]");
    assertLine(await page.eval(LINE), variable, [[0, 0, 30, 20], [50, 45, 80, 75]]);
    // A click draws nothing, and the end of a drag outside of the dialog does not close it.
    await drag(page, 30, 60, 30, 60);
    await drag(page, 40, 80, 900, 900);
    assertLine(await page.eval(LINE), variable, [[0, 0, 30, 20], [50, 45, 80, 75], [
      ...[40, 80, 100, 100],
    ]]);
    await page.click("[data-tool=remove]");
    assertLine(await page.eval(LINE), variable, [[0, 0, 30, 20], [50, 45, 80, 75]]);

    await browser.send("Browser.grantPermissions", {
      permissions: ["clipboardReadWrite", "clipboardSanitizedWrite"],
      browserContextId: page.context,
    });
    await page.click(".mask-setting button");
    await page.until(`document.querySelector(".mask-setting button").textContent === "Copied"`);
    assertEquals(await page.eval("navigator.clipboard.readText()"), await page.eval(LINE));
    // What was drawn is still there after a look at the page.
    const line = await page.eval<string>(LINE);
    await page.click("#mask form button");
    await page.until(`!(${IS_OPEN})`);
    await page.press("p");
    await page.until(IS_SHOWN, 10_000);
    assertEquals(await page.eval(LINE), line);
    assertEquals(page.errors, []);
  });

  await t.step("it can be operated by keyboard and by screen reader", async () => {
    await using page = await browser.newPage();
    await page.goto(`${server.url}/#front-door`);
    await page.until(LIVE);
    await page.press("p");
    await page.until(IS_SHOWN, 10_000);
    await page.press("n");
    assertEquals(await page.eval(NAMES), [
      "Rectangle 1: left 10 %, top 10 %, right 30 %, bottom 30 %",
    ]);
    await page.press("ArrowRight");
    await page.press("ArrowUp");
    assertEquals(
      await page.eval(STATUS),
      "Rectangle 1 of 1: left 11 %, top 9 %, right 31 %, bottom 29 %",
    );
    const shift = async (key: string) => {
      await page.send("Input.dispatchKeyEvent", { type: "keyDown", key, modifiers: 8 });
      await page.send("Input.dispatchKeyEvent", { type: "keyUp", key, modifiers: 8 });
    };
    await shift("ArrowRight");
    await shift("ArrowDown");
    assertEquals(await page.eval(LINE), "FRONT_DOOR_PRIVACY_MASK=11,9,32,30");
    await page.press("n");
    await page.press("Delete");
    await page.press("Delete");
    assertEquals(await page.eval(STATUS), "No rectangles");
    for (let i = 0; i < 3; i++) await page.press("u");
    // The second one, its removal and that of the first one are undone.
    assertEquals(await page.eval(LINE), "FRONT_DOOR_PRIVACY_MASK=11,9,32,30");
    const unnamed = await page.eval(
      `[...document.querySelectorAll("#mask :is(button, input, canvas, [tabindex])")]
      .filter((element) => !element.ariaLabel && !element.labels?.length).map((element) => element.outerHTML)`,
    );
    assertEquals(unnamed, []);
    await page.press("Escape");
    await page.until(`!(${IS_OPEN})`);
    assertEquals(page.errors, []);
  });

  await t.step("a finger draws on a phone, where everything fits in the width", async () => {
    await using page = await browser.newPage();
    const metrics = { width: 360, height: 640, deviceScaleFactor: 2, mobile: true };
    await page.send("Emulation.setDeviceMetricsOverride", metrics);
    await page.send("Emulation.setTouchEmulationEnabled", { enabled: true });
    await openEditor(page, `${server.url}/#front-door`);
    const at = await pointsOf(page);
    const touch = (type: string, ...touchPoints: { x: number; y: number }[]) =>
      page.send("Input.dispatchTouchEvent", { type, touchPoints });
    await touch("touchStart", at(20, 20));
    await touch("touchMove", at(40, 40));
    await touch("touchMove", at(70, 60));
    await touch("touchEnd");
    await page.until(`${LINE} !== ""`);
    assertLine(await page.eval(LINE), "FRONT_DOOR_PRIVACY_MASK", [[20, 20, 70, 60]]);
    const overflow = await page.eval(`(() => {
      const dialog = document.querySelector("#mask");
      return [dialog.scrollWidth - dialog.clientWidth, document.documentElement.scrollWidth - innerWidth];
    })()`);
    assertEquals(overflow, [0, 0]);
    assertEquals(page.errors, []);
  });

  await t.step("the mask that the server has is shown, and how to remove it", async () => {
    await using page = await browser.newPage();
    await openEditor(page, `${server.url}/#back`);
    assertEquals(await page.eval(LINE), "BACK_PRIVACY_MASK='0,0,30,20;50,50,100,70.5'");
    assertMatch(await page.eval(ADVICE), /\.env .*restart the server: this page changes nothing/);
    for (let i = 0; i < 2; i++) {
      await drag(page, 10 + i * 60, 10 + i * 50, 10 + i * 60, 10 + i * 50); // selects it
      await page.press("Delete");
    }
    assertEquals(await page.eval(LINE), "");
    assertStringIncludes(await page.eval(ADVICE), "remove BACK_PRIVACY_MASK from the settings");
    assertEquals(page.errors, []);
  });

  await t.step("the line works in a .env file and in a shell", async () => {
    await using page = await browser.newPage();
    await openEditor(page, `${server.url}/#front-door`);
    await drag(page, 0, 0, 30, 20);
    await drag(page, 50, 50, 90, 90);
    const line = await page.eval<string>(LINE);
    const mask = /'(.+)'/.exec(line)![1]!;
    const file = await Deno.makeTempFile({ suffix: ".env" });
    try {
      await Deno.writeTextFile(file, `CAMERA=front-door=emulated\n${line}\n`);
      const command = [
        Deno.execPath(),
        "run",
        "-q",
        `--env-file=${file}`,
        "--allow-all",
        "main.ts",
      ];
      await using server = await Server.start({ command });
      const [camera] = await (await fetch(`${server.url}/cameras`)).json();
      assertEquals(camera.privacyMask, mask);
      await page.goto(server.url);
      const [masked, between] = await Promise.all([
        pixelAt(page, "front-door", 15, 10),
        pixelAt(page, "front-door", 40, 35),
      ]);
      assertEquals(masked!.map((value) => Math.abs(value - 128) <= 1), [true, true, true]);
      assertNotEquals(between, masked);
      const { stdout } = await new Deno.Command("sh", {
        args: ["-c", `${line}; printf %s "$FRONT_DOOR_PRIVACY_MASK"`],
      }).output();
      assertEquals(new TextDecoder().decode(stdout), mask);
    } finally {
      await Deno.remove(file);
    }
  });
});
