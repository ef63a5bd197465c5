import type { Jpeg } from "../../lib/frame.ts";
import { sizeOf } from "../../lib/jpeg/segments.ts";
import { encodeHead } from "../../lib/matroska/mod.ts";
import { numberedJpeg } from "./numbered_jpeg.ts";
import { encodeSegment } from "./segment_file.ts";

export const MINUTE = 60_000;
export const DAY = 86_400_000;
/** A day in the past, for archives. */
export const SOME_DAY = Date.UTC(2026, 9, 5);
/** The start of a day that a server accepts as past, whatever the machine's clock says. */
export const YESTERDAY = (Math.floor(Date.now() / DAY) - 1) * DAY;

/** Options of {@link writeDay}. */
export interface DayOptions {
  readonly camera: string;
  /** Start of the day, in milliseconds since the Unix epoch. */
  readonly start: number;
  /** Number of segments of a minute, from midnight. @default {1440} */
  readonly segments?: number;
  /** Frames of a segment: frame `i` has the number `i`. */
  readonly frames: number;
  /** Minimum size of a frame, in bytes. */
  readonly bytes?: number;
  /** Number of the first segment. @default {1} */
  readonly number?: number;
  /** Images to repeat, instead of numbered ones. */
  readonly images?: readonly Jpeg[];
}

/** Writes a day of recordings. @returns The paths of its segments. */
export async function writeDay(root: string, options: DayOptions): Promise<string[]> {
  const { camera, start, segments = 1440, frames, bytes, number = 1, images } = options;
  const folder = `${root}/${camera}/${dayName(start)}`;
  await Deno.mkdir(folder, { recursive: true });
  const imageOf = (i: number) => images?.[i % images.length] ?? numberedJpeg(i, { bytes });
  const times = Array.from({ length: frames }, (_, i) => timeOf(i, frames));
  const size = sizeOf(imageOf(0))!;
  const file = encodeSegment(times.map((time, i) => ({ time, jpeg: imageOf(i) })));
  const last = times.at(-1)!;
  const duration = last + last / Math.max(1, frames - 1);
  const cuesAt = file.length - 8 - 22 * frames;
  const files: string[] = [];
  const lines: string[] = [];
  for (let i = 0; i < segments; i++) {
    const date = start + i * MINUTE;
    const writtenBy = `dinocam ${number + i}`;
    file.set(encodeHead({ date, size, writtenBy, duration, fileSize: file.length, cuesAt }));
    const name = segmentName(date);
    Deno.writeFileSync(`${folder}/${name}`, file);
    files.push(`${folder}/${name}`);
    lines.push(
      indexLine({ name, number: number + i, start: date, last, frames, bytes: file.length }),
    );
  }
  await Deno.writeTextFile(`${folder}/index.tsv`, lines.join(""));
  return files;
}

/**
 * Writes a day that has an index, but empty files: enough for a timeline.
 *
 * @param segments Number of segments of a minute.
 */
export async function writeIndexOnly(
  root: string,
  { camera, start, segments }: { camera: string; start: number; segments: number },
): Promise<void> {
  const folder = `${root}/${camera}/${dayName(start)}`;
  await Deno.mkdir(folder, { recursive: true });
  const first = Math.round((start - SOME_DAY) / MINUTE) + 1_000_000;
  let lines = "";
  for (let i = 0; i < segments; i++) {
    const date = start + i * MINUTE;
    const name = segmentName(date);
    Deno.writeFileSync(`${folder}/${name}`, new Uint8Array(0));
    const values = { number: first + i, start: date, last: 59_967, frames: 1800 };
    lines += indexLine({ name, ...values, bytes: 111_000_000 });
  }
  await Deno.writeTextFile(`${folder}/index.tsv`, lines);
}

/** Returns the time of a frame in a segment of {@link writeDay}, in milliseconds. */
export function timeOf(frame: number, frames: number): number {
  return Math.floor(frame * MINUTE / frames);
}

/** Removes a file from the kernel's page cache, so that the next access reads the disk. */
export async function evict(file: string): Promise<void> {
  const args = [`if=${file}`, "iflag=nocache", "count=0", "status=none"];
  const { success } = await new Deno.Command("dd", { args }).output();
  if (!success) throw new Error(`Cannot remove ${file} from the page cache`);
}

interface IndexValues {
  readonly name: string;
  readonly number: number;
  readonly start: number;
  readonly last: number;
  readonly frames: number;
  readonly bytes: number;
}

function indexLine({ name, number, start, last, frames, bytes }: IndexValues): string {
  const activity = "0".repeat(Math.floor(last / 1000) + 1);
  return `${[name, number, start, start + last, frames, bytes, "", activity].join("\t")}\n`;
}

function dayName(time: number): string {
  return new Date(time).toISOString().slice(0, 10);
}

function segmentName(time: number): string {
  return `${new Date(time).toISOString().slice(11, 23).replaceAll(":", "-")}Z.mkv`;
}
