import type { Bytes } from "../bytes.ts";
import { systemClock } from "../clock.ts";
import type { Env } from "../env.ts";
import { CameraError, explain } from "../errors.ts";
import { output } from "../process/mod.ts";
import { shellQuote } from "../quote.ts";
import type { FoundMicrophone } from "./found_microphone.ts";
import type { OpenSound } from "./chunk.ts";
import { levelOf, type SoundLevel } from "./level.ts";
import { listMicrophones } from "./list.ts";
import { hasSound, type SoundSettings } from "./settings.ts";
import { openMicrophone } from "./source.ts";

/** Time limit for the first sound of a microphone, in milliseconds. */
const FIRST_SOUND_TIMEOUT = 10_000;
/** Duration of the sound that is measured, in milliseconds. */
const MEASURED = 1_000;
/** Duration of the sound before that, in milliseconds: many microphones begin with a click. */
const SKIPPED = 300;
/** Highest level that counts as silence, in dBFS. The noise of a microphone is louder. */
const SILENCE = -84;

/** A result for the doctor. */
export interface CheckResult {
  readonly verdict: "ok" | "note" | "warning" | "problem";
  readonly text: string;
  readonly advice?: string;
}

/** A microphone that cameras use. */
export interface MicrophoneToCheck {
  /** The names of the cameras. */
  readonly cameras: readonly string[];
  /** The value of `AUDIO`, without secrets. */
  readonly audio: string;
  /** Samples per second. */
  readonly rate: number;
  /**
   * Captures its sound: 16-bit samples, little-endian, mono. Undefined if it opens no microphone,
   * as with `AUDIO=test`.
   */
  readonly open?: OpenSound;
}

/** A camera, and the settings of its sound. */
export interface CameraToCheck {
  readonly name: string;
  readonly sound: SoundSettings;
  /** `SOURCE_CERT`, for a microphone behind https. */
  readonly certificate: string | undefined;
}

/** Options of {@link checkSound}. */
export interface CheckSoundOptions extends CheckOptions {
  /** Describes a value of `AUDIO` without secrets. */
  describe(audio: string): string;
}

/** Checks the sound of cameras, as {@link checkMicrophones}. */
export async function* checkSound(
  cameras: readonly CameraToCheck[],
  { describe, ...options }: CheckSoundOptions,
  signal: AbortSignal,
): AsyncGenerator<CheckResult> {
  const users = cameras.filter(({ sound }) => hasSound(sound));
  const shared = Map.groupBy(
    users,
    ({ sound: { audio, rate }, certificate }) => JSON.stringify([audio!.text, rate, certificate]),
  );
  const microphones = [...shared.values()].map((group): MicrophoneToCheck => {
    const { sound: { audio, rate }, certificate } = group[0]!;
    const cameras = group.map(({ name }) => name);
    const source = { audio: audio!, rate, certificate, cameras, clock: systemClock };
    const open = openMicrophone(source);
    return { cameras, audio: describe(audio!.text), rate, open };
  });
  yield* checkMicrophones(microphones, options, signal);
}

/** Options of {@link checkMicrophones}. */
export interface CheckOptions {
  readonly env: Env;
  /** @default {listMicrophones} */
  readonly list?: (signal: AbortSignal) => Promise<readonly FoundMicrophone[]>;
}

/**
 * Checks the microphones that are configured, each by about a second of its sound. Without any, it
 * lists those of this machine, and opens none.
 */
export async function* checkMicrophones(
  microphones: readonly MicrophoneToCheck[],
  { env, list = listMicrophones }: CheckOptions,
  signal: AbortSignal,
): AsyncGenerator<CheckResult> {
  const found = await list(signal);
  if (microphones.length === 0) {
    for (const { name, audio } of found) {
      yield { verdict: "note", text: `Found microphone ${name}: AUDIO=${shellQuote(audio)}` };
    }
    return;
  }
  for (const microphone of microphones) {
    yield await checkMicrophone(microphone, { env, found, signal });
  }
}

interface Context {
  readonly env: Env;
  readonly found: readonly FoundMicrophone[];
  readonly signal: AbortSignal;
}

async function checkMicrophone(
  microphone: MicrophoneToCheck,
  context: Context,
): Promise<CheckResult> {
  const { audio, cameras, open } = microphone;
  const label = `Sound of ${cameras.length > 1 ? "cameras" : "camera"} ${cameras.join(", ")} ` +
    `(${audio})`;
  if (!open) {
    return { verdict: "ok", text: `${label}: a beep with the pictures, and no microphone` };
  }
  try {
    const sound = await measure(microphone, open, context.signal);
    if (!sound) {
      const advice = "end programs that use the microphone, or plug it in again";
      return { verdict: "problem", text: `${label}: no sound arrived in 10 s`, advice };
    }
    const { afterMs, level } = sound;
    const text = `${label}: opened for a second, the first sound after ` +
      `${(afterMs / 1000).toFixed(1)} s, level ${formatLevel(level)}`;
    if (level.rms > SILENCE) return { verdict: "ok", text };
    return { verdict: "warning", text: `${text}: only silence`, advice: unmute(audio, context) };
  } catch (error) {
    const hint = error instanceof CameraError ? error.hint : undefined;
    const advice = await adviceFor(audio, context) ?? hint;
    return { verdict: "problem", text: `${label}: ${explain(error)}`, advice };
  }
}

