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

/** Maximum time from capture to display, in milliseconds. */
export const MAX_DELAY = 60;

const BROWSERS = [
  ["Chromium", CHROMIUM, openChromium],
  ["Firefox", FIREFOX, openFirefox],
  ["WebKitGTK", WEBKIT, openWebKit],
] as const;

for (const [name, programs, open] of BROWSERS) {
  clientInSteps(name, programs, async (does) => {
    await using browser = await open();
    for (const [fps, seconds] of [[1, 6], [2, 5], [30, 4]] as const) {
      await does(`paints each frame of ${fps} fps when it arrives, in an <img>`, async () => {
        await using server = await serveUnevenly(fps);
        await browser.goTo(`${server.url}/nothing`); // an empty page of the same origin
        await loaded(browser, server.url);
        const strict = name === "Chromium" && fps === 2;
        return await paintsSoon(browser, { url: "/video_feed", fps, seconds, strict });
      });
    }
    if (name === "WebKitGTK") return; // shows no stream as a document, and passes none to scripts
    await does("paints each frame of 2 fps when it arrives, as a document", async () => {
      await using server = await serveUnevenly(2);
      await browser.goTo(`${server.url}/video_feed`);
      await loaded(browser, server.url, "document.images[0]?.naturalWidth > 0");
      return await paintsSoon(browser, { fps: 2, seconds: 5 });
    });
    await does("reads the stream in a page of another origin, with ALLOW_ORIGIN", async () => {
      await using elsewhere = servePage();
      await using server = await serveCamera({ ALLOW_ORIGIN: elsewhere.origin });
      await using closed = await serveCamera();
      await browser.goTo(elsewhere.origin);
      await loaded(browser, elsewhere.origin);
      const read = (url: string) =>
        browser.evaluate<string>(`(${readByFetch})(${JSON.stringify(url)})`);
      const text = await read(`${server.url}/video_feed?timestamp=1`);
      assert(text.startsWith("--frame\r\nContent-Type: image/jpeg\r\nContent-Length: "), text);
      const rejected = await read(`${closed.url}/video_feed?timestamp=1`);
      assert(rejected.startsWith("TypeError"), rejected);
      return "allowed; rejected without";
    });
  });
}

/**
 * Starts a server whose slow cameras deliver frames at irregular intervals, so that the test does
 * not mistake the previous frame for the newest one.
 */
function serveUnevenly(fps: number): Promise<Server> {
  return serveCamera({ FPS: `${fps}`, FAKE_CAMERA_JITTER_MS: fps < 30 ? "150" : "0" });
}

/** Runs in the page: returns the first 100 characters of a stream, or the error. */
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

/** Serves a page of another origin: another port of this machine. */
export function servePage(body = ""): AsyncDisposable & { origin: string } {
  const html = `<!doctype html><body>${body}`;
  const page = () => new Response(html, { headers: { "Content-Type": "text/html" } });
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, page);
  return {
    origin: `http://127.0.0.1:${server.addr.port}`,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

/** Waits until the page of an origin is loaded and a condition holds in it. */
export async function loaded(browser: Browser, origin: string, condition = "true"): Promise<void> {
  const holds = `location.origin === "${origin}" && document.body !== null && ${condition}`;
  for (let attempt = 0; attempt < 200; attempt++) {
    // During navigation a browser may have no page to evaluate in.
    if (await browser.evaluate<boolean>(holds).catch(() => false)) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`Condition not met in the page of ${browser.product}: ${condition}`);
}

/** Options of {@link paintsSoon}. */
export interface PaintOptions {
  /** Address for a new `<img>`; without it, the existing image of the page is observed. */
  url?: string;
  fps: number;
  seconds: number;
  /** Requires 90 % of the frames to be in time, instead of half of them. */
  strict?: boolean;
}

/**
 * Asserts that a browser paints frames when they arrive, and in order. Tries up to three times, as
 * other load may delay the browser: one that waits for the next frame is late each time, by
 * hundreds of milliseconds.
 *
 * @returns The delays, for the table.
 */
export async function paintsSoon(
  browser: Browser,
  { url, fps, seconds, strict = false }: PaintOptions,
): Promise<string> {
  for (let attempt = 1;; attempt++) {
    const { numbers, ages } = await watchPaint(browser, { url, ms: seconds * 1000 });
    assertInOrder(numbers, Infinity); // a busy machine skips some
    // The first one was captured before the viewer connected.
    const sorted = ages.slice(1).sort((a, b) => a - b);
    const p90 = sorted[Math.floor(0.9 * (sorted.length - 1))]!;
    const figure = `${inMs(median(sorted))} late, 90 % within ${inMs(p90)}`;
    const late = strict ? p90 : median(sorted);
    // The time includes the start of the camera, and a busy machine cannot paint 30 pictures per
    // second.
    const enough = numbers.length >= (fps > 5 ? 0.3 : 0.6) * fps * seconds;
    if (enough && late <= MAX_DELAY) return `${numbers.length} frames, ${figure}`;
    assertLess(attempt, 3, `${numbers.length} frames, ${figure}`);
  }
}
