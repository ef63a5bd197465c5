import { assert, assertEquals } from "@std/assert";
import type { Bytes } from "../../lib/bytes.ts";
import type { Browser, Page } from "../browser.ts";
import { readRecording, type RecordedFrame } from "../recording/recording_server.ts";
import { decodeMatroska, type FileFrame } from "../recording/segment_file.ts";
import { eventually } from "../server.ts";
import { recordPictures, type Seen } from "../stand_in.ts";

/** What the page asks the server for: a moment and a speed, a step, or the live pictures. */
export interface Request {
  readonly type: "replay" | "step" | "live";
  readonly cameras: readonly string[];
  /** Time of the playhead, in milliseconds since the Unix epoch. */
  readonly at?: number | null;
  readonly speed?: number;
  readonly by?: number;
}

/** A picture that was painted, and when the browser had rendered it. */
interface Rendered extends Seen {
  /** In milliseconds of `performance.now()`. */
  readonly renderedAt: number;
}

/** Script that records what the page sends, when the pointer moves, and when pictures are rendered. */
const SCRIPT = `
  globalThis.requests = [];
  const { send } = WebSocket.prototype;
  WebSocket.prototype.send = function (data) {
    const message = JSON.parse(data);
    if (["replay", "step", "live"].includes(message.type)) requests.push(message);
    return send.call(this, data);
  };
  addEventListener("pointermove", ({ timeStamp }) => globalThis.movedAt = timeStamp, true);
  const paint = ImageBitmapRenderingContext.prototype.transferFromImageBitmap;
  ImageBitmapRenderingContext.prototype.transferFromImageBitmap = function (bitmap) {
    const before = seen.length;
    paint.call(this, bitmap);
    const picture = seen[before];
    // A task after the animation frame: the browser has rendered the picture.
    if (picture) {
      requestAnimationFrame(() => setTimeout(() => picture.renderedAt = performance.now()));
    }
  };
  globalThis.untilSeen = async (frame, camera, ms) => {
    for (const start = performance.now(); performance.now() - start < ms;) {
      const picture = seen.findLast((picture) => picture.camera === camera);
      if (picture?.frame === frame && picture.renderedAt) return picture;
      await new Promise(requestAnimationFrame);
    }
    const numbers = seen.filter((picture) => picture.camera === camera).map(({ frame }) => frame);
    throw new Error("Picture " + frame + " is not shown, but " + numbers);
  };
`;

/** Opens the page of a server with recordings in a new profile. */
export async function openPage(browser: Browser, url: string): Promise<Page> {
  const page = await browser.newPage();
  await recordPictures(page);
  await page.beforeEachPage(SCRIPT);
  await page.goto(url);
  return page;
}

/**
 * Waits until the newest picture of a camera is the one with this number.
 *
 * @param camera Index of its canvas on the page.
 */
export function untilSeen(page: Page, frame: number, camera = 0): Promise<Rendered> {
  return page.eval(`untilSeen(${frame}, ${camera}, 5000)`);
}

/** Does something, and returns what the page has sent for it. */
export async function requestOf(page: Page, act: () => Promise<void>): Promise<Request> {
  await page.eval("requests.length = 0");
  await act();
  await page.until("requests.length > 0");
  return await page.eval<Request>("requests.at(-1)");
}

/** Presses Tab until an element has the keyboard focus. */
export async function tabTo(page: Page, selector: string): Promise<void> {
  const isFocused = `document.activeElement.matches(${JSON.stringify(selector)})`;
  for (let presses = 0; !await page.eval(isFocused); presses++) {
    assert(presses < 60, `Tab does not reach ${selector}`);
    await page.press("Tab");
  }
  assert(await page.eval(`document.activeElement.matches(":focus-visible")`), selector);
}

/** A file that a page has downloaded. */
export interface Download {
  readonly name: string;
  readonly url: URL;
  readonly content: Bytes;
}

/** Does something that downloads a file, and waits for that. */
export async function downloadOf(
  browser: Browser,
  page: Page,
  act: () => Promise<void>,
): Promise<Download> {
  const downloadPath = await Deno.makeTempDir({ prefix: "dinocam-download-" });
  try {
    await browser.send("Browser.setDownloadBehavior", {
      ...{ behavior: "allow", downloadPath, browserContextId: page.context },
    });
    let begun: { url: string; suggestedFilename: string } | undefined;
    page.on("Page.downloadWillBegin", (params) => begun = params);
    await act();
    await eventually("the download begins", () => begun !== undefined);
    const { url, suggestedFilename: name } = begun!;
    // The browser gives the file its name when it is complete.
    await eventually("the file is saved", async () => {
      const entries = await Array.fromAsync(Deno.readDir(downloadPath));
      return entries.length === 1 && entries[0]!.name === name;
    });
    const content = await Deno.readFile(`${downloadPath}/${name}`);
    return { name, url: new URL(url), content };
  } finally {
    await Deno.remove(downloadPath, { recursive: true });
  }
}

/** The recorded frames of a camera, read from its files. */
export class Recorded {
  /** By time. */
  readonly frames: readonly RecordedFrame[];

  private constructor(frames: readonly RecordedFrame[]) {
    this.frames = frames;
  }

  static async read(folder: string, camera = "front"): Promise<Recorded> {
    const { frames } = await readRecording(folder, camera);
    return new Recorded(frames);
  }

  /** Index of the last frame at or before a time, or of the first one. */
  indexAt(time: number): number {
    return Math.max(0, this.frames.findLastIndex(({ at }) => at <= time));
  }

  /** The last frame at or before a time, or the first one. */
  frameAt(time: number): RecordedFrame {
    return this.frames[this.indexAt(time)]!;
  }

  /** Numbers of the frames from one index to another, backwards if that is lower. */
  numbers(from: number, to: number): number[] {
    const step = from <= to ? 1 : -1;
    const length = Math.abs(to - from) + 1;
    return Array.from({ length }, (_, i) => this.frames[from + i * step]!.number);
  }

  /** Asserts that a downloaded clip has the frames of its period, unchanged. @returns Them. */
  assertClip({ url, content }: Download): readonly FileFrame[] {
    const [from, to] = ["from", "to"].map((end) =>
      Math.round(1_000 * Number(url.searchParams.get(end)))
    );
    const expected = this.frames.filter(({ at }) => at >= from! && at <= to!);
    const { frames, torn } = decodeMatroska(content);
    assertEquals(torn, 0);
    assertEquals(frames.map(({ time }) => time), expected.map(({ at }) => at - expected[0]!.at));
    for (const [i, { jpeg }] of frames.entries()) assertEquals(jpeg, expected[i]!.jpeg);
    return frames;
  }
}