/** Captures about a second of sound. @returns Undefined if none arrives in time. */
async function measure(
  { rate }: MicrophoneToCheck,
  open: OpenSound,
  signal: AbortSignal,
): Promise<{ afterMs: number; level: SoundLevel } | undefined> {
  const startedAt = performance.now();
  const [skipped, wanted] = [SKIPPED, SKIPPED + MEASURED].map((ms) => ms * rate / 1000 * 2);
  const chunks: Bytes[] = [];
  let [bytes, afterMs] = [0, 0];
  const timeout = AbortSignal.timeout(FIRST_SOUND_TIMEOUT);
  for await (const { bytes: chunk } of open(AbortSignal.any([signal, timeout]))) {
    if (bytes === 0) afterMs = performance.now() - startedAt;
    chunks.push(new Uint8Array(chunk)); // the source uses its buffer again
    bytes += chunk.length;
    if (bytes >= wanted!) break;
  }
  if (bytes === 0) return undefined;
  const all = new Uint8Array(await new Blob(chunks).arrayBuffer());
  return { afterMs, level: levelOf(all.subarray(Math.min(skipped!, bytes >> 1 & ~1))) };
}

function formatLevel({ rms, peak }: SoundLevel): string {
  if (peak === -Infinity) return "-∞ dBFS";
  return `${Math.round(rms)} dBFS (highest ${Math.round(peak)})`;
}

/** Returns how to unmute a microphone. */
function unmute(audio: string, { found }: Context): string {
  if (audio.startsWith("alsa:")) {
    const card = /hw:(?:CARD=)?(\w+)/.exec(audio)?.[1];
    return `is it muted? \`alsamixer -V capture${card ? ` -c ${card}` : ""}\` shows it`;
  }
  if (/^pulse(:|$)/.test(audio)) {
    const name = audio.slice("pulse:".length) || "@DEFAULT_SOURCE@";
    const isMuted = found.some((one) => one.muted && (one.audio === audio || audio === "pulse"));
    return isMuted
      ? `the microphone is muted: pactl set-source-mute ${name} 0`
      : `is it muted or turned down? pactl set-source-mute ${name} 0; ` +
        `pactl set-source-volume ${name} 100%`;
  }
  return "is the microphone muted?";
}

/**
 * Finds out what is wrong on this machine.
 *
 * @returns Undefined if nothing is found; the hint of the error applies then.
 */
async function adviceFor(audio: string, context: Context): Promise<string | undefined> {
  if (Deno.build.os !== "linux") return undefined;
  if (audio.startsWith("alsa:plughw:") || audio.startsWith("alsa:hw:")) {
    return await deviceAdvice(context) ?? others(audio, "alsa:", context);
  }
  if (/^pulse(:|$)/.test(audio)) {
    return others(audio, "pulse:", context) ?? sessionAdvice(context);
  }
}

/** Lists the sound devices that this user cannot open. */
const DENIED_DEVICES = `
for device in /dev/snd/pcm*c; do
  [ -c "$device" ] && { [ -r "$device" ] && [ -w "$device" ] || echo "$device"; }
done
:`;

/** Checks the access to the sound devices, as ALSA needs it. */
async function deviceAdvice({ signal }: Context): Promise<string | undefined> {
  try {
    const { stdout } = await output("sh", ["-c", DENIED_DEVICES], signal);
    const [denied] = stdout.split("\n");
    if (!denied) return undefined;
    const { stdout: groups } = await output("id", ["-nG"], signal);
    return /\baudio\b/.test(groups)
      ? `this user has no access to ${denied}: a container needs --device /dev/snd; otherwise ` +
        "`ls -l /dev/snd` shows who owns it"
      : `this user has no access to ${denied}: sudo usermod -aG audio $USER, then log in again`;
  } catch {
    return undefined; // no sh
  }
}

/** Returns the values of `AUDIO` for this machine, if the configured one is not among them. */
function others(audio: string, prefix: string, { found }: Context): string | undefined {
  const values = found.map((one) => one.audio).filter((value) => value.startsWith(prefix));
  if (values.length === 0 || values.includes(audio) || audio === "pulse") return undefined;
  // A card's number is as good as its identifier.
  if (/^alsa:(plug)?hw:\d/.test(audio)) return undefined;
  return `this machine has ${values.map((value) => `AUDIO=${shellQuote(value)}`).join(" and ")}`;
}

/** Says why there is no PulseAudio or PipeWire for this user. */
function sessionAdvice({ env, found }: Context): string | undefined {
  if (found.some((one) => one.audio.startsWith("pulse:"))) return undefined;
  const alsa = found.find((one) => one.audio.startsWith("alsa:"))?.audio;
  const instead = `use ALSA: AUDIO=${shellQuote(alsa ?? "alsa:plughw:1,0")}`;
  if (env.PULSE_SERVER) return `no sound server at PULSE_SERVER=${env.PULSE_SERVER}, or ${instead}`;
  return env.XDG_RUNTIME_DIR
    ? `neither PulseAudio nor PipeWire runs for this user: start one, or ${instead}`
    : "this user has no session (XDG_RUNTIME_DIR is not set), as in a system service: " +
      `set PULSE_SERVER, or ${instead}`;
}
