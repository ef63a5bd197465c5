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

Deno.test("settingsInUse() lists the settings that are set, also for one camera, and shows no password", () => {
  const env = {
    CAMERA: "front-1=pi,back=mjpeg",
    FRONT_1_FPS: " 10 ",
    BACK_SOURCE: "http://me:secret@camera/",
    AUTH: "me:secret",
    NATS_URL: "tls://me:secret@hub,wss://secret@b/secret",
    PORT: "",
    BACK_PORT: "80",
    BACK_TOKEN: "secret",
    FRONT_1_TOKEN: "secret",
    HOME: "/root",
  };
  const cameras = [
    { name: "front-1", reads: new Set(["FPS", "HOME_DIR"]) },
    { name: "back", reads: new Set(["SOURCE", "TOKEN"]) },
  ];
  assertEquals(settingsInUse(env, cameras), [
    "CAMERA=front-1=pi,back=mjpeg",
    "AUTH=(set)",
    "NATS_URL=tls://hub:4222,wss://b:443",
    "FRONT_1_FPS=10",
    "BACK_SOURCE=http://camera/…",
    "BACK_TOKEN=(set)",
  ]);
});

Deno.test("settingsInUse() quotes and shortens unusual values", () => {
  const env = { ALLOW_ORIGIN: "http://a, http://b", CAMERAS_DIR: "x".repeat(500) };
  assertEquals(settingsInUse(env, []), [
    'ALLOW_ORIGIN="http://a, http://b"',
    `CAMERAS_DIR="${"x".repeat(80)}…"`,
  ]);
});
