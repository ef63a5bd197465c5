import { assert, assertEquals, assertGreater } from "@std/assert";
import { CHROMIUM, openChromium } from "../clients/browsers.ts";
import { needing } from "../parts.ts";
import { leavingNoProcess } from "../processes.ts";
import { PULSE_AUDIO } from "../pulse_audio.ts";
import { soundCaptures } from "./sound_server.ts";
import { LIMITS } from "./sync.ts";
import { runSync, SoundStudio } from "./sync_run.ts";

const SECONDS = 60;

Deno.test(
  "in Chromium, over plain HTTP, sound is heard with its picture for 60 s",
  needing(...CHROMIUM, ...PULSE_AUDIO, "ffmpeg"),
  () =>
    leavingNoProcess(async () => {
      await using studio = await SoundStudio.start(() => ({ AUTH: "me:secret" }));
      const { server, listener } = studio;
      // A page of another host has no secure context: no AudioWorklet, and no WebCodecs.
      const rules = "--host-resolver-rules=MAP camera.test 127.0.0.1";
      await using browser = await openChromium([rules], studio.browserOptions);
      const url = `http://me:secret@camera.test:${new URL(server.url).port}/`;
      const { record, from } = await runSync(browser, listener, { url, duration: SECONDS * 1_000 });
      assertEquals(await browser.evaluate("isSecureContext"), false);
      assertEquals((await soundCaptures(server)).length, 1);
      const { n, p50, p95 } = record.distribution(from);
      const each = record.pairs(from).map(({ sync }) => Math.round(sync)).join(" ");
      const description = `${record.describe(from)}; each: ${each}`;
      console.log(description);
      assertGreater(n, 0.75 * SECONDS, description);
      assert(p50 >= LIMITS.p50[0] && p50 <= LIMITS.p50[1], description);
      assert(p95 >= LIMITS.p95[0] && p95 <= LIMITS.p95[1], description);
    }),
);
