import { assertEquals, assertLessOrEqual } from "@std/assert";
import type { Bytes } from "../../lib/bytes.ts";
import { leftOut, needing } from "../parts.ts";
import { Server } from "../server.ts";
import { standIn } from "../stand_in.ts";
import { numberOf } from "./numbered_jpeg.ts";
import { decodeMatroska } from "./segment_file.ts";

/**
 * Starts a server that records the stand-in camera "front". Each frame has its number in a comment.
 *
 * @param folder `RECORD_DIR`.
 */
export function startRecording(
  folder: string,
  env: Record<string, string> = {},
): Promise<Server> {
  return Server.start({
    env: standIn({ RECORD_DIR: folder, FAKE_CAMERA_COMMENT: "1", FPS: "30", ...env }),
  });
}

/** Returns options of a test that needs programs, and reads what Linux says of processes. */
export function needingLinux(...programs: string[]): { ignore: boolean } {
  return Deno.build.os === "linux" ? needing(...programs) : leftOut("Linux");
}

/** The field `recording` of a camera in `GET /cameras`. */
export interface RecordingState {
  readonly state: "recording" | "waiting" | "paused" | "off";
  readonly reason?: string;
  readonly since: number;
  readonly frames: number;
  readonly dropped: number;
  readonly sound?: { readonly dropped: number };
  readonly bytesPerSecond: number;
  readonly oldest: number | null;
  readonly newest: number | null;
  readonly bytes: number;
  readonly holdsSeconds?: number;
}

/** Returns what the server says of a camera's recording. */
export async function recordingOf(server: Server, name = "front"): Promise<RecordingState> {
  const cameras = await (await fetch(`${server.url}/cameras`)).json();
  return cameras.find((camera: { name: string }) => camera.name === name).recording;
}

/** A recorded frame. */
export interface RecordedFrame {
  /** Time in milliseconds since the Unix epoch, from the name of the file and the cluster. */
  readonly at: number;
  /** Number that the camera gave it. */
  readonly number: number;
  readonly jpeg: Bytes;
  readonly file: string;
}

/** Frames of a camera on the disk. */
export interface RecordedFiles {
  /** By the number of their segment's file, then by time. */
  readonly frames: readonly RecordedFrame[];
  /** Paths of the segments, by name. */
  readonly files: readonly string[];
  /** Those that are not closed. */
  readonly open: readonly string[];
}

/** Returns the paths of a camera's segments, by name. */
export async function segmentFiles(folder: string): Promise<string[]> {
  const files: string[] = [];
  for (const { name: day } of await list(folder)) {
    for (const { name } of await list(`${folder}/${day}`)) {
      if (name.endsWith(".mkv")) files.push(`${folder}/${day}/${name}`);
    }
  }
  return files.sort();
}

/** Reads all frames of a camera from its files. */
export async function readRecording(root: string, camera = "front"): Promise<RecordedFiles> {
  const frames: RecordedFrame[] = [];
  const open: string[] = [];
  const files = await segmentFiles(`${root}/${camera}`);
  for (const file of files) {
    const segment = decodeMatroska(await Deno.readFile(file));
    const start = startOf(file);
    frames.push(...segment.frames.map(({ time, jpeg }) => ({
      at: start + time,
      number: numberOf(jpeg) ?? NaN,
      jpeg,
      file,
    })));
    if (segment.declared === undefined) open.push(file);
  }
  return { frames, files, open };
}

/**
 * Asserts that frames have rising numbers and times.
 *
 * @param lost Number of frames that the camera did not deliver, as it had to wait.
 */
export function assertGapless(frames: readonly RecordedFrame[], lost = 0): void {
  const wrong: string[] = [];
  let missing = 0;
  for (const [i, { number, at }] of frames.entries()) {
    const before = frames[i - 1];
    if (!before) continue;
    const skipped = number - before.number - 1;
    missing += skipped;
    if (skipped < 0 || skipped > lost || at <= before.at) {
      wrong.push(`${before.number} at ${before.at}, then ${number} at ${at}`);
    }
  }
  assertEquals(wrong, []);
  assertLessOrEqual(missing, lost);
}

/**
 * Returns how many frames the stand-in camera did not deliver, as the server read too slowly. A
 * busy machine can be the reason.
 *
 * @param journal `FAKE_CAMERA_LOG` of a server that has stopped.
 */
export async function lostByCamera(journal: string): Promise<number> {
  const lines = (await Deno.readTextFile(journal)).trim().split("\n");
  const exits = lines.map((line) => JSON.parse(line)).filter(({ event }) => event === "exit");
  return exits.reduce((sum, { dropped }) => sum + dropped, 0);
}

/** Returns the time in a segment's path: `…/2026-11-27/05-43-33.123Z.mkv`. */
export function startOf(file: string): number {
  const [, day, h, m, s] = /([\d-]{10})\/(\d\d)-(\d\d)-([\d.]{6})Z(?:-\d+)?\.mkv$/.exec(file)!;
  return Date.parse(`${day}T${h}:${m}:${s}Z`);
}

async function list(folder: string): Promise<Deno.DirEntry[]> {
  try {
    return (await Array.fromAsync(Deno.readDir(folder))).filter(({ isFile, name }) =>
      !isFile || name.endsWith(".mkv")
    );
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}
