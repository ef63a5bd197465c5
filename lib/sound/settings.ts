import { type Env, parse, readInteger, variableName } from "../env.ts";
import { ConfigError } from "../errors.ts";
import { isQuoted, quote } from "../quote.ts";
import type { SettingPermissions, SettingTable, SettingValues } from "../setting.ts";
import { splitShellWords } from "../shell_words.ts";
import { type Address, parseAddress } from "../upstream/settings.ts";

/** Kinds of devices that ffmpeg captures. */
export type DeviceFormat = "pulse" | "alsa" | "avfoundation" | "dshow";

/** The value of `AUDIO`: where the sound of a camera comes from. */
export type AudioSource =
  & {
    /** The value as the user has set it. It can contain a password. */
    readonly text: string;
  }
  & (
    /** No sound. */
    | { readonly type: "off" }
    /** A beep with the camera's pictures. */
    | { readonly type: "test" }
    /** A device, by ffmpeg's name for it. */
    | { readonly type: "device"; readonly format: DeviceFormat; readonly device: string }
    /** A program that prints samples. */
    | { readonly type: "program"; readonly program: string; readonly args: readonly string[] }
    /** Another server. */
    | { readonly type: "address"; readonly address: Address }
  );

/**
 * The settings of sound. The server reads them before it loads this module, so this file imports
 * nothing that captures.
 */
export const SOUND_SETTINGS = {
  audio: {
    name: "AUDIO",
    alternatives: [
      ...["MICROPHONE", "MIC", "SOUND", "AUDIO_DEVICE", "AUDIO_SOURCE", "AUDIO_INPUT"],
      ...["AUDIO_URL", "SOUND_DEVICE", "SOUND_SOURCE", "ALSA_DEVICE", "PULSE_SOURCE"],
    ],
    meaning: "microphone of the camera; no sound without it. `pulse`, `pulse:NAME`, " +
      "`alsa:plughw:1,0`, `avfoundation:0`, `dshow:NAME`, `http://host:8000/audio.wav`, " +
      "`exec:` and a command that prints samples, or `test`: a beep with the pictures. " +
      "`off`: none, for one camera",
    perCamera: true,
    notDiscovered: true,
    secret: true, // an address can contain a password
    permissions: audioPermissions,
    read: readAudio,
  },
  rate: {
    name: "AUDIO_RATE",
    alternatives: ["AUDIO_SAMPLE_RATE", "SAMPLE_RATE", "SAMPLERATE", "SOUND_RATE"],
    default: "24000",
    meaning: "samples per second, from 8000 to 48000",
    perCamera: true,
    notDiscovered: true,
    requires: "AUDIO",
    read: (env, name) => readInteger(env, name, { min: 8_000, max: 48_000 }),
  },
  delay: {
    name: "AUDIO_DELAY",
    alternatives: ["AUDIO_OFFSET", "AUDIO_LATENCY", "AUDIO_SYNC", "AV_SYNC", "SOUND_DELAY"],
    unset: "per driver",
    meaning: "milliseconds by which the sound is delayed, as pictures take longer to arrive: " +
      "raise it if the sound is early. From -500 to 2000; `pi`: 80, `usb`: 50, others 0",
    perCamera: true,
    notDiscovered: true,
    requires: "AUDIO",
    read: readDelay,
  },
} as const satisfies SettingTable;

/** The values of {@link SOUND_SETTINGS} for one camera. */
export type SoundSettings = SettingValues<typeof SOUND_SETTINGS>;

/** The command that captures devices. */
export const FFMPEG = "ffmpeg";

/** Whether a camera has sound. */
export function hasSound({ audio }: Pick<SoundSettings, "audio">): boolean {
  return audio !== undefined && audio.type !== "off";
}

const DEVICE = /^(pulse|alsa|avfoundation|dshow):(.+)$/is;

/** Reads `AUDIO`. @throws {ConfigError} If it is no source of sound. */
function readAudio(env: Env, name: string): AudioSource | undefined {
  const text = env[name]?.trim();
  if (!text) return undefined;
  const variable = variableName(env, name);
  if (/^off$/i.test(text)) return { text, type: "off" };
  if (/^test$/i.test(text)) return { text, type: "test" };
  if (/^pulse:?$/i.test(text)) return { text, type: "device", format: "pulse", device: "default" };
  if (/^https?:\/\//i.test(text)) {
    return { text, type: "address", address: parseAddress(text, variable) };
  }
  const [, command] = /^exec:(.*)$/is.exec(text) ?? [];
  if (command !== undefined) return readCommand(text, command, variable);
  const [, format, device = ""] = DEVICE.exec(text) ?? [];
  const advice = adviceFor(text, format?.toLowerCase());
  if (advice) throw new ConfigError(`Cannot use ${describe(text)} as ${variable}: ${advice}`);
  return { text, type: "device", format: format!.toLowerCase() as DeviceFormat, device };
}

