import { assert, assertLess } from "@std/assert";
import {
  type Browser,
  CHROMIUM,
  FIREFOX,
  openChromium,
  openFirefox,
  openWebKit,
  WEBKIT,
} from "./browsers.ts";
import type { Server } from "../server.ts";
import { assertInOrder, clientInSteps, inMs, median, serveCamera } from "./client.ts";
import { watchPaint } from "./paint.ts";

/** So soon after it was captured a frame is to be seen, in milliseconds. */
export const SOON = 60;

const BROWSERS = [
  ["Chromium", CHROMIUM, openChromium],
  ["Firefox", FIREFOX, openFirefox],
  ["WebKitGTK", WEBKIT, openWebKit],
] as const;

for (const [name, programs, open] of BROWSERS) {
  clientInSteps(name, programs, async (does) => {
    await using browser = await open();
    for (const [fps, seconds] of [[1, 6], [2, 5], [30, 4]] as const) {
      await does(`paints a frame of ${fps} fps when it comes, in an <img>`, async () => {
        await using server = await serveUnevenly(fps);
        await browser.goTo(`${server.url}/nothing`); // a page of the same origin, without anything
        await loaded(browser, server.url);
        const strict = name === "Chromium" && fps === 2;
        return await paintsSoon(browser, { url: "/video_feed", fps, seconds, strict });
      });
    }
    if (name === "WebKitGTK") return; // neither shows a stream as a page, nor gives it to a script
    await does("paints a frame of 2 fps when it comes, in a window of its own", async () => {
      await using server = await serveUnevenly(2);
      await browser.goTo(`${server.url}/video_feed`);
      await loaded(browser, server.url, "document.images[0]?.naturalWidth > 0");
      return await paintsSoon(browser, { fps: 2, seconds: 5 });
    });
    await does("reads the stream in a page of another origin, by ALLOW_ORIGIN", async () => {
      await using elsewhere = servePage();
      await using server = await serveCamera({ ALLOW_ORIGIN: elsewhere.origin });
      await using closed = await serveCamera();
      await browser.goTo(elsewhere.origin);
      await loaded(browser, elsewhere.origin);
      const read = (url: string) =>
        browser.evaluate<string>(`(${readByFetch})(${JSON.stringify(url)})`);
      const text = await read(`${server.url}/video_feed?timestamp=1`);
      assert(text.startsWith("--frame\r\nContent-Type: image/jpeg\r\nContent-Length: "), text);
      const refused = await read(`${closed.url}/video_feed?timestamp=1`);
      assert(refused.startsWith("TypeError"), refused);
      return "read; refused without";
    });
  });
}

/** The frames of a slow camera come unevenly here, so that the last but one is not taken for the last. */
function serveUnevenly(fps: number): Promise<Server> {
  return serveCamera({ FPS: `${fps}`, FAKE_CAMERA_JITTER_MS: fps < 30 ? "150" : "0" });
}

/** Runs in the page: the first 100 characters of a stream, or why there are none. */
const readByFetch = `async (url) => {
  try {
    const response = await fetch(url, { mode: "cors" });
    const reader = response.body.getReader();
    let text = "";
    while (text.length < 100) text += new TextDecoder("latin1").decode((await reader.read()).value);
    reader.cancel();
    return text.slice(0, 100);
  } catch (error) {
    return String(error);
  }
}`;

/** A page of another origin: another port of this machine. */
export function servePage(body = ""): AsyncDisposable & { origin: string } {
  const html = `<!doctype html><body>${body}`;
  const page = () => new Response(html, { headers: { "Content-Type": "text/html" } });
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, page);
  return {
    origin: `http://127.0.0.1:${server.addr.port}`,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

/** Waits until the page of an origin is there, and something holds in it. */
export async function loaded(browser: Browser, origin: string, condition = "true"): Promise<void> {
  const holds = `location.origin === "${origin}" && document.body !== null && ${condition}`;
  for (let attempt = 0; attempt < 200; attempt++) {
    // While it goes to another page a browser may have none to ask.
    if (await browser.evaluate<boolean>(holds).catch(() => false)) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`Not in the page of ${browser.product}: ${condition}`);
}

/** How {@link paintsSoon} looks. */
export interface PaintOptions {
  /** Where the `<img>` points; without it the page's own picture is looked at. */
  url?: string;
  fps: number;
  seconds: number;
  /** Nearly all frames are to be in time, else half of them. */
  strict?: boolean;
}

/**
 * Checks that a browser paints frames when they come, and in order. Where other work makes it late it is
 * looked at again, up to three times: one that waits for the next frame is late each time, by hundreds.
 *
 * @returns How late they were.
 */
export async function paintsSoon(
  browser: Browser,
  { url, fps, seconds, strict = false }: PaintOptions,
): Promise<string> {
  for (let attempt = 1;; attempt++) {
    const { numbers, ages } = await watchPaint(browser, { url, ms: seconds * 1000 });
    assertInOrder(numbers, Infinity); // a busy machine leaves some out
    // The first one is the newest that there was when the viewer came.
    const sorted = ages.slice(1).sort((a, b) => a - b);
    const nearlyAll = sorted[Math.floor(0.9 * (sorted.length - 1))]!;
    const figure = `${inMs(median(sorted))} late, 90 % within ${inMs(nearlyAll)}`;
    const late = strict ? nearlyAll : median(sorted);
    // The camera starts in that time too, and a busy machine draws no 30 pictures a second.
    const enough = numbers.length >= (fps > 5 ? 0.3 : 0.6) * fps * seconds;
    if (enough && late <= SOON) return `${numbers.length} frames, ${figure}`;
    assertLess(attempt, 3, `${numbers.length} frames, ${figure}`);
  }
}
