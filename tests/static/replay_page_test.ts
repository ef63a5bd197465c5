import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertGreater,
  assertLess,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { systemClock } from "../../lib/clock.ts";
import { readPages } from "../../lib/http/page_routes.ts";
import { Browser, CHROMIUM, type Page } from "../browser.ts";
import { needing, PYTHON } from "../parts.ts";
import { eventually } from "../server.ts";
import { recordPictures, takeSeen } from "../stand_in.ts";
import { INTERVAL, PICTURES, ReplayServer, takePictures } from "./replay_server.ts";

const HOUR = 3_600_000;
const LIVE = `document.querySelector(".tile[data-state=live]") !== null`;
const SUMMARY = `document.querySelector(".summary").textContent`;
const CLOCK = `document.querySelector(".clock").textContent`;
/** Position of the playhead, in seconds since the Unix epoch. */
const SLIDER = `Number(document.querySelector("#timeline").ariaValueNow)`;
const LIVE_BUTTON = `document.querySelector("#live").innerText`;

/** Number of the picture that is on the screen. */
function shown(page: Page): Promise<number> {
  return page.eval(`readPicture(document.querySelector(".tile canvas")).frame`);
}

/** Waits until the picture of a time is on the screen. @returns How long that took. */
async function untilShown(page: Page, number: number, ms = 5_000): Promise<number> {
  const start = performance.now();
  await page.until(`readPicture(document.querySelector(".tile canvas"))?.frame === ${number}`, ms);
  return performance.now() - start;
}

/** Returns a position on the timeline, as a fraction of its width, and the time that is there. */
async function pointAt(page: Page, share: number): Promise<{ x: number; y: number }> {
  return await page.eval(`(() => {
    const { left, top, width, height } = document.querySelector("#timeline").getBoundingClientRect();
    return { x: left + width * ${share}, y: top + height * 0.7 };
  })()`);
}

/** Messages of one type from the page. */
function sentBy(server: ReplayServer, type: string): Record<string, unknown>[] {
  return server.received.filter((message) => message.type === type);
}

