import type { Bytes } from "../bytes.ts";
import { CameraError } from "../errors.ts";
import type { Size } from "../jpeg/segments.ts";
import type { SoundTrack } from "../matroska/mod.ts";
import { output, run } from "../process/mod.ts";
import { continuousSound } from "./continuous_sound.ts";
import { withDuration } from "./mp4_duration.ts";

/**
 * Maximum number of frames of a fragment. All but the last one have as many, except that with sound
 * no fragment is longer than {@link MAX_FRAGMENT}.
 */
export const FRAGMENT_FRAMES = 60;
/**
 * Maximum duration of a fragment with sound, in seconds. ffmpeg's header of a fragment must fit in
 * its buffer of 32 KiB, or the file is invalid: that is 8000 packets of sound, 170 s at 48 kHz.
 */
const MAX_FRAGMENT = 60;
/** Rates that AAC has, in samples per second. */
const AAC_RATES = [8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000];
/** Number of samples by which ffmpeg's encoder of AAC delays the sound. */
const AAC_DELAY = 1024;
/** Niceness of ffmpeg, so that it takes the CPU time that live viewers leave. */
const NICENESS = 10;

/** ffmpeg is not installed or may not be run; the message says what to do. */
export class NoEncoderError extends Error {
  override name = "NoEncoderError";
}

/** What to encode. */
export interface EncodeOptions {
  /** The clip as a Matroska file. */
  readonly input: AsyncIterable<Bytes>;
  /** Name or path of ffmpeg. */
  readonly ffmpeg: string;
  /** Size of its first picture. Pictures of another size are scaled to it. */
  readonly size: Size;
  readonly frames: number;
  /** In milliseconds. */
  readonly duration: number;
  /** Undefined for a clip without sound. */
  readonly sound?: SoundTrack;
}

/**
 * Encodes a clip to an MP4 with H.264, and AAC if it has sound, which is made while it is read: a
 * fragment for each {@link FRAGMENT_FRAMES} frames. Aborting `signal` stops ffmpeg.
 *
 * @throws {NoEncoderError} While reading, if ffmpeg is not installed.
 * @throws {CameraError} While reading, if ffmpeg fails. Or the error of the input.
 */
export async function* encodeMp4(
  { input, ffmpeg, ...clip }: EncodeOptions,
  signal: AbortSignal,
): AsyncGenerator<Bytes> {
  const args = async () => ffmpegArguments(clip, await readVersion(ffmpeg, signal));
  const options = {
    input: clip.sound ? withContinuousSound(input, clip.sound, clip) : input,
    onStart: (pid: number) => void lowerPriority(pid),
  };
  try {
    yield* withDuration(run(ffmpeg, args, signal, options), clip.duration);
  } catch (error) {
    throw asNoEncoder(error) ?? error;
  }
}

/** Checks that ffmpeg can be run. @throws {NoEncoderError} If not. */
export async function checkEncoder(ffmpeg: string): Promise<void> {
  try {
    await readVersion(ffmpeg, new AbortController().signal);
  } catch (error) {
    throw asNoEncoder(error) ?? error;
  }
}

/** Returns the version of ffmpeg; undefined for one that was not released. */
async function readVersion(ffmpeg: string, signal: AbortSignal): Promise<number | undefined> {
  const { stdout } = await output(ffmpeg, ["-version"], signal);
  const version = /^ffmpeg version n?(\d+\.\d+)/.exec(stdout)?.[1];
  return version === undefined ? undefined : Number(version);
}

function ffmpegArguments(
  { size: { width, height }, frames, duration, sound }: Omit<EncodeOptions, "input" | "ffmpeg">,
  version = Infinity,
): string[] {
  // One core less than there are: the server needs one.
  const threads = ["-threads", `${Math.max(1, navigator.hardwareConcurrency - 1)}`];
  // yuv420p has a chroma sample for 2 x 2 pixels.
  const even = { width: Math.max(2, width & ~1), height: Math.max(2, height & ~1) };
  const isOdd = even.width !== width || even.height !== height;
  return [
    ...["-loglevel", "error", ...threads, "-f", "matroska", "-i", "pipe:0", "-map", "0:v:0"],
    ...(isOdd ? ["-vf", `scale=${even.width}:${even.height}`] : []),
    // Browsers play no other format of the chroma samples. B-frames would shift all times by two
    // frames, as the header is written before ffmpeg knows the shift.
    ...["-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p", "-bf", "0", ...threads],
    // A key frame for each fragment and no others, so that a fragment has as many frames as we say.
    ...["-g", `${FRAGMENT_FRAMES}`, "-sc_threshold", "0"],
    // The recorded times, in milliseconds: by default frames are repeated or left out until their
    // intervals are even. ffmpeg 9 has removed the old name of the option.
    ...[version < 5.1 ? "-vsync" : "-fps_mode", "passthrough", "-enc_time_base:v", "1:1000"],
    // Without it the file would require a decoder for 1000 frames per second (level 6).
    ...["-x264-params", `fps=${Math.max(1, Math.round(frames * 1_000_000 / duration))}/1000`],
    ...(sound ? soundArguments(sound) : []),
    ...["-movflags", "+frag_keyframe+empty_moov+default_base_moof", "-f", "mp4", "pipe:1"],
  ];
}

/**
 * The sound begins {@link AAC_DELAY} samples after the frames: the encoder's delay takes this time,
 * and so neither track begins before 0, from where ffmpeg would shift both.
 */
function soundArguments(sound: SoundTrack): string[] {
  const rate = aacRate(sound);
  const filters = [
    // Follows the clock of the frames, from which that of a microphone differs.
    `aresample=${rate}:async=${rate / 200}:min_hard_comp=0.1`,
    `asetpts=(N+${AAC_DELAY})/SR/TB`,
  ];
  const codec = ["-c:a", "aac", "-b:a", "64k", "-frag_duration", `${MAX_FRAGMENT * 1_000_000}`];
  return ["-map", "0:a:0", "-af", filters.join(), ...codec];
}

function withContinuousSound(
  input: AsyncIterable<Bytes>,
  sound: SoundTrack,
  { duration }: { duration: number },
): AsyncGenerator<Bytes> {
  const from = AAC_DELAY * 1000 / aacRate(sound);
  return continuousSound(input, { sound, from, to: duration });
}

/** Returns the rate in which the sound is encoded. */
function aacRate({ rate }: SoundTrack): number {
  return AAC_RATES.find((known) => known >= rate) ?? AAC_RATES.at(-1)!;
}

/** Lowers the priority of a process that has just been started, if the server may do so. */
async function lowerPriority(pid: number): Promise<void> {
  if (Deno.permissions.querySync({ name: "sys", kind: "setPriority" }).state !== "granted") return;
  try {
    const { setPriority } = await import("node:os");
    setPriority(pid, NICENESS);
  } catch {
    // It has exited already.
  }
}

function asNoEncoder(error: unknown): NoEncoderError | undefined {
  if (!(error instanceof CameraError && error.permanent)) return undefined;
  const advice = "clip.mkv needs no ffmpeg";
  const { cause } = error;
  return new NoEncoderError(
    cause === undefined
      ? `Cannot make an MP4 as ffmpeg is not installed: sudo apt install ffmpeg; ${advice}`
      : cause instanceof Deno.errors.NotCapable
      ? "Cannot make an MP4 as the server was started without ffmpeg: install it with " +
        `"sudo apt install ffmpeg", and restart the server; ${advice}`
      : `Cannot make an MP4: ${error.message}; ${advice}`,
    { cause: error },
  );
}
