/** The long checks of recording: `deno task test:recording`. They print figures. */
import { figure, rounded } from "../faults/figures.ts";
import { needing, PYTHON } from "../parts.ts";
import { Random } from "../random.ts";
import { checkCuts, checkCutsWithFfmpeg } from "./cuts.ts";
import {
  checkHangingDisk,
  checkMissingDisk,
  checkReadOnlyDisk,
  checkRemovedFolder,
} from "./disk_faults.ts";
import { mounting } from "./disks.ts";
import { checkEndurance } from "./endurance.ts";
import { killRecorders, MAX_PACED } from "./kills.ts";
import { checkHours } from "./day_run.ts";
import { checkMarks } from "./marks.ts";
import { checkMoments, checkTimelines } from "./moments.ts";
import { PLAYERS } from "./players.ts";
import { checkSeeks, checkSpeed, withRecordings } from "./replay.ts";
import { checkSizeLimit } from "./size_limit.ts";

for (
  const [kind, fps, bytes, sound] of [
    ["a paced recorder", 30, 60_000, false],
    ["a paced recorder with sound", 30, 60_000, true],
    ["a busy recorder", 900, 100_000, false],
  ] as const
) {
  const name = `${kind} that is killed 100 times loses no acknowledged frame`;
  Deno.test(name, needing("ffprobe"), async () => {
    const result = await killRecorders({ count: 100, fps, bytes, sound, random: new Random(fps) });
    const { kept, acknowledged, missing, lost, torn, open, repair } = result;
    figure(`100 kills of ${kind}, frames kept`, kept);
    figure("frames acknowledged", acknowledged);
    figure("acknowledged frames lost", missing, "0");
    if (sound) figure("packets of sound kept", result.packets);
    figure("most frames lost of those that waited", lost, fps <= MAX_PACED ? "2" : "");
    figure("segments that were open, and that had a part of a frame", `${open} and ${torn}`);
    figure("repair of a segment, 99th percentile", `${rounded(repair)} ms`, "1000 ms");
  });
}

Deno.test(
  "ffmpeg copies the whole frames after every cut in the last two",
  needing("ffmpeg"),
  async () => {
    figure(
      "cuts read by ffmpeg, each with all whole frames and no other",
      await checkCutsWithFfmpeg(1),
    );
  },
);

for (const player of PLAYERS.filter(({ name }) => ["VLC", "GStreamer", "mpv"].includes(name))) {
  const { name, programs } = player;
  Deno.test(`${name} plays a segment after each hundredth cut`, needing(...programs), async () => {
    figure(`cuts played by ${name}`, await checkCuts(player, 100));
  });
}

Deno.test("recording pauses on a disk that becomes read-only", mounting(PYTHON), checkReadOnlyDisk);
Deno.test("recording pauses while its disk is away", mounting(PYTHON), checkMissingDisk);
Deno.test("recording pauses when its folder is removed", mounting(PYTHON), checkRemovedFolder);

Deno.test(
  "a disk that hangs for 5 s costs no frame",
  mounting(PYTHON, "fsfreeze", "mkfs.ext4"),
  () => checkHangingDisk(60_000, false),
);

Deno.test(
  "a disk that hangs for 5 s while 60 MB arrive costs frames, which are counted",
  mounting(PYTHON, "fsfreeze", "mkfs.ext4"),
  () => checkHangingDisk(400_000, true),
);

Deno.test(
  "the recordings are never larger than RECORD_MAX, for 30 s",
  needing(PYTHON),
  () => checkSizeLimit(30),
);

Deno.test(
  "any moment of a day at 30 fps is found at once",
  needing("dd"),
  () => checkMoments(1800),
);

Deno.test(
  "any moment of an hour of 61 KB frames is found at once",
  needing("dd"),
  () => checkMoments(300, { bytes: 61_000, segments: 60 }),
);

Deno.test(
  "the timelines of a month of four cameras, a segment a minute, are listed at once",
  needing("dd"),
  () => checkTimelines(30, 1440),
);

Deno.test("nothing grows in 24 hours", () => checkHours(24));

Deno.test(
  "recordings are played in time over a slow link, at any speed",
  needing(PYTHON),
  () =>
    withRecordings(async (server) => {
      for (const speed of [-60, -8, -1, 0.25, 1, 8, 60]) {
        await checkSpeed(server, speed, Math.abs(speed) === 60 ? 2_500 : 10_000);
      }
      await checkSeeks(server, 1_000, 10);
    }),
);

Deno.test(
  "a recorder that is killed while it sets 3000 marks loses none",
  needing(PYTHON, "ffmpeg", "ffprobe"),
  () => checkMarks(3_000, [0.5, 1]),
);

Deno.test(
  "no frame is missing after 10 minutes with 50 viewers",
  needing(PYTHON),
  () => checkEndurance(600, 50),
);
