import type { Env } from "../env.ts";
import type { Setting } from "../setting.ts";
import { type CheckedCamera, KnownSettings, prefixOf } from "./known_settings.ts";
import { editDistance, mayBeWithin } from "./near_miss.ts";
import type { SettingWarning } from "./warning.ts";

/** Maximum number of typing errors in the name of a critical setting. */
const MAX_ERRORS = 2;

/** Options of {@link findCriticalMistake}. */
export interface CriticalCheck {
  readonly env: Env;
  /** All settings. */
  readonly settings: readonly Setting[];
  readonly cameras: readonly Omit<CheckedCamera, "reads">[];
}

/**
 * Finds a variable that the user took for a critical setting, such as `PRIVACY_MASK`, and that has
 * no effect: it is misspelled, or belongs to a camera that does not exist. A variable with another
 * name counts only if its value is one of the setting: `MASK=255.255.255.0` is for other programs.
 */
export function findCriticalMistake(
  { env, settings, cameras: all }: CriticalCheck,
): SettingWarning | undefined {
  const cameras = all.map((camera) => ({ ...camera, reads: undefined }));
  const known = new KnownSettings(settings, cameras);
  const groups = cameras.filter(({ isGroup }) => isGroup);
  for (const { variable, value, setting } of criticalVariables({ env, settings })) {
    const recognized = known.recognize(variable, value);
    if (recognized?.kind === "setting") continue;
    if (recognized) return { variable, text: recognized.text, advice: recognized.advice };
    const group = groups.find((one) => variable === `${prefixOf(one)}${setting.name}`);
    // A camera of any other name can appear.
    if (!group && groups.length > 0 && variable.endsWith(`_${setting.name}`)) continue;
    if (group) {
      const text =
        `${variable} is not read: CAMERA=${group.driver} stands for all cameras that it discovers`;
      return { variable, text, advice: `for all cameras set ${setting.name}` };
    }
    const camera = cameras.find((one) => variable.startsWith(prefixOf(one)));
    const meant = `${camera && !camera.isGroup ? prefixOf(camera) : ""}${setting.name}`;
    return { variable, text: `${variable} is not a setting`, advice: `did you mean ${meant}?` };
  }
}

/** Returns the variables that are meant as critical settings, rightly or wrongly spelled. */
export function* criticalVariables(
  { env, settings }: Pick<CriticalCheck, "env" | "settings">,
): Generator<{ variable: string; value: string; setting: Setting }> {
  const critical = settings.filter((setting) => setting.critical);
  for (const [variable, value] of Object.entries(env)) {
    if (!value?.trim()) continue;
    const setting = critical.find((one) => isMeant(one, variable, value));
    if (setting) yield { variable, value, setting };
  }
}

/** Whether a variable is meant as a setting, perhaps of one camera: `FRONT_PRIVACY_MAKS`. */
function isMeant({ name, alternatives = [], read }: Setting, variable: string, value: string) {
  const words = variable.toUpperCase().split(/[_-]/);
  const wanted = bare(name);
  // The last words of the name, or the first ones: PRIVACY_MASK_FRONT.
  const parts = words.flatMap((_, i) => [words.slice(i).join(""), words.slice(0, i + 1).join("")]);
  const isNear = (part: string) =>
    mayBeWithin(MAX_ERRORS, part, wanted) && editDistance(part, wanted) <= MAX_ERRORS;
  if (parts.some((part) => part.includes(wanted) || isNear(part))) return true;
  return alternatives.some((other) => parts.includes(bare(other))) && isValid(name, value, read);
}

function bare(name: string): string {
  return name.replaceAll("_", "");
}

function isValid(name: string, value: string, read: Setting["read"]): boolean {
  try {
    return read?.({ [name]: value }, name) !== undefined;
  } catch {
    return false; // a ConfigError: it is another program's
  }
}
