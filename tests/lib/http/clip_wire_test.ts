import { assertEquals, assertGreater, assertLess, assertRejects } from "@std/assert";
import { settlesWithin } from "../../../lib/clock.ts";
import { Browser, CHROMIUM } from "../../browser.ts";
import { needing } from "../../parts.ts";
import { leavingNoProcess } from "../../processes.ts";
import { ClipLibrary, numberedFrames } from "../recording/clip_library.ts";
import { FakeEngine } from "../recording/fake_engine.ts";
import { flashes } from "../recording/flashes.ts";
import { pictures, uneven } from "../recording/pictures.ts";
import { FakeRecording, setUpRecording } from "./fake_recording.ts";

const MP4 = { ignore: needing("ffmpeg").ignore || Deno.build.os === "windows" };
/** The time of the requests. */
const NOW = Date.UTC(2026, 0, 1);

/** Runs a test with a server that makes clips of a library. */
async function serving(
  library: ClipLibrary,
  test: (url: string) => Promise<void>,
  engine?: FakeEngine,
): Promise<void> {
  const recording = new FakeRecording([NOW - 1000]);
  recording.clips = library.clips;
  const { app } = setUpRecording(recording, { engine: engine?.start });
  app.get("/page", (c) => c.html("<video id=clip src=/cameras/front/clip.mp4?from=-1h>"));
  const options = { hostname: "127.0.0.1", port: 0, onListen: () => {} };
  await using server = Deno.serve(options, (request, info) => app.fetch(request, info));
  await test(`http://127.0.0.1:${server.addr.port}`);
}

