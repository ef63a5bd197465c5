import { assertEquals, assertThrows } from "@std/assert";
import { readServerConfig } from "../../../lib/cli/settings.ts";
import { ConfigError } from "../../../lib/errors.ts";
import type { Env } from "../../../lib/env.ts";
import {
  isRecorded,
  requireKnownCameras,
  unknownToRecord,
} from "../../../lib/recording/settings.ts";

const CAMERAS = { CAMERA: "front=pi,back=usb,side-1=usb", RECORD_DIR: "/srv/recordings" };

function recorded(env: Env): string[] {
  return readServerConfig({ ...CAMERAS, ...env }).cameras
    .filter(({ name, recording }) => isRecorded(name, recording)).map(({ name }) => name);
}

for (
  const [env, expected] of [
    [{}, ["front", "back", "side-1"]],
    [{ RECORD: "all" }, ["front", "back", "side-1"]],
    [{ RECORD: "on" }, ["front", "back", "side-1"]],
    [{ RECORD: "off" }, []],
    [{ RECORD: " back , side-1 " }, ["back", "side-1"]],
    [{ FRONT_RECORD: "off" }, ["back", "side-1"]],
    [{ RECORD: "off", SIDE_1_RECORD: "on" }, ["side-1"]],
    [{ RECORD: "front", BACK_RECORD: "on", FRONT_RECORD: "off" }, ["back"]],
  ] as [Env, string[]][]
) {
  Deno.test(`isRecorded() reads ${JSON.stringify(env)}`, () => {
    assertEquals(recorded(env), expected);
  });
}

Deno.test("requireKnownCameras() rejects a name in RECORD that CAMERA does not have", () => {
  const names = ["front", "back", "side-1"];
  requireKnownCameras({ record: "all" }, names);
  requireKnownCameras({ record: ["back", "front"] }, names);
  assertThrows(
    () => requireKnownCameras({ record: ["front", "door"] }, names),
    ConfigError,
    'Cannot record camera "door" of RECORD: CAMERA names front, back, side-1',
  );
  assertEquals(unknownToRecord({ record: ["front", "door", "yard"] }, names), ["door", "yard"]);
  assertEquals(unknownToRecord({ record: "off" }, names), []);
});

for (
  const [env, message] of [
    [{ RECORD: "front;back" }, 'Cannot read RECORD as cameras, as "front,back", or "all" or "off"'],
    [
      { FRONT_RECORD: "back" },
      'Cannot read FRONT_RECORD as "on" or "off": current value is "back"',
    ],
    [{ RECORD_FPS: "0" }, "Cannot read RECORD_FPS as a number above 0 and at most 240"],
    [{ RECORD_FPS: "241" }, "Cannot read RECORD_FPS as a number above 0 and at most 240"],
    [{ BACK_RECORD_FPS: "fast" }, "Cannot read BACK_RECORD_FPS as a number above 0"],
    [{ RECORD_AUDIO: "yes" }, 'Cannot read RECORD_AUDIO as "on" or "off": current value is "yes"'],
    [{ RETENTION: "7" }, "Cannot read RETENTION as "],
    [{ RECORD_MAX: "10" }, "Cannot read RECORD_MAX as a size"],
    [{ RECORD_DIR: '"/srv"' }, "Cannot read RECORD_DIR as a path"],
  ] as [Env, string][]
) {
  Deno.test(`the server rejects ${JSON.stringify(env)}`, () => {
    assertThrows(() => readServerConfig({ ...CAMERAS, ...env }), ConfigError, message);
  });
}

Deno.test("the settings of recording have values for the server and for each camera", () => {
  const { recording, cameras } = readServerConfig({
    ...CAMERAS,
    RECORD_FPS: "0.2",
    BACK_RECORD_FPS: "5",
    RECORD_AUDIO: "on",
    FRONT_RECORD_AUDIO: "off",
    RECORD_MAX: "200M",
  });
  assertEquals([recording.dir, recording.maxBytes], ["/srv/recordings", 200e6]);
  assertEquals(cameras.map((camera) => camera.recording.fps), [0.2, 5, 0.2]);
  assertEquals(cameras.map((camera) => camera.recording.audio), [false, true, true]);
  assertEquals(readServerConfig({}).recording, {
    dir: undefined,
    record: "all",
    fps: undefined,
    audio: false,
    retention: undefined,
    maxBytes: 10e9,
  });
});