Deno.test("Replay in Chromium", needing(CHROMIUM, PYTHON), async (t) => {
  await using browser = await Browser.start();
  const pages = readPages("static");
  const pictures = await takePictures();

  /** Opens the page of a server, and waits until it is live. */
  async function open(server: ReplayServer, hash = ""): Promise<Page> {
    const page = await browser.newPage();
    await recordPictures(page);
    await page.goto(`${server.url}/${hash}`);
    await page.until(hash.includes("@") ? "seen.length > 0" : `${LIVE} && seen.length > 3`);
    return page;
  }

  /** Goes to the start of the recordings. The key does nothing before the page knows that. */
  async function pressHome(page: Page): Promise<void> {
    await eventually("the start of the recordings", async () => {
      await page.press("Home");
      return !await page.eval(LIVE);
    });
  }

  await t.step("dragging on the timeline shows the picture of each moment", async () => {
    await using server = new ReplayServer({ pages, pictures });
    await using page = await open(server);
    assertEquals(await page.eval(LIVE_BUTTON), "LIVE");
    const drag = (type: string, at: { x: number; y: number }) =>
      page.mouse(type, at, { button: "left", buttons: 1, clickCount: 1 });
    await drag("mousePressed", await pointAt(page, 0.2));
    const delays: number[] = [];
    for (const share of [0.25, 0.4, 0.31, 0.77, 0.5]) {
      const sent = sentBy(server, "replay").length;
      await drag("mouseMoved", await pointAt(page, share));
      const start = performance.now();
      await eventually("the position is sent", () => sentBy(server, "replay").length > sent);
      const { at, speed } = sentBy(server, "replay").at(-1)!;
      assertEquals(speed, 0);
      await untilShown(page, server.numberAt(at as number));
      delays.push(performance.now() - start);
      assertEquals(await page.eval(SLIDER), Math.round(at as number / 1000));
      // The time below the picture is that of the picture.
      assertMatch(await page.eval(CLOCK), /^\w{3} \d+ \w{3}, \d\d:\d\d:\d\d\.\d UTC\+\d/);
    }
    console.log(`the picture is there after ${delays.map(Math.round)} ms`);
    assertEquals(await page.eval(SUMMARY), "Paused");
    assertMatch(await page.eval(LIVE_BUTTON), /LIVE\s*−\d+:\d\d/);
    // It was live before: playback goes on from there.
    await drag("mouseReleased", await pointAt(page, 0.5));
    await page.until(`${SUMMARY} === "Recorded, 1×"`);
    await takeSeen(page);
    await systemClock.sleep(1_000);
    const numbers = (await takeSeen(page)).map(({ frame }) => frame);
    assertGreater(numbers.length, 6);
    for (const [i, number] of numbers.entries()) {
      if (i > 0) assertEquals(number, (numbers[i - 1]! + 1) % PICTURES);
    }
    assertEquals(page.errors, []);
  });

  await t.step("a drag sends no request while a picture is in flight", async () => {
    await using server = new ReplayServer({ pages, pictures, delay: 80 });
    await using page = await open(server);
    const before = server.received.length;
    await page.eval(`(async () => {
      const timeline = document.querySelector("#timeline");
      const { left, top, width } = timeline.getBoundingClientRect();
      const send = (type, x) => timeline.dispatchEvent(new PointerEvent(type, {
        bubbles: true, pointerId: 1, pointerType: "mouse", clientX: x, clientY: top + 30, button: 0, buttons: 1,
      }));
      timeline.setPointerCapture = () => {};
      send("pointerdown", left + 0.3 * width);
      for (let i = 0; i < 120; i++) {
        send("pointermove", left + (0.3 + i / 400) * width);
        await new Promise((resolve) => setTimeout(resolve, 8));
      }
    })()`);
    const requests = server.received.length - before;
    console.log(`120 moves of the pointer, ${requests} requests`);
    assertLess(requests, 20);
    // The last position is not lost.
    await eventually("the last picture is shown", async () => {
      const { at } = sentBy(server, "replay").at(-1)!;
      return await shown(page) === server.numberAt(at as number);
    });
    assertEquals(
      await page.eval<number>(SLIDER),
      Math.round(sentBy(server, "replay").at(-1)!.at as number / 1000),
    );
  });

  await t.step("j, k and l play backwards, pause and play forwards, faster each time", async () => {
    await using server = new ReplayServer({ pages, pictures });
    await using page = await open(server);
    await page.press("l"); // live: nothing to do
    assertEquals(sentBy(server, "replay"), []);
    await page.press("j");
    await page.until(`${SUMMARY} === "Recorded, −1×"`);
    await takeSeen(page);
    await systemClock.sleep(900);
    const backwards = (await takeSeen(page)).map(({ frame }) => frame);
    assertGreater(backwards.length, 5);
    for (const [i, number] of backwards.entries()) {
      if (i > 0) assertEquals(number, (backwards[i - 1]! + PICTURES - 1) % PICTURES);
    }
    await page.press("j");
    await page.press("j");
    await page.until(`${SUMMARY} === "Recorded, −4×"`);
    await systemClock.sleep(500);
    await page.press("k");
    await page.until(`${SUMMARY} === "Paused"`);
    assertEquals(
      await page.eval(`document.querySelector("[data-action=pause]").ariaPressed`),
      "true",
    );
    await systemClock.sleep(300); // a picture may have been in flight
    const paused = await shown(page);
    await systemClock.sleep(300);
    assertEquals(await shown(page), paused);
    await page.press("l");
    await page.press("l");
    await page.until(`${SUMMARY} === "Recorded, 2×"`);
    assertEquals(sentBy(server, "replay").map(({ speed }) => speed), [-1, -2, -4, 0, 1, 2]);
    // Caught up with the present, the page is live.
    await page.until(`${LIVE} && ${LIVE_BUTTON} === "LIVE"`);
    assertEquals(page.errors, []);
  });

  await t.step("each step shows the next or the previous picture", async () => {
    await using server = new ReplayServer({ pages, pictures });
    await using page = await open(server);
    await page.press(",");
    await page.until(`${SUMMARY} === "Paused"`);
    await eventually("the step is sent", () => sentBy(server, "step").length === 1);
    await page.until(`readPicture(document.querySelector(".tile canvas")) !== undefined`);
    await systemClock.sleep(200);
    let number = await shown(page);
    for (const [key, by] of [...Array(6).fill([",", -1]), ...Array(6).fill([".", 1])]) {
      await page.press(key);
      number = (number + by + PICTURES) % PICTURES;
      await untilShown(page, number, 2_000);
    }
    await page.click("[data-action=stepBack]");
    await untilShown(page, (number + PICTURES - 1) % PICTURES, 2_000);
  });

  await t.step("a pause of the live picture is a pause at that moment", async () => {
    await using server = new ReplayServer({ pages, pictures });
    await using page = await open(server);
    await page.press(" ");
    const { at, speed } = sentBy(server, "replay")[0] ?? {};
    assertEquals(speed, 0);
    assertLess(Math.abs(at as number - Date.now()), 1_000);
    await untilShown(page, server.numberAt(at as number));
    await systemClock.sleep(1_500);
    await page.until(`/−00:0[12]/.test(${LIVE_BUTTON})`);
    await takeSeen(page);
    await page.press(" ");
    await page.until("seen.length > 3");
    // It plays on from there, behind the present.
    const [first] = await takeSeen(page);
    assertLess((first!.frame - server.numberAt(at as number) + PICTURES) % PICTURES, 5);
    assertEquals(await page.eval(SUMMARY), "Recorded, 1×");
    await page.click("#live");
    await page.until(LIVE);
    assertEquals(sentBy(server, "live"), [{ type: "live", cameras: ["front"] }]);
    const number = server.numberAt(server.latest);
    await page.until("seen.length > 1");
    const live = (await takeSeen(page)).at(-1)!.frame;
    assertLess((live - number + PICTURES) % PICTURES, 40);
    assertEquals(page.errors, []);
  });

  await t.step("a link to a moment shows it, for one camera or all", async () => {
    await using server = new ReplayServer({ pages, pictures, cameras: ["front", "back"] });
    const at = server.startedAt - HOUR;
    const moment = new Date(at).toISOString().replace(".000Z", "Z");
    {
      await using page = await open(server, `#front@${moment}`);
      const [request] = sentBy(server, "replay");
      assertEquals([request!.at, request!.speed, request!.cameras], [at, 1, ["front"]]);
      const [first] = await takeSeen(page);
      assertLess((first!.frame - server.numberAt(at) + PICTURES) % PICTURES, 10);
      assertEquals(await page.eval("location.hash"), `#front@${moment}`);
      await page.click("#live");
      await page.until(LIVE);
      assertEquals(await page.eval("location.hash"), "#front");
    }
    server.received.length = 0;
    await using page = await open(server, `#@${moment}`);
    assertEquals(sentBy(server, "replay")[0]!.cameras, ["front", "back"]);
    await page.until("seen.some(({ camera }) => camera === 1)");
    // One of the cameras goes on where it is.
    await page.eval(`location.hash = "#back"`);
    await eventually(
      "back is replayed",
      () => `${sentBy(server, "replay").at(-1)!.cameras}` === "back",
    );
    assertEquals(sentBy(server, "replay").at(-1)!.at, null);
    // The link of the page leads to the moment.
    await browser.send("Browser.grantPermissions", {
      permissions: ["clipboardReadWrite", "clipboardSanitizedWrite"],
      browserContextId: page.context,
    });
    await page.press("k");
    await page.click("[data-action=copyMoment]");
    await page.until(`document.querySelector("#toast").textContent.includes("copied")`);
    const link = await page.eval<string>("navigator.clipboard.readText()");
    assertMatch(
      link,
      /^http:\/\/127\.0\.0\.1:\d+\/#back@2\d{3}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/,
    );
    assertAlmostEquals(Date.parse(link.split("@")[1]!), at, 10_000);
    assertEquals(page.errors, []);
  });

  await t.step("after a reconnect, the replay goes on where it was", async () => {
    await using server = new ReplayServer({ pages, pictures });
    await using page = await open(server);
    await page.press("Home");
    await page.until(`${SUMMARY} === "Recorded, 1×"`);
    await systemClock.sleep(500);
    const last = await page.eval<number>(SLIDER);
    server.received.length = 0;
    server.disconnect();
    await eventually("the page replays again", () => sentBy(server, "replay").length === 1);
    const { at, speed } = sentBy(server, "replay")[0]!;
    assertEquals(speed, 1);
    assertAlmostEquals(at as number / 1000, last, 6);
    await takeSeen(page);
    await page.until(`seen.length > 2 && ${SUMMARY} === "Recorded, 1×"`);
    assertEquals(page.errors, []);
  });

  await t.step("a grid is replayed in step; a camera without recordings says so", async () => {
    const cameras = ["front", "back", "attic"];
    await using server = new ReplayServer({ pages, pictures, cameras, unrecorded: ["attic"] });
    await using page = await open(server);
    await page.press("k");
    await page.press("ArrowLeft");
    await eventually("10 s back", () => sentBy(server, "replay").length === 2);
    const { at, cameras: replayed } = sentBy(server, "replay").at(-1)!;
    assertEquals(replayed, ["front", "back"]);
    await page.until(`[0, 1].every((camera) =>
      readPicture(document.querySelectorAll(".tile canvas")[camera])?.frame ===
        ${server.numberAt(at as number)}
    )`);
    const texts =
      `[...document.querySelectorAll(".summary")].map((text) => text.textContent).join()`;
    await page.until(`${texts} === "Paused,Paused,No recording"`);
    assertMatch(
      await page.eval(`document.querySelector("[data-camera=attic] .notice").innerText`),
      /Nothing was recorded at this time/,
    );
    assertEquals(page.errors, []);
  });

  await t.step("the picture that is shown is saved with its own time", async () => {
    const downloads = await Deno.makeTempDir();
    await using server = new ReplayServer({ pages, pictures });
    await using page = await open(server);
    await browser.send("Browser.setDownloadBehavior", {
      behavior: "allow",
      downloadPath: downloads,
      browserContextId: page.context,
    });
    await page.press("k");
    await page.press("Home");
    const [oldest] = server.periods[0]!;
    await untilShown(page, server.numberAt(oldest));
    await page.press("s");
    const files = async () =>
      (await Array.fromAsync(Deno.readDir(downloads))).map(({ name }) => name)
        .filter((name) => name.endsWith(".jpg"));
    await eventually("the picture is saved", async () => (await files()).length === 1);
    const local = new Date(oldest - new Date(oldest).getTimezoneOffset() * 60_000).toISOString();
    const time = local.slice(0, 19).replaceAll(":", "-").replace("T", "_");
    assertEquals(await files(), [`front-${time}.jpg`]);
    const saved = await Deno.readFile(`${downloads}/front-${time}.jpg`);
    assertEquals(saved.length, pictures[server.numberAt(oldest)]!.length);
    await Deno.remove(downloads, { recursive: true });
  });

  await t.step("a gap is skipped, and its length is said", async () => {
    const periods = [[-HOUR, -HOUR / 2], [-1_000 * 600, 0]] as const;
    await using server = new ReplayServer({ pages, pictures, periods });
    const at = new Date(server.startedAt - HOUR / 2 - 1_000).toISOString();
    await using page = await open(server, `#front@${at}`);
    await page.until(
      `document.querySelector("#toast").textContent.startsWith("Nothing was recorded for 20 min")`,
    );
    await page.until(`/−(09:5|10:0)\\d/.test(${LIVE_BUTTON})`);
    assertEquals(await page.eval(SUMMARY), "Recorded, 1×");
    // A paused playhead stays in a gap, with the last picture before it; the next jump goes on.
    await page.press("k");
    for (let i = 0; i < 2; i++) {
      await page.send("Input.dispatchKeyEvent", {
        type: "keyDown",
        key: "ArrowLeft",
        modifiers: 8,
      });
      await page.send("Input.dispatchKeyEvent", { type: "keyUp", key: "ArrowLeft", modifiers: 8 });
    }
    await page.until(`${SUMMARY} === "Paused in a gap of the recordings"`);
    await untilShown(page, server.numberAt(server.periods[0]![1]));
    await page.until(`/−1[12]:\\d\\d/.test(${LIVE_BUTTON})`);
  });

  await t.step("the replay can be operated by keyboard and screen reader", async () => {
    await using server = new ReplayServer({ pages, pictures, cameras: ["front", "back"] });
    await using page = await open(server, "#front");
    const text = () => page.eval<string>(`document.querySelector("#timeline").ariaValueText`);
    assertMatch(await text(), /^\w{3} \d+ \w{3}, \d\d:\d\d:\d\d, live$/);
    await page.press("k");
    await page.press("ArrowLeft");
    await eventually("10 s back", async () => /, (9\.\d|1\d) s ago$/.test(await text()));
    await page.send("Input.dispatchKeyEvent", { type: "keyDown", key: "ArrowLeft", modifiers: 8 });
    await page.send("Input.dispatchKeyEvent", { type: "keyUp", key: "ArrowLeft", modifiers: 8 });
    await eventually("1 min back", async () => /, 1 min 1\d s ago$/.test(await text()));
    await page.press("Home");
    await eventually("the oldest", async () => /, 2 h( \d min)? ago$/.test(await text()));
    // Other cameras: the arrow keys up and down, and PageUp and PageDown.
    await page.press("ArrowDown");
    assertEquals(await page.eval("location.hash"), "#back");
    await page.press("PageUp");
    assertEquals(await page.eval("location.hash"), "#front");
    // With the focus on the timeline, keys zoom and move it.
    await page.eval(`document.querySelector("#timeline").focus()`);
    await page.press("ArrowUp");
    await eventually("1 min forward", async () => /, 1 h 59 min ago$/.test(await text()));
    await page.press("PageUp");
    await eventually("10 min forward", async () => /, 1 h 49 min ago$/.test(await text()));
    // Jump to a time.
    await page.press("t");
    const target = new Date(server.startedAt - HOUR);
    await page.eval(`(() => {
      const field = document.querySelector("#jump input");
      const local = new Date(${+target} - new Date(${+target}).getTimezoneOffset() * 60_000);
      field.value = local.toISOString().slice(0, 19);
      field.dispatchEvent(new Event("input"));
      field.focus();
    })()`);
    await page.press("Enter");
    await untilShown(page, server.numberAt(+target));
    assertEquals(await page.eval(`document.querySelector("dialog[open]")`), null);
    // Mark it.
    await page.press("b");
    for (const letter of "gate") await page.press(letter);
    await page.press("Enter");
    await eventually("the mark is added", () => server.marks.length === 1);
    assertEquals([server.marks[0]!.at, server.marks[0]!.label], [+target, "gate"]);
    await page.press("End");
    await page.until(LIVE);
    const unnamed = await page.eval<string[]>(`
      [...document.querySelectorAll("button, a, input, select, [role=slider]")].filter((element) =>
        !element.getAttribute("aria-label") && !element.textContent.trim() && !element.labels?.length
      ).map((element) => element.outerHTML)
    `);
    assertEquals(unnamed, []);
    assertEquals(page.errors, []);
  });

  await t.step("the wheel zooms the timeline from a minute to all days", async () => {
    const periods = [[-3 * 24 * HOUR, 0]] as const;
    await using server = new ReplayServer({ pages, pictures, periods });
    await using page = await open(server);
    const requested = () => {
      const [, from, to] = /recordings\?from=([\d.]+)&to=([\d.]+)/
        .exec(server.requests.findLast((request) => request.includes("recordings"))!)!;
      return Number(to) - Number(from);
    };
    await eventually("the recordings are loaded", () => server.requests.length >= 2);
    assertAlmostEquals(requested(), 7_200, 1);
    const wheel = async (deltaY: number) =>
      await page.mouse("mouseWheel", await pointAt(page, 0.5), { deltaX: 0, deltaY });
    await wheel(5_000);
    await eventually("three days are loaded", () => requested() > 2 * 3 * 86_400);
    await wheel(-10_000);
    await eventually("a minute is loaded", () => requested() < 130);
    await page.mouse("mouseMoved", await pointAt(page, 0.3));
    assertMatch(
      await page.eval(`document.querySelector("#timeline .hover").textContent`),
      /\d\d:\d\d:\d\d\.\d UTC/,
    );
  });

  await t.step(
    "the clip panel says the size before the download, and shows its progress",
    async () => {
      const downloads = await Deno.makeTempDir();
      await using server = new ReplayServer({ pages, pictures });
      await using page = await open(server);
      await browser.send("Browser.setDownloadBehavior", {
        behavior: "allow",
        downloadPath: downloads,
        browserContextId: page.context,
      });
      const size = `document.querySelector(".clip-size").textContent`;
      await pressHome(page);
      await page.press("k");
      await page.press("[");
      await page.press("ArrowRight");
      await page.press("ArrowRight");
      await page.press("]");
      await page.until(`${size} === "200 kB, 20 s, 200 pictures"`);
      await page.click("[data-action=download]");
      const files = async () =>
        (await Array.fromAsync(Deno.readDir(downloads))).map(({ name }) => name);
      await eventually("the clip is saved", async () => `${await files()}` === "clip.mkv");
      assertEquals((await Deno.stat(`${downloads}/clip.mkv`)).size, 200_000);

      // Without ffmpeg, the reason is shown.
      const choose = (name: string, value: string) =>
        page.eval(`(() => {
        const select = document.querySelector("select[name=${name}]");
        select.value = ${JSON.stringify(value)};
        select.dispatchEvent(new Event("change", { bubbles: true }));
      })()`);
      await choose("format", "mp4");
      await page.until(`${size}.includes("ffmpeg is not installed")`);
      assert(await page.eval(`document.querySelector("[data-action=download]").disabled`));

      // With it, the size is an estimate, and the page shows how far the download is.
      const gate = Promise.withResolvers<void>();
      const box = (type: string, ...content: number[]) => {
        const bytes = new Uint8Array(8 + content.length);
        new DataView(bytes.buffer).setUint32(0, bytes.length);
        bytes.set(new TextEncoder().encode(`${type}`), 4);
        bytes.set(content, 8);
        return bytes;
      };
      let cancelled = false;
      server.answerMp4 = (method, headers) => {
        if (method === "HEAD") return new Response(null, { headers });
        const text = (name: string) => [...new TextEncoder().encode(name)];
        const zeros = (count: number) => Array<number>(count).fill(0);
        const fragment = [...text("tfdt"), ...zeros(7), 5, ...zeros(24)];
        const body = new ReadableStream({
          async start(controller) {
            controller.enqueue(box("moov", ...text("mdhd"), ...zeros(15), 1, ...zeros(16)));
            controller.enqueue(box("moof", ...fragment));
            await gate.promise;
            if (!cancelled) controller.close();
          },
          cancel: () => void (cancelled = true),
        });
        return new Response(body, { headers });
      };
      await choose("clip-speed", "2");
      await page.until(`${size} === "about 62 kB, 10 s, 200 pictures"`);
      await page.click("[data-action=download]");
      await page.until(`document.querySelector(".percent").textContent === "50 %"`);
      await page.click("[data-action=cancelDownload]");
      await page.until(`document.querySelector("#toast").textContent === "Download cancelled"`);
      await eventually("the server is told", () => cancelled);
      gate.resolve();
      assertEquals(await files(), ["clip.mkv"]);
      assertStringIncludes(server.requests.at(-1)!, "&speed=2");
      // The ends of the clip can be dragged on the timeline.
      for (const key of ["[", "End", "]"]) await page.press(key);
      const field = `document.querySelector("#clip input[name=to]").value`;
      const before = await page.eval<string>(field);
      const end = await page.eval<{ x: number; y: number }>(`(() => {
      const { left, top, width } = document.querySelector("#timeline").getBoundingClientRect();
      return { x: left + width * 0.97, y: top + 40 };
    })()`);
      const drag = (type: string, x: number) =>
        page.mouse(type, { x, y: end.y }, { button: "left", buttons: 1, clickCount: 1 });
      const requests = sentBy(server, "replay").length;
      await drag("mousePressed", end.x);
      await drag("mouseMoved", end.x - 200);
      await drag("mouseReleased", end.x - 200);
      const dragged = await page.eval<string>(field);
      const moved = Date.parse(`${before}Z`) - Date.parse(`${dragged}Z`);
      assertAlmostEquals(moved, 200 / (await pointAt(page, 1)).x * HOUR, 120_000);
      assertEquals(sentBy(server, "replay").length, requests); // the playhead stays
      await page.press("Escape");
      assert(await page.eval(`document.querySelector("#clip").hidden`));
      assertEquals(page.errors, []);
      await Deno.remove(downloads, { recursive: true });
    },
  );

  await t.step("a clip has the chosen size, and the time in its pictures", async () => {
    await using server = new ReplayServer({ pages, pictures, cameras: ["front", "back"] });
    server.heights = { front: [30, 60, 120, 240], back: [90, 360] };
    await using page = await open(server);
    const size = `document.querySelector(".clip-size").textContent`;
    const choose = (name: string, value: string) =>
      page.eval(`(() => {
        const select = document.querySelector("#clip select[name=${name}]");
        select.value = ${JSON.stringify(value)};
        select.dispatchEvent(new Event("change", { bubbles: true }));
        return select.value;
      })()`);
    const offered = () =>
      page.eval<string[]>(
        `Array.from(document.querySelectorAll("#clip [name=clip-height] option"), (o) => o.text)`,
      );
    await pressHome(page);
    for (const key of ["k", "[", "ArrowRight", "]"]) await page.press(key);
    await page.until(`${size} === "100 kB, 10 s, 100 pictures"`);
    assertEquals(await offered(), [
      "As recorded",
      ...["120 pixels high", "60 pixels high", "30 pixels high"],
    ]);
    await choose("clip-height", "60");
    await page.until(`${size} === "about 10 kB, 10 s, 100 pictures"`);
    assertMatch(server.requests.at(-1)!, /&speed=1&height=60$/);
    await choose("clip-text", "1");
    await page.until(`${size} === "about 10 kB, 10 s, 100 pictures"`);
    await eventually("the time", () => server.requests.at(-1)!.endsWith("&height=60&overlay=1"));
    if (await page.eval(`document.querySelector("#clip [name=camera]").checkVisibility()`)) {
      await choose("camera", "back");
      assertEquals(await offered(), ["As recorded", "90 pixels high"]);
      await eventually("the size", () => server.requests.at(-1)!.endsWith("&speed=1&overlay=1"));
    }
    assertEquals(page.errors, []);
  });

  await t.step(
    "a server without recordings gets no new message, and the page is as before",
    async () => {
      await using server = new ReplayServer({
        pages,
        pictures,
        replay: false,
        cameras: ["front", "back"],
      });
      await using page = await open(server, "#front");
      assertEquals(await page.eval(`document.querySelector("#playback").checkVisibility()`), false);
      for (const key of ["j", "l", ",", ".", "[", "]", "b", "c", "t", "End", "Home"]) {
        await page.press(key);
      }
      await page.press("ArrowRight");
      assertEquals(await page.eval("location.hash"), "#back");
      await page.press(" ");
      await page.until(
        `document.querySelector("[data-camera=back] .summary").textContent === "Paused"`,
      );
      await page.press("k");
      await page.until(LIVE);
      await page.eval(`location.hash = "#back@2026-11-27T05:43:33Z"`);
      await page.until(
        `document.querySelector("#toast").textContent === "The server has no recordings"`,
      );
      assertEquals(new Set(server.received.map(({ type }) => type)), new Set(["watch"]));
      assertEquals(server.requests, []);
      assertEquals(page.errors, []);
    },
  );

  await t.step(
    "on a phone, the controls of the playback are at least 44 px, and in the window",
    async () => {
      await using server = new ReplayServer({ pages, pictures, cameras: ["front", "back"] });
      await using page = await browser.newPage();
      for (const width of [390, 360, 320]) {
        const metrics = { width, height: 640, deviceScaleFactor: 1, mobile: true };
        await page.send("Emulation.setDeviceMetricsOverride", metrics);
        await page.send("Emulation.setTouchEmulationEnabled", { enabled: true });
        await page.goto(`${server.url}/?${width}#front`);
        await page.until(LIVE);
        for (const key of ["k", "c"]) {
          await page.press(key);
          await systemClock.sleep(200);
          const small = await page.eval<string[]>(`
          [...document.querySelectorAll("#playback :is(button, select, input)")]
            .filter((target) => target.checkVisibility())
            .flatMap((target) => {
              const { width, height, left, right, bottom } = target.getBoundingClientRect();
              const isOutside = left < 0 || right > innerWidth || bottom > innerHeight;
              return width < 44 || height < 44 || isOutside ? [target.outerHTML.slice(0, 90)] : [];
            })
        `);
          assertEquals([width, key, small], [width, key, []]);
        }
        const { picture, stage } = await page.eval(`(() => {
        const heightOf = (selector) => document.querySelector(selector).getBoundingClientRect().height;
        return { picture: heightOf(".picture"), stage: heightOf(".stage") };
      })()`);
        assertGreater(Math.min(picture, stage), 60);
      }
    },
  );

  await t.step("a tap and a drag with a finger move the playhead, two fingers zoom", async () => {
    await using server = new ReplayServer({ pages, pictures });
    await using page = await open(server);
    await page.send("Emulation.setTouchEmulationEnabled", { enabled: true });
    const touch = (type: string, ...points: { x: number; y: number }[]) =>
      page.send("Input.dispatchTouchEvent", {
        type,
        touchPoints: points.map((point, id) => ({ ...point, id })),
      });
    // Two fingers: no request, and a shorter period.
    const [a, b] = [await pointAt(page, 0.4), await pointAt(page, 0.6)];
    await touch("touchStart", a);
    await touch("touchStart", a, b);
    const far = await pointAt(page, 0.95);
    for (let i = 1; i <= 10; i++) {
      await touch("touchMove", a, { x: b.x + (far.x - b.x) * i / 10, y: b.y });
    }
    await touch("touchEnd");
    assertEquals(sentBy(server, "replay"), []);
    // A tap: the playhead is there, and plays.
    await touch("touchStart", a);
    await touch("touchEnd");
    await eventually("the tap is sent", () => sentBy(server, "replay").length === 2);
    assertEquals(sentBy(server, "replay").map(({ speed }) => speed), [0, 1]);
    await touch("touchStart", a);
    for (let i = 1; i <= 10; i++) await touch("touchMove", { x: a.x + 8 * i, y: a.y });
    await page.until(`${SUMMARY} === "Paused"`);
    const { at } = sentBy(server, "replay").at(-1)!;
    await eventually(
      "the picture is shown",
      async () =>
        await shown(page) === server.numberAt(sentBy(server, "replay").at(-1)!.at as number),
    );
    assertGreater(at as number, server.startedAt - 2 * HOUR);
    await touch("touchEnd");
    assertEquals(page.errors, []);
  });

  assertEquals(INTERVAL, 100);
});
