import { assertEquals, assertLessOrEqual } from "@std/assert";
import { Camera } from "../../../lib/camera/camera.ts";
import { systemClock } from "../../../lib/clock.ts";
import { splitJpegs } from "../../../lib/jpeg/split.ts";
import { run } from "../../../lib/process/mod.ts";
import { needing } from "../../parts.ts";
import { leavingNoProcess, openDescriptors } from "../../processes.ts";
import { noEvents } from "../../silent.ts";

const PICTURE = new URL("../../../cameras/emulated/1.jpg", import.meta.url).pathname;

Deno.test({
  name: "Camera leaves no descriptor, process or zombie after 1000 starts and stops",
  ignore: Deno.build.os !== "linux" || needing("tail").ignore,
  fn: () =>
    leavingNoProcess(async () => {
      const camera = new Camera({
        name: "c",
        driver: "exec",
        open: (signal) => splitJpegs(run("tail", ["-c", "+1", "-f", PICTURE], signal)),
        idleTimeout: 0,
        clock: systemClock,
        events: noEvents,
      });
      const startAndStop = async (times: number) => {
        for (let time = 0; time < times; time++) {
          using viewer = camera.subscribe({ role: "viewer" });
          await viewer.next();
          viewer.return();
          while (camera.stats().state !== "off") await systemClock.sleep(0);
        }
      };
      await startAndStop(50); // warm-up: everything that is created once exists now
      const descriptors = openDescriptors();
      await startAndStop(950);
      assertLessOrEqual(openDescriptors(), descriptors);
      assertEquals(camera.stats().frames, 1000);
      assertEquals(camera.stats().failures, 0);
      await camera.close();
    }),
});
