import { assertEquals } from "@std/assert";
import { driverFolders, DriverRegistry } from "../../../lib/camera/registry.ts";
import { type Env, forCamera, readInteger, variableName } from "../../../lib/env.ts";
import { recordReads } from "../../../lib/settings_check/mod.ts";

Deno.test("recordReads() records the variables that are read, whether they are set or not", () => {
  const { env, reads } = recordReads({ FPS: "5" });
  assertEquals([readInteger(env, "FPS", { min: 1, max: 9 }), env.SOURCE, "DEVICE" in env], [
    5,
    undefined,
    false,
  ]);
  assertEquals([...reads()!], ["FPS", "SOURCE", "DEVICE"]);
});

Deno.test("recordReads() keeps the names of a camera's variables", () => {
  const { env } = recordReads(forCamera({ FRONT_FPS: "5" }, "front"));
  assertEquals([env.FPS, variableName(env, "FPS")], ["5", "FRONT_FPS"]);
});

Deno.test("recordReads() returns undefined for a driver that copies or keeps the environment", () => {
  for (const configure of [(env: Env) => ({ ...env }), (env: Env) => ({ env })]) {
    const { env, reads } = recordReads({ FPS: "5" });
    configure(env);
    assertEquals(reads(), undefined);
  }
});

Deno.test("recordReads() shows which settings the built-in drivers use", async () => {
  const drivers = DriverRegistry.open(driverFolders(undefined, false));
  const capture = ["FPS", "HEIGHT", "QUALITY", "SOURCE", "WIDTH"];
  const turning = [...capture, "FLIP", "ROTATE"].toSorted();
  for (
    const [name, expected] of [
      ["emulated", ["FPS"]],
      ["exec", ["FPS", "SOURCE"]],
      ["mjpeg", ["FPS", "SOURCE", "SOURCE_CERT"]],
      ["opencv", ["PYTHON", ...turning].toSorted()],
      ["pi", turning],
      ["usb", capture],
    ] as const
  ) {
    const { env, reads } = recordReads({ SOURCE: name === "mjpeg" ? "http://camera/" : "0" });
    (await drivers.load(name)).configure(env);
    assertEquals([name, [...reads()!].filter((read) => /^[A-Z]/.test(read)).toSorted()], [name, [
      ...expected,
    ]]);
  }
});
