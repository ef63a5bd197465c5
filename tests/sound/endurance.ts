import { assert, assertEquals, assertLess } from "@std/assert";
import { systemClock } from "../../lib/clock.ts";
import { Browser as Chromium } from "../browser.ts";
import { type Browser } from "../clients/browsers.ts";
import { figure } from "../faults/figures.ts";
import { Server } from "../server.ts";
import { cameraStatus, inexactMicrophone, startSoundServer } from "./sound_server.ts";
import { LIMITS, recordSync } from "./sync.ts";
import { runSync, SoundStudio, type SyncRun } from "./sync_run.ts";

/** By how much the microphone's clock is fast, in millionths: that of a real sound card. */
const PPM = 208;
/** How far the medians of the first and the last minute may be apart, in milliseconds. */
const MAX_TREND = 20;
const MINUTE = 60_000;

/** Options of {@link checkEndurance}. */
export interface EnduranceOptions {
  readonly minutes: number;
  /** Whether the limits must hold, or are only printed. */
  readonly limited?: boolean;
}

/** Listens to a microphone with an inexact clock, and prints a line per minute and a summary. */
export async function checkEndurance(
  open: (options: SoundStudio["browserOptions"]) => Promise<Browser>,
  { minutes, limited = true }: EnduranceOptions,
): Promise<void> {
  const env = (audio: SoundStudio["audio"]) => ({ AUDIO: inexactMicrophone(audio, PPM) });
  await using studio = await SoundStudio.start(env);
  await using browser = await open(studio.browserOptions);
  const run = await runSync(browser, studio.listener, {
    url: studio.server.url,
    duration: minutes * MINUTE,
    onMinute: (minute, record, from) =>
      console.log(`${time()} ${browser.product} minute ${minute}: ${record.describe(from)}`),
  });
  const { lastFailure } = (await cameraStatus(studio.server)).sound;
  assertEquals(lastFailure, null);
  summarize(run, { name: `${browser.product}, ${minutes} min at ${PPM} ppm`, minutes, limited });
}

function summarize(
  { record, from }: SyncRun,
  { name, minutes, limited }: { name: string; minutes: number; limited: boolean },
): void {
  const whole = record.distribution(from);
  figure(name, record.describe(from));
  const limits = ([min, max]: readonly [number, number]) => `${min} … ${max} ms`;
  figure("median sound after picture", `${whole.p50.toFixed(1)} ms`, limits(LIMITS.p50));
  figure("95th percentile", `${whole.p95.toFixed(1)} ms`, limits(LIMITS.p95));
  const medians = Array.from(
    { length: minutes },
    (_, i) => record.distribution(from + i * MINUTE, from + (i + 1) * MINUTE).p50,
  );
  figure("medians by minute", medians.map((value) => value.toFixed(0)).join(", "));
  const trend = medians.at(-1)! - medians[0]!;
  figure("last minute's median minus the first's", `${trend.toFixed(1)} ms`, `${MAX_TREND} ms`);
  const jumps = record.jumpsAfterSettling();
  figure("jumps after the first 5 s", jumps.length, "0");
  for (const { time, by } of jumps.slice(0, 20)) {
    console.log(`  after ${((time - record.startedAt) / 1_000).toFixed(1)} s: ${by.toFixed(1)} ms`);
  }
  if (!limited) return;
  assert(whole.n > minutes * 45, `${whole.n} beeps`);
  assert(whole.p50 >= LIMITS.p50[0] && whole.p50 <= LIMITS.p50[1], `median ${whole.p50} ms`);
  assert(whole.p95 >= LIMITS.p95[0] && whole.p95 <= LIMITS.p95[1], `95 %: ${whole.p95} ms`);
  assertLess(Math.abs(trend), MAX_TREND);
}

