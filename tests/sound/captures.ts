import { assert, assertEquals, assertLess } from "@std/assert";
import { systemClock } from "../../lib/clock.ts";
import { Browser } from "../browser.ts";
import { figure, rounded } from "../faults/figures.ts";
import { eventually, type Server } from "../server.ts";
import { watchWithPages } from "./endurance.ts";
import { LiveClient } from "./live_client.ts";
import { cameraStatus, soundCaptures } from "./sound_server.ts";
import { SoundStudio } from "./sync_run.ts";

/** `IDLE_SECONDS` of the server, in milliseconds. */
const IDLE = 2_000;

/** Watching opens no microphone, ten listeners one, and it is closed after `IDLE_SECONDS`. */
export async function checkLife(): Promise<void> {
  await using studio = await SoundStudio.start(() => ({ IDLE_SECONDS: `${IDLE / 1_000}` }));
  const { server } = studio;
  const count = async () => (await soundCaptures(server)).length;
  {
    await using browser = await Browser.start([], studio.browserOptions);
    const most = await watchWithPages(browser, server, { pages: 5, seconds: 5, count });
    figure("captures of sound while 5 pages watch", most, "0");
    assertEquals(most, 0);
    assertEquals((await cameraStatus(server)).sound.state, "off");
  }
  const clients = await openClients(server, 10);
  try {
    for (const client of clients) client.listen(["front"]);
    await eventually("all hear", () => clients.every(({ sound }) => sound.ages.length > 50));
    figure("captures of sound with 10 listeners", await count(), "1");
    assertEquals(await count(), 1);
    assertEquals((await cameraStatus(server)).sound.listeners, 10);
    for (const client of clients) client.listen([]);
    const begun = performance.now();
    await eventually("no capture is left", async () => await count() === 0, IDLE + 5_000);
    const took = performance.now() - begun;
    figure("the capture ends after the last listener", `${rounded(took)} ms`, `${IDLE} ms`);
    assert(took > IDLE - 500 && took < IDLE + 2_000, `${took} ms`);
  } finally {
    for (const client of clients) await client[Symbol.asyncDispose]();
  }
}

/**
 * Ends or stops the capture of sound while a client listens.
 *
 * @param signal SIGKILL, or SIGSTOP for a capture that hangs.
 * @param limit When there must be sound again, in milliseconds.
 */
export async function checkCaptureFault(signal: Deno.Signal, limit: number): Promise<void> {
  await using studio = await SoundStudio.start();
  const { server } = studio;
  const [client] = await openClients(server, 1);
  try {
    client!.listen(["front"]);
    await eventually("there is sound", () => client!.sound.ages.length > 150);
    const gaps: number[] = [];
    for (let i = 0; i < 3; i++) {
      client!.reset();
      await systemClock.sleep(500);
      const [pid] = await soundCaptures(server);
      Deno.kill(pid!, signal);
      await systemClock.sleep(limit + 3_000);
      gaps.push(client!.sound.longestGap);
      figure(`sound again after ${signal}`, `${rounded(gaps.at(-1)!)} ms`, `${limit} ms`);
      figure("pictures lost meanwhile", client!.frames.missing, "0");
      figure("longest time without a picture", `${rounded(client!.frames.longestGap)} ms`);
      assertEquals(client!.frames.missing, 0);
      assertLess(client!.frames.longestGap, 300);
      assertEquals((await soundCaptures(server)).length, 1);
      await systemClock.sleep(8_000); // the next failure is the first one again
    }
    for (const gap of gaps) assert(gap > 20 && gap < limit, `${gap} ms`);
    assertEquals((await cameraStatus(server)).state, "streaming");
  } finally {
    await client![Symbol.asyncDispose]();
  }
}

function openClients(server: Server, count: number): Promise<LiveClient[]> {
  return Promise.all(Array.from({ length: count }, () => LiveClient.open(server.url, ["front"])));
}
