import { output } from "../process/mod.ts";
import { printable, shellQuote } from "../quote.ts";
import type { FoundMicrophone } from "./found_microphone.ts";
import { listAlsa } from "./list_alsa.ts";
import { listPulse, parsePulseDevices } from "./list_pulse.ts";

/** Options of {@link listMicrophones}. */
export interface ListOptions {
  /** @default {Deno.build.os} */
  readonly os?: typeof Deno.build.os;
}

/**
 * Lists the microphones of this machine, the default one first, without opening them. Without
 * the programs for it, or without a sound server, the list is empty.
 */
export async function listMicrophones(
  signal: AbortSignal,
  { os = Deno.build.os }: ListOptions = {},
): Promise<FoundMicrophone[]> {
  if (os === "darwin") {
    const args = ["-f", "avfoundation", "-list_devices", "true", "-i", ""];
    return parseAvfoundation(await ffmpegLines(args, signal));
  }
  if (os === "windows") {
    const args = ["-f", "dshow", "-list_devices", "true", "-i", "dummy"];
    return parseDshow(await ffmpegLines(args, signal));
  }
  const pulse = await listPulse(signal) ??
    parsePulseDevices(await ffmpegLines(["-sources", "pulse"], signal));
  return [...pulse, ...await listAlsa(signal)];
}

/** Lists the microphones of this machine as lines of text, for `--list-cameras`. */
export async function describeMicrophones(signal: AbortSignal): Promise<string[]> {
  const found = await listMicrophones(signal);
  if (found.length === 0) return ["AUDIO  no microphone found"];
  return found.map(({ audio, name, muted }) =>
    `AUDIO=${shellQuote(audio)}  ${printable(name)}${muted ? " (muted)" : ""}`
  );
}

/** Runs ffmpeg to print a list, and returns the lines of both its outputs. */
async function ffmpegLines(args: readonly string[], signal: AbortSignal): Promise<string[]> {
  try {
    const { stdout, stderr } = await output(
      "ffmpeg",
      ["-hide_banner", "-nostdin", ...args],
      signal,
    );
    return `${stdout}\n${stderr}`.split(/\r?\n/);
  } catch {
    return []; // not installed: without it, there is no sound
  }
}

/**
 * Parses ffmpeg's list of macOS devices: `[0] MacBook Microphone` under `AVFoundation audio
 * devices:`.
 */
export function parseAvfoundation(lines: readonly string[]): FoundMicrophone[] {
  const found: FoundMicrophone[] = [];
  let inAudioList = false;
  for (const line of lines) {
    if (/devices:\s*$/.test(line)) inAudioList = /audio devices:\s*$/.test(line);
    const [, index, name] = /\] \[(\d+)\] (.+?)\s*$/.exec(line) ?? [];
    if (inAudioList && index && name) found.push({ audio: `avfoundation:${index}`, name });
  }
  return found;
}

/**
 * Parses ffmpeg's list of Windows devices: `"Microphone (USB)" (audio)`; before ffmpeg 5 under
 * `DirectShow audio devices`.
 */
export function parseDshow(lines: readonly string[]): FoundMicrophone[] {
  const found: FoundMicrophone[] = [];
  let inAudioList = false;
  for (const line of lines) {
    const list = /DirectShow (video|audio) devices/.exec(line)?.[1];
    if (list) inAudioList = list === "audio";
    const [, name, kind = inAudioList ? "audio" : "video"] =
      /\] +"([^"]+)"(?: \((\w+))?/.exec(line) ?? [];
    if (name && kind === "audio") found.push({ audio: `dshow:${name}`, name });
  }
  return found;
}
