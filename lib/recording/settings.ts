import { type Env, parse, variableName } from "../env.ts";
import { ConfigError } from "../errors.ts";
import { isQuoted, quote } from "../quote.ts";
import type { SettingTable, SettingValues } from "../setting.ts";
import { readRetention } from "./retention_setting.ts";
import { readSize } from "./size_setting.ts";

/** Highest value of `RECORD_FPS`. */
const MAX_FPS = 240;

/**
 * Folder of systemd-timesyncd, with a file `synchronized` once the clock has been set. On a machine
 * without a battery-backed clock, recordings from before that have a wrong time.
 */
export const TIMESYNC_FOLDER = "/run/systemd/timesync";

/** The value of `RECORD`: all or no cameras, or their names. */
export type RecordValue = "all" | "off" | readonly string[];

/**
 * The settings of recording. The server reads them before it loads this module, so this file
 * imports nothing that needs the disk.
 */
export const RECORDING_SETTINGS = {
  dir: {
    name: "RECORD_DIR",
    alternatives: ["RECORDING_DIR", "RECORDINGS_DIR", "RECORD_PATH", "RECORD_FOLDER", "RECORDINGS"],
    meaning: "folder for recordings; nothing is recorded without it",
    path: "write",
    permissions: { read: [TIMESYNC_FOLDER], sys: ["statfs", "setPriority"], run: ["ffmpeg"] },
    read: readFolder,
  },
  record: {
    name: "RECORD",
    alternatives: ["RECORD_CAMERAS", "RECORDING"],
    default: "all",
    meaning: "cameras to record: `all`, `off`, or names: `front,back`. For one camera: " +
      "`FRONT_RECORD=off` or `on`",
    perCamera: true,
    requires: "RECORD_DIR",
    read: readRecord,
  },
  fps: {
    name: "RECORD_FPS",
    alternatives: ["RECORDING_FPS", "RECORD_RATE"],
    unset: "all frames",
    meaning: "maximum frame rate of the recording: `5`, or `0.2` for a frame every 5 seconds",
    perCamera: true,
    requires: "RECORD_DIR",
    read: readFps,
  },
  audio: {
    name: "RECORD_AUDIO",
    alternatives: ["RECORD_SOUND", "RECORDING_AUDIO", "AUDIO_RECORD"],
    default: "off",
    meaning:
      "`on`: record the sound of `AUDIO` with the frames; the microphone then runs all the " +
      "time",
    perCamera: true,
    notDiscovered: true,
    requires: "RECORD_DIR",
    read: readAudio,
  },
  retention: {
    name: "RETENTION",
    alternatives: ["RECORD_RETENTION", "RETENTION_TIME", "RECORD_DAYS"],
    unset: "unlimited",
    meaning: "maximum age of recordings: `7d`, `12h`; thinned with age: `10m,7d@1` keeps all " +
      "frames for 10 minutes, then 1 frame per second up to the age of 7 days",
    requires: "RECORD_DIR",
    read: readRetention,
  },
  maxBytes: {
    name: "RECORD_MAX",
    alternatives: ["RECORD_SIZE", "RECORD_MAX_SIZE", "RECORD_LIMIT"],
    default: "10G",
    meaning: "maximum size of all recordings: `200M`, `10G`, `1T`; the oldest ones are deleted. " +
      "Some space on the disk always stays free",
    requires: "RECORD_DIR",
    read: readSize,
  },
} as const satisfies SettingTable;

/** The values of {@link RECORDING_SETTINGS}, for the server and for each camera. */
export type RecordingSettings = SettingValues<typeof RECORDING_SETTINGS>;

/** Whether `RECORD`, or `FRONT_RECORD`, selects a camera. @param record The camera's value. */
export function isRecorded(name: string, { record }: Pick<RecordingSettings, "record">): boolean {
  return typeof record === "string" ? record === "all" : record.includes(name);
}

/** Returns the cameras that `RECORD` names and that are not among `names`, as configured. */
export function unknownToRecord(
  { record }: Pick<RecordingSettings, "record">,
  names: readonly string[],
): string[] {
  return typeof record === "string" ? [] : record.filter((name) => !names.includes(name));
}

/**
 * Checks that the configured cameras have all names in `RECORD`. To be called if no others can
 * appear.
 *
 * @throws {ConfigError} If `RECORD` names a camera that does not exist.
 */
export function requireKnownCameras(
  settings: Pick<RecordingSettings, "record">,
  names: readonly string[],
): void {
  const [unknown] = unknownToRecord(settings, names);
  if (unknown === undefined) return;
  throw new ConfigError(
    `Cannot record camera ${quote(unknown)} of RECORD: CAMERA names ${names.join(", ")}`,
  );
}

function readFolder(env: Env, name: string): string | undefined {
  return parse(env, name, "a path", (text) => isQuoted(text) ? undefined : text);
}

/** Reads `RECORD`, or `FRONT_RECORD`, which is `on` or `off`. */
function readRecord(env: Env, name: string): RecordValue | undefined {
  if (variableName(env, name) !== name) {
    return parse(env, name, '"on" or "off"', (text) => SWITCH[text]);
  }
  return parse(env, name, 'cameras, as "front,back", or "all" or "off"', (text) => {
    if (Object.hasOwn(SWITCH, text)) return SWITCH[text];
    const names = text.split(",").map((one) => one.trim());
    return names.every((one) => /^[a-z0-9-]+$/i.test(one)) ? names : undefined;
  });
}

const SWITCH: Readonly<Record<string, RecordValue>> = { all: "all", on: "all", off: "off" };

function readAudio(env: Env, name: string): boolean | undefined {
  return parse(env, name, '"on" or "off"', (text) => {
    return text === "on" ? true : text === "off" ? false : undefined;
  });
}

function readFps(env: Env, name: string): number | undefined {
  return parse(env, name, `a number above 0 and at most ${MAX_FPS}`, (text) => {
    const fps = Number(text);
    return /^\d*\.?\d+$/.test(text) && fps > 0 && fps <= MAX_FPS ? fps : undefined;
  });
}
