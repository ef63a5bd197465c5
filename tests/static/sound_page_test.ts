import {
  assert,
  assertEquals,
  assertFalse,
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
import { median, recordPictures, takeSeen } from "../stand_in.ts";
import { PICTURES, ReplayServer, type ReplayServerOptions, takePictures } from "./replay_server.ts";

const LOUDSPEAKER = ".tile:not([hidden]) .loudspeaker";
const PRESSED = `document.querySelector("${LOUDSPEAKER}").getAttribute("aria-pressed")`;
const SUMMARY = `document.querySelector(".summary").textContent`;
const NOTICE = `document.querySelector(".sound-notice:not([hidden])")?.innerText`;
const TOAST = `document.querySelector("#toast").textContent`;

/** Script that counts the contexts, and measures what reaches the loudspeaker. */
const METER = `
  globalThis.contexts = [];
  const { connect } = AudioNode.prototype;
  AudioNode.prototype.connect = function (target, ...more) {
    const { context } = this;
    if (target === context.destination && context instanceof AudioContext) {
      if (!contexts.includes(context)) {
        contexts.push(context);
        globalThis.analyser = context.createAnalyser();
        analyser.fftSize = 32768;
      }
      connect.call(this, analyser);
    }
    return connect.call(this, target, ...more);
  };
  globalThis.loudness = () => {
    const samples = new Float32Array(analyser.fftSize);
    analyser.getFloatTimeDomainData(samples);
    return Math.max(...samples);
  };
`;

/** State of the player, from the page's attribute for tests. */
interface Sound {
  source: string;
  lag: number | null;
  delay: number;
  error: number;
  late: number;
  jumps: number;
  played: number;
  age: number;
  hold: number;
}

function soundOf(page: Page, camera = "front"): Promise<Sound> {
  return page.eval(`JSON.parse(document.querySelector("[data-camera=${camera}]").dataset.sound)`);
}

/** Waits until the page has played some packets since now. */
async function untilPlaying(page: Page, camera = "front"): Promise<void> {
  const data =
    `JSON.parse(document.querySelector("[data-camera=${camera}]").dataset.sound ?? "{}")`;
  const before = await page.eval<number>(`${data}.played ?? 0`);
  await page.until(`${data}.played > ${before + 20} && ${data}.lag !== null`);
}

/** Lists of cameras that the page has asked to hear. */
function listens(server: ReplayServer): unknown[] {
  return server.received.filter(({ type }) => type === "listen").map(({ cameras }) => cameras);
}

Deno.test("Sound in Chromium", needing(CHROMIUM, PYTHON), async (t) => {
  await using browser = await Browser.start();
  const pages = readPages("static");
  const pictures = await takePictures();

  async function open(server: ReplayServer, script = ""): Promise<Page> {
    const page = await browser.newPage();
    await recordPictures(page);
    await page.beforeEachPage(METER + script);
    await page.goto(server.url);
    await page.until("seen.length > 3");
    return page;
  }

  /** Serves cameras with sound, without recordings. */
  function serve(options: Partial<ReplayServerOptions> = {}): ReplayServer {
    return new ReplayServer({ pages, pictures, sound: {}, replay: false, ...options });
  }

  await t.step("a page is silent until the loudspeaker is clicked, then it is heard", async () => {
    await using server = serve();
    await using page = await open(server);
    const isLoaded = `performance.getEntries().some(({ name }) => name.includes("sound"))`;
    assertEquals(await page.eval(`[${isLoaded}, contexts.length, ${PRESSED}]`), [
      ...[false, 0, "false"],
    ]);
    assertEquals(listens(server), []);
    await page.click(LOUDSPEAKER);
    await untilPlaying(page);
    assertEquals(await page.eval(`[contexts.length, ${PRESSED}]`), [1, "true"]);
    assertEquals(listens(server), [["front"]]);
    await page.until("loudness() > 0.3"); // the beep of a full second
    assertMatch(
      await page.eval(`document.querySelector(".age").title`),
      /\. The sound is \d+ ms (after|before) the picture\.$/,
    );
    await page.press("?");
    await page.until(
      `/sound\\s+\\d+ ms (after|before) the picture/.test(document.querySelector("#help").innerText)`,
    );
    await page.press("Escape");
    await page.press("v");
    assertEquals(await page.eval(PRESSED), "false");
    await eventually("the page stops listening", () => listens(server).length === 2);
    assertEquals(listens(server)[1], []);
    assertEquals(await page.eval("contexts[0].state"), "suspended");
    assertEquals(page.errors, []);
    // The choice is not stored.
    await page.goto(server.url);
    await page.until("seen.length > 3");
    assertEquals(listens(server).length, 2);
  });

  await t.step("a steady sound is neither late nor jumps after 5 s", async () => {
    await using server = serve();
    await using page = await open(server);
    await page.click(LOUDSPEAKER);
    await untilPlaying(page);
    await systemClock.sleep(5_000);
    const before = await soundOf(page);
    await systemClock.sleep(10_000);
    const { late, jumps, played, lag, delay } = await soundOf(page);
    console.log(
      `sound ${lag!.toFixed(0)} ms after the picture, delay ${delay.toFixed(0)} ms`,
    );
    assertGreater(played - before.played, 450);
    assertLess(late - before.late, 25);
    assertLess(jumps - before.jumps, 2);
    assertGreater(lag!, -20);
    assertLess(lag!, 90);
  });

  await t.step("a page without sound sends no listen, and has no button", async () => {
    await using server = serve({ sound: undefined });
    await using page = await open(server);
    assertEquals(
      await page.eval(`document.querySelector(".loudspeaker").checkVisibility()`),
      false,
    );
    await page.press("v");
    await page.until(`${TOAST} === "There is no sound"`);
    assertEquals(listens(server), []);
  });

  await t.step("one camera sounds at a time, also when another one is shown", async () => {
    await using server = serve({ cameras: ["front", "garden"] });
    await using page = await open(server);
    assertEquals(
      await page.eval(
        `[...document.querySelectorAll(".loudspeaker")].map(({ ariaLabel }) => ariaLabel)`,
      ),
      ["Sound of front", "Sound of garden"],
    );
    await page.press("v"); // the first one
    await untilPlaying(page, "front");
    // With the keyboard.
    await page.eval(`document.querySelector("[data-camera=garden] .loudspeaker").focus()`);
    await page.press("Enter");
    await untilPlaying(page, "garden");
    assertEquals(listens(server), [["front"], ["garden"]]);
    const sounding =
      `[...document.querySelectorAll(".sounding")].map((element) => element.dataset.camera ?? element.textContent)`;
    assertEquals(await page.eval(sounding), ["garden", "garden"]);
    await page.press("1");
    await untilPlaying(page, "garden");
    assertEquals(await page.eval(PRESSED), "false");
    await page.press("v");
    await untilPlaying(page, "front");
    await page.press("g");
    await page.press("v"); // the one that sounds
    await page.until(`${sounding}.length === 0`);
    assertEquals(page.errors, []);
  });

  await t.step("the page says why a microphone failed, and tries again on request", async () => {
    const failure = {
      message: "mic.monitor: Input/output error",
      hint: "list the sources with `pactl list sources short`",
    };
    await using server = serve({
      sound: { state: "failed", lastFailure: { ...failure, retried: false } },
    });
    await using page = await open(server);
    await page.click(LOUDSPEAKER);
    await page.until(`${NOTICE}?.includes("No sound: mic.monitor: Input/output error. List the")`);
    assertStringIncludes(
      await page.eval(`document.querySelector("#announcement").textContent`),
      "mic.monitor",
    );
    // The picture is not touched.
    assertEquals(await page.eval(SUMMARY), "Live");
    await page.click(".sound-notice button");
    await eventually(
      "the page requests a retry",
      () => server.received.filter(({ type, retry }) => type === "listen" && retry).length === 2,
    );
    server.sound = { state: "failed", lastFailure: { ...failure, retried: true } };
    await page.until(`${NOTICE}?.includes("Trying again automatically")`);
    assertFalse(
      await page.eval(`document.querySelector(".sound-notice button").checkVisibility()`),
    );
    server.sound = {};
    await untilPlaying(page);
    await page.until(`!${NOTICE}`);
    // A restart of the server, then one without the microphone.
    server.disconnect();
    await eventually("the page listens again", () => listens(server).length === 3);
    await untilPlaying(page);
    server.sound = undefined;
    await page.until(`${NOTICE}?.includes("This camera has no sound any more")`);
    server.sound = {};
    await untilPlaying(page);
    assertEquals(page.errors, []);
  });

  await t.step("an interruption by the browser asks for a click, and stops listening", async () => {
    await using server = serve();
    await using page = await open(server);
    await page.click(LOUDSPEAKER);
    await untilPlaying(page);
    await page.eval("contexts[0].suspend()");
    await page.until(`${NOTICE}?.includes("Click for sound")`);
    assertEquals(listens(server), [["front"], []]);
    assertEquals(await page.eval(PRESSED), "true");
    await page.click(".sound-notice button");
    await untilPlaying(page);
    assertEquals(await page.eval(`${NOTICE} ?? null`), null);
  });

  await t.step("in a hidden tab, the pictures stop and the sound goes on", async () => {
    await using server = serve();
    await using page = await open(server);
    await page.click(LOUDSPEAKER);
    await untilPlaying(page);
    const { windowId } = await browser.send("Browser.getWindowForTarget", {
      targetId: page.targetId,
    });
    const show = (windowState: string) =>
      browser.send("Browser.setWindowBounds", { windowId, bounds: { windowState } });
    await show("minimized");
    const watched = () => server.received.filter(({ type }) => type === "watch").at(-1)!.cameras;
    await eventually("the pictures stop", () => (watched() as unknown[]).length === 0);
    await systemClock.sleep(500);
    await takeSeen(page);
    const before = await soundOf(page);
    await systemClock.sleep(6_000);
    assertEquals(await takeSeen(page), []);
    const hidden = await soundOf(page);
    assertGreater(hidden.played - before.played, 200);
    await show("normal");
    await page.until("seen.length > 3", 2_000);
    const { jumps, late } = await soundOf(page);
    assertLess(jumps - before.jumps, 2);
    assertLess(late - before.late, 20);
    assertEquals(server.received.filter(({ type }) => type === "listen").length, 1);
    // Without sound, a hidden tab disconnects.
    await page.press("v");
    await show("minimized");
    await eventually("the page disconnects", () => server.connections === 0);
    await show("normal");
    await page.until("seen.length > 3", 5_000);
  });

  await t.step("for a late loudspeaker, the picture waits, at the full frame rate", async () => {
    await using server = serve();
    await using page = await open(
      server,
      `Object.defineProperties(AudioContext.prototype, {
        outputLatency: { get: () => 0.25 },
        getOutputTimestamp: { value: () => ({ contextTime: 0, performanceTime: 0 }) },
      });`,
    );
    await page.click(LOUDSPEAKER);
    await page.until(`/picture delayed by \\d+0 ms for the sound/.test(${SUMMARY})`);
    await systemClock.sleep(3_000);
    const seen = `Number(/(\\d+) ms/.exec(${SUMMARY})[1])`;
    const hold = await page.eval<number>(seen);
    const { lag, delay } = await soundOf(page);
    console.log(`the picture waits ${hold} ms, the sound is ${lag!.toFixed(0)} ms after it`);
    assertGreater(hold, 180);
    assertLess(hold, 330);
    assertGreater(delay, 270);
    assertGreater(lag!, 20);
    assertLess(lag!, 80);
    const before = server.sent;
    await takeSeen(page);
    await systemClock.sleep(3_000);
    const shown = await takeSeen(page);
    assertGreater(server.sent - before, 26);
    assertGreater(shown.length, 26);
    // The number of a picture is its time.
    const ages = shown.map(({ frame, at }) => (server.numberAt(at) - frame + PICTURES) % PICTURES);
    assertGreater(median(ages), 1);
    assertLess(median(ages), 4);
    await page.press("v");
    await page.until(`${SUMMARY} === "Live"`);
    assertEquals(page.errors, []);
  });

  await t.step(
    "for sound that arrives in chunks of 120 ms, the picture waits, and none is lost",
    async () => {
      await using server = serve();
      server.soundChunk = 120;
      await using page = await open(server);
      await page.click(LOUDSPEAKER);
      await untilPlaying(page);
      await systemClock.sleep(6_000);
      const before = await soundOf(page);
      await systemClock.sleep(5_000);
      const { played, lag, hold } = await soundOf(page);
      console.log(
        `the picture waits ${hold.toFixed(0)} ms, ${played - before.played} of 250 played`,
      );
      assertGreater(played - before.played, 235);
      assertGreater(hold, 50);
      assertLess(hold, 151);
      assertLess(lag!, 80);
      assertEquals(page.errors, []);
    },
  );

  await t.step("recorded sound is played at speed 1, and live sound after it", async () => {
    await using server = serve({ replay: true });
    await using page = await open(server);
    await page.click(LOUDSPEAKER);
    await untilPlaying(page);
    assertEquals((await soundOf(page)).source, "live");
    await page.press("ArrowLeft");
    await page.until(`${SUMMARY} === "Recorded, 1×"`);
    await untilPlaying(page);
    const { source, lag } = await soundOf(page);
    assertMatch(source, /^\d+$/);
    console.log(`recorded sound ${lag!.toFixed(0)} ms after the picture`);
    assertGreater(lag!, -60);
    assertLess(lag!, 90);
    await page.until("loudness() > 0.3");
    // Paused, at another speed, and backwards: silence.
    for (const key of ["k", "l", "l", "j"]) {
      await page.press(key);
      if (key === "l") continue;
      await page.until(`JSON.parse(document.querySelector(".tile").dataset.sound).source === ""`);
      const { played } = await soundOf(page);
      await systemClock.sleep(1_000);
      assertEquals((await soundOf(page)).played, played);
      assertLess(await page.eval<number>("loudness()"), 0.01);
    }
    await page.press("End");
    await page.until(`${SUMMARY} === "Live"`);
    await untilPlaying(page);
    assertEquals((await soundOf(page)).source, "live");
    assertEquals(page.errors, []);
  });

  await t.step("without a WebSocket, the page says where the sound is", async () => {
    await using server = serve();
    const page = await browser.newPage();
    await using _page = page;
    await page.beforeEachPage("delete globalThis.WebSocket");
    await page.goto(server.url);
    await page.until(`document.querySelector("#plain-stream")?.checkVisibility()`);
    await page.click(LOUDSPEAKER);
    await page.until(`${TOAST}.includes("Sound needs a WebSocket")`);
    await page.press("a");
    const texts = await page.eval<string[]>(
      `[...document.querySelectorAll("#addresses input")].map(({ value }) => value)`,
    );
    assert(texts.includes(`${server.url}/cameras/front/av.mkv`));
    assert(texts.includes(`${server.url}/cameras/front/audio.wav`));
  });

  await t.step("the controls of the sound are large enough on a phone", async () => {
    await using server = serve({ cameras: ["front", "garden"] });
    await using page = await open(server);
    await page.click("[data-camera=front] .loudspeaker");
    await untilPlaying(page);
    for (const [width, hash] of [[390, ""], [360, "#front"], [320, "#front"]] as const) {
      const metrics = { width, height: 700, deviceScaleFactor: 1, mobile: true };
      await page.send("Emulation.setDeviceMetricsOverride", metrics);
      await page.send("Emulation.setTouchEmulationEnabled", { enabled: true });
      await page.eval(`location.hash = "${hash}"`);
      await systemClock.sleep(300);
      const sizes = await page.eval<number[][]>(`
        [...document.querySelectorAll(".loudspeaker")].filter((control) => control.checkVisibility())
          .map((control) => control.getBoundingClientRect())
          .map(({ width, height, left, right }) => [width, height, left, innerWidth - right])
      `);
      assertGreater(sizes.length, 0);
      for (const [w, h, left, right] of sizes) {
        assertGreater(w!, 43);
        assertGreater(h!, 43);
        assertGreater(Math.min(left!, right!), -1);
      }
    }
  });

  await t.step("a long reason begins at the top of a small tile, and can be scrolled", async () => {
    const message = "ffmpeg exited with code 1: nope: Input/output error";
    const hint = "there may be no such microphone: --list-cameras lists the values of AUDIO";
    await using server = serve({
      cameras: ["front", "garden", "door", "back"],
      sound: { state: "failed", lastFailure: { message, hint, retried: true } },
    });
    await using page = await open(server);
    const metrics = { width: 360, height: 740, deviceScaleFactor: 1, mobile: true };
    await page.send("Emulation.setDeviceMetricsOverride", metrics);
    await page.click("[data-camera=front] .loudspeaker");
    await page.until(`${NOTICE}?.includes("Trying again automatically")`);
    const [aboveText, hidden, below] = await page.eval<number[]>(`(() => {
      const notice = document.querySelector(".sound-notice:not([hidden])");
      const [text] = notice.children;
      const top = text.getBoundingClientRect().top - notice.getBoundingClientRect().top;
      notice.scrollBy(0, 1_000);
      const { bottom } = notice.getBoundingClientRect();
      const caption = notice.nextElementSibling.querySelector("b").getBoundingClientRect();
      return [top, text.getBoundingClientRect().bottom - bottom, caption.top - bottom];
    })()`);
    assertGreater(aboveText!, 0);
    assertLess(hidden!, 0);
    assertGreater(below!, 0);
  });

  await t.step("the browser plays packets without a seam", async () => {
    await using server = serve();
    await using page = await open(server);
    const { step, largest } = await page.eval<{ step: number; largest: number }>(`(async () => {
      const { SoundPlayer } = await import("./static/sound_player.js");
      const offline = new OfflineAudioContext(1, 48_000 * 11, 48_000);
      let now = 0;
      // The context as it is while it plays.
      const context = {
        state: "running", sampleRate: 48_000, outputLatency: 0.03, destination: offline.destination,
        get currentTime() { return now / 1_000; },
        createBuffer: (...sizes) => offline.createBuffer(...sizes),
        createBufferSource: () => {
          const source = offline.createBufferSource();
          return new Proxy(source, {
            get: (target, name) => name === "connect" ? source.connect.bind(source)
              : typeof target[name] === "function" ? target[name].bind(source) : target[name],
            set: (target, name, value) => (target[name] = value, true),
          });
        },
      };
      const player = new SoundPlayer(context, () => now);
      for (let i = 0; i < 500; i++, now += 20 / 1.0004) {
        const samples = Int16Array.from({ length: 480 }, (_, k) => 20_000 * Math.sin(2 * Math.PI * (480 * i + k) / 24));
        player.push(now, samples, 24_000);
      }
      const samples = (await offline.startRendering()).getChannelData(0).subarray(48_000, 48_000 * 9.5);
      let step = 0;
      for (let i = 1; i < samples.length; i++) step = Math.max(step, Math.abs(samples[i] - samples[i - 1]));
      return { step, largest: 20_000 / 32_768 * 2 * Math.PI * 1_000 / 48_000 };
    })()`);
    console.log(`largest step ${(step / largest).toFixed(3)} × that of the sine`);
    assertGreater(step, 0.9 * largest);
    assertLess(step, 1.1 * largest);
  });
});