function readCommand(text: string, command: string, variable: string): AudioSource {
  let words: string[];
  try {
    words = splitShellWords(command);
  } catch (cause) {
    if (!(cause instanceof ConfigError)) throw cause;
    throw new ConfigError(`${cause.message} (in ${variable})`, { cause });
  }
  const [program, ...args] = words;
  if (program && !program.includes("://")) return { text, type: "program", program, args };
  throw new ConfigError(
    `Cannot run ${variable}: after exec: write a command that prints 16-bit samples, such as ` +
      '"exec:arecord -t raw -f S16_LE -c 1 -r 24000 -F 10000"',
  );
}

/** Returns what to set instead of a value; undefined if the value is a device. */
function adviceFor(text: string, format: string | undefined): string | undefined {
  if (format === "alsa") return adviceForAlsa(text);
  if (format) return undefined;
  if (/^(alsa|hw|plughw|sysdefault|dsnoop|\/dev\/(snd|dsp|audio)|card)\b/i.test(text)) {
    return adviceForAlsa(text);
  }
  if (isQuoted(text)) return "remove its quotation marks";
  if (/^avfoundation:?$/i.test(text)) return "name the device, as avfoundation:0";
  if (/^dshow:?$/i.test(text)) return "name the device, as dshow:Microphone";
  if (/^(no|none|false|disabled?|0)$/i.test(text)) return "to have no sound, unset it or set off";
  if (/^(alsa_input|alsa_output|bluez_\w+)\./.test(text)) {
    return "the name of a PulseAudio source follows pulse:";
  }
  if (/^\s*(\S*\/)?(ffmpeg|arecord|parec|pw-record|sox|rec|gst-launch-1\.0)\s/.test(text)) {
    return "a command follows exec:";
  }
  if (text.includes("://")) {
    return "it must be an http address, or a command: exec:ffmpeg -i … -f s16le -ac 1 -ar 24000 -";
  }
  return `set ${defaultMicrophone()} for this machine's microphone, or see AUDIO in --help`;
}

/** Returns what to set instead of an ALSA device, with or without `alsa:`, that would not work. */
function adviceForAlsa(text: string): string | undefined {
  const device = text.replace(/^alsa:?/i, "");
  const [, card, number = "0"] = /^(?:hw:|card:?)?(\d+)(?:,(\d+))?$/i.exec(device) ?? [];
  if (card !== undefined) return `set alsa:plughw:${card},${number}, which converts the rate`;
  if (/^hw:/i.test(device)) return `set alsa:plug${device}, which converts the rate`;
  if (!device || /^(\/dev\/|card\b)/i.test(device)) {
    return "set alsa:plughw:1,0; --list-cameras lists the values for this machine";
  }
  return /^alsa:/i.test(text) ? undefined : `set alsa:${device}`;
}

/** Returns the value of `AUDIO` for the default microphone. */
function defaultMicrophone(): string {
  if (Deno.build.os === "darwin") return "avfoundation:0";
  return Deno.build.os === "windows" ? "dshow:NAME" : "pulse";
}

/** Quotes a value unless it may contain a password. */
function describe(text: string): string {
  return /:\/\/|@|\s-/.test(text) ? "this value" : quote(text);
}

function readDelay(env: Env, name: string): number | undefined {
  return parse(env, name, "a whole number of milliseconds from -500 to 2000", (text) => {
    const delay = Number(text);
    return /^[+-]?\d+$/.test(text) && delay >= -500 && delay <= 2_000 ? delay : undefined;
  });
}

/** Returns Deno's permissions for a value of `AUDIO`. */
function audioPermissions(value: string): SettingPermissions {
  if (/^https?:/i.test(value)) return { net: "any" };
  if (/^exec:/i.test(value)) return { run: "any" };
  return /^(pulse|alsa|avfoundation|dshow)\b/i.test(value) ? { run: [FFMPEG] } : {};
}
