/**
 * The long checks of sound: `deno task test:sound`. They print figures.
 *
 * Durations in minutes are set by environment variables: `SOUND_MINUTES` for Chromium (10),
 * `FIREFOX_MINUTES` (10), `WEBKIT_MINUTES` (1), `RELAY_MINUTES` (1). `0` leaves a run out. With
 * `LISTENER_PAIRS` (8) pairs of rounds of `LISTENER_SECONDS` (5) each, 50 viewers are measured.
 */
import {
  CHROMIUM,
  FIREFOX,
  openChromium,
  openFirefox,
  openWebKit,
  WEBKIT,
} from "../clients/browsers.ts";
import { leftOut, needing } from "../parts.ts";
import { PULSE_AUDIO } from "../pulse_audio.ts";
import { checkCaptureFault, checkLife } from "./captures.ts";
import { checkEndurance, checkHiddenTab, checkRelay } from "./endurance.ts";
import { checkClips, checkLiveMatroska } from "./files.ts";
import { checkStalledListeners, checkWavListeners } from "./listeners.ts";
import { checkListeningViewers, checkViewersBesideListeners, LOAD } from "./viewers.ts";

const PROGRAMS = [...PULSE_AUDIO, "ffmpeg"];

function minutes(name: string, fallback: number): number {
  return Number(Deno.env.get(name) || fallback);
}

/** Options of a test that runs for some minutes in a browser. */
function lasting(duration: number, programs: readonly string[]) {
  return duration === 0 ? leftOut("more than 0 minutes") : needing(...PROGRAMS, ...programs);
}

const chromium = minutes("SOUND_MINUTES", 10);
Deno.test(
  `Chromium plays sound with its picture for ${chromium} minutes`,
  lasting(chromium, CHROMIUM),
  () => checkEndurance((options) => openChromium([], options), { minutes: chromium }),
);

const firefox = minutes("FIREFOX_MINUTES", 10);
Deno.test(
  `Firefox plays sound with its picture for ${firefox} minutes`,
  lasting(firefox, FIREFOX),
  () => checkEndurance(openFirefox, { minutes: firefox }),
);

const webkit = minutes("WEBKIT_MINUTES", 1);
Deno.test(
  `WebKitGTK plays sound with its picture for ${webkit} minutes`,
  lasting(webkit, WEBKIT),
  () => checkEndurance(openWebKit, { minutes: webkit, limited: false }),
);

const relay = minutes("RELAY_MINUTES", 1);
Deno.test(
  `the page of a relay plays sound with its picture for ${relay} minutes`,
  lasting(relay, CHROMIUM),
  () => checkRelay((options) => openChromium([], options), relay),
);

Deno.test(
  "sound goes on while the tab is hidden",
  needing(...PROGRAMS, ...CHROMIUM),
  () => checkHiddenTab(20),
);

Deno.test(
  "watching opens no microphone, listeners share one",
  needing(...PROGRAMS, ...CHROMIUM),
  checkLife,
);

Deno.test(
  "a capture of sound that is killed is replaced within 1 s, and no picture is lost",
  needing(...PROGRAMS),
  () => checkCaptureFault("SIGKILL", 1_000),
);

Deno.test(
  "a capture of sound that hangs is replaced within 5 s, and no picture is lost",
  needing(...PROGRAMS),
  () => checkCaptureFault("SIGSTOP", 5_000),
);

Deno.test(
  "50 listeners cost little, and do not delay 50 viewers of /video_feed",
  needing(...PROGRAMS, ...LOAD),
  checkViewersBesideListeners,
);

Deno.test(
  "50 viewers of /live who listen get their frames as soon as without sound",
  needing(...PROGRAMS, ...LOAD),
  checkListeningViewers,
);

Deno.test("50 clients of /audio.wav cost little", needing(...PROGRAMS), checkWavListeners);

Deno.test("stalled listeners cost no memory", needing(...PROGRAMS), checkStalledListeners);

Deno.test(
  "ffmpeg reads /av.mkv, in which flashes and beeps coincide",
  needing(...PROGRAMS, "ffprobe"),
  () => checkLiveMatroska(30),
);

Deno.test(
  "flashes and beeps coincide in clips and replays of a recording with sound",
  needing(...PROGRAMS, "ffprobe"),
  () => checkClips(20),
);
