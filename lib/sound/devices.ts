import { type KnownError, run } from "../process/mod.ts";
import type { OpenSound } from "./chunk.ts";
import { readChunks } from "./read_chunks.ts";
import { type DeviceFormat, FFMPEG } from "./settings.ts";

/** Options of {@link openDevice}. */
export interface DeviceOptions {
  readonly format: DeviceFormat;
  /** ffmpeg's name of the device. */
  readonly device: string;
  /** Samples per second. */
  readonly rate: number;
}

const INSTALL_HINTS: Readonly<Record<string, string>> = {
  darwin: "brew install ffmpeg",
  windows: "winget install ffmpeg, then open a new window",
};
/** How to install ffmpeg. */
export const INSTALL_HINT = INSTALL_HINTS[Deno.build.os] ?? "sudo apt install ffmpeg";

/** Errors that ffmpeg prints for the devices of each kind, and what to do about them. */
const KNOWN_ERRORS: Readonly<Record<DeviceFormat, readonly KnownError[]>> = {
  pulse: [
    {
      pattern: /: (No such process|Connection refused|Connection terminated|Timeout)$/,
      hint: "neither PulseAudio nor PipeWire runs for this user, or XDG_RUNTIME_DIR is not that " +
        "of the session; a systemd service without a session needs AUDIO=alsa:plughw:1,0, or " +
        "PULSE_SERVER",
    },
    {
      pattern: /: (Access denied|Permission denied|Operation not permitted)$/,
      hint: "the sound server refuses this user: run the server as the user of the session, or " +
        "set AUDIO=alsa:plughw:1,0",
    },
    {
      pattern: /: (Input\/output error|No such entity)$/,
      hint: "there may be no such microphone: --list-cameras lists the values of AUDIO",
    },
  ],
  alsa: [
    {
      pattern: /cannot open audio device .*\((Permission denied|Operation not permitted)\)/,
      hint: "this user has no access to microphones: sudo usermod -aG audio $USER, then log in " +
        "again; a container needs --device /dev/snd",
    },
    {
      pattern: /Device or resource busy/,
      hint: "another program is using the microphone: `fuser -v /dev/snd/*` shows which; if it " +
        "is PulseAudio or PipeWire, set AUDIO=pulse",
    },
    {
      pattern: /cannot set (channel count|sample rate|sample format)/,
      hint: "set AUDIO=alsa:plughw:… instead of hw, which converts the samples",
    },
    {
      pattern: /cannot open audio device|No such device|No such file or directory/,
      hint: "check that the microphone is plugged in, and that `id -nG` names the group audio: " +
        "--list-cameras lists the values of AUDIO",
    },
  ],
  avfoundation: [
    {
      pattern: /Audio device not found|Invalid (audio )?device index|Input\/output error/,
      hint: "--list-cameras lists the values of AUDIO; allow the terminal to use the microphone: " +
        "System Settings, Privacy & Security, Microphone",
    },
  ],
  dshow: [
    {
      pattern: /Could not find audio (only )?device|I\/O error/i,
      hint: "--list-cameras lists the values of AUDIO",
    },
  ],
};

/** Errors for devices of all kinds. They come first. */
const COMMON_ERRORS: readonly KnownError[] = [
  {
    pattern: /Unknown input format: '?(\w+)'?/,
    hint: "this ffmpeg cannot capture $1: install the operating system's package of ffmpeg, or " +
      "set AUDIO to another kind of device",
    permanent: true,
  },
  {
    pattern: /Unrecognized option|Option \S+ not found/,
    hint: "this ffmpeg is too old: install the operating system's package",
    permanent: true,
  },
];

/** Returns the source that captures a device by ffmpeg. */
export function openDevice(options: DeviceOptions): OpenSound {
  const args = ffmpegArguments(options);
  const knownErrors = [...COMMON_ERRORS, ...KNOWN_ERRORS[options.format]];
  return (signal) =>
    readChunks(run(FFMPEG, args, signal, { knownErrors, installHint: INSTALL_HINT }));
}

/** Returns ffmpeg's arguments to print the samples of a device. */
export function ffmpegArguments({ format, device, rate }: DeviceOptions): string[] {
  return [
    ...["-hide_banner", "-nostdin", "-nostats", "-loglevel", "error"],
    ...inputOf(format, device, rate),
    // ffmpeg would time the samples by the wall clock, and complain of its jumps.
    ...["-af", "asetpts=N/SR/TB", "-ac", "1", "-ar", `${rate}`, "-f", "s16le", "pipe:1"],
  ];
}

function inputOf(format: DeviceFormat, device: string, rate: number): string[] {
  const mono = ["-channels", "1", "-sample_rate", `${rate}`];
  switch (format) {
    case "pulse": {
      // 10 ms; the default of 50 ms delays the sound by 25 ms.
      const fragment = 2 * Math.round(rate / 100);
      return ["-f", "pulse", "-fragment_size", `${fragment}`, ...mono, "-i", device];
    }
    case "alsa":
      return ["-f", "alsa", ...mono, "-i", device];
    case "avfoundation":
      return ["-f", "avfoundation", "-i", device.startsWith(":") ? device : `:${device}`];
    case "dshow":
      return ["-f", "dshow", "-audio_buffer_size", "20", "-i", `audio=${device}`];
  }
}