/** Waits until a condition holds. @throws {Error} After 5 s. */
async function until(condition: () => boolean): Promise<void> {
  for (const started = performance.now(); !condition();) {
    if (performance.now() - started > 5_000) throw new Error(`Not within 5 s: ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

Deno.test("a client sees that a clip is incomplete when a frame is deleted meanwhile", async () => {
  await using library = new ClipLibrary();
  const size = () => 50_000;
  library.record(numberedFrames({ at: NOW - 60_000, count: 500, size }));
  const last = library.record(numberedFrames({ at: NOW - 30_000, count: 500, size }));
  await serving(library, async (url) => {
    const response = await fetch(`${url}/cameras/front/clip.mkv?from=-1h`);
    Deno.removeSync(library.pathOf(last));
    await assertRejects(() => response.bytes());
  });
  assertEquals([library.open, library.log.length], [0, 1]);
});

Deno.test("a clip is no longer read 100 ms after its client has left", async () => {
  await using library = new ClipLibrary();
  const size = () => 100_000;
  library.record(numberedFrames({ at: NOW - 60_000, count: 1000, size }));
  await serving(library, async (url) => {
    const client = new AbortController();
    const { signal } = client;
    const response = await fetch(`${url}/cameras/front/clip.mkv?from=-1h`, { signal });
    await response.body!.getReader().read();
    await until(() => library.bytesRead > 0);
    client.abort();
    await new Promise((resolve) => setTimeout(resolve, 100));
    const { bytesRead } = library;
    assertEquals(library.open, 0);
    assertLess(bytesRead, 100e6);
    await new Promise((resolve) => setTimeout(resolve, 100));
    assertEquals(library.bytesRead, bytesRead);
  });
});

Deno.test("a clip is read only as fast as its client reads it", async () => {
  await using library = new ClipLibrary();
  const size = () => 200_000;
  library.record(numberedFrames({ at: NOW - 60_000, count: 500, size }));
  await serving(library, async (url) => {
    const response = await fetch(`${url}/cameras/front/clip.mkv?from=-1h`);
    let before: number;
    do {
      before = library.bytesRead;
      await new Promise((resolve) => setTimeout(resolve, 200));
    } while (library.bytesRead > before);
    assertLess(before, 40e6); // what the sockets and the client's stream hold, of 100 MB
    await response.body!.cancel();
    await until(() => library.open === 0);
  });
});

Deno.test("a clip in another size is converted only as fast as its client reads it", async () => {
  await using library = new ClipLibrary();
  const size = () => 400_000;
  library.record(numberedFrames({ at: NOW - 60_000, count: 500, size }));
  const engine = new FakeEngine();
  await serving(library, async (url) => {
    const response = await fetch(`${url}/cameras/front/clip.mkv?from=-1h&height=360`);
    let before: number;
    do {
      before = engine.times.length;
      await new Promise((resolve) => setTimeout(resolve, 200));
    } while (engine.times.length > before);
    assertLess(before, 200); // 40 MB: what the sockets and the client's stream hold
    await response.body!.cancel();
    await until(() => library.open === 0);
    assertEquals(engine.inFlight, 0);
    assertLess(engine.times.length, before + 5);
  }, engine);
});

Deno.test(
  "no picture is converted any more when the client of an MP4 has left",
  MP4,
  () =>
    leavingNoProcess(async () => {
      await using library = new ClipLibrary();
      library.record(uneven(NOW - 60_000, await pictures("640x480", 600)));
      const engine = new FakeEngine();
      engine.convert = (jpeg) => jpeg;
      await serving(library, async (url) => {
        const response = await fetch(`${url}/cameras/front/clip.mp4?from=-1h&height=360`);
        const reader = response.body!.getReader();
        await reader.read();
        assertGreater(engine.times.length, 2);
        await reader.cancel();
        await until(() => library.open === 0);
        assertEquals(engine.inFlight, 0);
      }, engine);
    }),
);

Deno.test(
  "ffmpeg exits within 1 s when a client leaves, also before the response",
  MP4,
  () =>
    leavingNoProcess(async () => {
      await using library = new ClipLibrary();
      library.record(uneven(NOW - 60_000, await pictures("640x480", 600)));
      await serving(library, async (url) => {
        for (const delay of [20, 60, 100, 150, 300, 600]) {
          const client = new AbortController();
          const { signal } = client;
          const response = fetch(`${url}/cameras/front/clip.mp4?from=-1h`, { signal });
          response.catch(() => {});
          await new Promise((resolve) => setTimeout(resolve, delay));
          client.abort();
          await settlesWithin(response.catch(() => {}), 1000);
          const started = performance.now();
          await until(() => library.open === 0);
          assertLess(performance.now() - started, 1000);
        }
        // Both places are free again.
        const responses = [1, 2].map(() => fetch(`${url}/cameras/front/clip.mp4?from=-1h`));
        for (const response of await Promise.all(responses)) {
          assertEquals(response.status, 200);
          await response.body!.cancel();
        }
        await until(() => library.open === 0);
        await new Promise((resolve) => setTimeout(resolve, 600));
      });
      assertEquals(library.log, []);
    }),
);

Deno.test(
  "Chromium shows the duration of an MP4 that is being made",
  needing("ffmpeg", CHROMIUM),
  async () => {
    await using library = new ClipLibrary();
    library.record(uneven(NOW - 60_000, await pictures("640x480", 600)));
    const { duration } = (await library.clips.plan("front", "mp4", { from: 0, to: NOW }))!;
    await serving(library, async (url) => {
      await using browser = await Browser.start();
      await using page = await browser.newPage();
      await page.goto(`${url}/page`);
      await page.until("document.querySelector('video')?.readyState > 0");
      const shown = await page.eval<number>("clip.duration");
      assertLess(Math.abs(shown * 1000 - duration), 34);
      await page.until("(clip.muted = true, clip.play(), clip.currentTime > 0.5)");
      assertEquals(await page.eval("[clip.videoWidth, clip.videoHeight]"), [640, 480]);
    });
  },
);

/** Plays the clip of a page, and notes when it flashes and beeps, by the page's clock. */
const OBSERVE = `(() => {
  const audio = new AudioContext();
  const analyser = audio.createAnalyser();
  analyser.fftSize = 512;
  audio.createMediaElementSource(clip).connect(analyser).connect(audio.destination);
  const samples = new Float32Array(512);
  const canvas = Object.assign(document.createElement("canvas"), { width: 1, height: 1 })
    .getContext("2d", { willReadFrequently: true });
  const seen = globalThis.seen = { flashes: [], beeps: [] };
  let [isBright, loudAt] = [false, -Infinity];
  setInterval(() => {
    analyser.getFloatTimeDomainData(samples);
    if (!samples.some((sample) => Math.abs(sample) > 0.1)) return;
    if (performance.now() - loudAt > 300) seen.beeps.push(performance.now());
    loudAt = performance.now();
  }, 4);
  const onFrame = () => {
    canvas.drawImage(clip, 0, 0, 1, 1);
    const wasBright = isBright;
    isBright = canvas.getImageData(0, 0, 1, 1).data[1] > 128;
    if (isBright && !wasBright) seen.flashes.push(performance.now());
    clip.requestVideoFrameCallback(onFrame);
  };
  clip.requestVideoFrameCallback(onFrame);
  return audio.resume().then(() => clip.play()).then(() => true);
})()`;

Deno.test(
  "Chromium plays the sound of an MP4 with its pictures, after a gap, too",
  needing("ffmpeg", CHROMIUM),
  async () => {
    await using library = new ClipLibrary();
    for (const from of [NOW - 59_300, NOW - 54_300]) {
      const recorded = await flashes({ from, to: from + 2_500, fps: 20 });
      library.record(recorded.frames, recorded);
    }
    await serving(library, async (url) => {
      await using browser = await Browser.start();
      await using page = await browser.newPage();
      await page.goto(`${url}/page`);
      await page.until("document.querySelector('video')?.readyState > 0");
      await page.eval(OBSERVE);
      await page.until("clip.ended", 20_000);
      const { flashes, beeps } = await page.eval<Record<"flashes" | "beeps", number[]>>("seen");
      assertEquals([flashes.length, beeps.length], [6, 6]);
      for (const [i, beep] of beeps.entries()) {
        // The machine may be busy; without silence for the gap it would be 3 s.
        assertLess(Math.abs(beep - flashes[i]!), 250, `${beeps.join()} for ${flashes.join()}`);
      }
    });
  },
);
