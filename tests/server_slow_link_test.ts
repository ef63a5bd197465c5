import { assertEquals, assertGreater, assertLess } from "@std/assert";
import { systemClock } from "../lib/clock.ts";
import { eventually, Server } from "./server.ts";
import { SlowLink } from "./slow_link.ts";
import { LiveClient } from "./sound/live_client.ts";
import { median } from "./stand_in.ts";

/** Folder with the driver of the camera that flashes. */
const CAMERAS = new URL("sound/cameras/", import.meta.url).pathname;
/** Rate of the link, in bytes per second, and size of a frame: each takes 0.4 s. */
const RATE = 1_000_000;
const FRAME_SIZE = 400_000;

Deno.test("a client on a slow link hears all sound, no later than its pictures", async () => {
  await using server = await Server.start({
    env: {
      ...{ CAMERA: "front=flash", CAMERAS_DIR: CAMERAS, FPS: "30" },
      // The kernel's buffers hold a part of a frame, and all of a smaller one.
      ...{ FLASH_BYTES: `${FRAME_SIZE}`, AUDIO: "test", AUDIO_DELAY: "0" },
    },
  });
  await using link = new SlowLink(server.url, RATE);
  await using client = await LiveClient.open(link.url, ["front"]);
  client.listen(["front"]);
  await eventually(
    "some frames and some sound have arrived",
    () => client.frames.ages.length > 3 && client.sound.ages.length > 10,
  );
  client.reset();
  await systemClock.sleep(6_000);
  const { frames, sound } = client;
  const ages = [sound.ages.slice(0, 100), sound.ages.slice(-100)].map((ages) => Math.max(...ages));
  console.log(
    `${frames.ages.length} frames, ${median(frames.ages).toFixed(0)} ms old, and ` +
      `${sound.ages.length} packets, ${sound.missing} missing, at most ` +
      `${ages.map((age) => age.toFixed(0)).join(" ms old in the first seconds, ")} in the last`,
  );
  assertEquals(sound.missing, 0);
  assertGreater(sound.ages.length, 260);
  // Sound takes 1 of 20 bytes: the link carries at most 15 frames.
  assertGreater(frames.ages.length, 10);
  assertLess(ages[1]!, Math.max(...frames.ages) + 200);
  assertLess(ages[1]! - ages[0]!, 200);
});
