import { assert, assertEquals, assertLess, assertMatch, assertRejects } from "@std/assert";
import { systemClock as clock } from "../../../lib/clock.ts";
import { CameraError } from "../../../lib/errors.ts";
import { readSettings } from "../../../lib/setting.ts";
import { openSounds, type Sounds } from "../../../lib/sound/mod.ts";
import { SOUND_SETTINGS } from "../../../lib/sound/settings.ts";
import type { SoundPacket } from "../../../lib/sound_packet.ts";
import { needing } from "../../parts.ts";
import { leavingNoProcess } from "../../processes.ts";
import { PULSE_AUDIO, PulseAudio } from "../../pulse_audio.ts";
import { BeepPlayer } from "../../sound/beep_processes.ts";

const RATE = 24_000;
const IDLE = 500;

class Listener {
  readonly role = "viewer";
  readonly packets: SoundPacket[] = [];
  /** Monotonic time of the last packet's arrival. */
  at = 0;

  offer(packet: SoundPacket): void {
    this.packets.push(packet);
    this.at = clock.monotonic();
  }

  end(): void {}
}

function camera(name: string) {
  return { name, captureDelay: 0, latest: undefined, join() {}, leave() {} };
}

/** Opens the sound of cameras `front` and `back` with a private PulseAudio server. */
async function setUp(audio: (server: PulseAudio) => string) {
  const server = await PulseAudio.start();
  // A null sink without a player wakes up every two seconds only.
  const player = new BeepPlayer(server);
  const names = Object.keys(server.env);
  const before = names.map((name) => Deno.env.get(name));
  for (const name of names) Deno.env.set(name, server.env[name]!);
  const lines: string[] = [];
  const line = (event: string) => void lines.push(event);
  const settings = readSettings(SOUND_SETTINGS, { AUDIO: audio(server) });
  const sounds = openSounds({
    cameras: ["front", "back"].map((name) => ({
      camera: camera(name),
      settings,
      idleTimeout: IDLE,
    })),
    clock,
    log: { info: line, warn: line, error: line },
  });
  return {
    sounds,
    lines,
    async [Symbol.asyncDispose]() {
      await sounds[Symbol.asyncDispose]();
      await player[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
      for (const [i, name] of names.entries()) {
        if (before[i] === undefined) Deno.env.delete(name);
        else Deno.env.set(name, before[i]);
      }
    },
  };
}

/** Returns the process ids of the captures that this process runs. */
async function captures(): Promise<number[]> {
  const found: number[] = [];
  for await (const { name: pid } of Deno.readDir("/proc")) {
    if (!/^\d+$/.test(pid)) continue;
    try {
      const [state, parent] = (await Deno.readTextFile(`/proc/${pid}/stat`)).split(") ")[1]!
        .split(" ");
      const command = await Deno.readTextFile(`/proc/${pid}/cmdline`);
      const isCapture = state !== "Z" && parent === `${Deno.pid}` && /\bffmpeg\0/.test(command);
      if (isCapture) found.push(Number(pid));
    } catch {
      continue; // it has exited
    }
  }
  return found;
}

async function eventually(what: string, isTrue: () => boolean | Promise<boolean>, within = 5_000) {
  for (const begun = clock.monotonic(); !await isTrue();) {
    if (clock.monotonic() - begun > within) throw new Error(`Not in time: ${what}`);
    await clock.sleep(20);
  }
}

function listen(sounds: Sounds, name: string): Listener {
  const listener = new Listener();
  sounds.of(name)!.join(listener);
  return listener;
}

Deno.test(
  "ten listeners of two cameras are served by one capture, which ends after IDLE_SECONDS",
  needing("ffmpeg", ...PULSE_AUDIO),
  async () => {
    await leavingNoProcess(async () => {
      await using studio = await setUp(({ source }) => `pulse:${source}`);
      const { sounds, lines } = studio;
      assertEquals(await captures(), []);
      const listeners = Array.from({ length: 10 }, (_, i) => {
        const name = i % 2 ? "front" : "back";
        return { name, listener: listen(sounds, name) };
      });
      await sounds.of("front")!.ready();
      assertEquals((await captures()).length, 1);
      await eventually(
        "all hear",
        () => listeners.every(({ listener }) => listener.packets.length > 50),
      );
      const [{ listener }] = listeners as [typeof listeners[number]];
      const { packets } = listener;
      // 20 ms packets with stamps that follow each other, and that are fresh.
      for (const [i, packet] of packets.entries()) {
        assertEquals(packet.samples.length, RATE / 50 * 2);
        if (i > 0) assertLess(Math.abs(packet.heardAt - packets[i - 1]!.heardAt - 20), 10);
      }
      assertLess(Math.abs(clock.now() - packets.at(-1)!.heardAt), 1_000);
      for (const { name, listener } of listeners) sounds.of(name)!.leave(listener);
      const begun = clock.monotonic();
      await eventually("the capture ends", async () => (await captures()).length === 0);
      const took = clock.monotonic() - begun;
      assert(took > IDLE - 100 && took < IDLE + 2_000, `${took} ms`);
      await eventually("the end is logged", () => lines.length > 1);
      assertEquals(lines, ["microphone started", "microphone stopped"]);
    });
  },
);

Deno.test(
  "a capture that is killed is replaced within a second, and one that hangs within five",
  needing("ffmpeg", ...PULSE_AUDIO),
  async () => {
    await leavingNoProcess(async () => {
      await using studio = await setUp(({ source }) => `pulse:${source}`);
      const { sounds } = studio;
      const listener = listen(sounds, "front");
      await sounds.of("front")!.ready();
      for (const [signal, limit] of [["SIGKILL", 1_000], ["SIGSTOP", 5_000]] as const) {
        await clock.sleep(1_500);
        const [pid] = await captures();
        Deno.kill(pid!, signal);
        await clock.sleep(100); // what is in the pipe arrives
        const [heard, begun] = [listener.packets.length, listener.at];
        await eventually("sound again", () => listener.packets.length > heard, 10_000);
        const silence = listener.at - begun;
        console.log(`  ${signal}: silent for ${Math.round(silence)} ms`);
        assertLess(silence, limit);
        const again = await captures();
        assertEquals([again.length, again.includes(pid!)], [1, false]);
      }
      assertEquals(sounds.status("front")!.failures, 2);
    });
  },
);

Deno.test("ALSA's default device is captured, too", needing("ffmpeg", ...PULSE_AUDIO), async () => {
  await leavingNoProcess(async () => {
    await using studio = await setUp(() => "alsa:default");
    const listener = listen(studio.sounds, "front");
    await studio.sounds.of("front")!.ready();
    await eventually("sound", () => listener.packets.length > 50);
  });
});

Deno.test(
  "a missing microphone is reported with a hint",
  needing("ffmpeg", ...PULSE_AUDIO),
  async () => {
    await leavingNoProcess(async () => {
      const missing: [audio: string, message: RegExp, hint: RegExp][] = [
        [
          "pulse:nowhere",
          /ffmpeg exited with code \d+: nowhere: Input\/output error/,
          /--list-cameras/,
        ],
        ["alsa:plughw:9,0", /cannot open audio device plughw:9,0/, /--list-cameras/],
      ];
      for (const [audio, message, hint] of missing) {
        await using studio = await setUp(() => audio);
        const sound = studio.sounds.of("front")!;
        listen(studio.sounds, "front");
        await eventually("two failures", () => studio.sounds.status("front")!.failures > 1);
        const error: CameraError = await assertRejects(() => sound.ready(), CameraError);
        assertMatch(error.message, message);
        assertMatch(error.hint!, hint);
        assertEquals(error.permanent, false);
      }
    });
  },
);
