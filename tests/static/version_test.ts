import { assertEquals } from "@std/assert";
import { systemClock } from "../../lib/clock.ts";
import { readPages } from "../../lib/http/page_routes.ts";
import { frameMessage, PROTOCOL_VERSION } from "../../lib/live/mod.ts";
import { Browser, CHROMIUM } from "../browser.ts";
import { needing, PYTHON } from "../parts.ts";
import { eventually, Server } from "../server.ts";
import { recordPictures, standIn } from "../stand_in.ts";
import { STATUS, StubServer } from "./stub_server.ts";

/** Whether the page asks its user to reload it. */
const IS_OUTDATED = `document.querySelector("#outdated")?.hidden === false`;

/** A `hello` of this version. */
function hello(version: number | undefined): string {
  return JSON.stringify({ type: "hello", version, now: Date.now(), cameras: [STATUS] });
}

/** Encodes a frame of the camera. */
function frame(jpeg: Uint8Array<ArrayBuffer>, sequence: number): Uint8Array<ArrayBuffer> {
  return frameMessage({ jpeg, sequence, capturedAt: Date.now(), monotonic: 0 }, 0);
}

Deno.test("Protocol version in Chromium", needing(CHROMIUM, PYTHON), async (t) => {
  await using browser = await Browser.start();
  const pages = readPages("static");
  let jpeg = new Uint8Array();
  {
    await using server = await Server.start({ env: standIn() });
    jpeg = await (await fetch(`${server.url}/snapshot.jpg`)).bytes();
  }

  for (const version of [PROTOCOL_VERSION + 1, undefined]) {
    await t.step(`a page asks to be reloaded when the server has version ${version}`, async () => {
      await using server = new StubServer(pages, () => [hello(version), frame(jpeg, 1)]);
      await using page = await browser.newPage();
      await recordPictures(page);
      await page.goto(server.url);
      await page.until(IS_OUTDATED);
      const text = await page.eval<string>(`document.querySelector("#outdated").innerText`);
      assertEquals(text.split(/\n+/), ["The server was updated: reload this page", "Reload"]);
      await systemClock.sleep(1_500);
      assertEquals(server.queries.length, 1); // does not reconnect
      assertEquals(await page.eval("seen"), []);
      await page.click("#outdated button");
      await eventually("the page is reloaded", () => server.queries.length === 2);
      await page.until(IS_OUTDATED);
      assertEquals(server.queries, Array(2).fill(`?version=${PROTOCOL_VERSION}&watch=`));
      assertEquals(page.errors, []);
    });
  }

  await t.step(
    "a page asks to be reloaded when the server closes its socket with 4000",
    async () => {
      await using server = await Server.start({ env: standIn() });
      await using page = await browser.newPage();
      await recordPictures(page);
      // From the second connection on, the page names another version, as after an update of the
      // server.
      await page.beforeEachPage(`
      globalThis.sockets = [];
      globalThis.WebSocket = class extends WebSocket {
        constructor(url) {
          const version = "version=" + ${PROTOCOL_VERSION};
          super(sockets.length === 0 ? url : url.replace(version, "version=1"));
          sockets.push(this);
        }
      };
    `);
      await page.goto(server.url);
      await page.until("seen.length > 3");
      assertEquals(await page.eval(IS_OUTDATED), false);
      await page.eval("sockets[0].close()");
      await page.until(IS_OUTDATED, 5_000);
      assertEquals(
        await page.eval(`document.querySelector(".tile .summary").innerText`),
        "Not connected",
      );
      await page.eval("seen.length = 0");
      await systemClock.sleep(1_500);
      assertEquals(await page.eval("[sockets.length, seen.length]"), [2, 0]);
      await page.click("#outdated button");
      await page.until("seen.length > 3");
      assertEquals(await page.eval(IS_OUTDATED), false);
      assertEquals(page.errors, []);
    },
  );

  await t.step("a page ignores kinds and types of messages that it does not know", async () => {
    const unknown = frame(jpeg, 1).slice();
    unknown[0] = 7;
    await using server = new StubServer(pages, () => [
      ...[hello(PROTOCOL_VERSION), JSON.stringify({ type: "marks", cameras: "none" })],
      ...[unknown, new Uint8Array([9]), new Uint8Array(), frame(jpeg, 2)],
    ]);
    await using page = await browser.newPage();
    await recordPictures(page);
    await page.goto(server.url);
    await page.until("seen.length > 0");
    await systemClock.sleep(300);
    assertEquals(await page.eval("seen.length"), 1);
    const acknowledged = server.received.map((text) => JSON.parse(text))
      .filter(({ type }) => type === "painted");
    assertEquals(acknowledged, [{ type: "painted", camera: 0, sequence: 2 }]);
    assertEquals(page.errors, []);
  });
});
