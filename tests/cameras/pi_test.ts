import { assert, assertEquals, assertLess, assertRejects, assertStringIncludes } from "@std/assert";
import pi from "../../cameras/pi.ts";
import { CameraError } from "../../lib/errors.ts";
import { sizeOf } from "../../lib/jpeg/segments.ts";
import { combine, invert, orientationOf, UPRIGHT } from "../../lib/pixels/orientation.ts";
import { needing, PYTHON } from "../parts.ts";
import { leavingNoProcess } from "../processes.ts";
import { testConformance } from "./conformance.ts";
import { standIn, withEnvironment } from "./stand_in.ts";

const { ignore } = needing(PYTHON);

testConformance({
  source: "pi, with the fake rpicam-vid",
  driver: pi,
  ignore,
  setUp: () => Promise.resolve(setUp()),
});

Deno.test({
  name: "pi stops a camera program that ignores signals and floods its standard error",
  ignore,
  fn: () =>
    leavingNoProcess(async () => {
      await using prepared = setUp({
        FAKE_CAMERA_STDERR_BYTES: "200000",
        FAKE_CAMERA_IGNORE_SIGINT: "1",
        FAKE_CAMERA_IGNORE_SIGTERM: "1",
      });
      const stop = new AbortController();
      let seen = 0;
      let abortedAt = 0;
      for await (const _ of pi.open(pi.configure(prepared.env), stop.signal)) {
        if (++seen !== 5) continue;
        abortedAt = performance.now();
        stop.abort();
      }
      assertLess(performance.now() - abortedAt, 4_000); // SIGINT, 2 s, SIGTERM, 1 s, SIGKILL
    }),
});

Deno.test({
  name: "pi yields only complete frames from a corrupt stream, and counts the broken ones",
  ignore,
  fn: async () => {
    await using _ = setUp({
      FAKE_CAMERA_GARBAGE: "5000",
      FAKE_CAMERA_GARBAGE_EVERY: "2",
      FAKE_CAMERA_TRUNCATE_EVERY: "3",
    });
    const images = pi.open(pi.configure({ WIDTH: "320", FPS: "60" }), new AbortController().signal);
    let seen = 0;
    for await (const jpeg of images) {
      assertEquals(sizeOf(jpeg), { width: 320, height: 180 });
      assertEquals([...jpeg.subarray(0, 2), ...jpeg.subarray(-2)], [0xff, 0xd8, 0xff, 0xd9]);
      if (++seen === 20) break;
    }
    assert(images.counts.broken >= 5);
    assert(images.counts.skippedBytes > 25_000);
  },
});

Deno.test({
  name: "pi reports why it has no frames, with a hint and whether a retry can help",
  ignore,
  fn: async () => {
    const cases: [Record<string, string>, string, string, boolean][] = [
      [{ FAKE_CAMERA_MODE: "none" }, "no cameras available", "ribbon cable", false],
      [{ FAKE_CAMERA_MODE: "busy" }, "failed to acquire camera", "another program", false],
      [{ FAKE_CAMERA_MODE: "nomem" }, "failed to allocate", "smaller WIDTH", false],
      [{ FAKE_CAMERA_MODE: "legacy" }, "legacy camera stack", "raspi-config", true],
      [{ FAKE_CAMERA_CAMERAS: "1" }, "selected camera is not available", "SOURCE", true],
      [{ FAKE_CAMERA_DIE_AFTER: "2", FAKE_CAMERA_DIE_WITH: "SEGV" }, "SIGSEGV", "", false],
      [
        { PATH: "/nonexistent" },
        "Cannot find rpicam-vid or libcamera-vid",
        "rpicam-apps-lite",
        true,
      ],
    ];
    for (const [faults, message, hint, permanent] of cases) {
      await using _ = setUp(faults);
      const env = faults.FAKE_CAMERA_CAMERAS ? { SOURCE: "1" } : {};
      const { signal } = new AbortController();
      const error: CameraError = await assertRejects(
        () => Array.fromAsync(pi.open(pi.configure(env), signal)),
        CameraError,
      );
      assertStringIncludes(error.message, message);
      assertStringIncludes(error.hint ?? "", hint);
      assertEquals(error.permanent, permanent, message);
    }
  },
});