/** Hides the tab for some seconds: the sound must go on, and be in sync when it is shown again. */
export async function checkHiddenTab(seconds: number): Promise<void> {
  await using studio = await SoundStudio.start();
  await using chromium = await Chromium.start([], studio.browserOptions);
  await using page = await chromium.newPage();
  const { record, observer, from } = await runSync(
    {
      product: "Chromium",
      goTo: (url) => page.goto(url),
      evaluate: (expression) => page.eval(expression),
      click: (selector) => page.click(selector),
      [Symbol.asyncDispose]: async () => {},
    },
    studio.listener,
    { url: studio.server.url, duration: 10_000 },
  );
  figure("before the tab is hidden", record.describe(from));
  const { windowId } = await chromium.send("Browser.getWindowForTarget", {
    targetId: page.targetId,
  });
  const setWindow = (windowState: string) =>
    chromium.send("Browser.setWindowBounds", { windowId, bounds: { windowState } });
  await setWindow("minimized");
  await page.until("document.hidden");
  await systemClock.sleep(2_000);
  record.add(await observer.take());
  const pictures = record.pictures;
  const hiddenFrom = Date.now();
  await systemClock.sleep(seconds * 1_000);
  const hiddenTo = Date.now();
  record.add(await observer.take());
  const beeps = record.countBeeps(hiddenFrom, hiddenTo);
  figure("beeps heard while the tab is hidden", beeps, `${seconds}`);
  figure("pictures painted meanwhile", record.pictures - pictures, "0");
  figure("while it is hidden", record.describe(hiddenFrom, hiddenTo));
  await setWindow("normal");
  await systemClock.sleep(5_000);
  const { observer: _, ...rest } = { observer, listener: studio.listener, record };
  const shownFrom = Date.now();
  await recordSync({ ...rest, observer, duration: 20_000 });
  figure("after it is shown again", record.describe(shownFrom));
  assert(beeps >= seconds - 1, `${beeps} beeps in ${seconds} s`);
  assertEquals(record.pictures - pictures > 0, true);
  const { p50, p95 } = record.distribution(shownFrom);
  assert(p50 >= LIMITS.p50[0] && p50 <= LIMITS.p50[1], `median ${p50} ms`);
  assert(p95 >= LIMITS.p95[0] && p95 <= LIMITS.p95[1], `95th percentile ${p95} ms`);
}

/** A second server relays picture and sound of the first one, and its page is in sync. */
export async function checkRelay(
  open: (options: SoundStudio["browserOptions"]) => Promise<Browser>,
  minutes: number,
): Promise<void> {
  await using studio = await SoundStudio.start();
  const upstream = studio.server.url;
  await using relay = await startSoundServer(studio.audio, {
    CAMERA: "front=mjpeg",
    SOURCE: `${upstream}/video_feed`,
    AUDIO: `${upstream}/audio.wav`,
    AUDIO_DELAY: "",
    CAMERAS_DIR: "",
    FPS: "",
  });
  await using browser = await open(studio.browserOptions);
  const { record, from } = await runSync(browser, studio.listener, {
    url: relay.url,
    duration: minutes * MINUTE,
    onMinute: (minute, record, from) =>
      console.log(`${time()} relay minute ${minute}: ${record.describe(from)}`),
  });
  figure("page of a relay", record.describe(from));
  const { p50, p95 } = record.distribution(from);
  assert(p50 >= LIMITS.p50[0] && p50 <= LIMITS.p50[1], `median ${p50} ms`);
  assert(p95 >= LIMITS.p95[0] && p95 <= LIMITS.p95[1], `95th percentile ${p95} ms`);
}

/** Opens pages that watch, without listening. @returns The most captures of sound meanwhile. */
export async function watchWithPages(
  browser: Chromium,
  server: Server,
  { pages, seconds, count }: { pages: number; seconds: number; count: () => Promise<number> },
): Promise<number> {
  await using stack = new AsyncDisposableStack();
  for (let i = 0; i < pages; i++) {
    const page = stack.use(await browser.newPage());
    await page.goto(server.url);
  }
  let most = 0;
  for (let i = 0; i < seconds; i++) {
    await systemClock.sleep(1_000);
    most = Math.max(most, await count());
  }
  return most;
}

function time(): string {
  return new Date().toISOString().slice(11, 19);
}
