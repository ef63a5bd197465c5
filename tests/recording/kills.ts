import {
  assert,
  assertEquals,
  assertGreater,
  assertGreaterOrEqual,
  assertLess,
  assertLessOrEqual,
} from "@std/assert";
import { FileSystemDisk } from "../../lib/recording/file_system.ts";
import { repair } from "../../lib/recording/repair.ts";
import { PACKET_DURATION } from "../../lib/sound_packet.ts";
import { run, withFolder } from "../clients/client.ts";
import { percentile } from "../faults/figures.ts";
import { pause } from "../faults/viewer.ts";
import type { Random } from "../random.ts";
import { numberedJpeg, numberOf } from "./numbered_jpeg.ts";
import { segmentFiles } from "./recording_server.ts";
import { decodeMatroska } from "./segment_file.ts";

const CHILD = new URL("recorder_child.ts", import.meta.url).pathname;

/** With more frames per second, several of them wait for the disk at any moment. */
export const MAX_PACED = 60;

/** How a recorder is killed. */
export interface KillOptions {
  /** Number of recorders. */
  readonly count: number;
  /** Frames per second. */
  readonly fps: number;
  readonly bytes: number;
  /** Whether sound is recorded, too. */
  readonly sound?: boolean;
  readonly random: Random;
}

/** What is left of recorders that were killed. */
export interface KillResult {
  kept: number;
  /** Frames that the recorders acknowledged. */
  acknowledged: number;
  /** Those of them that are missing. */
  missing: number;
  /** Frames that the recorder got and did not acknowledge, and that are lost; the most of a kill. */
  lost: number;
  /** Kills that have left a part of a frame at the end of a file. */
  torn: number;
  /** Kills that have left a segment that was not closed. */
  open: number;
  /** Packets of sound that were kept. */
  packets: number;
  /** 99th percentile of the time to repair a segment, in milliseconds. */
  repair: number;
}

/**
 * Kills recorders at random moments, and asserts that each frame that they acknowledged is in their
 * files unchanged, before and after the repair.
 */
export async function killRecorders(options: KillOptions): Promise<KillResult> {
  const result: KillResult = {
    kept: 0,
    acknowledged: 0,
    missing: 0,
    lost: 0,
    torn: 0,
    open: 0,
    packets: 0,
    repair: 0,
  };
  const repairs: number[] = [];
  for (let i = 0; i < options.count; i++) {
    await withFolder(async (folder) => {
      await Deno.writeTextFile(`${folder}/.dinocam`, "");
      const { offered, acknowledged } = await killOne(folder, options);
      const files = await segmentFiles(`${folder}/front`);
      const before = await readNumbers(files, options.bytes);
      assertGreaterOrEqual(acknowledged, 1);
      result.acknowledged += acknowledged;
      result.missing += Math.max(0, acknowledged - before.numbers.length);
      repairs.push(...await repairAll(files));
      const kept = await segmentFiles(`${folder}/front`);
      const after = await readNumbers(kept, options.bytes);
      assertEquals(after.numbers, before.numbers, "the repair has changed the frames");
      assertEquals(after.packets, before.packets, "the repair has changed the sound");
      assertEquals([after.torn, after.open], [0, 0], "files are not complete after the repair");
      assertEquals(
        await countWithFfprobe(kept),
        after.numbers.length,
        "ffprobe counts differently",
      );
      result.packets += after.packets.length;
      result.kept += after.numbers.length;
      result.lost = Math.max(result.lost, offered - after.numbers.length);
      result.torn += before.torn;
      result.open += before.open;
    });
  }
  result.repair = percentile(repairs, 0.99);
  assertLess(Math.max(0, ...repairs), 1_000);
  assertEquals(result.missing, 0, "acknowledged frames are lost");
  // A busy recorder always has frames waiting: as many as its source hands over.
  // Where a segment ends, frames wait for the last sound: for three packets.
  const waiting = options.sound ? 3 * PACKET_DURATION * options.fps / 1000 : 0;
  if (options.fps <= MAX_PACED) assertLessOrEqual(result.lost, 2 + waiting);
  if (options.sound) assertGreater(result.packets, 0);
  return result;
}

