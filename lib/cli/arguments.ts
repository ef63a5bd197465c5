import { quote, shorten } from "../quote.ts";
import type { Setting } from "../setting.ts";
import { nearest } from "../settings_check/mod.ts";
import { describeAudio, describeSource } from "./describe_source.ts";
import {
  type Assignment,
  commandLine,
  currentLauncher,
  type Launcher,
  withDotenv,
  withVariables,
} from "./launcher.ts";
import { SETTINGS } from "./settings.ts";

/** Arguments of other programs that serve; this one serves without an argument. */
const START_WORDS = ["start", "serve", "server", "run", "up"];

/** Arguments of other programs, and the equivalent arguments of this one. */
const ALTERNATIVES: Readonly<Record<string, string>> = {
  "help": "--help",
  "-help": "--help",
  "-?": "--help",
  "/?": "--help",
  "version": "--version",
  "-v": "--version",
  "-V": "--version",
  "list-cameras": "--list-cameras",
  "--doctor": "doctor",
};

/** The drivers of the folder `cameras`. Arguments are explained before that folder is read. */
export const DRIVERS: readonly string[] = [
  "emulated",
  "exec",
  "mjpeg",
  "nats",
  "opencv",
  "pi",
  "usb",
];

/** Options of other programs, and the equivalent settings. */
const SHORT_OPTIONS: Readonly<Record<string, string>> = { "-p": "PORT", "-c": "CAMERA" };

/**
 * Explains an unknown argument, and says what to type if it is meant as a setting: `CAMERA=pi`,
 * `--port 9000`.
 *
 * @param args All arguments.
 * @param unknown The first that is unknown.
 */
export function explainArguments(
  args: readonly string[],
  unknown: string,
  launcher: Launcher = currentLauncher(),
): string {
  const task = args.includes("doctor") ? "doctor" : "start";
  const assignments = assignmentsIn(args.flatMap(splitArgument));
  if (assignments.length > 0) {
    const line = withVariables(assignments.slice(0, 8), task, launcher);
    return `Settings are environment variables, not arguments: type ${line}`;
  }
  const label = `Unknown argument ${unknown.includes("://") ? "(an address)" : quote(unknown)}`;
  if (/^(-A|--(allow|deny)-[a-z-]+(=.*)?)$/s.test(unknown)) {
    return `${label}: Deno's permissions belong before main.ts; type ${
      commandLine(task, launcher)
    }`;
  }
  if (/^-{1,2}env(-file)?(=|$)/.test(unknown)) {
    return `${label}: to read settings from .env, type ${withDotenv(task, launcher)}`;
  }
  if (START_WORDS.includes(unknown)) {
    return `${label}: to serve the cameras, type ${commandLine("start", launcher)}`;
  }
  const alternative = Object.hasOwn(ALTERNATIVES, unknown) ? ALTERNATIVES[unknown] : undefined;
  if (alternative) return `${label}: did you mean ${alternative}?`;
  return `${label}: expected doctor, --list-cameras, --help or --version`;
}

/** Finds the settings in arguments. */
function assignmentsIn(args: readonly string[]): Assignment[] {
  const assignments: Assignment[] = [];
  for (let i = 0; i < args.length; i++) {
    const arg = args[i]!;
    // After an unknown option, it is the value of that.
    const bare = args[i - 1]?.startsWith("-") && args[i - 1] !== "--" ? undefined : valueAlone(arg);
    if (bare) {
      assignments.push(...bare);
      continue;
    }
    const [, option, joined] = /^(-{0,2}[A-Za-z][\w-]*)(?:=([^]*))?$/.exec(arg) ?? [];
    const hasValue = joined !== undefined || isSettingBeforeValue(arg, args[i + 1]);
    const name = option && nameOf(option, hasValue);
    if (!name) continue;
    const next = args[i + 1];
    const separate = joined === undefined && next !== undefined && !next.startsWith("-");
    if (separate) i++;
    assignments.push([name, describe(name, joined ?? (separate ? next : ""))]);
  }
  return assignments;
}

/** Splits `"--camera pi"` and `-p9000`, and removes PowerShell's `$env:`. */
function splitArgument(arg: string): string[] {
  const [, option, value] = /^(--[A-Za-z][\w-]*)\s+([^]+)$/.exec(arg) ??
    /^(-[pc])([\w,=]+)$/.exec(arg) ?? [];
  return option && value ? [option, value] : [arg.replace(/^\$env:/i, "")];
}

/** Whether an argument is the name of a setting, and the next one its value: `PORT 9000`. */
function isSettingBeforeValue(arg: string, next: string | undefined): boolean {
  return next !== undefined && SETTINGS.some(({ name }) => name === arg);
}

/** Finds the settings for an argument that is only a value: `pi`, `9000`, `/dev/video0`. */
function valueAlone(arg: string): Assignment[] | undefined {
  if (/^\d{2,5}$/.test(arg)) return [["PORT", arg]];
  if (/^[a-z,]+$/.test(arg) && arg.split(",").every((word) => DRIVERS.includes(word))) {
    return [["CAMERA", arg]];
  }
  if (/^\/dev\/[\w./:-]{1,80}$/.test(arg)) return [["CAMERA", "usb"], ["SOURCE", arg]];
  const [scheme] = /^[a-z]{2,10}(?=:\/\/)/i.exec(arg) ?? [];
  if (!scheme) return undefined;
  const driver = /^https?$/i.test(scheme) ? "mjpeg" : "opencv";
  return [["CAMERA", driver], ["SOURCE", describe("SOURCE", arg)]];
}

/** Finds the setting for `CAMERA`, `--camera`, `-p` or a misspelled `CAMREA`. */
function nameOf(option: string, isAssigned: boolean): string | undefined {
  if (Object.hasOwn(SHORT_OPTIONS, option)) return SHORT_OPTIONS[option];
  const isOption = option.startsWith("--");
  if (!isOption && !isAssigned || option.length > 60) return undefined;
  const name = option.replace(/^-+/, "").toUpperCase().replaceAll("-", "_");
  if (settingOf(name)) return name;
  return isAssigned ? nearest(name, SETTINGS.map(({ name }) => name)) : undefined;
}

/** Finds a setting by its name, with or without the prefix of a camera. */
function settingOf(name: string): Setting | undefined {
  return SETTINGS.find((setting) =>
    name === setting.name || setting.perCamera && name.endsWith(`_${setting.name}`)
  );
}

/** Describes a value for the line to type: without secrets, and shortened. */
function describe(name: string, value: string): string {
  const setting = settingOf(name);
  if (setting?.name === "AUTH") return "user:password";
  if (setting?.name === "SOURCE") return describeSource(value) ?? "…";
  if (setting?.name === "AUDIO") return describeAudio(value) ?? "…";
  return value === "" || setting?.secret ? "…" : shorten(value);
}
