import { assertEquals, assertThrows } from "@std/assert";
import { readConfig } from "../../lib/config.ts";
import { type Env, forCamera, readChoice, readInteger } from "../../lib/env.ts";
import { ConfigError } from "../../lib/errors.ts";
import { readSettings, type SettingTable } from "../../lib/setting.ts";

/** Settings as a module declares them. */
const RECORDING = {
  dir: {
    name: "RECORD_DIR",
    meaning: "folder",
    path: "write",
    read: (env: Env, name: string) => env[name],
  },
  fps: {
    name: "RECORD_FPS",
    default: "5",
    meaning: "frames per second",
    perCamera: true,
    read: (env: Env, name: string) => readInteger(env, name, { min: 1, max: 60 }),
  },
  mode: {
    name: "RECORD",
    default: "on",
    meaning: "whether",
    perCamera: true,
    read: (env: Env, name: string) => readChoice(env, name, ["on", "off"]),
  },
  note: { name: "RECORD_NOTE", meaning: "read by the recorder" },
} as const satisfies SettingTable;

Deno.test("readSettings() reads each setting, and its default where it is not set", () => {
  const values = readSettings(RECORDING, { RECORD_FPS: "", RECORD: "off", RECORD_NOTE: "x" });
  const { dir, fps, mode }: { dir: string | undefined; fps: number; mode: "on" | "off" } = values;
  assertEquals([dir, fps, mode], [undefined, 5, "off"]);
  assertEquals("note" in values, false);
});

Deno.test("readSettings() reads for one camera only what can be set per camera", () => {
  const env = { RECORD_DIR: "/all", FRONT_RECORD_DIR: "/front", FRONT_RECORD_FPS: "1" };
  const values = readSettings(RECORDING, env, forCamera(env, "front"));
  assertEquals(values, { dir: "/all", fps: 1, mode: "on" });
});

Deno.test("readConfig() reads the settings of modules, for the server and for each camera", () => {
  const env = { CAMERA: "front=pi,back=pi", RECORD_FPS: "10", FRONT_RECORD: "off" };
  const config = readConfig(env, { recording: RECORDING });
  assertEquals(config.recording, { dir: undefined, fps: 10, mode: "on" });
  assertEquals(config.cameras.map(({ recording }) => recording.mode), ["off", "on"]);
});

Deno.test("readConfig() names the variable of a module's invalid setting", () => {
  const error: ConfigError = assertThrows(
    () => readConfig({ CAMERA: "a=pi", A_RECORD_FPS: "0" }, { recording: RECORDING }),
    ConfigError,
  );
  assertEquals(
    error.message,
    'Cannot read A_RECORD_FPS as a whole number from 1 to 60: current value is "0"',
  );
});
