/**
 * Records numbered frames until it is killed: `recorder_child.ts FOLDER FPS BYTES [sound]`. The
 * recorder gets no frame while 20 of them are not acknowledged. With `sound`, it records a
 * microphone, too: packet N has the number N in each sample.
 *
 * Prints "offered N" before it hands over frame N, from 0, and "kept N" when N frames are in the
 * index of their segments: these are acknowledged.
 */
import { writeSync } from "node:fs";
import { systemClock as clock } from "../../lib/clock.ts";
import { createLog } from "../../lib/log.ts";
import { FileSystemDisk } from "../../lib/recording/file_system.ts";
import { Recorder } from "../../lib/recording/recorder.ts";
import type { Subscriber } from "../../lib/hub/subscriber.ts";
import type { OpenSegment } from "../../lib/recording/segment.ts";
import { PACKET_DURATION, type SoundPacket } from "../../lib/sound_packet.ts";
import { numberedJpeg } from "./numbered_jpeg.ts";

/** Maximum number of frames that are not acknowledged. */
const AHEAD = 20;
/** Small, so that a process is also killed while it changes to the next segment. */
const SEGMENT_FRAMES = 25;

/** Samples per second. */
const SOUND_RATE = 24_000;

const [root = "", fps = "30", bytes = "60000", withSound] = Deno.args;
const segments: OpenSegment[] = [];
const library = {
  add: (segment: OpenSegment) => void segments.push(segment),
  replace: () => Promise.resolve(),
  remove: () => Promise.resolve(),
  segments: () => Promise.resolve([]),
  nextNumber: () => segments.length + 1,
};
const storage = {
  reserve: () => undefined,
  release: () => {},
  maxSegment: SEGMENT_FRAMES * (Number(bytes) + 1_000),
};
const camera = { name: "front", join: () => {}, leave: () => {}, retryNow: () => {} };
const log = createLog({ clock, write: (line) => print(`log ${line}`), json: false });
const disk = new FileSystemDisk();
let microphone: Subscriber<SoundPacket> | undefined;
const sound = {
  rate: SOUND_RATE,
  join: (subscriber: Subscriber<SoundPacket>) => void (microphone = subscriber),
  leave: () => {},
  retryNow: () => {},
};
const recorder = new Recorder({
  ...{ camera, root, disk, library, storage, clock, log },
  sound: withSound ? sound : undefined,
});
recorder.start();

let [offered, kept, heard] = [0, 0, 0];
for (const begun = clock.monotonic();;) {
  const due = begun + offered * 1_000 / Number(fps) - clock.monotonic();
  await new Promise((resolve) => due > 1 ? setTimeout(resolve, 1) : setImmediate(resolve));
  report();
  hear(begun);
  if (due > 0 || offered - kept > AHEAD) continue;
  const jpeg = numberedJpeg(offered, { bytes: Number(bytes) });
  print(`offered ${offered}`);
  const now = clock.now();
  recorder.offer({ jpeg, capturedAt: now, monotonic: clock.monotonic(), sequence: ++offered });
}

/** Offers the packets that have been heard since the start. */
function hear(begun: number): void {
  for (; clock.monotonic() - begun >= (heard + 1) * PACKET_DURATION; heard++) {
    const samples = new Int16Array(SOUND_RATE * PACKET_DURATION / 1000).fill(heard);
    microphone?.offer({
      samples: new Uint8Array(samples.buffer),
      heardAt: clock.now() - clock.monotonic() + begun + heard * PACKET_DURATION,
      sequence: heard + 1,
    });
  }
}

function report(): void {
  const now = segments.reduce((sum, { frames }) => sum + frames, 0);
  if (now === kept) return;
  kept = now;
  print(`kept ${kept}`);
}

/** Writes at once: what is printed later may be lost. */
function print(line: string): void {
  writeSync(1, `${line}\n`);
}
