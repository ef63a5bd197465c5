import { assert, assertEquals, assertMatch } from "@std/assert";
import { SETTINGS, settingsInUse } from "../../../lib/cli/settings.ts";

Deno.test("SETTINGS has one row for each variable, with a meaning and at most one default", () => {
  const names = SETTINGS.map(({ name }) => name);
  assertEquals(names, [...new Set(names)]);
  for (const { name, meaning, default: value, unset } of SETTINGS) {
    assertMatch(name, /^[A-Z][A-Z_]*$/);
    assertMatch(meaning, /[^.]$/);
    assert(value === undefined || unset === undefined, name);
  }
});

Deno.test("settingsInUse() lists what is set, also for one camera, and shows no password", () => {
  const env = {
    CAMERA: "front-1=pi,back=mjpeg",
    FRONT_1_FPS: " 10 ",
    BACK_SOURCE: "http://me:secret@camera/",
    AUTH: "me:secret",
    PORT: "",
    BACK_PORT: "80",
    HOME: "/root",
  };
  assertEquals(settingsInUse(env, ["front-1", "back"]), [
    "CAMERA=front-1=pi,back=mjpeg",
    "AUTH=(set)",
    "FRONT_1_FPS=10",
    "BACK_SOURCE=(set)",
  ]);
});