/** Starts a recorder and kills it after it has acknowledged frames. */
async function killOne(folder: string, { fps, bytes, sound, random }: KillOptions) {
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "-q", "--allow-all", "--no-check", CHILD, folder, `${fps}`, `${bytes}`],
      ...sound ? ["sound"] : [],
    ],
    stdin: "null",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  let text = "";
  let killing: Promise<void> | undefined;
  for await (const more of child.stdout.pipeThrough(new TextDecoderStream())) {
    text += more;
    if (text.includes("kept ")) {
      killing ??= pause(random.integer(0, 600)).then(() => child.kill("SIGKILL"));
    }
  }
  await killing;
  await child.status;
  assertEquals(/^log .*$/m.exec(text.replace(/^log .*recording started.*$/m, ""))?.[0], undefined);
  const lines = text.slice(0, text.lastIndexOf("\n")).split("\n");
  const last = (word: string) =>
    Number(lines.findLast((line) => line.startsWith(word))?.slice(word.length) ?? NaN);
  return { offered: last("offered ") + 1, acknowledged: last("kept ") };
}

/**
 * Reads the numbers of the frames and of the packets of sound, and asserts that each one is unchanged
 * and in its place.
 */
async function readNumbers(files: readonly string[], bytes: number) {
  const numbers: number[] = [];
  const packets: number[] = [];
  let [torn, open] = [0, 0];
  for (const file of files) {
    const content = await Deno.readFile(file);
    if (content.length < 52) continue; // killed while the head was written
    const segment = decodeMatroska(content);
    for (const { jpeg } of segment.frames) {
      const number = numberOf(jpeg)!;
      assertEquals(number, numbers.length);
      assert(areEqual(jpeg, numberedJpeg(number, { bytes })), `frame ${number} is changed`);
      numbers.push(number);
    }
    for (const { samples } of segment.sound) packets.push(...readPackets(samples));
    for (const [i, { time }] of segment.frames.entries()) {
      assert(i === 0 || time > segment.frames[i - 1]!.time, `${file}: times do not rise`);
    }
    if (segment.torn > 0) torn++;
    if (segment.declared === undefined) open++;
    else {
      const cues = segment.cues.map(({ at }) => at).sort((a, b) => a - b);
      assertEquals(cues, segment.offsets, `${file}: wrong index`);
    }
  }
  for (const [i, packet] of packets.entries()) assertEquals(packet, packets[0]! + i);
  return { numbers, packets, torn, open };
}

/** Returns the numbers of packets, and asserts that each one is whole. */
function readPackets(samples: Uint8Array): number[] {
  const values = new Int16Array(samples.slice().buffer);
  const length = 24 * PACKET_DURATION;
  assertEquals(values.length % length, 0);
  return Array.from({ length: values.length / length }, (_, i) => {
    const packet = values.subarray(i * length, (i + 1) * length);
    assert(packet.every((value) => value === packet[0]));
    return packet[0]!;
  });
}

/** Repairs the segments. @returns How long each one took that was not closed, in milliseconds. */
async function repairAll(files: readonly string[]): Promise<number[]> {
  const disk = new FileSystemDisk();
  const times: number[] = [];
  for (const file of files) {
    const begun = performance.now();
    const repaired = await repair(disk, file);
    if (repaired?.cut !== undefined) times.push(performance.now() - begun);
  }
  return times;
}

async function countWithFfprobe(files: readonly string[]): Promise<number> {
  let count = 0;
  for (const file of files) {
    const { stdout, stderr } = await run("ffprobe", [
      ...[
        "-v",
        "warning",
        "-select_streams",
        "v",
        "-count_packets",
        "-show_entries",
        "stream=nb_read_packets",
      ],
      ...["-of", "csv=p=0", file],
    ]);
    assertEquals(stderr, "");
    count += Number(stdout);
  }
  return count;
}

function areEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