Deno.test({
  name: "pi adapts its command to the model, with options that release 1.0.0 accepts",
  ignore,
  fn: async () => {
    const folder = await Deno.makeTempDir();
    try {
      await Deno.writeTextFile(`${folder}/cat`, "#!/bin/sh\necho Raspberry Pi Zero 2 W Rev 1.0\n");
      await Deno.chmod(`${folder}/cat`, 0o755);
      await using _ = setUp();
      assertEquals(await firstSize({}), { width: 1280, height: 720 });
      {
        await using _ = setUp({ PATH: `${folder}:${Deno.env.get("PATH")}` });
        assertEquals(await firstSize({}), { width: 640, height: 480 });
        assertEquals(await firstSize({ HEIGHT: "720" }), { width: 960, height: 720 });
      }
      await using __ = setUp({ FAKE_CAMERA_VERSION: "1.0.0" });
      const turned = { ROTATE: "180", FLIP: "vertical", SOURCE: "0" };
      assertEquals(await firstSize(turned), { width: 1280, height: 720 });
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});

Deno.test({
  name: "pi lets the sensor mirror pictures, so that the server need only exchange their axes",
  ignore,
  fn: async () => {
    const log = await Deno.makeTempFile();
    try {
      await using _ = setUp({ FAKE_CAMERA_LOG: log });
      for (const rotate of [0, 90, 180, 270] as const) {
        for (const flip of [undefined, "horizontal", "vertical", "both"] as const) {
          const env = { WIDTH: "64", HEIGHT: "48", ROTATE: `${rotate}`, ...flip && { FLIP: flip } };
          await firstSize(env);
          const started = (await Deno.readTextFile(log)).trim().split("\n").map((line) =>
            JSON.parse(line)
          ).findLast(({ event }) => event === "start");
          const [hflip, vflip] = ["--hflip", "--vflip"].map((one) => started.argv.includes(one));
          const sensor = combine(
            orientationOf(0, hflip ? "horizontal" : undefined),
            orientationOf(0, vflip ? "vertical" : undefined),
          );
          assertEquals(pi.configure(env).orientation, sensor);
          const rest = combine(invert(sensor), orientationOf(rotate, flip));
          const transposed = { rotation: 90, mirrored: true } as const;
          assertEquals(rest, rotate % 180 === 0 ? UPRIGHT : transposed, `${rotate} ${flip}`);
        }
      }
    } finally {
      await Deno.remove(log);
    }
  },
});

Deno.test({
  name: "pi lists its cameras, or reports the missing program",
  ignore,
  fn: async () => {
    const { signal } = new AbortController();
    {
      await using _ = setUp({ FAKE_CAMERA_CAMERAS: "2" });
      assertEquals((await pi.list(signal)).map(({ source, name }) => `${source}: ${name}`), [
        "0: imx708_wide (4608x2592)",
        "1: imx708_wide (4608x2592)",
      ]);
    }
    {
      await using _ = setUp({ FAKE_CAMERA_MODE: "none" });
      assertEquals(await pi.list(signal), []);
    }
    await using _ = setUp({ PATH: "/nonexistent" });
    await assertRejects(
      () => pi.list(signal),
      CameraError,
      "Cannot find rpicam-vid or libcamera-vid",
    );
  },
});

async function firstSize(env: Record<string, string>) {
  const { signal } = new AbortController();
  for await (const jpeg of pi.open(pi.configure(env), signal)) return sizeOf(jpeg);
}

function setUp(faults: Record<string, string> = {}) {
  const environment = withEnvironment(standIn(faults));
  return {
    env: { WIDTH: "320", HEIGHT: "240", FPS: "20" },
    [Symbol.asyncDispose]: () => Promise.resolve(environment[Symbol.dispose]()),
  };
}
