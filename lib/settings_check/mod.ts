import type { Env } from "../env.ts";
import { isQuoted } from "../quote.ts";
import type { Setting } from "../setting.ts";
import { variablesOf } from "./dotenv.ts";
import { type CheckedCamera, KnownSettings, prefixOf } from "./known_settings.ts";
import type { SettingWarning } from "./warning.ts";

export { criticalVariables, findCriticalMistake } from "./critical.ts";
export type { CheckedCamera } from "./known_settings.ts";
export { nearest } from "./near_miss.ts";
export { type RecordedEnv, recordReads } from "./reads.ts";
export type { SettingWarning } from "./warning.ts";

/** Options of {@link checkSettings}. */
export interface SettingsToCheck {
  readonly env: Env;
  readonly settings: readonly Setting[];
  readonly cameras: readonly CheckedCamera[];
  /** The text of the file `.env` in the working directory, if there is one. */
  readonly dotenv?: string;
  /** The command line that reads the `.env` file. */
  readonly dotenvCommand?: string;
}

/**
 * Finds misspelled settings, settings without an effect, and quotation marks that belong to a
 * value. Variables that do not resemble a setting are ignored: they are for other programs.
 */
export function checkSettings(options: SettingsToCheck): SettingWarning[] {
  const { env, settings, cameras, dotenv = "", dotenvCommand = "" } = options;
  const known = new KnownSettings(settings, cameras);
  const warnings: SettingWarning[] = [];
  for (const [variable, value] of Object.entries(env)) {
    const text = value?.trim();
    const recognized = text ? known.recognize(variable, text) : undefined;
    if (!text || !recognized) continue;
    if (recognized.kind === "mistake") {
      warnings.push({ variable, text: recognized.text, advice: recognized.advice });
      continue;
    }
    const { setting, camera } = recognized;
    if (hasQuotes(setting, text)) warnings.push(quotesWarning(variable));
    const affected = camera ? [camera] : cameras.filter((one) => !isOverridden(env, setting, one));
    const unread = checkDiscovered({ variable, setting, affected, env }) ??
      checkRequired({ variable, setting, affected, env }) ??
      checkRead({ variable, setting, affected, env });
    if (unread) warnings.push(unread);
  }
  return [...warnings, ...checkDotenv({ dotenv, dotenvCommand, env, known })];
}

/**
 * Finds the misspelled settings while the cameras are not known: those of all cameras and of the
 * server.
 */
export function misspelledSettings(
  { env, settings }: Pick<SettingsToCheck, "env" | "settings">,
): SettingWarning[] {
  const known = new KnownSettings(settings, []);
  return Object.entries(env).flatMap(([variable, value]) => {
    const mistake = value?.trim() ? known.misspelled(variable, value.trim()) : undefined;
    return mistake ? [{ variable, text: mistake.text, advice: mistake.advice }] : [];
  });
}

/** Whether a camera has its own value of a setting. */
function isOverridden(env: Env, { name }: Setting, camera: CheckedCamera): boolean {
  return Boolean(env[`${prefixOf(camera)}${name}`]?.trim());
}

/**
 * Whether a value is in quotation marks. Docker's `env_file` and cmd's `set` keep them, a shell
 * removes them.
 */
function hasQuotes({ name }: Setting, value: string): boolean {
  return isQuoted(value) || name === "AUTH" && isQuoted(value.replace(/^[^:]*:/, ""));
}

function quotesWarning(variable: string): SettingWarning {
  return {
    variable,
    text: `The value of ${variable} contains quotation marks at its ends`,
    advice: "remove them unless they belong to the value: only a shell removes quotation marks",
  };
}

/** Checks whether the setting that another one needs is set, for a camera that it applies to. */
function checkRequired(
  { variable, setting: { requires }, affected, env }: ReadCheck,
): SettingWarning | undefined {
  if (!requires || env[requires]?.trim()) return undefined;
  if (affected.some((camera) => env[`${prefixOf(camera)}${requires}`]?.trim())) return undefined;
  const text = `${variable} has no effect without ${requires}`;
  return { variable, text, advice: `set ${requires} too, or remove ${variable}` };
}

interface ReadCheck {
  readonly variable: string;
  readonly setting: Setting;
  /** The cameras that the variable applies to. */
  readonly affected: readonly CheckedCamera[];
  readonly env: Env;
}

/** Checks whether a setting that discovered cameras do not have is that of another camera. */
function checkDiscovered(
  { variable, setting: { notDiscovered = false }, affected }: ReadCheck,
): SettingWarning | undefined {
  const isForGroups = affected.length > 0 && affected.every(({ isGroup = false }) => isGroup);
  if (!notDiscovered || !isForGroups) return undefined;
  const [{ driver }] = affected as [CheckedCamera];
  const text = `${variable} has no effect on cameras that driver ${driver} discovers`;
  return { variable, text, advice: `to name a camera set CAMERA=front=${driver}` };
}

/** Checks whether a driver reads a setting, if the server itself does not. */
function checkRead({ variable, setting, affected, env }: ReadCheck): SettingWarning | undefined {
  const { name, perCamera, read } = setting;
  if (!perCamera || read) return undefined;
  if (affected.length === 0 || affected.some(({ reads }) => reads?.has(name) ?? true)) {
    return undefined;
  }
  const drivers = [...new Set(affected.map(({ driver }) => driver))].join(", ");
  const text = `${variable} has no effect: driver ${drivers} does not read ${name}`;
  if (env.CAMERA?.trim()) return { variable, text, advice: `remove ${variable}` };
  const camera = name === "SOURCE" ? driverFor(env[variable]!.trim()) : "usb";
  return { variable, text, advice: `set CAMERA too, such as CAMERA=${camera}` };
}

/** Guesses the driver for a value of `SOURCE`. */
function driverFor(source: string): string {
  if (/^https?:\/\//i.test(source)) return "mjpeg";
  if (/\s/.test(source)) return "exec";
  return /:\/\//.test(source) ? "opencv" : "usb";
}

interface DotenvCheck {
  readonly dotenv: string;
  readonly dotenvCommand: string;
  readonly env: Env;
  readonly known: KnownSettings;
}

/** Reports a `.env` file with settings that are not set in the environment. */
function checkDotenv({ dotenv, dotenvCommand, env, known }: DotenvCheck): SettingWarning[] {
  const ignored = variablesOf(dotenv).filter((name) =>
    !env[name]?.trim() && known.recognize(name, "set")
  );
  if (ignored.length === 0) return [];
  const more = ignored.length > 4 ? ", …" : "";
  return [{
    variable: ".env",
    text: `The file .env is not read; it sets ${ignored.slice(0, 4).join(", ")}${more}`,
    advice: `to use it, type ${dotenvCommand}`,
  }];
}
